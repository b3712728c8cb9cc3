#include "record/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/log.h"
#include "record/packet.h"

#define BUFFER_SIZE (64 << 10) /* a dump fills at most 32 KiB of what it is offered */
#define ROW_PATIENCE_MS 1000   /* the kernel holds logged packets back for a tenth of that */
#define NS_PER_US 1000

int conntrack_init(struct conntrack *c, int fd, struct error *err)
{
	struct stat st;

	*c = (struct conntrack){ .fd = fd, .dump_due_ms = INT64_MAX };
	if (fd == -1 || fstat(fd, &st) == -1 || !S_ISSOCK(st.st_mode)) {
		c->fd = -1;
		return 0;
	}
	c->dump_due_ms = 0;
	c->dump_twice = true;
	c->buffer = malloc(BUFFER_SIZE);
	return c->buffer != NULL ? 0 : error_errno(err, ENOMEM, "a buffer of %d bytes", BUFFER_SIZE);
}

void conntrack_free(struct conntrack *c)
{
	free(c->ends);
	free(c->buffer);
	*c = (struct conntrack){ .fd = -1 };
}

/* --- one message */

static void set_address(struct address *a, sa_family_t family, const void *bytes)
{
	*a = (struct address){ .family = family };
	if (bytes != NULL)
		memcpy(a->bytes, bytes, address_size(family));
}

/* false where it is no connection with ports. */
static bool read_flow(const struct nf_conntrack *ct, struct flow *f)
{
	uint8_t family = nfct_get_attr_u8(ct, ATTR_ORIG_L3PROTO);
	bool v6 = family == AF_INET6;

	if ((family != AF_INET && !v6) || !nfct_attr_is_set(ct, ATTR_ORIG_PORT_SRC) ||
	    !nfct_attr_is_set(ct, v6 ? ATTR_ORIG_IPV6_SRC : ATTR_ORIG_IPV4_SRC))
		return false;
	set_address(&f->source, family, nfct_get_attr(ct, v6 ? ATTR_ORIG_IPV6_SRC : ATTR_ORIG_IPV4_SRC));
	set_address(&f->destination, family, nfct_get_attr(ct, v6 ? ATTR_ORIG_IPV6_DST : ATTR_ORIG_IPV4_DST));
	f->source_port = ntohs(nfct_get_attr_u16(ct, ATTR_ORIG_PORT_SRC));
	f->destination_port = ntohs(nfct_get_attr_u16(ct, ATTR_ORIG_PORT_DST));
	f->protocol = nfct_get_attr_u8(ct, ATTR_ORIG_L4PROTO);
	return true;
}

static time_us read_time(const struct nf_conntrack *ct, enum nf_conntrack_attr which)
{
	uint64_t ns = nfct_attr_is_set(ct, which) ? nfct_get_attr_u64(ct, which) : 0;

	return ns == 0 ? TIME_UNKNOWN : (time_us)(ns / NS_PER_US);
}

static void read_counters(const struct nf_conntrack *ct, struct end *e)
{
	e->counted = nfct_attr_is_set(ct, ATTR_ORIG_COUNTER_BYTES) && nfct_attr_is_set(ct, ATTR_REPL_COUNTER_BYTES);
	if (!e->counted)
		return;
	e->packets = nfct_get_attr_u64(ct, ATTR_ORIG_COUNTER_PACKETS) + nfct_get_attr_u64(ct, ATTR_REPL_COUNTER_PACKETS);
	e->bytes_in = nfct_get_attr_u64(ct, ATTR_ORIG_COUNTER_BYTES);
	e->bytes_out = nfct_get_attr_u64(ct, ATTR_REPL_COUNTER_BYTES);
}

static int add_end(struct conntrack *c, const struct end *e)
{
	size_t cap = c->cap == 0 ? 64 : c->cap * 2;
	struct end *ends = c->ends;

	if (c->count == c->cap) {
		ends = realloc(ends, cap * sizeof(*ends));
		if (ends == NULL)
			return -1;
		c->ends = ends;
		c->cap = cap;
	}
	ends[c->count++] = *e;
	return 0;
}

static int take_connection(struct conntrack *c, struct opens *opens, const struct nlmsghdr *message,
                           struct nf_conntrack *ct, int64_t now_ms)
{
	bool over = (message->nlmsg_type & 0xff) == IPCTNL_MSG_CT_DELETE;
	struct end e = { .heard = time_now(), .due_ms = now_ms + ROW_PATIENCE_MS };
	struct open *open;

