#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/checkpoint_message.h"
#include "core/log.h"
#include "record/record.h"
#include "record/recorder.h"

#define LOCK_FILE AUDIT_FILE "-lock"
#define READ_SIZE (64 << 10)
#define PENDING_MOST (8u << 20) /* so much may wait for the database; hallowd keeps the rest */
/* After a read that emptied the socket, packets collect in it for so long: fewer and larger transactions. */
#define REST_MS 50
#define ENDS_REST_MS 200 /* the same for the ends of connections, of which nobody waits for one */
#define ACK_INTERVAL_MS 1000 /* of the numbers alone; a message is acknowledged at once */
#define RETRY_FIRST_MS 50
#define RETRY_LONGEST_MS 5000
#define RETAIN_INTERVAL_MS 1000
#define RETAIN_STEP_MS 20
#define LAST_SIGNATURE_MS 2000 /* so long is waited for it at the end */

struct sync {
	uint64_t id;
	int64_t due_ms;
	bool checkpoint; /* not answered before one is signed, too */
};

struct loop {
	struct recorder recorder;
	int sock, nflog;
	struct buffer in, out;
	struct sync *syncs; /* not answered yet; owned */
	size_t sync_count, sync_cap;
	int64_t stop_ms;    /* all up to then must be committed before it stops; NEVER: not told to */
	uint64_t *askers;   /* ids of those whose checkpoint is under way; owned */
	size_t asker_count;
	bool finishing;     /* all is committed, and only the last checkpoint is waited for */
	int64_t finish_ms;  /* but not longer */
	int64_t done_ms;    /* all up to then is committed */
	int64_t rest_ms;    /* the NFLOG socket is left alone until then */
	int64_t ends_rest_ms; /* the conntrack socket likewise */
	int64_t retry_ms;   /* the database refused, and is left alone until then; 0: it did not */
	int64_t retry_delay_ms;
	int64_t retain_ms;
	int64_t behind_ms;  /* 0: all that was logged is committed; else since when, at the latest, it is not */
	bool stalled;       /* hallowd was told so */
	struct audit_ack told;
	int64_t told_ms;
	bool gone;          /* hallowd's end of the socket is closed */
};

/* --- to hallowd */

/* What does not go out now goes when poll says so; a closed socket shows when it is read. */
static void send_out(struct loop *l)
{
	ssize_t n = l->out.len == 0 ? 0 : send(l->sock, l->out.data, l->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0)
		buffer_consume(&l->out, (size_t)n);
}

static bool ack_is_news(const struct loop *l)
{
	const struct recorder *r = &l->recorder;

	return l->told.recorded != r->recorded || l->told.lost != nflog_lost(&r->nflog) ||
	       l->told.seq != r->committed_seq || (l->told.behind_ms == 0) != (l->behind_ms == 0);
}

static int acknowledge(struct loop *l, int64_t now, bool at_once)
{
	const struct recorder *r = &l->recorder;
	struct audit_ack ack = { .seq = r->committed_seq, .recorded = r->recorded, .lost = nflog_lost(&r->nflog) };

	if (!ack_is_news(l) || (!at_once && ack.seq == l->told.seq && now < l->told_ms + ACK_INTERVAL_MS))
		return 0;
	if (l->behind_ms != 0)
		ack.behind_ms = now > l->behind_ms ? (uint64_t)(now - l->behind_ms) : 1;
	l->told = ack;
	l->told_ms = now;
	return audit_ack_encode(&l->out, &ack);
}

/* --- from hallowd */

static int add_sync(struct loop *l, uint64_t id, bool checkpoint, int64_t now)
{
	size_t cap = l->sync_cap == 0 ? 8 : l->sync_cap * 2;
	struct sync *syncs = l->syncs;

	if (l->sync_count == l->sync_cap) {
		syncs = realloc(syncs, cap * sizeof(*syncs));
		if (syncs == NULL)
			return -1;
		l->syncs = syncs;
		l->sync_cap = cap;
	}
	syncs[l->sync_count++] = (struct sync){ id, now + SETTLE_MS, checkpoint };
	return 0;
}

