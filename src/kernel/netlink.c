#include "kernel/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kernel/attrs.h"

#define ANSWER_MAX 65536 /* the kernel fills at most 32 KiB of what it is offered */

/* Another process may have died with half an answer on a socket that we inherit.  Reading also lets the kernel finish a
 * dump that was under way; a second one is refused until then. */
static void throw_away_old_answers(struct netlink *nl)
{
	char bytes[8192];

	while (recv(mnl_socket_get_fd(nl->socket), bytes, sizeof(bytes), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
}

static int adopt(struct netlink *nl, int fd, struct error *err)
{
	struct sockaddr_nl addr;
	socklen_t len = sizeof(addr);
	int protocol;
	socklen_t protocol_len = sizeof(protocol);

	if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0 || addr.nl_family != AF_NETLINK ||
	    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &protocol_len) != 0 || protocol != NETLINK_NETFILTER) {
		close(fd);
		return error_set(err, "the descriptor %d that was handed over is no netfilter socket", fd);
	}
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || (nl->socket = mnl_socket_fdopen(fd)) == NULL) {
		error_errno(err, errno, "taking over the netfilter socket");
		close(fd);
		return -1;
	}
	return 0;
}

int netlink_open(struct netlink *nl, int fd, struct error *err)
{
	int on = 1;

	*nl = (struct netlink){ .seq = (uint32_t)time(NULL) };
	if (fd >= 0) {
		if (adopt(nl, fd, err) != 0)
			return -1;
	} else {
		nl->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
		if (nl->socket == NULL)
			return error_errno(err, errno, "opening a netfilter socket (is nf_tables in the kernel?)");
		if (mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) != 0) {
			error_errno(err, errno, "binding a netfilter socket");
			netlink_close(nl);
			return -1;
		}
	}
	nl->port = mnl_socket_get_portid(nl->socket);
	throw_away_old_answers(nl);
	/* Without NETLINK_CAP_ACK an error brings the message back, up to 64 KiB each.  Older kernels have neither, and
	 * then errors say less. */
	mnl_socket_setsockopt(nl->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(nl->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	return 0;
}

void netlink_close(struct netlink *nl)
{
	if (nl->socket != NULL)
		mnl_socket_close(nl->socket);
	nl->socket = NULL;
}

struct nlmsghdr *netlink_get(struct netlink *nl, uint16_t type, uint16_t flags, char room[NETLINK_REQUEST_MAX])
{
	struct nlmsghdr *nlh;
	struct nfgenmsg *nfg;

	memset(room, 0, NETLINK_REQUEST_MAX); /* libmnl leaves what attributes are padded with as it was */
	nlh = mnl_nlmsg_put_header(room);
	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	nlh->nlmsg_seq = nl->seq++;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = NFPROTO_INET;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

/* What the kernel said of one message. */
struct verdict {
	int error;       /* 0: taken */
	uint32_t seq;
	uint32_t offset; /* of the attribute that it minds, 0 where not told */
	char text[128];  /* "" where not told */
};

static int read_error(const struct nlmsghdr *nlh, struct verdict *v)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	size_t skip = sizeof(*e);
	struct attrs in;

	if (nlh->nlmsg_len < mnl_nlmsg_size(sizeof(*e))) {
		errno = EBADMSG;
		return -1;
	}
	*v = (struct verdict){ .error = e->error < 0 ? -e->error : e->error, .seq = nlh->nlmsg_seq };
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return 0;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += ATTRS_ALIGN(e->msg.nlmsg_len) - sizeof(struct nlmsghdr);
	in = attrs_of_message(nlh, skip);
	while ((attr = attrs_next(&in)) != NULL) {
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_OFFS && mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			v->offset = mnl_attr_get_u32(attr);
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
			snprintf(v->text, sizeof(v->text), "%s", mnl_attr_get_str(attr));
	}
	return 0;
}

struct answer {
	uint32_t seq;
	netlink_visit *visit;
	void *ctx;
	bool interrupted;
	bool done;
};

static int take_message(const struct nlmsghdr *nlh, struct answer *a)
{
	struct verdict v;

	if (nlh->nlmsg_seq != a->seq)
		return 0;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		a->interrupted = true;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		a->done = true;
		if (read_error(nlh, &v) != 0)
			return -1;
		errno = v.error;
		return v.error == 0 ? 0 : -1;
	}
	if (nlh->nlmsg_type == NLMSG_DONE) {
		a->done = true;
		return 0;
	}
	if (nlh->nlmsg_type < NLMSG_MIN_TYPE || a->visit == NULL || a->interrupted)
		return 0;
	return a->visit(nlh, a->ctx);
}

