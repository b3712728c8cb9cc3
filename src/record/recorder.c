#include "record/recorder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "record/mirrored.h"
#include "record/retention.h"

static int load(struct recorder *r)
{
	decider_forget(&r->decider);
	if (store_load(&r->store) == -1 || pools_load(&r->pools, &r->store) == -1 ||
	    elements_load(&r->elements, &r->store) == -1 || coverage_load(&r->coverage, &r->store) == -1 ||
	    opens_load(&r->opens, &r->store) == -1)
		return -1;
	r->loaded = true;
	r->committed_seq = r->store.state.seq;
	return 0;
}

int recorder_init(struct recorder *r, const struct sources *sources, struct error *err)
{
	memset(r, 0, sizeof(*r));
	r->report_due_ms = NEVER;
	evidence_init(&r->evidence);
	r->decider = (struct decider){ &r->store, &r->pools, &r->policies, &r->prefixes, NULL, 0 };
	if (nflog_init(&r->nflog, sources->nflog, err) == -1)
		return -1;
	r->nflog.evidence = &r->evidence;
	if (conntrack_init(&r->conntrack, sources->conntrack, err) == -1) {
		recorder_free(r);
		return -1;
	}
	r->opens.waiting = r->conntrack.fd != -1;
	if (store_open(&r->store) == 0 && load(r) == 0 &&
	    signing_load(&r->signing, &r->store, time_monotonic_ms()) == 0) {
		const struct store_state *state = &r->store.state;

		nflog_continue(&r->nflog, state->nflog_socket, state->nflog_seq, state->unreported);
		if (state->baseline && state->nflog_socket == 0)
			nflog_begin_anywhere(&r->nflog);
		return 0;
	}
	error_set(err, "%s", r->store.err.text);
	recorder_free(r);
	return -1;
}

static void drop_reading(struct recorder *r)
{
	audit_reading_free(&r->readings[0].reading);
	r->reading_count--;
	memmove(&r->readings[0], &r->readings[1], r->reading_count * sizeof(r->readings[0]));
}

void recorder_free(struct recorder *r)
{
	while (r->reading_count > 0)
		drop_reading(r);
	decider_free(&r->decider);
	coverage_free(&r->coverage);
	signing_free(&r->signing);
	elements_free(&r->elements);
	pools_free(&r->pools);
	policies_free(&r->policies);
	log_prefixes_free(&r->prefixes);
	nflog_free(&r->nflog);
	evidence_free(&r->evidence);
	conntrack_free(&r->conntrack);
	opens_free(&r->opens);
	buffer_free(&r->pending);
	store_close(&r->store);
}

/* --- taking in */

static int keep_message(struct recorder *r, const unsigned char *bytes, size_t len, struct error *err)
{
	return buffer_add(&r->pending, bytes, len) == 0 ? 0 : error_set(err, "no memory for a message of %zu bytes", len);
}

static int take_policy(struct recorder *r, struct message *m, struct error *err)
{
	struct audit_policy policy;

	if (audit_policy_decode(m, &policy) == -1)
		return error_set(err, "a policy from hallowd does not fit; is it of another version?");
	evidence_configure(&r->evidence, policy.evidence_packets, policy.evidence_size);
	if (policies_add(&r->policies, &policy) == -1) {
		audit_policy_free(&policy);
		return error_set(err, "no memory for a policy");
	}
	decider_forget(&r->decider);
	return 0;
}

/* The oldest keeps its place, so that readings that come faster than they can be settled do not put it off for ever;
 * of the others only the newest of an epoch is worth settling. */
static int take_reading(struct recorder *r, struct message *m, int64_t now_ms, struct error *err)
{
	struct waiting_reading new = { .due_ms = now_ms + SETTLE_MS };
	struct waiting_reading *last = &r->readings[r->reading_count > 0 ? r->reading_count - 1 : 0];

	if (audit_reading_decode(m, &new.reading) == -1)
		return error_set(err, "a reading from hallowd does not fit; is it of another version?");
	if (r->reading_count > 1 &&
	    (r->reading_count == READINGS_KEPT || strcmp(last->reading.epoch, new.reading.epoch) == 0)) {
		audit_reading_free(&last->reading);
		*last = new;
		return 0;
	}
	r->readings[r->reading_count++] = new;
	return 0;
}