static int take_message(struct loop *l, struct message *m, size_t used, int64_t now)
{
	struct error err = { "" };
	uint64_t id;
	int result;

	switch (m->type) {
	case MSG_SYNC:
		result = audit_number_decode(m, &id) == -1 || add_sync(l, id, false, now) == -1 ? error_set(&err, "a sync cannot be"
			" taken in") : 0;
		break;
	case MSG_CHECKPOINT:
		result = checkpoint_ask_decode(m, &id) == -1 || add_sync(l, id, true, now) == -1 ? error_set(&err, "the wish for a"
			" checkpoint cannot be taken in") : 0;
		break;
	case MSG_STOP:
		l->stop_ms = now + SETTLE_MS;
		result = 0;
		break;
	default:
		result = recorder_take(&l->recorder, m, l->in.data, used, now, &err);
	}
	if (result == -1)
		log_error("%s", err.text);
	return result;
}

static int take_messages(struct loop *l, int64_t now)
{
	struct message m;
	size_t used;
	int got;

	while ((got = message_next(&l->in, MESSAGE_MAX_LIST, &m, &used)) == 1) {
		if (take_message(l, &m, used, now) == -1)
			return -1;
		buffer_consume(&l->in, used);
	}
	if (got == -1)
		log_error("what comes from hallowd is no message");
	return got;
}

static int receive(struct loop *l, int64_t now)
{
	ssize_t n;

	while (!l->gone && l->recorder.pending.len < PENDING_MOST) {
		if (buffer_reserve(&l->in, READ_SIZE) == -1) {
			log_error("no memory for a message from hallowd");
			return -1;
		}
		n = recv(l->sock, l->in.data + l->in.len, READ_SIZE, MSG_DONTWAIT);
		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 0;
		if (n == -1 && errno == EINTR)
			continue;
		l->gone = n <= 0;
		if (n > 0)
			l->in.len += (size_t)n;
		if (take_messages(l, now) == -1)
			return -1;
	}
	return 0;
}

/* --- when */

