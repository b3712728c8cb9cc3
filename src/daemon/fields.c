#include "daemon/fields.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/buffer.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET "/dev/log"
#define FACILITY_DAEMON (3 << 3) /* syslog(3) */

/* A reader that is away or slow loses it: nothing here may wait, and the audit log has it anyway. */
static void send_datagram(const char *path, struct buffer *b)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = b->len == 0 ? -1 : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1)
		return;
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	(void)!sendto(fd, b->data, b->len, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
	close(fd);
}

void fields_to_journal(int priority, const char *text, const char *kind, const char *subject, const char *detail)
{
	struct buffer b = BUFFER_INIT;

	if (buffer_printf(&b, "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=hallowd\nHALLOWD_EVENT=%s\nHALLOWD_SUBJECT=%s\n"
	                      "HALLOWD_DETAIL=%s\n", text, priority, kind, subject, detail) == 0)
		send_datagram(JOURNAL_SOCKET, &b);
	buffer_free(&b);
}

void fields_to_syslog(int priority, const char *json)
{
	struct buffer b = BUFFER_INIT;

	if (buffer_printf(&b, "<%d>hallowd[%d]: @cee: %s", FACILITY_DAEMON | priority, (int)getpid(), json) == 0)
		send_datagram(SYSLOG_SOCKET, &b);
	buffer_free(&b);
}