int recorder_take(struct recorder *r, struct message *m, const unsigned char *bytes, size_t len, int64_t now_ms,
                  struct error *err)
{
	switch (m->type) {
	case MSG_EVENT:
	case MSG_REVISION:
	case MSG_MIRRORED:
		return keep_message(r, bytes, len, err);
	case MSG_POLICY:
		return take_policy(r, m, err) == -1 ? -1 : keep_message(r, bytes, len, err);
	case MSG_WITNESS:
	case MSG_SIGNED:
	case MSG_REFUSED:
		r->store.has_signer = true;
		return signing_take(&r->signing, m, now_ms) == 0 ? 0
		       : error_set(err, "a message about checkpoints from hallowd does not fit; is it of another version?");
	case MSG_READING:
		return take_reading(r, m, now_ms, err);
	default:
		return error_set(err, "a message of type %d from hallowd, which is not expected", (int)m->type);
	}
}

bool recorder_has_work(const struct recorder *r)
{
	return r->pending.len > 0 || r->nflog.count > 0 || endings_wait(&r->conntrack, &r->opens);
}

int64_t recorder_due(const struct recorder *r)
{
	int64_t due = r->reading_count == 0 ? NEVER : r->readings[0].due_ms;

	if (r->report_due_ms < due)
		due = r->report_due_ms;
	return r->opens.count > 0 && r->conntrack.dump_due_ms < due ? r->conntrack.dump_due_ms : due;
}

static void plan_report(struct recorder *r, int64_t now_ms)
{
	if (r->report_due_ms != NEVER || (r->nflog.unreported == 0 && r->nflog.overruns == 0 &&
	                                  r->conntrack.overruns == 0 && r->evidence.lost == 0))
		return;
	r->report_due_ms = now_ms + REPORT_DELAY_MS;
	if (r->report_due_ms < r->next_report_ms)
		r->report_due_ms = r->next_report_ms;
}

int recorder_drain(struct recorder *r, int64_t now_ms, bool *drained, struct reached *reached, struct error *err)
{
	time_us began = time_now();

	if (nflog_drain(&r->nflog, &r->prefixes, drained, err) == -1 ||
	    conntrack_drain(&r->conntrack, &r->opens, now_ms, err) == -1)
		return -1;
	plan_report(r, now_ms);
	*reached = (struct reached){ now_ms, began };
	if (!*drained && r->nflog.newest == 0)
		*reached = (struct reached){ -1, 0 };
	else if (!*drained && r->nflog.newest < began)
		*reached = (struct reached){ now_ms - (began - r->nflog.newest) / 1000, r->nflog.newest };
	return 0;
}

/* --- one transaction */

/* 1 where the message was committed before, 0 where it is new and its number is noted, -1. */
static int known_number(struct recorder *r, uint64_t seq)
{
	uint64_t last = r->store.state.seq;
	char detail[64];

	if (seq <= last)
		return 1;
	r->store.state.seq = seq;
	if (last == 0 || seq == last + 1)
		return 0;
	/* hallowd's spool was lost with them in it. */
	snprintf(detail, sizeof(detail), "{\"messages\":%" PRIu64 "}", seq - last - 1);
	return store_event(&r->store, time_now(), "lost", "spool", detail);
}

static int apply_event(struct recorder *r, struct message *m)
{
	struct audit_event e;
	int known = known_number(r, m->seq);

	if (known != 0)
		return known == 1 ? 0 : -1;
	if (audit_event_decode(m, &e) == -1)
		return store_event(&r->store, time_now(), "damaged", "hallowd", "{\"what\":\"an event that could not be"
			" read\"}");
	known = store_event(&r->store, e.time, e.kind, e.subject, e.detail);
	audit_event_free(&e);
	return known;
}

