#include "daemon/folders.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sandbox.h"

#define LOCK_POLL_MS 50
#define RECORDER_FOLDER "audit"
#define AUDIT_DATABASE "audit.db" /* audit/audit.h, which needs SQLite */

/* mkdir -p.  0, or -1 with errno. */
static int make_path(const char *path)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(part)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0755) == -1 && errno != EEXIST)
			return -1;
	}
	return 0;
}

static int open_folder(const char *path, const char *key, int *fd, struct error *err)
{
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd == -1)
		return error_errno(err, errno, "%s (%s) cannot be opened", path, key);
	return 0;
}

static int give_to_recorder(int fd, const char *path, struct error *err)
{
	struct sandbox_user user;

	if (geteuid() != 0)
		return 0;
	if (sandbox_user(&user, err) == -1)
		return -1;
	if (fchown(fd, 0, user.gid) == -1 || fchmod(fd, 01770) == -1)
		return error_errno(err, errno, "%s cannot be given to group %u, which the recorder runs with", path,
		                   (unsigned)user.gid);
	return 0;
}

int folders_make_state(struct daemon *d, const struct config *c, struct error *err)
{
	static const char *const below[] = { "lists", "origins", "held", "revisions" };

	if (make_path(c->state_dir) == -1)
		return error_errno(err, errno, "%s (state_dir) cannot be made", c->state_dir);
	if (open_folder(c->state_dir, "state_dir", &d->state_fd, err) == -1 ||
	    give_to_recorder(d->state_fd, c->state_dir, err) == -1)
		return -1;
	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++)
		if (mkdirat(d->state_fd, below[i], 0755) == -1 && errno != EEXIST)
			return error_errno(err, errno, "%s/%s cannot be made", c->state_dir, below[i]);
	return 0;
}

int folders_become_owner(const struct config *c, struct error *err)
{
	struct sandbox_user user;
	struct stat st;

	if (geteuid() != 0 || stat(c->state_dir, &st) == -1 || st.st_uid == 0)
		return 0;
	if (sandbox_user(&user, err) == -1)
		return -1;
	if (st.st_uid != user.uid)
		return 0;
	if (stat(c->run_dir, &st) == -1 && (make_path(c->run_dir) == -1 || chown(c->run_dir, user.uid, user.gid) == -1))
		return error_errno(err, errno, "%s (run_dir) cannot be made", c->run_dir);
	return sandbox_become(&user, err);
}

int folders_open(struct daemon *d, const struct config *c, struct error *err)
{
	if (open_folder(c->state_dir, "state_dir", &d->state_fd, err) == 0)
		return 0;
	return errno == ENOENT ? folders_make_state(d, c, err) : -1;
}

/* What an earlier run as root, or an earlier version, left beside the lists. */
static int move_database(int state_fd, int recorder_fd, struct error *err)
{
	static const char *const parts[] = { AUDIT_DATABASE "-wal", AUDIT_DATABASE "-shm", AUDIT_DATABASE };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (renameat(state_fd, parts[i], recorder_fd, parts[i]) == -1 && errno != ENOENT)
			return error_errno(err, errno, "%s cannot be moved to %s/", parts[i], RECORDER_FOLDER);
	return 0;
}

static int link_database(int state_fd, int recorder_fd, struct error *err)
{
	struct stat st;

	if (fstatat(state_fd, AUDIT_DATABASE, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISLNK(st.st_mode))
			return 0;
		if (move_database(state_fd, recorder_fd, err) == -1)
			return -1;
	}
	if (symlinkat(RECORDER_FOLDER "/" AUDIT_DATABASE, state_fd, AUDIT_DATABASE) == -1 && errno != EEXIST)
		return error_errno(err, errno, "the link to %s/%s cannot be made", RECORDER_FOLDER, AUDIT_DATABASE);
	return 0;
}

int folders_open_recorder(int state_fd, int *fd, struct error *err)
{
	bool own = geteuid() != 0;

	if (own && mkdirat(state_fd, RECORDER_FOLDER, 0750) == -1 && errno != EEXIST)
		return error_errno(err, errno, "state_dir/%s cannot be made", RECORDER_FOLDER);
	*fd = openat(state_fd, own ? RECORDER_FOLDER : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd == -1)
		return error_errno(err, errno, "the recorder's folder cannot be opened");
	if (!own || link_database(state_fd, *fd, err) == 0)
		return 0;
	close(*fd);
	return -1;
}

int folders_make(struct daemon *d, const struct config *c, struct error *err)
{
	if (folders_make_state(d, c, err) == -1)
		return -1;
	if (make_path(c->run_dir) == -1)
		return error_errno(err, errno, "%s (run_dir) cannot be made", c->run_dir);
	return open_folder(c->run_dir, "run_dir", &d->run_fd, err);
}

int folders_lock(struct daemon *d, int wait_ms, struct error *err)
{
	d->lock_fd = openat(d->state_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (d->lock_fd == -1)
		return error_errno(err, errno, "the file lock in state_dir cannot be opened");
	for (int waited = 0; flock(d->lock_fd, LOCK_EX | LOCK_NB) == -1; waited += LOCK_POLL_MS) {
		if (errno != EWOULDBLOCK)
			return error_errno(err, errno, "the file lock in state_dir cannot be locked");
		if (waited >= wait_ms)
			return error_set(err, "another hallowd works with this state_dir; there can be one");
		poll(NULL, 0, LOCK_POLL_MS);
	}
	return 0;
}