	if (nfct_nlmsg_parse(message, ct) != 0 || !read_flow(ct, &e.flow))
		return 0;
	e.start = read_time(ct, ATTR_TIMESTAMP_START);
	if (over) {
		e.stop = read_time(ct, ATTR_TIMESTAMP_STOP);
		read_counters(ct, &e);
		c->known |= opens_find(opens, &e.flow, e.start) != NULL;
		return add_end(c, &e);
	}
	if (c->dump != DUMP_ASKED || message->nlmsg_seq != c->dump_seq)
		return 0;
	open = opens_find(opens, &e.flow, e.start);
	if (open != NULL)
		open->seen = c->dump_seq;
	return 0;
}

/* The end of a dump, or why there is none. */
static void take_answer(struct conntrack *c, const struct nlmsghdr *message, int64_t now_ms)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(message);
	bool refused = message->nlmsg_type == NLMSG_ERROR && message->nlmsg_len >= mnl_nlmsg_size(sizeof(*e)) &&
	               e->error != 0;

	if (c->dump != DUMP_ASKED || message->nlmsg_seq != c->dump_seq)
		return;
	if (message->nlmsg_type == NLMSG_DONE) {
		c->dump = DUMP_DONE;
		c->dump_due_ms = now_ms + DUMP_INTERVAL_MS;
	} else if (refused) {
		c->dump = DUMP_NONE;
		c->dump_due_ms = now_ms + DUMP_AGAIN_MS;
	}
}

static int take_message(struct conntrack *c, struct opens *opens, const struct nlmsghdr *message, int64_t now_ms)
{
	struct nf_conntrack *ct;
	int result;

	if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) {
		take_answer(c, message, now_ms);
		return 0;
	}
	if (message->nlmsg_type >> 8 != NFNL_SUBSYS_CTNETLINK || mnl_nlmsg_get_payload_len(message) < sizeof(struct nfgenmsg))
		return 0;
	ct = nfct_new();
	if (ct == NULL)
		return -1;
	result = take_connection(c, opens, message, ct, now_ms);
	nfct_destroy(ct);
	return result;
}

int conntrack_take(struct conntrack *c, struct opens *opens, const void *data, size_t len, int64_t now_ms)
{
	const struct nlmsghdr *message;
	size_t offset = 0;

	while ((message = packet_message(data, len, &offset)) != NULL)
		if (take_message(c, opens, message, now_ms) == -1)
			return -1;
	return 0;
}

/* --- the socket */

/* What was lost may be the end of any: the next dump says which are over. */
static void overrun(struct conntrack *c)
{
	c->overruns++;
	c->dump = DUMP_NONE;
	c->dump_due_ms = 0;
	c->dump_twice = true;
}

/* One datagram.  Its length; 0 where nothing waits; -1 with errno.  One that is not the kernel's is read and left
 * out. */
static ssize_t receive(struct conntrack *c)
{
	struct sockaddr_nl from = { 0 };
	struct iovec io = { .iov_base = c->buffer, .iov_len = BUFFER_SIZE };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &io, .msg_iovlen = 1 };
	ssize_t len;

	for (;;) {
		len = recvmsg(c->fd, &m, MSG_DONTWAIT);
		if (len == -1 && errno == ENOBUFS)
			overrun(c);
		else if (len == -1 && errno != EINTR)
			return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
		else if (len > 0 && from.nl_pid == 0 && (m.msg_flags & MSG_TRUNC) == 0)
			return len;
		m.msg_namelen = sizeof(from);
	}
}

int conntrack_drain(struct conntrack *c, struct opens *opens, int64_t now_ms, struct error *err)
{
	ssize_t len = 1;

	while (c->fd != -1 && len > 0 && c->count < ENDS_MOST) {
		len = receive(c);
		if (len == -1)
			return error_errno(err, errno, "the conntrack socket");
		if (len > 0 && conntrack_take(c, opens, c->buffer, (size_t)len, now_ms) == -1)
			return error_errno(err, ENOMEM, "ends of connections");
	}
	return 0;
}

/* --- dumps */

uint32_t conntrack_wants_dump(struct conntrack *c, const struct opens *opens, int64_t now_ms)
{
	if (c->fd == -1 || opens->count == 0 || now_ms < c->dump_due_ms || c->dump == DUMP_DONE)
		return 0;
	/* Told apart from those that an earlier process asked for; never 0, as events have. */
	c->dump_seq = c->dump_seq == 0 ? (uint32_t)time_now() | 1 : c->dump_seq + 2;
	c->dump = DUMP_ASKED;
	c->dump_began = time_now();
	c->dump_due_ms = now_ms + DUMP_PATIENCE_MS;
	return c->dump_seq;
}

void conntrack_forget_dump(struct conntrack *c, int64_t now_ms)
{
	if (c->dump == DUMP_NONE)
		return;
	c->dump = DUMP_NONE;
	c->dump_due_ms = now_ms + DUMP_AGAIN_MS;
}