static int apply_revision(struct recorder *r, struct message *m)
{
	struct audit_revision revision;
	int known = known_number(r, m->seq);

	if (known != 0)
		return known == 1 ? 0 : -1;
	if (audit_revision_decode(m, &revision) == -1)
		return store_event(&r->store, time_now(), "damaged", "hallowd", "{\"what\":\"a revision that could not be"
			" read\"}");
	known = store_revision(&r->store, &revision);
	audit_revision_free(&revision);
	return known;
}

static int apply_mirrored(struct recorder *r, struct message *m)
{
	struct audit_mirrored_batch batch;
	int known = known_number(r, m->seq);

	if (known != 0)
		return known == 1 ? 0 : -1;
	if (audit_mirrored_decode(m, &batch) == -1)
		return store_event(&r->store, time_now(), "damaged", "hallowd", "{\"what\":\"connections that were only seen,"
			" which could not be read\"}");
	known = mirrored_write(&r->store, &batch);
	audit_mirrored_free(&batch);
	return known;
}

static int apply_policy(struct recorder *r, struct message *m)
{
	struct audit_policy policy;
	int result;

	if (audit_policy_decode(m, &policy) == -1)
		return store_no_memory(&r->store); /* it fitted when it was taken in */
	policy_sort(&policy);
	result = coverage_policy(&r->coverage, &r->store, &policy);
	audit_policy_free(&policy);
	return result;
}

static int apply(struct recorder *r, struct message *m)
{
	switch (m->type) {
	case MSG_EVENT:
		return apply_event(r, m);
	case MSG_REVISION:
		return apply_revision(r, m);
	case MSG_MIRRORED:
		return apply_mirrored(r, m);
	default:
		return apply_policy(r, m);
	}
}

static int apply_pending(struct recorder *r)
{
	struct buffer rest = r->pending; /* a view: nothing is added or freed through it */
	struct message m;
	size_t used;

	while (rest.len > 0 && message_next(&rest, MESSAGE_MAX_LIST, &m, &used) == 1) {
		if (apply(r, &m) == -1)
			return -1;
		rest.data += used;
		rest.len -= used;
	}
	return 0;
}

/* The end of what was let in is waited for. */
static int wait_for_end(struct recorder *r, const struct row *row)
{
	const struct flow flow = { row->source, row->destination, (uint16_t)row->source_port,
		                       (uint16_t)row->destination_port, row->protocol };

	if (row->source_port == PORT_UNKNOWN || row->destination_port == PORT_UNKNOWN)
		return 0;
	return opens_add(&r->opens, &r->store, &flow, r->store.state.last_id, row->time);
}

static int write_rows(struct recorder *r)
{
	struct decision decision;
	int64_t target;

	evidence_rows_begin(&r->evidence);
	for (size_t i = 0; i < r->nflog.count; i++) {
		const struct row *row = &r->nflog.rows[i];

		if (decide(&r->decider, row, &decision) == -1 ||
		    store_target(&r->store, &row->destination, row->destination_port, row->protocol, &target) == -1 ||
		    store_connection(&r->store, row, decision.id, target) == -1 ||
		    (decision.pool->verdict == VERDICT_ALLOW && wait_for_end(r, row) == -1))
			return -1;
		evidence_row(&r->evidence, i, r->store.state.last_id);
		if (decision.epoch == EPOCH_CURRENT)
			decision.pool->recorded++;
		else if (decision.epoch == EPOCH_NEWER)
			decision.pool->next++;
		else
			decision.pool->late++;
		decision.pool->changed = true;
	}
	return 0;
}

