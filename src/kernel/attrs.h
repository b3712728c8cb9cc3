/* Walks over netlink attributes (struct nlattr, linux/netlink.h) that stop where the bytes do not make sense. */
#ifndef HALLOWD_KERNEL_ATTRS_H
#define HALLOWD_KERNEL_ATTRS_H

#include <linux/netlink.h>
#include <stddef.h>

#define ATTRS_ALIGN(len) (((size_t)(len) + 3) & ~(size_t)3) /* NLMSG_ALIGN and NLA_ALIGN, in size_t */

struct attrs {
	const char *at;
	size_t left;
};

struct attrs attrs_of_message(const struct nlmsghdr *nlh, size_t header); /* behind an extra header of that size */
struct attrs attrs_of_nest(const struct nlattr *nest);

/* The next attribute, NULL at the end. */
const struct nlattr *attrs_next(struct attrs *a);

/* The first attribute of that type in the nest, NULL where there is none. */
const struct nlattr *attrs_find(const struct nlattr *nest, unsigned type);

#endif
