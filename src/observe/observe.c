#include "observe/observe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "capture/filter.h"
#include "capture/frame.h"
#include "capture/recent_packets.h"
#include "core/observe_message.h"
#include "core/sandbox.h"
#include "core/sandbox_calls.h"

#define MEMORY_MAX (256ull << 20)
#define BATCH_MS 100      /* a connection is told so long after it was seen, at the latest */
#define STATISTICS_MS 1000
#define FRAME_MAX 512     /* the headers; what is behind them is not looked at */
#define REQUEST_MAX 65536

struct observer {
	int hallowd, packets, link;
	struct recent_packets recent;
	struct observed_batch batch; /* not told yet */
	bool told_down;
	int64_t due_ms;        /* of the batch; 0: it is empty */
	int64_t statistics_ms; /* when they were read */
};

/* --- the beginning */

/* What stands in front of the IP packet on an interface of that kind (linux/if_arp.h); -1: not known. */
static int link_of(unsigned hardware)
{
	switch (hardware) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		return DLT_EN10MB;
	case ARPHRD_NONE:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case 519: /* ARPHRD_RAWIP, in newer headers */
		return DLT_RAW;
	default:
		return -1;
	}
}

static int attach(struct observer *o, const char *filter, struct error *err)
{
	struct bpf_program program;
	struct sock_fprog kernel;
	int result;

	if (filter_compile(&program, filter, o->link, err) == -1)
		return -1;
	/* struct bpf_insn and struct sock_filter are one thing with two names. */
	kernel = (struct sock_fprog){ (unsigned short)program.bf_len, (struct sock_filter *)(void *)program.bf_insns };
	result = program.bf_len > UINT16_MAX ? EINVAL
	         : setsockopt(o->packets, SOL_SOCKET, SO_ATTACH_FILTER, &kernel, sizeof(kernel)) == -1 ? errno : 0;
	pcap_freecode(&program);
	return result == 0 ? 0 : error_errno(err, result, "the kernel does not take the filter '%s'", filter);
}

/* Frames come from the bind on; a process before this one may have done all of it. */
static int begin(struct observer *o, const char *filter, struct error *err)
{
	struct sockaddr_ll at = { 0 };
	socklen_t len = sizeof(at);
	int yes = 1;

	if (getsockname(o->packets, (struct sockaddr *)&at, &len) == -1)
		return error_errno(err, errno, "the packet socket");
	if (at.sll_ifindex <= 0)
		return error_set(err, "the interface is gone");
	o->link = link_of(at.sll_hatype);
	if (o->link == -1)
		return error_set(err, "it is of a kind (%u, linux/if_arp.h) that cannot be read; expected Ethernet or a tunnel of IP",
		                 at.sll_hatype);
	if (attach(o, filter, err) == -1)
		return -1;
	at.sll_protocol = htons(ETH_P_ALL);
	if (setsockopt(o->packets, SOL_SOCKET, SO_TIMESTAMP, &yes, sizeof(yes)) == -1 ||
	    bind(o->packets, (struct sockaddr *)&at, sizeof(at)) == -1)
		return error_errno(err, errno, "it cannot be listened to");
	return 0;
}

/* A copy of the filter, or NULL with *err. */
static char *receive_filter(int fd, struct error *err)
{
	struct buffer in = BUFFER_INIT;
	struct message m;
	char *filter = NULL;
	int got = message_receive(fd, REQUEST_MAX, &in, &m, err);

	if (got == 0)
		error_set(err, "hallowd is gone");
	else if (got == 1 && observe_request_decode(&m, &filter) == -1)
		error_set(err, "what comes from hallowd is no request");
	buffer_free(&in);
	return filter;
}

static int refuse(int fd, const struct error *err)
{
	struct buffer out = BUFFER_INIT;
	struct error ignored;

	if (observe_refused_encode(&out, err->text) == 0)
		message_send(fd, &out, &ignored);
	buffer_free(&out);
	return -1;
}

int observe_confine(struct error *err)
{
	if (sandbox_child(err) == -1)
		return -1;
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return error_set(err, "ignoring SIGPIPE");
	if (sandbox_restrict(SANDBOX_NO_FILES, false, err) == -1 || sandbox_limits(MEMORY_MAX, 0, err) == -1)
		return -1;
	return sandbox_calls("hallowd-observe", err);
}

/* The filter is the configuration's own; what it names is looked up before files are out of reach. */
static int prepare(struct observer *o, struct error *err)
{
	char *filter;
	int result;

	if (sandbox_child(err) == -1)
		return -1;
	filter = receive_filter(o->hallowd, err);
	result = filter == NULL ? -1 : begin(o, filter, err);
	free(filter);
	return result == -1 ? refuse(o->hallowd, err) : observe_confine(err);
}

/* --- frames */