/* Settles the readings that are due.  `*settled` says how many. */
static int settle(struct recorder *r, const struct reached *reached, size_t *settled)
{
	for (*settled = 0; *settled < r->reading_count && r->readings[*settled].due_ms <= reached->ms; (*settled)++) {
		struct audit_reading *reading = &r->readings[*settled].reading;

		if (pools_settle(&r->pools, &r->store, &r->elements, &r->policies, reading, reached->time) == -1)
			return -1;
		if (r->policies.latest != NULL && strcmp(r->policies.latest->epoch, reading->epoch) == 0 &&
		    coverage_heartbeat(&r->coverage, &r->store, reading->time) == -1)
			return -1;
	}
	return 0;
}

/* The reason is a text of the C library's or of our own: nothing in it needs to be escaped. */
static int write_evidence_report(struct recorder *r)
{
	char detail[EVIDENCE_WHY_MAX + 64];

	if (r->evidence.lost == 0)
		return 0;
	snprintf(detail, sizeof(detail), "{\"packets\":%" PRIu64 ",\"reason\":\"%s\"}", r->evidence.lost, r->evidence.why);
	return store_event(&r->store, time_now(), "lost", EVIDENCE_FOLDER, detail);
}

static int write_report(struct recorder *r)
{
	char detail[96];

	if (r->conntrack.overruns > 0) {
		snprintf(detail, sizeof(detail), "{\"overruns\":%" PRIu64 "}", r->conntrack.overruns);
		if (store_event(&r->store, time_now(), "lost", "conntrack", detail) == -1)
			return -1;
	}
	if (write_evidence_report(r) == -1)
		return -1;
	if (r->nflog.unreported == 0 && r->nflog.overruns == 0)
		return 0;
	snprintf(detail, sizeof(detail), "{\"messages\":%" PRIu64 ",\"overruns\":%" PRIu64 "}", r->nflog.unreported,
	         r->nflog.overruns);
	return store_event(&r->store, time_now(), "lost", "nflog", detail);
}

/* A database that was only busy for a moment is not worth telling. */
static int write_stall(struct recorder *r)
{
	time_us now = time_now(), stalled = now - r->stalled_since;

	if (r->stalled_since == 0 || stalled < US_PER_SECOND)
		return 0;
	return store_stall(&r->store, now, stalled / US_PER_SECOND, r->stall.text);
}

static int write_all_of_it(struct recorder *r, const struct reached *reached, bool report, size_t *settled)
{
	struct store_state *state = &r->store.state;

	if (store_begin(&r->store) == -1 || apply_pending(r) == -1 || write_rows(r) == -1 ||
	    endings_write(&r->conntrack, &r->opens, &r->store) == -1 || settle(r, reached, settled) == -1)
		return -1;
	if ((report && write_report(r) == -1) || write_stall(r) == -1)
		return -1;
	state->nflog_socket = r->nflog.has_seq ? r->nflog.socket : 0;
	state->nflog_seq = r->nflog.last_seq;
	state->unreported = report ? 0 : r->nflog.unreported;
	if (blocks_behind(&r->store.blocks, state->last_id) &&
	    blocks_catch_up(&r->store.blocks, &r->store, state->last_id) == -1)
		return -1;
	return pools_save(&r->pools, &r->store) == -1 ? -1 : store_commit(&r->store);
}

static void committed(struct recorder *r, int64_t now_ms, bool reported, size_t settled)
{
	r->recorded += r->nflog.count;
	if (reported)
		r->evidence.lost = 0;
	evidence_committed(&r->evidence, r->nflog.rows, &r->prefixes);
	nflog_committed(&r->nflog);
	endings_committed(&r->conntrack);
	buffer_free(&r->pending);
	for (; settled > 0; settled--) {
		drop_reading(r);
		decider_forget(&r->decider); /* pools may be gone, the epoch another */
	}
	r->committed_seq = r->store.state.seq;
	if (reported) {
		r->nflog.unreported = r->nflog.overruns = r->conntrack.overruns = 0;
		r->report_due_ms = NEVER;
		r->next_report_ms = now_ms + REPORT_INTERVAL_MS;
	}
	if (r->stalled_since != 0)
		log_notice("%s takes rows again", AUDIT_FILE);
	r->stalled_since = 0;
}

