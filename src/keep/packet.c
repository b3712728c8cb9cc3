#include "keep/packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(KEEP_MAX * sizeof(int))];
};

void keep_close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

int keep_packet_send(int sock, const struct keep_packet *p, const int *fds)
{
	struct keep_packet copy = *p;
	struct iovec iov = { &copy, sizeof(copy) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;
	ssize_t n;

	if (p->count > 0) {
		struct cmsghdr *header;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(p->count * sizeof(int));
		header = CMSG_FIRSTHDR(&msg);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(p->count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, p->count * sizeof(int));
	}
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

/* Collects the descriptors of a received message; there is room for no more than KEEP_MAX in the buffer. */
static size_t received_fds(struct msghdr *msg, int fds[KEEP_MAX])
{
	size_t count = 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h != NULL; h = CMSG_NXTHDR(msg, h)) {
		size_t bytes = h->cmsg_len - CMSG_LEN(0);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < bytes / sizeof(int) && count < KEEP_MAX; i++)
			memcpy(&fds[count++], CMSG_DATA(h) + i * sizeof(int), sizeof(int));
	}
	return count;
}

static int well_formed(const struct keep_packet *p)
{
	if (p->verb < KEEP_PUT || p->verb > KEEP_STOP || p->count > KEEP_MAX || p->zero != 0)
		return 0;
	for (size_t i = 0; i < p->count; i++)
		if (p->names[i][0] == '\0' || memchr(p->names[i], '\0', KEEP_NAME_MAX) == NULL)
			return 0;
	return 1;
}

int keep_packet_receive(int sock, struct keep_packet *p, int fds[KEEP_MAX])
{
	struct iovec iov = { p, sizeof(*p) };
	union control control;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)
	};
	size_t count;
	ssize_t n;

	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	count = received_fds(&msg, fds);
	if (n == (ssize_t)sizeof(*p) && (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 && well_formed(p) &&
	    count == p->count)
		return 0;
	keep_close_all(fds, count);
	errno = n == 0 ? ECONNRESET : EBADMSG;
	return -1;
}
