/* Checkpoints of the audit log, to be kept elsewhere, and the key that signs them. */
#include <stdio.h>
#include <string.h>

#include "ctl/answer.h"
#include "ctl/daemon.h"
#include "ctl/keys.h"

static void show_note(struct ctl *ctl, const json_t *result)
{
	(void)ctl;
	fputs(answer_text(result, "checkpoint"), stdout);
}

/* Nobody runs who could sign another one. */
static int show_newest(struct ctl *ctl)
{
	struct buffer note = BUFFER_INIT;
	char path[PATH_MAX];
	json_t *result;
	int code = EXIT_FAILED;

	switch (note_kept(ctl->config->state_dir, &note, path)) {
	case 0:
		ctl_fail(0, "no checkpoint was signed yet; hallowd signs the first one when it runs");
		break;
	case 1:
		ctl_fail(0, "hallowd does not run: this is the newest checkpoint that it signed");
		result = json_pack("{s:s%}", "checkpoint", note.data, note.len);
		answer_present(ctl, result, show_note);
		json_decref(result);
		code = EXIT_DONE;
	}
	buffer_free(&note);
	return code;
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	static const char *const words[] = { "checkpoint" };
	int code = ctl_config(ctl);

	(void)args;
	if (code != 0)
		return code;
	return daemon_runs(ctl) ? daemon_ask_and_show(ctl, words, 1, JSON_OBJECT, show_note) : show_newest(ctl);
}

const struct verb verb_checkpoint = {
	.name = "checkpoint",
	.words = "",
	.summary = "sign and print a checkpoint, to be kept elsewhere",
	.about = "Has hallowd sign what the audit log is now, and prints it: a short text (a C2SP checkpoint).  Kept\n"
	         "where nobody of this host can change it, it shows whatever is changed later in what is recorded\n"
	         "until now: 'hallowctl verify --against FILE'.  Without a running hallowd, the newest is printed.\n",
	.examples = "  hallowctl checkpoint | ssh safe 'cat >checkpoints/$(date +%F)'\n"
	            "  hallowctl checkpoint >checkpoint && hallowctl verify --against checkpoint\n",
	.formats = "text, json",
	.looks = true,
	.run = run,
};

enum { REASON };

static const struct verb_option rotate_options[] = {
	[REASON] = { "reason", "TEXT", "why; it goes into the audit log" },
	{ NULL, NULL, NULL },
};

static void show_text(struct ctl *ctl, const json_t *result)
{
	(void)ctl;
	answer_show_text(result);
}

static int run_rotate(struct ctl *ctl, const struct arguments *args)
{
	const char *words[] = { "rotate-key", args->option[REASON] };

	if (words[1] == NULL || *words[1] == '\0')
		return ctl_fail(EXIT_USAGE, "rotate-key needs --reason TEXT, so that the audit log says why");
	return daemon_ask_and_show(ctl, words, 2, JSON_OBJECT, show_text);
}

const struct verb verb_rotate_key = {
	.name = "rotate-key",
	.words = "--reason TEXT",
	.summary = "another key signs checkpoints from now on",
	.about = "Makes a new key in the file of audit.signing_key (state_dir/audit.key where none is configured)\n"
	         "and overwrites the old one.  Both sign the change, which is an event of the audit log; the public\n"
	         "keys are in state_dir/audit.pub.  A key in an environment variable or a credential is changed by\n"
	         "the configuration: put the new one there, and name the old one in audit.previous_key.\n",
	.examples = "  hallowctl rotate-key --reason 'yearly, CHG-1234'\n",
	.formats = "text, json",
	.options = rotate_options,
	.run = run_rotate,
};
