#include "daemon/signer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/log.h"
#include "integrity/merkle.h"

struct signer {
	int state_fd;
	signer_config *config;
	signer_event *event;
	void *ctx;
	bool has_last;
	struct checkpoint last;
	char log[32];               /* of the last one: what stands behind the '/' */
	struct error unreadable;    /* why state_dir/checkpoint cannot be believed; "" where it can */
	struct error trouble;
	bool refused;
	const char *rotated_by;     /* while somebody has the key changed; NULL: the configuration does */
	uint64_t told_size;         /* a refusal is told once, not each minute */
};

static void tell(struct signer *s, const char *kind, const char *subject, json_t *detail)
{
	s->event(s->ctx, kind, subject, detail);
}

/* --- what was signed last */

static void remember(struct signer *s, const struct checkpoint *c)
{
	const char *slash = strrchr(c->origin, '/');

	s->last = *c;
	s->has_last = true;
	snprintf(s->log, sizeof(s->log), "%s", slash == NULL ? "" : slash + 1);
}

static void load_last(struct signer *s)
{
	struct buffer note = BUFFER_INIT;
	struct checkpoint c;
	struct error err;

	if (file_read(s->state_fd, CHECKPOINT_FILE, NOTE_MAX, &note, &err) == -1) {
		if (errno != ENOENT)
			s->unreadable = err;
	} else if (checkpoint_parse(&c, (const char *)note.data, note.len, &err) == -1) {
		error_set(&s->unreadable, CHECKPOINT_FILE " in state_dir is %s; it is what the audit log is held against: find"
		          " out who changed it, then move it away", err.text);
	} else if (!signing_key_knows(s->state_fd, (const char *)note.data, note.len)) {
		error_set(&s->unreadable, CHECKPOINT_FILE " in state_dir is signed by no key of " PUBLIC_KEYS_FILE "; find out who"
		          " changed them, then move it away");
	} else {
		remember(s, &c);
	}
	buffer_free(&note);
}

struct signer *signer_new(int state_fd, signer_config *config, signer_event *event, void *ctx)
{
	struct signer *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	*s = (struct signer){ .state_fd = state_fd, .config = config, .event = event, .ctx = ctx };
	load_last(s);
	return s;
}

void signer_free(struct signer *s)
{
	free(s);
}

void signer_last(const struct signer *s, const char **log, uint64_t *size)
{
	*log = s->has_last ? s->log : "";
	*size = s->has_last ? s->last.size : 0;
}

/* --- judging */

static bool is_log_name(const char *log)
{
	return strlen(log) == 16 && strspn(log, "0123456789abcdef") == 16;
}

/* A contradiction to what was signed; always -1. */
static int refuse(struct signer *s, const struct checkpoint_request *r, struct error *err, const char *why)
{
	s->refused = true;
	error_set(err, "%s (signed last: %" PRIu64 " rows, %" PRIu64 " commits; shown: %" PRIu64 " rows, %" PRIu64 " commits)",
	          why, s->last.size, s->last.commits, r->size, r->commits);
	return -1;
}

/* The paths of the two structs are the same bytes. */
_Static_assert(sizeof(struct hash) == CHECKPOINT_HASH_SIZE, "a hash");

static int judge_continuation(struct signer *s, const struct checkpoint_request *r, struct error *err)
{
	struct hash path[CHECKPOINT_PATH_MAX], root;

	memcpy(path, r->path, sizeof(path));
	memcpy(root.bytes, r->root, HASH_SIZE);
	if (r->size < s->last.size || r->commits < s->last.commits)
		return refuse(s, r, err, "the audit log has less in it than was signed: its end was cut off, or an older copy was"
			" put in its place");
	if (r->old != s->last.size ||
	    !merkle_check_consistency(s->last.size, &s->last.root, r->size, &root, path, r->path_count))
		return refuse(s, r, err, "the audit log does not continue what was signed: rows were changed");
	return 0;
}

static int judge(struct signer *s, const struct checkpoint_request *r, struct error *err)
{
	s->refused = false;
	if (s->unreadable.text[0] != '\0')
		return error_set(err, "%s", s->unreadable.text);
	if (!is_log_name(r->log) || r->size == 0 || r->size >> 63 != 0 || r->path_count > CHECKPOINT_PATH_MAX)
		return error_set(err, "hallowd-record asked for a checkpoint of something that is no audit log");
	if (s->has_last && strcmp(s->log, r->log) == 0)
		return judge_continuation(s, r, err);
	return 0;
}

/* --- signing */

