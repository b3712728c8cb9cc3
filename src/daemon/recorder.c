#include "daemon/recorder.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/checkpoint_message.h"
#include "core/log.h"
#include "daemon/folders.h"
#include "daemon/program.h"
#include "daemon/spool.h"
#include "kernel/kernel.h"

#define FIRST_DELAY_MS 100
#define LONGEST_DELAY_MS 2000
#define HEALTHY_MS 60000 /* having lived that long, the next death starts over */
#define SYNC_TIMEOUT_MS 5000
#define READING_BACKLOG (4u << 20) /* readings are left out while this much waits for a recorder that does not read */

#define MIRRORED_BACKLOG 256 /* messages that wait in the spool, each of at most some 100 KiB */

struct sync {
	uint64_t id;
	recorder_synced *done;
	void *ctx;
	unsigned timer;
	struct recorder *r;
	struct sync *next;
};

struct recorder {
	struct loop *loop;
	int folder_fd; /* what hallowd-record works in */
	int nflog_fd, conntrack_fd;
	struct spool *spool;
	struct signer *signer; /* NULL: nobody signs */

	struct program program;
	bool greeted, stopping, stalled;
	struct buffer policy;          /* the message to tell a new recorder */
	uint64_t sent;                 /* the last sequence number that this process was told */
	int64_t started_ms;
	int64_t delay_ms;
	unsigned restart_timer;
	unsigned deaths;
	struct audit_ack last_ack;
	int64_t acked_ms;              /* when it came */
	int64_t idle_ms;               /* since when nothing is recorded: stalled, or no recorder; 0: all is well */
	struct sync *syncs;
	uint64_t last_sync;
	recorder_heard *heard; /* NULL: nobody listens */
	void *heard_ctx;
	recorder_ready *ready; /* NULL: nobody waits */
	void *ready_ctx;
};

static channel_message said;
static program_ended ended;

int recorder_open(struct loop *loop, struct reaper *reaper, int state_fd, struct recorder **out, struct error *err)
{
	struct recorder *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return error_errno(err, ENOMEM, "the recorder");
	r->loop = loop;
	r->nflog_fd = r->conntrack_fd = -1;
	r->delay_ms = FIRST_DELAY_MS;
	program_init(&r->program, loop, reaper, MESSAGE_MAX_DEFAULT, said, ended, r);
	if (folders_open_recorder(state_fd, &r->folder_fd, err) == -1) {
		free(r);
		return -1;
	}
	if (spool_open(state_fd, &r->spool, err) == -1) {
		close(r->folder_fd);
		free(r);
		return -1;
	}
	*out = r;
	return 0;
}

void recorder_listen(struct recorder *r, recorder_heard *heard, void *ctx)
{
	r->heard = heard;
	r->heard_ctx = ctx;
}

/* It has greeted, and is not about to end. */
static bool is_ready(const struct recorder *r)
{
	return r->greeted && r->program.channel.sock != -1;
}

static void tell_listener(struct recorder *r, time_us when, const char *kind, const char *subject, const char *detail)
{
	if (r->heard != NULL)
		r->heard(r->heard_ctx, when, kind, subject, detail);
}

static void got_ack(struct recorder *r, const struct audit_ack *ack)
{
	char detail[64];

	if (ack->lost > r->last_ack.lost) {
		snprintf(detail, sizeof(detail), "{\"messages\":%llu}", (unsigned long long)(ack->lost - r->last_ack.lost));
		tell_listener(r, time_now(), "lost", "nflog", detail);
	}
	r->last_ack = *ack;
	spool_acked(r->spool, ack->seq);
}

static void got_stalled(struct recorder *r, bool stalled)
{
	if (stalled && !r->stalled)
		tell_listener(r, time_now(), "stalled", "audit.db", "{}");
	r->stalled = stalled;
}

/* Takes the sync out of the list, frees it and tells its asker. */
static void sync_done(struct recorder *r, struct sync *s, bool on_disk)
{
	struct sync **at = &r->syncs;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	loop_cancel(r->loop, s->timer);
	s->done(s->ctx, on_disk);
	free(s);
}

