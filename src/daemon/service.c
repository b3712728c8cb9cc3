#include "daemon/service.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/time_text.h"

#define FIRST_LISTEN_FD 3 /* SD_LISTEN_FDS_START */
#define STORE_MAX 8

static struct {
	struct sockaddr_un to;
	socklen_t to_len; /* 0: nobody to notify */
	int64_t watchdog_us;
	struct {
		char name[32];
		int fd;
	} stored[STORE_MAX];
	size_t count;
} service;

static void open_notify(const char *path)
{
	size_t len = path == NULL ? 0 : strlen(path);

	if (len < 2 || len >= sizeof(service.to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	service.to.sun_family = AF_UNIX;
	memcpy(service.to.sun_path, path, len);
	if (path[0] == '@')
		service.to.sun_path[0] = '\0';
	service.to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static void open_store(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
	long count;

	if (pid == NULL || fds == NULL || names == NULL || strtol(pid, NULL, 10) != getpid())
		return;
	count = strtol(fds, NULL, 10);
	for (long i = 0; i < count && service.count < STORE_MAX; i++) {
		size_t len = strcspn(names, ":");
		int fd = FIRST_LISTEN_FD + (int)i;

		fcntl(fd, F_SETFD, FD_CLOEXEC);
		snprintf(service.stored[service.count].name, sizeof(service.stored[0].name), "%.*s", (int)len, names);
		service.stored[service.count++].fd = fd;
		names += names[len] == ':' ? len + 1 : len;
	}
}

void service_open(void)
{
	const char *watchdog = getenv("WATCHDOG_USEC");

	open_notify(getenv("NOTIFY_SOCKET"));
	open_store();
	if (watchdog != NULL)
		service.watchdog_us = strtoll(watchdog, NULL, 10);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

static void notify(const char *text, int fd)
{
	struct iovec io = { (void *)(uintptr_t)text, strlen(text) };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr m = { .msg_name = &service.to, .msg_namelen = service.to_len, .msg_iov = &io, .msg_iovlen = 1 };
	int sock;

	if (service.to_len == 0)
		return;
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock == -1)
		return;
	if (fd != -1) {
		struct cmsghdr *c = &control.align;

		m.msg_control = control.space;
		m.msg_controllen = sizeof(control.space);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	/* systemd not listening is no reason to stop. */
	(void)!sendmsg(sock, &m, MSG_NOSIGNAL);
	close(sock);
}

bool service_has_store(void)
{
	return service.to_len != 0;
}

int service_take_fd(const char *name)
{
	for (size_t i = 0; i < service.count; i++)
		if (strcmp(service.stored[i].name, name) == 0) {
			int fd = service.stored[i].fd;

			service.stored[i] = service.stored[--service.count];
			return fd;
		}
	return -1;
}

void service_store_fd(const char *name, int fd)
{
	char text[96];

	/* One of each name: what an earlier run left is replaced. */
	snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	notify(text, -1);
	snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s", name);
	notify(text, fd);
}

void service_ready(const char *status)
{
	char text[256];

	snprintf(text, sizeof(text), "READY=1\nSTATUS=%s", status);
	notify(text, -1);
}

void service_status(const char *status)
{
	char text[256];

	snprintf(text, sizeof(text), "STATUS=%s", status);
	notify(text, -1);
}

void service_reloading(void)
{
	char text[96];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)time_monotonic_ms() * 1000);
	notify(text, -1);
}

void service_stopping(void)
{
	notify("STOPPING=1", -1);
}

void service_watchdog(void)
{
	notify("WATCHDOG=1", -1);
}

int64_t service_watchdog_ms(void)
{
	return service.watchdog_us / 2000;
}
