#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/kernel.h"
#include "kernel/netlink.h"
#include "kernel/peer.h"
#include "kernel/rules.h"
#include "kernel/table.h"

#define KERNEL_BUFFER 131072 /* bytes that the kernel gathers before it hands them over (nlbufsiz) */
#define FLUSH_AFTER 10       /* hundredths of a second */
#define GROUPS "/proc/net/netfilter/nfnetlink_log"

static struct nlmsghdr *config(struct netlink *nl, uint16_t group, char room[NETLINK_REQUEST_MAX])
{
	struct nlmsghdr *nlh;
	struct nfgenmsg *nfg;

	memset(room, 0, NETLINK_REQUEST_MAX);
	nlh = mnl_nlmsg_put_header(room);
	nlh->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = nl->seq++;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(group);
	return nlh;
}

/* All in one message, so that hardly a packet is logged before the parameters hold.  Which part of a packet is copied, its rule
 * says; this is the most. */
static int bind_group(struct netlink *nl, uint16_t group)
{
	struct nfulnl_msg_config_cmd cmd = { .command = NFULNL_CFG_CMD_BIND };
	struct nfulnl_msg_config_mode mode = { .copy_range = htonl(RULE_SNAPLEN_WHOLE), .copy_mode = NFULNL_COPY_PACKET };
	char room[NETLINK_REQUEST_MAX];
	struct nlmsghdr *nlh = config(nl, group, room);

	mnl_attr_put(nlh, NFULA_CFG_CMD, sizeof(cmd), &cmd);
	mnl_attr_put(nlh, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(nlh, NFULA_CFG_NLBUFSIZ, htonl(KERNEL_BUFFER));
	mnl_attr_put_u32(nlh, NFULA_CFG_TIMEOUT, htonl(FLUSH_AFTER));
	mnl_attr_put_u32(nlh, NFULA_CFG_QTHRESH, htonl(RULE_QUEUE_THRESHOLD));
	mnl_attr_put_u16(nlh, NFULA_CFG_FLAGS, htons(NFULNL_CFG_F_SEQ));
	return netlink_request(nl, nlh, NULL, NULL);
}

/* Whether another socket has the group, and its netlink port: the first two columns of the file. */
static bool find_holder(uint16_t group, uint32_t *port)
{
	FILE *f = fopen(GROUPS, "re");
	unsigned number, peer;
	bool found = false;
	char line[256];

	if (f == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = sscanf(line, "%u %u", &number, &peer) == 2 && number == group;
	fclose(f);
	if (found)
		*port = peer;
	return found;
}

/* The kernel says EPERM both where the group is another's and where the right is missing, and EBUSY in a race. */
static int refused(uint16_t group, int error, struct error *err)
{
	char peer[PEER_MAX];
	uint32_t port;

	if ((error == EPERM || error == EBUSY) && find_holder(group, &port))
		return error_set(err, "NFLOG group %u is in use by %s; give one of them another group", group,
		                 peer_name(port, peer));
	if (error == EPERM)
		return error_set(err, "binding NFLOG group %u: not permitted; " TABLE_RIGHT, group);
	return error_errno(err, error, "binding NFLOG group %u (is nfnetlink_log in the kernel?)", group);
}

static int set_up(struct netlink *nl, uint16_t group, int rcvbuf, struct error *err)
{
	int fd = mnl_socket_get_fd(nl->socket);

	if (bind_group(nl, group) != 0)
		return refused(group, errno, err);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof(rcvbuf)) != 0)
		return error_errno(err, errno, "giving NFLOG group %u a receive buffer of %d bytes", group, rcvbuf);
	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		return error_errno(err, errno, "making the NFLOG socket non-blocking");
	return 0;
}

int nflog_copy_all(int fd, uint16_t group)
{
	struct nfulnl_msg_config_mode mode = { .copy_range = htonl(RULE_SNAPLEN_WHOLE), .copy_mode = NFULNL_COPY_PACKET };
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct netlink nl = { .seq = 0 };
	char room[NETLINK_REQUEST_MAX];
	struct nlmsghdr *nlh = config(&nl, group, room);
	ssize_t sent;

	nlh->nlmsg_flags = NLM_F_REQUEST;
	mnl_attr_put(nlh, NFULA_CFG_MODE, sizeof(mode), &mode);
	sent = sendto(fd, nlh, nlh->nlmsg_len, MSG_DONTWAIT, (struct sockaddr *)&kernel, sizeof(kernel));
	return sent == (ssize_t)nlh->nlmsg_len ? 0 : -1;
}

int nflog_open(uint16_t group, int rcvbuf, int *fd, struct error *err)
{
	struct netlink nl;
	int rc = -1;

	if (netlink_open(&nl, -1, err) != 0)
		return -1;
	if (set_up(&nl, group, rcvbuf, err) == 0) {
		/* The library closes its descriptor together with its struct. */
		*fd = fcntl(mnl_socket_get_fd(nl.socket), F_DUPFD_CLOEXEC, 3);
		rc = *fd >= 0 ? 0 : error_errno(err, errno, "keeping the NFLOG socket");
	}
	netlink_close(&nl);
	return rc;
}