/* Into the new file goes also what hallowd will not tell again: the policy. */
static void begin_anew(struct recorder *r)
{
	if (store_begin_anew(&r->store) == -1 ||
	    signing_load(&r->signing, &r->store, time_monotonic_ms()) == -1)
		log_error("a new audit log cannot be begun: %s", r->store.err.text);
	else if (r->policies.latest != NULL && audit_policy_encode(&r->pending, r->policies.latest) == -1)
		log_error("no memory for the policy in the new audit log");
}

static void refused(struct recorder *r)
{
	store_rollback(&r->store);
	endings_refused(&r->conntrack, time_monotonic_ms());
	r->loaded = false;
	if (r->stalled_since == 0) {
		r->stalled_since = time_now();
		r->stall = r->store.err;
		log_warning("nothing can be recorded: %s; packets wait in the socket, events with hallowd", r->store.err.text);
	}
	if (store_damaged(&r->store))
		begin_anew(r);
}

int recorder_commit(struct recorder *r, const struct reached *reached, int64_t now_ms)
{
	bool report = r->report_due_ms <= now_ms;
	size_t settled;

	if ((r->loaded || load(r) == 0) && write_all_of_it(r, reached, report, &settled) == 0) {
		committed(r, now_ms, report, settled);
		return 0;
	}
	refused(r);
	return -1;
}

uint32_t recorder_rest(struct recorder *r, const struct reached *reached, bool drained, int64_t now_ms)
{
	endings_drop_strangers(&r->conntrack, reached->ms);
	/* Rows that are not read yet would be taken for connections that the dump does not have. */
	return drained && r->loaded ? conntrack_wants_dump(&r->conntrack, &r->opens, now_ms) : 0;
}

/* A step of reading rows that are in no block yet. */
static int catch_up(struct recorder *r)
{
	struct store *s = &r->store;

	if (store_begin(s) == 0 && blocks_catch_up(&s->blocks, s, s->state.last_id) == 0 && store_commit(s) == 0)
		return 0;
	refused(r);
	return -1;
}

/* In steps of a thousandth, at most an hour: each row would else be announced on its own. */
static time_us retention_cutoff(time_us now, int64_t seconds)
{
	int64_t step = seconds / 1000 < 1 ? 1 : seconds / 1000 > 3600 ? 3600 : seconds / 1000;
	time_us cutoff = now - seconds * US_PER_SECOND;

	return cutoff - cutoff % (step * US_PER_SECOND);
}

int recorder_retain(struct recorder *r, bool *more)
{
	const struct audit_policy *p = r->policies.latest;
	time_us cutoff = INT64_MIN;

	*more = false;
	if (!r->loaded)
		return 0;
	/* Whoever asks finds a log, even where nothing happens that would be written. */
	if (store_gone(&r->store)) {
		refused(r);
		return -1;
	}
	if (blocks_behind(&r->store.blocks, r->store.state.last_id)) {
		*more = true;
		return catch_up(r);
	}
	if (p == NULL || (p->retention_seconds <= 0 && p->max_bytes == 0))
		return 0;
	if (r->awaiting_signature && !signing_idle(&r->signing)) {
		*more = true;
		return 0;
	}
	if (p->retention_seconds > 0)
		cutoff = retention_cutoff(time_now(), p->retention_seconds);
	if (retention_step(&r->store, cutoff, p->max_bytes, more) == 0) {
		/* What was announced goes once hallowd has signed that, which takes it a moment. */
		bool announced = r->store.announced && r->store.has_signer;

		r->signing.wanted = r->signing.wanted || announced;
		r->awaiting_signature = announced && !*more;
		*more = *more || announced;
		r->store.announced = false;
		if (r->retiring && !*more)
			retention_end(&r->store);
		r->retiring = *more;
		return 0;
	}
	refused(r);
	return -1;
}
