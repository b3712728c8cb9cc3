#include "daemon/file_watch.h"

#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "core/log.h"
#include "daemon/schedule.h"

/* A writer may need several steps; the list is read this long after the first of them. */
#define SETTLE_MS 400

struct watched {
	int descriptor; /* of the folder, from inotify */
	char *name;     /* in it */
	size_t list;    /* index */
};

struct file_watch {
	int fd;
	struct watched *files;
	size_t count;
};

static void handle(struct daemon *d, const struct inotify_event *e)
{
	for (size_t i = 0; i < d->file_watch->count; i++) {
		const struct watched *w = &d->file_watch->files[i];

		if (w->descriptor == e->wd && e->len > 0 && strcmp(e->name, w->name) == 0)
			schedule_soon(d, &d->lists->items[w->list], SETTLE_MS);
	}
}

static void readable(void *ctx, short revents)
{
	struct daemon *d = ctx;
	union {
		struct inotify_event align;
		char bytes[8192];
	} events;
	ssize_t len;

	(void)revents;
	while ((len = read(d->file_watch->fd, events.bytes, sizeof(events.bytes))) > 0)
		for (char *at = events.bytes; at < events.bytes + len;) {
			const struct inotify_event *e = (const void *)at;

			handle(d, e);
			at += sizeof(*e) + e->len;
		}
}

static void watch_file(struct file_watch *w, size_t list, const char *path)
{
	char *folder = strdup(path), *copy = strdup(path);
	struct watched *file = &w->files[w->count];

	if (folder != NULL && copy != NULL && (file->name = strdup(basename(copy))) != NULL) {
		file->list = list;
		file->descriptor = inotify_add_watch(w->fd, dirname(folder), IN_CLOSE_WRITE | IN_MOVED_TO);
		if (file->descriptor == -1) {
			log_warning("%s is not watched: %s; it is read at its list's interval", path, strerror(errno));
			free(file->name);
		} else {
			w->count++;
		}
	}
	free(folder);
	free(copy);
}

static void watch_origin(struct file_watch *w, size_t list, const struct origin_config *o)
{
	if (o->kind != ORIGIN_FILE)
		return;
	watch_file(w, list, o->where);
	if (o->signature[0] != '\0')
		watch_file(w, list, o->signature);
}

static size_t count_origins(const struct config *c)
{
	size_t count = 0;

	for (size_t i = 0; i < c->list_count; i++)
		count += c->lists[i].origin_count;
	return count;
}

void file_watch_start(struct daemon *d)
{
	const struct config *c = d->lists->config;
	struct file_watch *w = calloc(1, sizeof(*w));

	file_watch_stop(d);
	if (w == NULL)
		return;
	d->file_watch = w;
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	w->files = calloc(2 * count_origins(c) + 1, sizeof(*w->files));
	if (w->fd == -1 || w->files == NULL || loop_watch(d->loop, w->fd, POLLIN, readable, d) == -1) {
		log_warning("files of origins are not watched: %s; they are read at their lists' intervals", strerror(errno));
		return;
	}
	for (size_t i = 0; i < c->list_count; i++)
		for (size_t o = 0; o < c->lists[i].origin_count && c->lists[i].refresh > 0; o++)
			watch_origin(w, i, &c->lists[i].origins[o]);
}

void file_watch_stop(struct daemon *d)
{
	struct file_watch *w = d->file_watch;

	if (w == NULL)
		return;
	if (w->fd != -1) {
		loop_unwatch(d->loop, w->fd);
		close(w->fd);
	}
	for (size_t i = 0; i < w->count; i++)
		free(w->files[i].name);
	free(w->files);
	free(w);
	d->file_watch = NULL;
}