/* Goes on to the end of the answer also after a visit failed, because what is left would be in the way of the next. */
static int read_answer(struct netlink *nl, struct answer *a)
{
	char bytes[ANSWER_MAX] __attribute__((aligned(8)));
	int failed = 0;

	while (!a->done) {
		ssize_t n = recv(mnl_socket_get_fd(nl->socket), bytes, sizeof(bytes), MSG_DONTWAIT);
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)bytes;
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
			if (failed == 0 && take_message(nlh, a) != 0)
				failed = errno;
			else if (failed != 0 && nlh->nlmsg_seq == a->seq &&
			         (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR))
				a->done = true;
	}
	if (failed == 0 && a->interrupted)
		failed = EINTR;
	errno = failed;
	return failed == 0 ? 0 : -1;
}

int netlink_request(struct netlink *nl, struct nlmsghdr *nlh, netlink_visit *visit, void *ctx)
{
	struct answer a = { .seq = nlh->nlmsg_seq, .visit = visit, .ctx = ctx };

	if (mnl_socket_sendto(nl->socket, nlh, nlh->nlmsg_len) < 0)
		return -1;
	return read_answer(nl, &a);
}

static int visit_generation(const struct nlmsghdr *nlh, void *ctx)
{
	uint32_t *generation = ctx;
	struct attrs in = attrs_of_message(nlh, sizeof(struct nfgenmsg));
	const struct nlattr *attr;

	while ((attr = attrs_next(&in)) != NULL)
		if (mnl_attr_get_type(attr) == NFTA_GEN_ID && mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			*generation = ntohl(mnl_attr_get_u32(attr));
	return 0;
}

int netlink_generation(struct netlink *nl, uint32_t *generation)
{
	char room[NETLINK_REQUEST_MAX];

	*generation = 0;
	return netlink_request(nl, netlink_get(nl, NFT_MSG_GETGEN, 0, room), visit_generation, generation);
}

/* The whole batch must fit what the socket may have under way. */
static int make_room(const struct netlink *nl, size_t len)
{
	int fd = mnl_socket_get_fd(nl->socket);
	int have = 0, want;
	socklen_t size = sizeof(have);

	if (len > INT_MAX / 4) {
		errno = EMSGSIZE;
		return -1;
	}
	want = (int)len + 65536;
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &have, &size) == 0 && have >= want)
		return 0;
	return setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &want, sizeof(want));
}

static int refused(const struct batch *b, const struct verdict *v, struct error *err)
{
	const struct nlmsghdr *nlh = batch_find(b, v->seq);
	char what[BATCH_TEXT_MAX] = "the transaction";

	if (nlh != NULL)
		batch_describe(nlh, v->offset, what);
	if (v->text[0] != '\0')
		error_errno(err, v->error, "the kernel refused %s (%s)", what, v->text);
	else
		error_errno(err, v->error, "the kernel refused %s", what);
	errno = v->error;
	return -1;
}

/* All answers are there once the batch was sent.  Those that did not fit the receive buffer were later ones: the first
 * error is what matters, and a batch that was taken has only one answer. */
static int read_verdict(struct netlink *nl, const struct batch *b, struct error *err)
{
	char bytes[ANSWER_MAX] __attribute__((aligned(8)));
	struct verdict first = { .error = 0 }, v;
	bool acknowledged = false;

	for (;;) {
		ssize_t n = recv(mnl_socket_get_fd(nl->socket), bytes, sizeof(bytes), MSG_DONTWAIT);
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)bytes;
		int left = (int)n;

		if (n < 0 && (errno == EINTR || errno == ENOBUFS))
			continue;
		if (n < 0)
			break;
		for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_type != NLMSG_ERROR || nlh->nlmsg_seq - b->first_seq >= b->seq - b->first_seq ||
			    read_error(nlh, &v) != 0)
				continue;
			if (v.error == 0)
				acknowledged = true;
			else if (first.error == 0)
				first = v;
		}
	}
	if (first.error != 0)
		return refused(b, &first, err);
	if (!acknowledged) {
		error_set(err, "the kernel did not acknowledge the transaction");
		errno = EPROTO;
		return -1;
	}
	return 0;
}

int netlink_commit(struct netlink *nl, const struct batch *b, struct error *err)
{
	int saved;

	nl->seq = b->seq;
	if (make_room(nl, b->bytes.len) != 0 || mnl_socket_sendto(nl->socket, b->bytes.data, b->bytes.len) < 0) {
		saved = errno;
		error_errno(err, saved, "sending a transaction of %zu bytes to the kernel", b->bytes.len);
		errno = saved;
		return -1;
	}
	return read_verdict(nl, b, err);
}
