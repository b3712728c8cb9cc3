#include "kernel/attrs.h"

#include <libmnl/libmnl.h>

struct attrs attrs_of_message(const struct nlmsghdr *nlh, size_t header)
{
	size_t skip = sizeof(*nlh) + ATTRS_ALIGN(header);

	if (nlh->nlmsg_len < skip)
		return (struct attrs){ NULL, 0 };
	return (struct attrs){ (const char *)nlh + skip, nlh->nlmsg_len - skip };
}

struct attrs attrs_of_nest(const struct nlattr *nest)
{
	return (struct attrs){ mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest) };
}

const struct nlattr *attrs_next(struct attrs *a)
{
	const struct nlattr *attr = (const struct nlattr *)(const void *)a->at;
	size_t step;

	if (a->left < sizeof(*attr) || attr->nla_len < sizeof(*attr) || attr->nla_len > a->left)
		return NULL;
	step = ATTRS_ALIGN(attr->nla_len);
	if (step > a->left)
		step = a->left;
	a->at += step;
	a->left -= step;
	return attr;
}

const struct nlattr *attrs_find(const struct nlattr *nest, unsigned type)
{
	struct attrs in = attrs_of_nest(nest);
	const struct nlattr *attr;

	while ((attr = attrs_next(&in)) != NULL)
		if (mnl_attr_get_type(attr) == type)
			return attr;
	return NULL;
}