static void all_syncs_done(struct recorder *r, bool on_disk)
{
	while (r->syncs != NULL)
		sync_done(r, r->syncs, on_disk);
}

void recorder_close(struct recorder *r)
{
	if (r == NULL)
		return;
	loop_cancel(r->loop, r->restart_timer);
	all_syncs_done(r, false);
	program_release(&r->program);
	spool_close(r->spool);
	close(r->folder_fd);
	buffer_free(&r->policy);
	free(r);
}

/* --- checkpoints */

void recorder_sign_with(struct recorder *r, struct signer *signer)
{
	r->signer = signer;
}

static void tell_witness(struct recorder *r)
{
	const char *log;
	uint64_t size;

	if (r->signer == NULL)
		return;
	signer_last(r->signer, &log, &size);
	if (witness_encode(&r->program.channel.out, log, size) == -1)
		log_error("no memory to tell hallowd-record what was signed");
}

static void got_sign(struct recorder *r, struct message *m)
{
	struct checkpoint_request request;
	struct buffer note = BUFFER_INIT;
	struct error err = { "nobody signs" };
	int result;

	if (checkpoint_request_decode(m, &request) == -1) {
		log_warning("hallowd-record asked for a checkpoint in a way that is not expected");
		return;
	}
	if (r->signer != NULL && signer_sign(r->signer, &request, &note, &err) == 0)
		result = signed_encode(&r->program.channel.out, note.data, note.len);
	else
		result = refused_encode(&r->program.channel.out, err.text);
	if (result == -1)
		log_error("no memory to answer hallowd-record about a checkpoint");
	tell_witness(r);
	checkpoint_request_free(&request);
	buffer_free(&note);
}

static void note_idle(struct recorder *r, bool idle)
{
	if (!idle)
		r->idle_ms = 0;
	else if (r->idle_ms == 0)
		r->idle_ms = time_monotonic_ms();
}

static void got_message(struct recorder *r, struct message *m)
{
	struct audit_ack ack;
	uint64_t id;

	switch (m->type) {
	case MSG_ACK:
		if (audit_ack_decode(m, &ack) == 0)
			got_ack(r, &ack);
		r->acked_ms = time_monotonic_ms();
		return;
	case MSG_SYNCED:
		if (audit_number_decode(m, &id) == -1)
			return;
		for (struct sync *s = r->syncs; s != NULL; s = s->next)
			if (s->id == id) {
				sync_done(r, s, true);
				return;
			}
		return;
	case MSG_SIGN:
		got_sign(r, m);
		return;
	case MSG_DUMP:
		if (audit_number_decode(m, &id) == -1 || conntrack_dump(r->conntrack_fd, (uint32_t)id) == -1)
			log_warning("the kernel cannot be asked for its connections: %s", strerror(errno));
		return;
	case MSG_STALLED:
		if (audit_number_decode(m, &id) == 0) {
			got_stalled(r, id != 0);
			note_idle(r, id != 0);
		}
		return;
	default:
		log_warning("hallowd-record sent a message of type %d, which is not expected", (int)m->type);
	}
}

/* What this process has not been told yet. */
static void send_spool(struct recorder *r)
{
	size_t count;
	const struct spooled *waiting = spool_waiting(r->spool, &count);

	for (size_t i = 0; i < count; i++) {
		if (waiting[i].seq <= r->sent)
			continue;
		if (buffer_add(&r->program.channel.out, waiting[i].bytes.data, waiting[i].bytes.len) == -1)
			return;
		r->sent = waiting[i].seq;
	}
}

static void got_ready(struct recorder *r, struct message *m)
{
	uint64_t seq;

	if (m->type != MSG_READY || audit_number_decode(m, &seq) == -1) {
		log_error("hallowd-record did not greet as it should; is it of another version");
		if (r->program.pid != 0) /* 0: these are its last words */
			kill(r->program.pid, SIGTERM);
		return;
	}
	r->greeted = true;
	note_idle(r, false);
	spool_recorder_has(r->spool, seq);
	tell_witness(r);
	r->sent = seq;
	if (r->policy.len > 0 && buffer_add(&r->program.channel.out, r->policy.data, r->policy.len) == -1)
		log_error("no memory to tell hallowd-record the policy");
	send_spool(r);
	if (r->ready != NULL)
		r->ready(r->ready_ctx);
	r->ready = NULL;
}