static bool may_drain(const struct loop *l)
{
	/* A new recorder is told the policy first; until then, packets wait, unless hallowd wants all that there is. */
	return !l->finishing && (l->recorder.policies.latest != NULL || l->recorder.reading_count > 0 || l->sync_count > 0 ||
	       l->stop_ms != NEVER);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The next moment at which the socket must be drained even where nothing came. */
static int64_t drain_due(const struct loop *l)
{
	int64_t due = sooner(recorder_due(&l->recorder), l->stop_ms);

	return l->sync_count == 0 ? due : sooner(due, l->syncs[0].due_ms);
}

static int timeout(const struct loop *l, int64_t now)
{
	int64_t due = sooner(drain_due(l), l->retain_ms);

	due = sooner(due, signing_due(&l->recorder.signing, &l->recorder.store));
	if (l->finishing)
		due = sooner(due, l->finish_ms);
	if (l->retry_ms != 0)
		due = l->retry_ms;
	else if (recorder_has_work(&l->recorder))
		due = now;
	if (l->rest_ms > now)
		due = sooner(due, l->rest_ms);
	if (l->ends_rest_ms > now)
		due = sooner(due, l->ends_rest_ms);
	if (ack_is_news(l))
		due = sooner(due, l->told_ms + ACK_INTERVAL_MS);
	return due == NEVER ? -1 : due <= now ? 0 : due - now > 60000 ? 60000 : (int)(due - now);
}

static int wait_for_work(struct loop *l, bool *packets)
{
	int64_t now = time_monotonic_ms();
	bool full = l->recorder.pending.len >= PENDING_MOST, reads = may_drain(l) && l->retry_ms == 0;
	struct pollfd fds[3] = {
		{ .fd = l->sock, .events = full ? 0 : POLLIN },
		{ .fd = reads && l->rest_ms <= now ? l->nflog : -1, .events = POLLIN },
		{ .fd = reads && l->ends_rest_ms <= now ? l->recorder.conntrack.fd : -1, .events = POLLIN },
	};

	if (l->out.len > 0)
		fds[0].events |= POLLOUT;
	if (poll(fds, 3, timeout(l, now)) == -1 && errno != EINTR) {
		log_error("waiting for packets failed: %s", strerror(errno));
		return -1;
	}
	*packets = fds[1].revents != 0 || fds[2].revents != 0;
	send_out(l);
	if (full && (fds[0].revents & (POLLHUP | POLLERR)) != 0)
		l->gone = true; /* what is unread in the socket is in hallowd's spool */
	/* First what hallowd says, so that packets are judged by the policy of their time. */
	return fds[0].revents == 0 ? 0 : receive(l, time_monotonic_ms());
}

/* --- work */

/* Who wants a checkpoint is answered later. */
static int answer_sync(struct loop *l, const struct sync *s)
{
	struct signing *g = &l->recorder.signing;
	uint64_t *askers;

	if (!s->checkpoint)
		return audit_number_encode(&l->out, MSG_SYNCED, s->id);
	askers = reallocarray(l->askers, l->asker_count + 1, sizeof(*askers));
	if (askers == NULL)
		return -1;
	l->askers = askers;
	askers[l->asker_count++] = s->id;
	g->wanted = g->kept = true;
	return 0;
}

static int answer(struct loop *l, int64_t now)
{
	size_t answered = 0;

	if (acknowledge(l, now, l->sync_count > 0 || l->stop_ms != NEVER) == -1)
		return -1;
	while (answered < l->sync_count && l->syncs[answered].due_ms <= l->done_ms)
		if (answer_sync(l, &l->syncs[answered++]) == -1)
			return -1;
	l->sync_count -= answered;
	if (answered > 0)
		memmove(l->syncs, l->syncs + answered, l->sync_count * sizeof(*l->syncs));
	send_out(l);
	return 0;
}

static int tell_stalled(struct loop *l, bool stalled)
{
	if (l->stalled == stalled)
		return 0;
	l->stalled = stalled;
	if (audit_number_encode(&l->out, MSG_STALLED, stalled) == -1)
		return -1;
	send_out(l);
	return 0;
}

static int commit(struct loop *l, const struct reached *reached)
{
	int64_t now = time_monotonic_ms();

	if (recorder_commit(&l->recorder, reached, now) == 0) {
		l->retry_ms = 0;
		l->retry_delay_ms = RETRY_FIRST_MS;
		if (reached->ms > l->done_ms)
			l->done_ms = reached->ms;
		return tell_stalled(l, false) == -1 ? -1 : answer(l, now);
	}
	if (l->recorder.store.db == NULL)
		return -1;
	l->retry_ms = time_monotonic_ms() + l->retry_delay_ms;
	l->retry_delay_ms = sooner(l->retry_delay_ms * 2, RETRY_LONGEST_MS);
	return tell_stalled(l, true);
}

/* All that came is committed. */
static int rest(struct loop *l, const struct reached *reached, bool drained, int64_t now)
{
	uint32_t dump = recorder_rest(&l->recorder, reached, drained, now);

	if (dump != 0 && audit_number_encode(&l->out, MSG_DUMP, dump) == -1)
		return -1;
	if (acknowledge(l, now, false) == -1)
		return -1;
	send_out(l);
	return 0;
}

/* Reads a batch and commits it, with whatever else there is. */
static int record_batch(struct loop *l, bool packets)
{
	struct reached reached = { -1, 0 };
	int64_t now = time_monotonic_ms(), due = drain_due(l);
	bool drained = false;
	struct error err;

	if (l->retry_ms > now)
		return 0;
	if (may_drain(l) && (packets || due <= now) && recorder_drain(&l->recorder, now, &drained, &reached, &err) == -1) {
		log_error("%s", err.text);
		return -1;
	}
	if (drained) {
		l->rest_ms = now + REST_MS;
		l->ends_rest_ms = now + ENDS_REST_MS;
	}
	if (drained || reached.ms >= 0)
		l->behind_ms = drained ? 0 : reached.ms;
	if ((recorder_has_work(&l->recorder) || due <= reached.ms) && commit(l, &reached) == -1)
		return -1;
	return l->retry_ms == 0 ? rest(l, &reached, drained, now) : 0;
}

/* --- checkpoints */

static int answer_askers(struct loop *l)
{
	for (size_t i = 0; i < l->asker_count; i++)
		if (audit_number_encode(&l->out, MSG_SYNCED, l->askers[i]) == -1)
			return -1;
	l->asker_count = 0;
	return 0;
}

/* Stores what was signed, asks for what is due, and answers who waited. */
static int sign(struct loop *l)
{
	struct recorder *r = &l->recorder;
	int64_t now = time_monotonic_ms();

	if (l->retry_ms != 0 || !r->loaded)
		return 0;
	if (r->signing.note.len > 0 && r->signing.store_ms <= now)
		signing_store(&r->signing, &r->store, now);
	if (signing_due(&r->signing, &r->store) <= now && r->signing.note.len == 0 &&
	    signing_ask(&r->signing, &r->store, now, &l->out) == -1)
		return -1;
	if (l->asker_count > 0 && signing_idle(&r->signing) && answer_askers(l) == -1)
		return -1;
	send_out(l);
	return 0;
}

/* Everything is committed: the last checkpoint is what is left to do. */
static bool finished(struct loop *l)
{
	struct recorder *r = &l->recorder;
	int64_t now = time_monotonic_ms();

	if (!l->finishing) {
		l->finishing = true;
		l->finish_ms = now + LAST_SIGNATURE_MS;
		l->stop_ms = NEVER;
		r->signing.wanted = r->signing.told && r->store.tree.edge.size > 0 && r->store.tree.commits > r->signing.commits;
	}
	return now >= l->finish_ms || (signing_idle(&r->signing) && l->asker_count == 0 && l->out.len == 0);
}

static void retain(struct loop *l)
{
	int64_t now = time_monotonic_ms();
	bool more;

	/* A flood leaves no better time: a step is short, and comes between two batches. */
	if (now < l->retain_ms || l->retry_ms != 0 || l->finishing)
		return;
	if (recorder_retain(&l->recorder, &more) == -1)
		more = false;
	l->retain_ms = now + (more ? RETAIN_STEP_MS : RETAIN_INTERVAL_MS);
}

/* hallowd is gone: what it said is committed.  The next recorder goes on with what waits in the NFLOG socket. */
static int finish(struct loop *l)
{
	const struct reached reached = { -1, 0 };

	if (recorder_has_work(&l->recorder) && recorder_commit(&l->recorder, &reached, time_monotonic_ms()) == -1)
		return -1;
	return 0;
}

/* 1 to go on, 0 when all is done, -1. */
static int turn(struct loop *l)
{
	bool packets;

	if (wait_for_work(l, &packets) == -1)
		return -1;
	if (l->gone)
		return finish(l);
	if (!l->finishing && record_batch(l, packets) == -1)
		return -1;
	if (sign(l) == -1)
		return -1;
	if ((l->finishing || l->done_ms >= l->stop_ms) && finished(l))
		return 0;
	retain(l);
	return 1;
}

static int run(struct loop *l)
{
	int more;

	if (audit_number_encode(&l->out, MSG_READY, l->recorder.committed_seq) == -1)
		return -1;
	send_out(l);
	l->told.seq = l->recorder.committed_seq;
	while ((more = turn(l)) == 1)
		;
	return more;
}

/* One recorder at a time: where hallowd was killed and is started again, the one before may still be at its last
 * transaction.  Waits for it.  The descriptor that holds the lock, or -1. */
static int lock_log(struct error *err)
{
	int fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), rc;

	if (fd == -1)
		return error_errno(err, errno, "%s cannot be opened", LOCK_FILE);
	do
		rc = flock(fd, LOCK_EX);
	while (rc == -1 && errno == EINTR);
	if (rc == 0)
		return fd;
	error_errno(err, errno, "%s cannot be locked", LOCK_FILE);
	close(fd);
	return -1;
}

int record_run(int sock, const struct sources *sources)
{
	struct loop l = { .sock = sock, .nflog = sources->nflog, .stop_ms = NEVER, .done_ms = -1, .retry_delay_ms = RETRY_FIRST_MS };
	struct error err;
	int result, lock = lock_log(&err);

	if (lock == -1 || recorder_init(&l.recorder, sources, &err) == -1) {
		log_error("%s", err.text);
		return -1; /* what is open is closed by the end of the process, which follows */
	}
	result = run(&l);
	recorder_free(&l.recorder);
	buffer_free(&l.in);
	buffer_free(&l.out);
	free(l.syncs);
	free(l.askers);
	close(lock);
	return result;
}