static void key_changed(void *ctx, const struct note_key *old, const struct note_key *new, const char *note,
                        const char *why)
{
	char before[NOTE_KEY_MAX], after[NOTE_KEY_MAX];
	struct signer *s = ctx;

	note_key_format(new, after);
	if (old == NULL) {
		/* The event tells it for good; a first run from cron has nothing that a person must know. */
		log_info("checkpoints of the audit log are signed by the new key %s", after);
		tell(s, "key-made", new->name, json_pack("{s:s}", "key", after));
		return;
	}
	note_key_format(old, before);
	log_notice("checkpoints of the audit log are signed by %s from now on, no more by %s", after, before);
	tell(s, "key-rotated", new->name, json_pack("{s:s, s:s, s:s, s:s, s:s}", "old", before, "new", after, "by",
	                                            s->rotated_by != NULL ? s->rotated_by : "configuration", "reason", why, "note",
	                                            note));
}

static struct signing_keys keys(struct signer *s)
{
	const struct config *c = s->config(s->ctx);

	return (struct signing_keys){ s->state_fd, c->state_dir, &c->audit, key_changed, s };
}

static int make_note(struct signer *s, const struct checkpoint *c, struct buffer *note, struct error *err)
{
	struct signing_keys k = keys(s);
	struct note_signer signer;
	struct checkpoint named = *c;
	int result = -1;

	if (signing_key_load(&k, &signer, err) == -1)
		return -1;
	snprintf(named.origin, sizeof(named.origin), "%s/%.16s", signer.key.name, c->origin);
	/* The log has its name from the key that began it. */
	if (s->has_last && strcmp(s->log, c->origin) == 0)
		memcpy(named.origin, s->last.origin, sizeof(named.origin));
	if (checkpoint_encode(&named, note) == -1 || note_sign(note, &signer) == -1)
		error_errno(err, ENOMEM, "a checkpoint");
	else if (!note_signed_by((const char *)note->data, note->len, &signer.key))
		error_set(err, "the signature that was just made is wrong");
	else
		result = 0;
	note_signer_wipe(&signer);
	return result;
}

/* The last checkpoint of the log before stays as evidence. */
static void begin_log(struct signer *s, const struct checkpoint_request *r)
{
	char kept[64];

	if (!s->has_last || strcmp(s->log, r->log) == 0)
		return;
	snprintf(kept, sizeof(kept), CHECKPOINT_FILE ".%s", s->log);
	if (renameat(s->state_fd, CHECKPOINT_FILE, s->state_fd, kept) == -1)
		snprintf(kept, sizeof(kept), "(lost: %s)", strerror(errno));
	log_warning("the audit log is another one than was signed before: %s now, %s until then; the last checkpoint of that"
	            " is state_dir/%s", r->log, s->log, kept);
	tell(s, "log-begun", r->log, json_pack("{s:s, s:I, s:s}", "before", s->log, "rows_before",
	                                       (json_int_t)s->last.size, "checkpoint", kept));
}

static int sign(struct signer *s, const struct checkpoint_request *r, struct buffer *note, struct error *err)
{
	struct checkpoint c = { .size = r->size, .time = time_now(), .commits = r->commits, .kept = r->kept };

	snprintf(c.origin, sizeof(c.origin), "%s", r->log);
	memcpy(c.root.bytes, r->root, HASH_SIZE);
	memcpy(c.open.bytes, r->open, HASH_SIZE);
	if (make_note(s, &c, note, err) == -1)
		return -1;
	begin_log(s, r);
	if (file_write_atomic(s->state_fd, CHECKPOINT_FILE, 0644, note->data, note->len, err) == -1)
		return error_prefix(err, "the checkpoint in state_dir");
	if (checkpoint_parse(&c, (const char *)note->data, note->len, err) == -1)
		return -1;
	remember(s, &c);
	return 0;
}

static void tell_trouble(struct signer *s, const struct checkpoint_request *r, const struct error *err)
{
	if (strcmp(s->trouble.text, err->text) != 0)
		log_error("no checkpoint was signed: %s", err->text);
	if (s->refused && s->told_size != s->last.size + 1) {
		s->told_size = s->last.size + 1;
		tell(s, "checkpoint-refused", r->log, json_pack("{s:s}", "reason", err->text));
	}
	s->trouble = *err;
}

int signer_sign(struct signer *s, const struct checkpoint_request *r, struct buffer *note, struct error *err)
{
	if (judge(s, r, err) == 0 && sign(s, r, note, err) == 0) {
		s->trouble.text[0] = '\0';
		s->told_size = 0;
		return 0;
	}
	tell_trouble(s, r, err);
	return -1;
}

int signer_rotate(struct signer *s, const char *by, const char *why, struct error *err)
{
	struct signing_keys k = keys(s);
	int result;

	s->rotated_by = by;
	result = signing_key_rotate(&k, why, err);
	s->rotated_by = NULL;
	return result;
}

void signer_state(const struct signer *s, struct signer_state *state)
{
	*state = (struct signer_state){
		.trouble = s->trouble.text[0] != '\0' ? s->trouble.text : s->unreadable.text,
		.refused = s->refused,
		.has_last = s->has_last,
		.last = s->last,
	};
}
