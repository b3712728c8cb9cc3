/* The keeper's own side. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/file.h"
#include "keep/keep.h"
#include "keep/packet.h"

#define NAME_CHECK_MS 1000

struct keeper {
	int listen_fd, run_dirfd;
	uid_t owner;
	bool name_known; /* then these are the socket's name's */
	dev_t dev;
	ino_t ino;
	bool stop;
	struct kept kept[KEEP_MAX];
	size_t count;
};

/* --- whether anybody can still ask */

/* The inode cannot be used again while this process has the socket that is bound to it. */
static bool can_be_asked(const struct keeper *k)
{
	struct stat st;

	if (fstat(k->run_dirfd, &st) != 0 || st.st_nlink == 0)
		return false;
	if (fstatat(k->run_dirfd, KEEP_SOCKET, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno != ENOENT; /* EACCES: the folder is closed to this user, so this cannot be told */
	return !k->name_known || (st.st_ino == k->ino && st.st_dev == k->dev);
}

static void learn_name(struct keeper *k)
{
	struct stat st;

	k->name_known = fstatat(k->run_dirfd, KEEP_SOCKET, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (k->name_known) {
		k->dev = st.st_dev;
		k->ino = st.st_ino;
	}
}

/* --- what is asked */

static struct kept *find(struct keeper *k, const char *name)
{
	for (size_t i = 0; i < k->count; i++)
		if (strcmp(k->kept[i].name, name) == 0)
			return &k->kept[i];
	return NULL;
}

/* Whether the packet's names fit in beside those that are there. */
static bool has_room(struct keeper *k, const struct keep_packet *p)
{
	size_t more = 0;

	for (size_t i = 0; i < p->count; i++) {
		bool twice = false;

		for (size_t j = 0; j < i; j++)
			twice = twice || strcmp(p->names[j], p->names[i]) == 0;
		more += !twice && find(k, p->names[i]) == NULL;
	}
	return k->count + more <= KEEP_MAX;
}

/* Takes over the descriptors, or closes them. */
static int put(struct keeper *k, const struct keep_packet *p, const int *fds)
{
	if (!has_room(k, p)) {
		keep_close_all(fds, p->count);
		return ENOSPC;
	}
	for (size_t i = 0; i < p->count; i++) {
		struct kept *place = find(k, p->names[i]);

		if (place == NULL) {
			place = &k->kept[k->count++];
			memcpy(place->name, p->names[i], KEEP_NAME_MAX);
		} else {
			close(place->fd);
		}
		place->fd = fds[i];
	}
	return 0;
}

static void let_go(struct keeper *k)
{
	for (size_t i = 0; i < k->count; i++)
		close(k->kept[i].fd);
	k->count = 0;
}

static void give(const struct keeper *k, struct keep_packet *answer, int fds[KEEP_MAX])
{
	answer->count = (uint32_t)k->count;
	for (size_t i = 0; i < k->count; i++) {
		memcpy(answer->names[i], k->kept[i].name, KEEP_NAME_MAX);
		fds[i] = k->kept[i].fd;
	}
}

static void answer_one(struct keeper *k, int sock)
{
	struct keep_packet request, answer = { .pid = getpid() };
	int fds[KEEP_MAX];

	if (keep_packet_receive(sock, &request, fds) != 0)
		return;
	answer.verb = request.verb;
	if (request.verb == KEEP_PUT) {
		answer.result = put(k, &request, fds);
	} else {
		keep_close_all(fds, request.count);
		if (request.verb == KEEP_TAKE) {
			give(k, &answer, fds);
		} else {
			let_go(k); /* before the answer, which says that it is done */
			k->stop = true;
		}
	}
	(void)keep_packet_send(sock, &answer, fds); /* who asked may have gone */
}

static bool may_ask(const struct keeper *k, int sock)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && (peer.uid == k->owner || peer.uid == 0);
}

/* One at a time: a packet is small, and who does not send it within a second has lost its turn. */
static void serve_one(struct keeper *k)
{
	const struct timeval patience = { 1, 0 };
	int sock = accept4(k->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (sock < 0)
		return;
	if (may_ask(k, sock) && setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
	    setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0)
		answer_one(k, sock);
	close(sock);
}

/* --- */

static void set_signals(void)
{
	const int ignored[] = { SIGINT, SIGHUP, SIGPIPE };
	sigset_t none;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int prepare(struct keeper *k, struct error *err)
{
	int listening = 0;
	socklen_t len = sizeof(listening);

	if (getsockopt(k->listen_fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 || !listening)
		return error_set(err, "descriptor %d is no listening socket: only hallowd starts this program", k->listen_fd);
	if (fcntl(k->listen_fd, F_SETFL, O_NONBLOCK) != 0)
		return error_errno(err, errno, "cannot prepare the socket");
	learn_name(k);
	if (!can_be_asked(k))
		return error_set(err, "the socket's name has gone already");
	set_signals();
	if (write_all(STDERR_FILENO, KEEP_READY, strlen(KEEP_READY)) != 0 || dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
		return error_errno(err, errno, "cannot say that it is ready");
	return 0;
}

int keep_run(int listen_fd, int run_dirfd, uid_t owner, struct error *err)
{
	struct keeper k = { .listen_fd = listen_fd, .run_dirfd = run_dirfd, .owner = owner };
	struct pollfd pfd = { listen_fd, POLLIN, 0 };

	if (prepare(&k, err) != 0)
		return -1;
	while (!k.stop && can_be_asked(&k))
		if (poll(&pfd, 1, NAME_CHECK_MS) > 0)
			serve_one(&k);
	let_go(&k);
	return 0;
}