static time_us time_of(struct msghdr *m)
{
	struct timeval t;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMP)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		return (time_us)t.tv_sec * US_PER_SECOND + t.tv_usec;
	}
	return time_now();
}

static int take_frame(struct observer *o, const uint8_t *frame, size_t len, time_us time, int64_t now_ms)
{
	struct ip_header h;
	const uint8_t *ip;
	size_t ip_len;
	int first;

	if (frame_ip(o->link, frame, len, &ip, &ip_len) == -1 || ip_header_read(&h, ip, ip_len) == -1)
		return 0;
	first = recent_packets_see(&o->recent, &h, now_ms);
	if (first != 1)
		return first;
	o->batch.rows[o->batch.count++] = (struct observed){
		time, h.source, h.destination, (uint16_t)h.source_port, (uint16_t)h.destination_port, h.protocol,
	};
	if (o->due_ms == 0)
		o->due_ms = now_ms + BATCH_MS;
	return 0;
}

/* One frame.  1, or 0 where none waits, or -1 with *err. */
static int read_frame(struct observer *o, int64_t now_ms, struct error *err)
{
	uint8_t frame[FRAME_MAX];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct timeval))];
	} control;
	struct sockaddr_ll from = { 0 };
	struct iovec io = { frame, sizeof(frame) };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &io, .msg_iovlen = 1,
		                .msg_control = &control, .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(o->packets, &m, MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n == -1 && (errno == ENETDOWN || errno == ENXIO)) {
		o->batch.down = true;
		return 0;
	}
	if (n == -1 && errno != EINTR)
		return error_errno(err, errno, "reading frames");
	o->batch.down = false;
	/* What this host sends itself is no traffic of the mirror. */
	if (n <= 0 || from.sll_pkttype == PACKET_OUTGOING)
		return 1;
	if (take_frame(o, frame, (size_t)n, time_of(&m), now_ms) == -1)
		return error_errno(err, ENOMEM, "connections");
	return 1;
}

/* --- what is told */

static void read_statistics(struct observer *o, int64_t now_ms)
{
	struct tpacket_stats s;
	socklen_t len = sizeof(s);

	if (now_ms - o->statistics_ms < STATISTICS_MS)
		return;
	o->statistics_ms = now_ms;
	if (getsockopt(o->packets, SOL_PACKET, PACKET_STATISTICS, &s, &len) == 0)
		o->batch.lost += s.tp_drops;
}

/* Waits for hallowd where it is behind: the socket's buffer holds what comes, and what does not fit is counted. */
static int tell(struct observer *o, struct error *err)
{
	struct buffer out = BUFFER_INIT;
	int result = observed_encode(&out, &o->batch) == -1 ? error_errno(err, errno, "what was seen cannot be told")
	             : message_send(o->hallowd, &out, err);

	buffer_free(&out);
	o->told_down = o->batch.down;
	o->batch.count = 0;
	o->batch.lost = 0;
	o->due_ms = 0;
	return result;
}

static int tell_what_is_due(struct observer *o, int64_t now_ms, struct error *err)
{
	bool news = o->batch.lost > 0 || o->batch.down != o->told_down || o->batch.count == OBSERVED_MAX;

	return news || (o->due_ms != 0 && o->due_ms <= now_ms) ? tell(o, err) : 0;
}

/* Says nothing while all is well and nothing comes; the first message says that it is so. */
static int observe(struct observer *o, struct error *err)
{
	struct pollfd p[2] = { { .fd = o->hallowd, .events = POLLIN }, { .fd = o->packets, .events = POLLIN } };
	int64_t now = time_monotonic_ms();

	if (tell(o, err) == -1)
		return -1;
	for (;;) {
		int got = 1;

		if (poll(p, 2, o->due_ms != 0 ? BATCH_MS : STATISTICS_MS) == -1 && errno != EINTR)
			return error_errno(err, errno, "waiting for frames");
		if (p[0].revents != 0)
			return 0; /* hallowd says nothing more, so it is gone */
		now = time_monotonic_ms();
		while (got == 1 && o->batch.count < OBSERVED_MAX && time_monotonic_ms() - now < BATCH_MS)
			got = read_frame(o, now, err);
		if (got == -1)
			return -1;
		now = time_monotonic_ms();
		read_statistics(o, now);
		if (tell_what_is_due(o, now, err) == -1)
			return -1;
	}
}

int observe_run(int socket_fd, int packet_fd, struct error *err)
{
	struct observer *o = calloc(1, sizeof(*o));
	int result;

	if (o == NULL)
		return error_errno(err, ENOMEM, "hallowd-observe");
	o->hallowd = socket_fd;
	o->packets = packet_fd;
	result = prepare(o, err) == -1 ? -1 : observe(o, err);
	recent_packets_free(&o->recent);
	free(o);
	return result;
}
