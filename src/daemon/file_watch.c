#include "daemon/file_watch.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "daemon/schedule.h"

/* A writer may need several steps; the list is read this long after the first of them. */
#define SETTLE_MS 400

/* inotify tells of a folder, and not of one that is not there yet, was replaced by another, or is behind a symbolic link (as a
 * Kubernetes volume is, whose one link ..data is put at another folder).  So which file the path leads to is looked up as
 * well, and one that is another is read when it is the same at two looks. */
#define LOOK_MS 500

struct identity {
	dev_t device;
	ino_t inode; /* 0: there is no file */
	off_t size;
	struct timespec written;
};

struct watched {
	int descriptor; /* of the folder, from inotify; -1: it cannot be watched now */
	char *path;
	const char *name;     /* in `path`, behind the folder */
	size_t list;          /* index */
	struct identity seen; /* when it was looked at last */
	bool changed;         /* it was another file then, and has not been read since */
};

struct file_watch {
	int fd;
	unsigned timer;
	struct watched *files;
	size_t count;
};

static void watch_folder(const struct file_watch *w, struct watched *file)
{
	size_t len = (size_t)(file->name - file->path);
	char *folder = strndup(file->path, len > 1 ? len - 1 : len);

	file->descriptor = folder == NULL ? -1 : inotify_add_watch(w->fd, folder, IN_CLOSE_WRITE | IN_MOVED_TO);
	free(folder);
}

static void identify(const char *path, struct identity *id)
{
	struct stat st;

	*id = (struct identity){ .inode = 0 };
	if (stat(path, &st) == 0)
		*id = (struct identity){ st.st_dev, st.st_ino, st.st_size, st.st_mtim };
}

static bool is_another(const struct identity *a, const struct identity *b)
{
	return a->device != b->device || a->inode != b->inode;
}

static bool was_written(const struct identity *a, const struct identity *b)
{
	return a->size != b->size || a->written.tv_sec != b->written.tv_sec || a->written.tv_nsec != b->written.tv_nsec;
}

/* Who writes into the file that was there is heard of by inotify, when done. */
static void look_at(struct daemon *d, struct watched *file)
{
	struct identity now;

	identify(file->path, &now);
	if (is_another(&file->seen, &now)) {
		watch_folder(d->file_watch, file);
		file->changed = now.inode != 0;
	} else if (file->changed && !was_written(&file->seen, &now)) {
		file->changed = false;
		schedule_soon(d, &d->lists->items[file->list], 0);
	}
	file->seen = now;
}

static void look(void *ctx)
{
	struct daemon *d = ctx;
	struct file_watch *w = d->file_watch;

	for (size_t i = 0; i < w->count; i++)
		look_at(d, &w->files[i]);
	w->timer = loop_after(d->loop, LOOK_MS, look, d);
}

static void handle(struct daemon *d, const struct inotify_event *e)
{
	for (size_t i = 0; i < d->file_watch->count; i++) {
		struct watched *w = &d->file_watch->files[i];

		if (w->descriptor != e->wd || e->len == 0 || strcmp(e->name, w->name) != 0)
			continue;
		identify(w->path, &w->seen);
		w->changed = false;
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
	struct watched *file = &w->files[w->count];
	const char *slash;

	*file = (struct watched){ .list = list, .path = strdup(path) };
	if (file->path == NULL)
		return;
	slash = strrchr(file->path, '/');
	file->name = slash == NULL ? file->path : slash + 1;
	identify(path, &file->seen);
	watch_folder(w, file);
	if (file->descriptor == -1 && errno != ENOENT)
		log_warning("the folder of %s cannot be watched: %s; what is written into the file is read at its list's interval", path,
		            strerror(errno));
	w->count++;
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
	if (w->count > 0)
		w->timer = loop_after(d->loop, LOOK_MS, look, d);
}

void file_watch_stop(struct daemon *d)
{
	struct file_watch *w = d->file_watch;

	if (w == NULL)
		return;
	loop_cancel(d->loop, w->timer);
	if (w->fd != -1) {
		loop_unwatch(d->loop, w->fd);
		close(w->fd);
	}
	for (size_t i = 0; i < w->count; i++)
		free(w->files[i].path);
	free(w->files);
	free(w);
	d->file_watch = NULL;
}