void recorder_when_ready(struct recorder *r, recorder_ready *ready, void *ctx)
{
	r->ready = ready;
	r->ready_ctx = ctx;
	if (is_ready(r))
		ready(ctx);
}

static bool said(void *ctx, struct message *m)
{
	struct recorder *r = ctx;

	if (r->greeted)
		got_message(r, m);
	else
		got_ready(r, m);
	return true;
}

static void start(void *ctx);

static void ended(void *ctx, int status, const char *how)
{
	struct recorder *r = ctx;

	r->greeted = r->stalled = false;
	note_idle(r, true);
	r->last_ack = (struct audit_ack){ 0 };
	if (r->stopping) {
		all_syncs_done(r, status == 0);
		return;
	}
	all_syncs_done(r, false);
	r->deaths++;
	if (time_monotonic_ms() - r->started_ms > HEALTHY_MS)
		r->delay_ms = FIRST_DELAY_MS;
	log_error("hallowd-record %s; it is started again in %lld ms, logged packets wait in its socket", how,
	          (long long)r->delay_ms);
	recorder_event(r, "child-died", "hallowd-record", json_pack("{s:s}", "how", how));
	r->restart_timer = loop_after(r->loop, r->delay_ms, start, r);
	r->delay_ms = r->delay_ms * 2 > LONGEST_DELAY_MS ? LONGEST_DELAY_MS : r->delay_ms * 2;
}

static void start(void *ctx)
{
	struct recorder *r = ctx;
	struct process_inherits inherits = { -1, { r->nflog_fd, r->conntrack_fd, -1, -1 }, r->folder_fd };
	struct error err;

	r->restart_timer = 0;
	r->started_ms = time_monotonic_ms();
	if (program_start(&r->program, "hallowd-record", &inherits, &err) == 0)
		return;
	log_error("%s", err.text);
	r->restart_timer = loop_after(r->loop, LONGEST_DELAY_MS, start, r);
}

void recorder_start(struct recorder *r, int nflog_fd, int conntrack_fd)
{
	note_idle(r, true);
	r->nflog_fd = nflog_fd;
	r->conntrack_fd = conntrack_fd;
	start(r);
}

static void tell_waiting(struct recorder *r)
{
	if (!is_ready(r))
		return;
	send_spool(r);
	channel_send(&r->program.channel);
}

void recorder_event_at(struct recorder *r, time_us when, const char *kind, const char *subject, json_t *detail)
{
	char *text = detail == NULL ? NULL : json_dumps(detail, JSON_COMPACT);
	struct audit_event e = {
		.time = when,
		.kind = (char *)(uintptr_t)kind,
		.subject = (char *)(uintptr_t)(subject == NULL ? "" : subject),
		.detail = text == NULL ? (char *)(uintptr_t)"{}" : text,
	};
	struct buffer message = BUFFER_INIT;
	struct error err;

	if (audit_event_encode(&message, spool_next(r->spool), &e) == -1)
		log_error("event %s is lost: no memory", kind);
	else if (spool_add(r->spool, &message, &err) == -1)
		log_error("%s", err.text);
	tell_listener(r, when, kind, e.subject, e.detail);
	free(text);
	json_decref(detail);
	tell_waiting(r);
}

void recorder_event(struct recorder *r, const char *kind, const char *subject, json_t *detail)
{
	recorder_event_at(r, time_now(), kind, subject, detail);
}

void recorder_revision(struct recorder *r, const struct audit_revision *revision)
{
	struct buffer message = BUFFER_INIT;
	struct error err;

	if (audit_revision_encode(&message, spool_next(r->spool), revision) == -1)
		log_error("revision %llu of list %s is not in the audit log: no memory", (unsigned long long)revision->revision,
		          revision->list);
	else if (spool_add(r->spool, &message, &err) == -1)
		log_error("%s", err.text);
	tell_waiting(r);
}

