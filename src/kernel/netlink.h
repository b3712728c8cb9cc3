/* Requests, dumps and transactions on one NETLINK_NETFILTER socket.
 * nf_tables answers while a message is sent, so nothing here ever waits. */
#ifndef HALLOWD_KERNEL_NETLINK_H
#define HALLOWD_KERNEL_NETLINK_H

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "kernel/batch.h"

struct netlink {
	struct mnl_socket *socket;
	uint32_t port; /* the socket's netlink port: what the kernel calls the owner of a table */
	uint32_t seq;  /* of the next message */
};

/* Takes over fd, or opens a socket where it is -1.  What an earlier holder left unread on it is thrown away.
 * The fd belongs to the struct from then on, on failure too (it is closed then). */
int netlink_open(struct netlink *nl, int fd, struct error *err);
void netlink_close(struct netlink *nl);

#define NETLINK_REQUEST_MAX 1024

/* Starts a request of nf_tables for family inet (NFT_MSG_GET*, with NLM_F_DUMP or 0) in `room`. */
struct nlmsghdr *netlink_get(struct netlink *nl, uint16_t type, uint16_t flags, char room[NETLINK_REQUEST_MAX]);

/* Called with each message of an answer.  0 to go on, -1 with errno to fail. */
typedef int netlink_visit(const struct nlmsghdr *nlh, void *ctx);

/* Sends the request and visits the whole answer.  0, or -1 with errno: what the kernel said (ENOENT: no such thing),
 * what a visit set, or EINTR where the ruleset changed during a dump, which must then be made again from its start. */
int netlink_request(struct netlink *nl, struct nlmsghdr *nlh, netlink_visit *visit, void *ctx);

/* The generation of the ruleset of this network namespace; each commit adds one.  0, or -1 with errno. */
int netlink_generation(struct netlink *nl, uint32_t *generation);

/* Sends a batch that began with nl->seq and was ended, in one message to the kernel.  0 when the kernel took all of it.
 * -1 with errno and *err when it took nothing: the first message that was refused, and why. */
int netlink_commit(struct netlink *nl, const struct batch *b, struct error *err);

#endif
