#include "record/nflog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <linux/netlink.h>

#include "core/log.h"

/* The kernel sends up to nlbufsiz, which hallowd sets to 128 KiB, in one datagram. */
#define BUFFER_SIZE (256 << 10)

int nflog_init(struct nflog *n, int fd, struct error *err)
{
	struct stat st;

	*n = (struct nflog){ .fd = fd };
	if (fstat(fd, &st) == -1 || !S_ISSOCK(st.st_mode))
		return error_set(err, "file descriptor %d is not the NFLOG socket that hallowd passes on", fd);
	n->socket = st.st_ino;
	/* The kernel numbers from 0. */
	n->last_seq = UINT32_MAX;
	n->has_seq = true;
	n->buffer = malloc(BUFFER_SIZE);
	if (n->buffer == NULL)
		return error_errno(err, ENOMEM, "a buffer of %d bytes", BUFFER_SIZE);
	return 0;
}

void nflog_free(struct nflog *n)
{
	free(n->rows);
	free(n->buffer);
	*n = (struct nflog){ .fd = -1 };
}

void nflog_continue(struct nflog *n, uint64_t socket, uint32_t last_seq, uint64_t unreported)
{
	n->unreported = unreported;
	if (socket == n->socket)
		n->last_seq = last_seq;
}

void nflog_begin_anywhere(struct nflog *n)
{
	n->has_seq = false;
}

/* Messages that were not delivered show as a gap.  A number that is lower than the last, or 0, is of a counter that
 * began anew: then what was lost cannot be told from it. */
static void follow_sequence(struct nflog *n, uint32_t seq)
{
	uint32_t gap = seq - n->last_seq - 1;

	if (n->has_seq && seq != 0 && gap != 0 && gap < INT32_MAX) {
		n->lost += gap;
		n->unreported += gap;
		n->overrun = false;
	}
	n->last_seq = seq;
	n->has_seq = true;
}

static int reserve_row(struct nflog *n)
{
	size_t cap = n->cap == 0 ? 256 : n->cap * 2;
	struct row *rows;

	if (n->count < n->cap)
		return 0;
	rows = realloc(n->rows, cap * sizeof(*rows));
	if (rows == NULL)
		return -1;
	n->rows = rows;
	n->cap = cap;
	return 0;
}

static bool is_denial(const struct log_prefix *prefix)
{
	return prefix->kind == LOG_KIND_DENY || prefix->kind == LOG_KIND_EGRESS || prefix->kind == LOG_KIND_UNRECORDED;
}

static int take_packet(struct nflog *n, struct log_prefixes *prefixes, const struct packet *p, time_us received)
{
	uint16_t prefix;

	errno = 0;
	prefix = log_prefix_number(prefixes, p->prefix, p->prefix_len);
	if (prefix == LOG_PREFIX_NONE && errno == ENOMEM)
		return -1;
	if (prefix == LOG_PREFIX_NONE) {
		if (n->foreign++ == 0)
			log_warning("a packet with the log prefix \"%.*s\" came to hallowd's NFLOG group: another program's rule"
			            " logs to it",
			            (int)p->prefix_len, p->prefix);
		return 0;
	}
	if (!p->readable) {
		if (n->unreadable++ == 0)
			log_warning("a logged packet has no whole IP header; it is told as lost");
		return 0;
	}
	if (reserve_row(n) == -1)
		return -1;
	n->rows[n->count++] = (struct row){
		.time = p->time == TIME_UNKNOWN ? received : p->time,
		.source = p->source,
		.destination = p->destination,
		.source_port = p->source_port,
		.destination_port = p->destination_port,
		.prefix = prefix,
		.protocol = p->protocol,
	};
	if (n->evidence != NULL && n->evidence->packets > 0 && is_denial(&prefixes->all[prefix]))
		evidence_offer(n->evidence, n->count - 1, &n->rows[n->count - 1], p->payload, p->payload_len);
	return 0;
}

int nflog_take(struct nflog *n, struct log_prefixes *prefixes, const void *data, size_t len)
{
	const struct nlmsghdr *message;
	time_us received = time_now();
	size_t offset = 0;
	struct packet p;

	while ((message = packet_message(data, len, &offset)) != NULL) {
		if (packet_decode(&p, message) == -1)
			continue;
		if (p.numbered)
			follow_sequence(n, p.seq);
		if (p.time != TIME_UNKNOWN)
			n->newest = p.time;
		if (take_packet(n, prefixes, &p, received) == -1)
			return -1;
	}
	return 0;
}

/* One datagram.  Its length; 0 where nothing waits; -1 with errno.  One that is not the kernel's is read and left
 * out. */
static ssize_t receive(struct nflog *n)
{
	struct sockaddr_nl from = { 0 };
	struct iovec io = { .iov_base = n->buffer, .iov_len = BUFFER_SIZE };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &io, .msg_iovlen = 1 };
	ssize_t len;

	for (;;) {
		len = recvmsg(n->fd, &m, MSG_DONTWAIT);
		if (len == -1 && errno == ENOBUFS) {
			n->overruns++;
			n->overrun = true;
		} else if (len == -1 && errno != EINTR) {
			return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
		} else if (len > 0 && from.nl_pid == 0 && (m.msg_flags & MSG_TRUNC) == 0) {
			return len;
		}
		m.msg_namelen = sizeof(from);
	}
}

int nflog_drain(struct nflog *n, struct log_prefixes *prefixes, bool *drained, struct error *err)
{
	ssize_t len;

	*drained = false;
	while (n->count < BATCH_ROWS) {
		len = receive(n);
		if (len == -1)
			return error_errno(err, errno, "the NFLOG socket");
		if (len == 0) {
			*drained = true;
			return 0;
		}
		if (nflog_take(n, prefixes, n->buffer, (size_t)len) == -1)
			return error_errno(err, ENOMEM, "logged packets");
	}
	return 0;
}

uint64_t nflog_lost(const struct nflog *n)
{
	return n->lost + (n->overrun ? 1 : 0);
}

void nflog_committed(struct nflog *n)
{
	n->count = 0;
}
