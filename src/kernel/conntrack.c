#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/kernel.h"
#include "kernel/netlink.h"
#include "kernel/table.h"

#define SYSCTL "/proc/sys/net/netfilter/"

/* Joining the group loads the module, and so makes the switches below appear. */
static int set_up(struct netlink *nl, int rcvbuf, struct error *err)
{
	int fd = mnl_socket_get_fd(nl->socket), group = NFNLGRP_CONNTRACK_DESTROY;

	if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) != 0)
		return error_errno(err, errno, errno == EPERM ? "hearing of the ends of connections: " TABLE_RIGHT
		                   : "hearing of the ends of connections (is nf_conntrack_netlink in the kernel?)");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof(rcvbuf)) != 0)
		return error_errno(err, errno, "giving the conntrack socket a receive buffer of %d bytes", rcvbuf);
	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		return error_errno(err, errno, "making the conntrack socket non-blocking");
	return 0;
}

int conntrack_open(int rcvbuf, int *fd, struct error *err)
{
	struct netlink nl;
	int rc = -1;

	if (netlink_open(&nl, -1, err) != 0)
		return -1;
	if (set_up(&nl, rcvbuf, err) == 0) {
		/* The library closes its descriptor together with its struct. */
		*fd = fcntl(mnl_socket_get_fd(nl.socket), F_DUPFD_CLOEXEC, 3);
		rc = *fd >= 0 ? 0 : error_errno(err, errno, "keeping the conntrack socket");
	}
	netlink_close(&nl);
	return rc;
}

int conntrack_dump(int fd, uint32_t number)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	char room[NETLINK_REQUEST_MAX] = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	ssize_t sent;

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = number;
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	sent = sendto(fd, nlh, nlh->nlmsg_len, MSG_DONTWAIT, (struct sockaddr *)&kernel, sizeof(kernel));
	return sent == (ssize_t)nlh->nlmsg_len ? 0 : -1;
}

static const char *const switches[] = { SYSCTL "nf_conntrack_acct", SYSCTL "nf_conntrack_timestamp" };

#define SWITCH_COUNT (sizeof(switches) / sizeof(switches[0]))

static bool is_on(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	char digit = '0';
	bool got = fd != -1 && read(fd, &digit, 1) == 1;

	if (fd != -1)
		close(fd);
	return got && digit != '0';
}

static void turn_on(const char *name)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC);

	/* Whether it worked is looked up by whoever wants to know. */
	if (fd == -1)
		return;
	(void)!write(fd, "1", 1);
	close(fd);
}

void conntrack_count(void)
{
	for (size_t i = 0; i < SWITCH_COUNT; i++)
		if (!is_on(switches[i]))
			turn_on(switches[i]);
}

bool conntrack_counts(void)
{
	for (size_t i = 0; i < SWITCH_COUNT; i++)
		if (!is_on(switches[i]))
			return false;
	return true;
}
