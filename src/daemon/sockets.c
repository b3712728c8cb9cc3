#include "daemon/sockets.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/log.h"
#include "core/paths.h"
#include "daemon/service.h"
#include "keep/keep.h"
#include "kernel/kernel.h"

#define OWNER_NAME "owner"
#define CONNTRACK_NAME "conntrack"
#define CONNTRACK_BUFFER (32 << 20) /* room for some 40,000 ends of connections */
#define NFLOG_BUFFER (64 << 20) /* room for some 200,000 packets while the recorder is away */

/* The group is part of the name, so that a socket of another group is not taken for ours. */
static const char *nflog_name(const struct config *c, char out[KEEP_NAME_MAX])
{
	snprintf(out, KEEP_NAME_MAX, "nflog-%u", c->audit.nflog_group);
	return out;
}

/* What the keeper of an earlier run holds. */
static void take_from_keeper(struct daemon *d, const char *nflog, int *owner)
{
	struct kept kept[KEEP_MAX];
	struct error err;
	size_t count;

	if (keep_take(d->run_fd, kept, KEEP_MAX, &count, &d->keeper, &err) == -1) {
		d->keeper = 0;
		if (errno != ENOENT && errno != ECONNREFUSED)
			log_warning("hallowd-keep did not hand over what it holds: %s", err.text);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (strcmp(kept[i].name, OWNER_NAME) == 0)
			*owner = kept[i].fd;
		else if (strcmp(kept[i].name, nflog) == 0)
			d->nflog_fd = kept[i].fd;
		else if (strcmp(kept[i].name, CONNTRACK_NAME) == 0)
			d->conntrack_fd = kept[i].fd;
		else
			close(kept[i].fd);
	}
	log_notice("took over %zu sockets that hallowd-keep held", count);
}

static int open_kernel(struct daemon *d, const struct config *c, int owner, struct error *err)
{
	if (kernel_open(&d->kernel, owner, err) == -1)
		return -1;
	if (!c->kernel.owner)
		kernel_without_owner(d->kernel);
	return 0;
}

int sockets_open_kernel(struct daemon *d, const struct config *c, struct error *err)
{
	return open_kernel(d, c, -1, err);
}

/* Without it, connections are recorded all the same; status says what is missing. */
static void open_conntrack(struct daemon *d)
{
	struct error err;

	if (d->conntrack_fd == -1 && conntrack_open(CONNTRACK_BUFFER, &d->conntrack_fd, &err) == -1) {
		log_warning("the ends of connections are not recorded: %s", err.text);
		d->conntrack_fd = -1;
	}
	conntrack_count();
}

int sockets_open(struct daemon *d, const struct config *c, struct error *err)
{
	char nflog[KEEP_NAME_MAX];
	int owner = service_take_fd(OWNER_NAME);

	nflog_name(c, nflog);
	d->nflog_fd = service_take_fd(nflog);
	d->conntrack_fd = service_take_fd(CONNTRACK_NAME);
	if (owner == -1)
		take_from_keeper(d, nflog, &owner);
	if (open_kernel(d, c, owner, err) == -1)
		return -1;
	if (d->nflog_fd == -1 && nflog_open(c->audit.nflog_group, NFLOG_BUFFER, &d->nflog_fd, err) == -1)
		return -1;
	if (nflog_copy_all(d->nflog_fd, c->audit.nflog_group) == -1)
		log_warning("the kernel cannot be told how much of a packet to log: %s", strerror(errno));
	open_conntrack(d);
	return 0;
}

static int give(struct daemon *d, struct error *err)
{
	struct kept kept[] = { { OWNER_NAME, kernel_fd(d->kernel) }, { "", d->nflog_fd }, { CONNTRACK_NAME, d->conntrack_fd } };

	nflog_name(d->lists->config, kept[1].name);
	return keep_put(d->run_fd, kept, d->conntrack_fd == -1 ? 2 : 3, err);
}

static void keeper_ended(void *ctx, short revents)
{
	struct daemon *d = ctx;
	struct error err;

	(void)revents;
	loop_unwatch(d->loop, d->keeper_pidfd);
	close(d->keeper_pidfd);
	d->keeper_pidfd = -1;
	d->keeper = 0;
	if (d->stopping)
		return;
	log_error("hallowd-keep has ended; it is started again");
	recorder_event(d->recorder, "child-died", "hallowd-keep", NULL);
	if (sockets_leave(d, &err) == -1)
		log_error("nobody holds the sockets while hallowd is away: %s", err.text);
}

int sockets_leave(struct daemon *d, struct error *err)
{
	char nflog[KEEP_NAME_MAX];

	if (service_has_store()) {
		service_store_fd(OWNER_NAME, kernel_fd(d->kernel));
		service_store_fd(nflog_name(d->lists->config, nflog), d->nflog_fd);
		if (d->conntrack_fd != -1)
			service_store_fd(CONNTRACK_NAME, d->conntrack_fd);
		return 0;
	}
	if (d->keeper == 0) {
		if (keep_start(d->run_fd, path_program("hallowd-keep"), &d->keeper, err) == -1) {
			d->keeper = 0;
			return -1;
		}
		/* Its end is heard of through its pidfd, as that of a keeper which an earlier run started. */
		reaper_add(d->reaper, d->keeper, NULL, NULL);
	}
	if (give(d, err) == -1)
		return -1;
	if (d->keeper_pidfd == -1)
		d->keeper_pidfd = (int)syscall(SYS_pidfd_open, d->keeper, 0);
	if (d->keeper_pidfd == -1 || loop_watch(d->loop, d->keeper_pidfd, POLLIN, keeper_ended, d) == -1)
		return error_errno(err, errno, "hallowd-keep cannot be watched");
	return 0;
}

void sockets_release(struct daemon *d)
{
	struct error err;

	if (d->keeper == 0)
		return;
	if (d->keeper_pidfd != -1) {
		loop_unwatch(d->loop, d->keeper_pidfd);
		close(d->keeper_pidfd);
		d->keeper_pidfd = -1;
	}
	d->keeper = 0;
	if (keep_stop(d->run_fd, &err) == -1)
		log_warning("hallowd-keep was not ended: %s", err.text);
}
