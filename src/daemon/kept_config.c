#include "daemon/kept_config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/tree.h"
#include "core/file.h"
#include "core/list_file.h"
#include "core/log.h"

#define FOLDER CONFIG_KEPT_FOLDER
#define GOOD CONFIG_KEPT_GOOD
#define TRIED_TEXT "tried.yaml"
#define TRIED "tried"
#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX 64

/* state_dir may be writable for the recorder, so a folder that somebody else made is not believed.  Whose state_dir it is may
 * have made it: hallowd of the unit, which is asked by root while it does not run. */
static bool is_believed(int state_fd, int folder)
{
	struct stat st, above;

	return fstat(folder, &st) == 0 && fstat(state_fd, &above) == 0 && (st.st_mode & 022) == 0 &&
	       (st.st_uid == geteuid() || st.st_uid == 0 || st.st_uid == above.st_uid);
}

static int open_folder(int state_fd, bool make, struct error *err)
{
	int fd, saved;

	if (make && mkdirat(state_fd, FOLDER, 0700) == -1 && errno != EEXIST)
		return error_errno(err, errno, "the folder " FOLDER " in state_dir cannot be made");
	fd = openat(state_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1) {
		saved = errno;
		error_errno(err, saved, "the folder " FOLDER " in state_dir cannot be opened");
		errno = saved;
		return -1;
	}
	if (is_believed(state_fd, fd))
		return fd;
	close(fd);
	errno = EPERM;
	return error_set(err, "the folder " FOLDER " in state_dir belongs to somebody else, or others may write to it; "
	                      "remove it");
}

static int save(int state_fd, const char *name, const struct config *c, struct error *err)
{
	int folder = open_folder(state_fd, true, err), result;

	if (folder == -1)
		return -1;
	result = file_write_atomic(folder, name, 0600, c->text, c->text_len, err);
	close(folder);
	return result == -1 ? error_prefix(err, "the configuration cannot be kept in state_dir") : 0;
}

int kept_config_save_good(int state_fd, const struct config *c, struct error *err)
{
	return save(state_fd, GOOD, c, err);
}

/* 1 with the bytes; 0 where there is none; -1 with *err. */
static int read_text(int state_fd, const char *name, struct buffer *out, struct error *err)
{
	int folder = open_folder(state_fd, false, err), result;

	if (folder == -1)
		return errno == ENOENT ? 0 : -1;
	result = file_read(folder, name, TREE_SIZE_MAX, out, err) == 0 ? 1 : errno == ENOENT ? 0 : -1;
	close(folder);
	return result;
}

static int load(int state_fd, const char *name, struct config **c, struct buffer *errors)
{
	struct buffer text = BUFFER_INIT;
	struct error err;
	int result = read_text(state_fd, name, &text, &err);

	*c = NULL;
	if (result == -1)
		buffer_printf(errors, "%s", err.text);
	else if (result == 1)
		result = config_parse(name, text.data, text.len, c, errors);
	buffer_free(&text);
	return result;
}

int kept_config_load_good(int state_fd, struct config **c, struct buffer *errors)
{
	return load(state_fd, GOOD, c, errors);
}

int kept_config_load_tried(int state_fd, struct config **c, struct buffer *errors)
{
	return load(state_fd, TRIED_TEXT, c, errors);
}

bool kept_config_is_tried(int state_fd, const struct config *c)
{
	struct buffer text = BUFFER_INIT;
	struct error err;
	bool same = read_text(state_fd, TRIED_TEXT, &text, &err) == 1 && text.len == c->text_len &&
	            memcmp(text.data, c->text, text.len) == 0;

	buffer_free(&text);
	return same;
}

/* "" where it cannot be read: then nothing is of this boot. */
static void read_boot_id(char out[BOOT_ID_MAX])
{
	FILE *f = fopen(BOOT_ID, "re");

	if (f == NULL || fgets(out, BOOT_ID_MAX, f) == NULL)
		out[0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	if (f != NULL)
		fclose(f);
}

static int write_tried(int folder, const struct tried *t, struct error *err)
{
	struct list_file f = { 0 };
	char boot[BOOT_ID_MAX], since[TIME_TEXT_MAX], until[32];
	int bad = 0, result;

	read_boot_id(boot);
	snprintf(until, sizeof(until), "%" PRId64, t->until_ms);
	bad |= list_file_set(&f, "state", t->state == TRIED_WAITING ? "waiting" : "left");
	bad |= list_file_set(&f, "by", t->by);
	bad |= list_file_set(&f, "since", time_format(t->since, 1, since));
	bad |= list_file_set(&f, "boot", boot);
	bad |= list_file_set(&f, "until-ms", until);
	result = bad != 0 ? error_errno(err, ENOMEM, TRIED) : list_file_write(folder, TRIED, &f, err);
	list_file_free(&f);
	return result;
}

int tried_save(int state_fd, const struct tried *t, const struct config *c, struct error *err)
{
	int folder, result;

	if (c != NULL && save(state_fd, TRIED_TEXT, c, err) == -1)
		return -1;
	folder = open_folder(state_fd, true, err);
	if (folder == -1)
		return -1;
	result = write_tried(folder, t, err);
	close(folder);
	return result;
}

static void take_headers(struct tried *t, const struct list_file *f)
{
	char boot[BOOT_ID_MAX];

	read_boot_id(boot);
	t->state = strcmp(list_file_get(f, "state"), "waiting") == 0 ? TRIED_WAITING : TRIED_LEFT;
	snprintf(t->by, sizeof(t->by), "%s", list_file_get(f, "by"));
	if (time_parse(&t->since, list_file_get(f, "since"), 0) == -1)
		t->since = 0;
	if (boot[0] != '\0' && strcmp(list_file_get(f, "boot"), boot) == 0)
		t->until_ms = strtoll(list_file_get(f, "until-ms"), NULL, 10);
}

int tried_load(int state_fd, struct tried *t, struct error *err)
{
	struct list_file f = { 0 };
	int folder = open_folder(state_fd, false, err), result;

	*t = (struct tried){ .state = TRIED_NONE };
	if (folder == -1)
		return errno == ENOENT ? 0 : -1;
	result = list_file_read(folder, TRIED, &f, err);
	close(folder);
	if (result == 0)
		take_headers(t, &f);
	else if (errno == ENOENT)
		result = 0;
	list_file_free(&f);
	return result;
}

void tried_forget(int state_fd)
{
	static const char *const names[] = { TRIED, TRIED_TEXT };
	struct error err;
	int folder = open_folder(state_fd, false, &err);

	for (size_t i = 0; folder != -1 && i < 2; i++)
		if (unlinkat(folder, names[i], 0) == -1 && errno != ENOENT)
			log_warning(FOLDER "/%s in state_dir cannot be removed: %s", names[i], strerror(errno));
	if (folder != -1)
		close(folder);
}