int recorder_mirrored(struct recorder *r, const struct audit_mirrored_batch *b)
{
	struct buffer message = BUFFER_INIT;
	struct error err;
	size_t waiting;

	spool_waiting(r->spool, &waiting);
	/* What happens is worth more than what was seen: the rest of the spool is for that. */
	if (waiting > MIRRORED_BACKLOG || audit_mirrored_encode(&message, spool_next(r->spool), b) == -1)
		return -1;
	if (spool_add(r->spool, &message, &err) == -1)
		log_error("%s", err.text);
	tell_waiting(r);
	return 0;
}

void recorder_policy(struct recorder *r, const struct audit_policy *policy)
{
	struct buffer message = BUFFER_INIT;

	if (audit_policy_encode(&message, policy) == -1) {
		log_error("hallowd-record cannot be told the policy: no memory");
		return;
	}
	buffer_free(&r->policy);
	r->policy = message;
	if (!is_ready(r))
		return;
	if (buffer_add(&r->program.channel.out, r->policy.data, r->policy.len) == -1)
		log_error("hallowd-record cannot be told the policy: no memory");
	channel_send(&r->program.channel);
}

void recorder_reading(struct recorder *r, const struct audit_reading *reading)
{
	if (!is_ready(r) || r->program.channel.out.len > READING_BACKLOG)
		return;
	if (audit_reading_encode(&r->program.channel.out, reading) == -1)
		log_error("hallowd-record cannot be told the counters: no memory");
	channel_send(&r->program.channel);
}

static void sync_late(void *ctx)
{
	struct sync *s = ctx;

	s->timer = 0;
	sync_done(s->r, s, false);
}

static void ask(struct recorder *r, enum message_type type, recorder_synced *done, void *ctx)
{
	struct sync *s = r->program.pid == 0 ? NULL : calloc(1, sizeof(*s));

	if (s == NULL) {
		done(ctx, false);
		return;
	}
	*s = (struct sync){ .id = ++r->last_sync, .done = done, .ctx = ctx, .r = r, .next = r->syncs };
	r->syncs = s;
	s->timer = loop_after(r->loop, SYNC_TIMEOUT_MS, sync_late, s);
	if (type == MSG_CHECKPOINT ? checkpoint_ask_encode(&r->program.channel.out, s->id) == -1
	                           : audit_number_encode(&r->program.channel.out, type, type == MSG_SYNC ? s->id : 0) == -1)
		sync_done(r, s, false);
	else
		channel_send(&r->program.channel);
}

void recorder_sync(struct recorder *r, recorder_synced *done, void *ctx)
{
	if (is_ready(r))
		ask(r, MSG_SYNC, done, ctx);
	else
		done(ctx, false);
}

void recorder_checkpoint(struct recorder *r, recorder_synced *done, void *ctx)
{
	if (is_ready(r) && r->signer != NULL)
		ask(r, MSG_CHECKPOINT, done, ctx);
	else
		done(ctx, false);
}

void recorder_stop(struct recorder *r, recorder_synced *done, void *ctx)
{
	loop_cancel(r->loop, r->restart_timer);
	r->restart_timer = 0;
	r->stopping = true;
	ask(r, MSG_STOP, done, ctx);
}

/* A recorder that is behind and says nothing more is behind by the time since, too. */
static int64_t behind_ms(const struct recorder *r)
{
	int64_t now = time_monotonic_ms();

	if (r->idle_ms != 0)
		return now - r->idle_ms;
	return r->last_ack.behind_ms == 0 ? 0 : (int64_t)r->last_ack.behind_ms + now - r->acked_ms;
}

void recorder_state(const struct recorder *r, struct recorder_state *state)
{
	size_t waiting;

	spool_waiting(r->spool, &waiting);
	*state = (struct recorder_state){
		.running = is_ready(r),
		.stalled = r->stalled,
		.pid = r->program.pid,
		.deaths = r->deaths,
		.recorded = r->last_ack.recorded,
		.lost = r->last_ack.lost,
		.behind_ms = behind_ms(r),
		.idle_ms = r->idle_ms == 0 ? 0 : time_monotonic_ms() - r->idle_ms,
		.waiting = waiting,
		.dropped = spool_dropped(r->spool),
		.spool_good = spool_file_good(r->spool),
	};
}
