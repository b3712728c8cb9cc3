/* The audit log: on disk, and signed. */
#include "config/config.h"
#include "core/control.h"
#include "core/file.h"
#include "daemon/enforce.h"
#include "daemon/verbs.h"

static void synced(void *ctx, bool on_disk)
{
	request_answer(ctx, EXIT_DONE, json_pack("{s:b}", "on_disk", on_disk));
}

void verb_sync(struct request *r)
{
	if (r->d->recorder == NULL) {
		synced(r, false);
		return;
	}
	enforce_tell_counters(r->d);
	recorder_sync(r->d->recorder, synced, r);
}

/* What is in state_dir/checkpoint now, unless it could not be signed. */
static void checkpoint_done(void *ctx, bool on_disk)
{
	struct request *r = ctx;
	struct buffer note = BUFFER_INIT;
	struct signer_state state;
	struct error err;
	const char *text;

	signer_state(r->d->signer, &state);
	if (!on_disk)
		request_fail(r, EXIT_FAILED, "hallowd-record did not answer: there is no new checkpoint");
	else if (state.trouble[0] != '\0')
		request_fail(r, state.refused ? EXIT_NOT_VERIFIED : EXIT_FAILED, "no checkpoint was signed: %s", state.trouble);
	else if (file_read(r->d->state_fd, CHECKPOINT_FILE, NOTE_MAX, &note, &err) == -1)
		request_fail(r, EXIT_FAILED, "%s", err.text);
	else if ((text = buffer_str(&note)) == NULL)
		request_fail(r, EXIT_FAILED, "no memory");
	else
		request_answer(r, EXIT_DONE, json_pack("{s:s}", "checkpoint", text));
	buffer_free(&note);
}

void verb_checkpoint(struct request *r)
{
	enforce_tell_counters(r->d);
	recorder_checkpoint(r->d->recorder, checkpoint_done, r);
}

static void rotated(void *ctx, bool on_disk)
{
	(void)on_disk;
	request_answer(ctx, EXIT_DONE, json_pack("{s:s}", "text", "another key signs checkpoints from now on; "
	                                                          "state_dir/audit.pub has it in its last line"));
}

void verb_rotate_key(struct request *r)
{
	struct error err;

	if (signer_rotate(r->d->signer, r->user, r->words[1], &err) == -1)
		request_fail(r, EXIT_FAILED, "the key was not changed: %s", err.text);
	else
		recorder_checkpoint(r->d->recorder, rotated, r);
}
