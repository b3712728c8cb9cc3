/* A proof, checked without the audit log, its configuration or the host that it is from. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "ctl/answer.h"
#include "ctl/keys.h"
#include "ctl/proof_file.h"
#include "report/plain.h"

enum { KEY };

static const struct verb_option options[] = {
	[KEY] = { "key", "KEY", "the public key, or a file with them, as you know it from elsewhere" },
	{ NULL, NULL, NULL },
};

static json_t *old_json(const struct proof_result *r)
{
	return r->inclusion ? json_null() : json_integer((json_int_t)r->old.size);
}

static void show_json(const struct proof_result *r, const char *why)
{
	char key[NOTE_KEY_MAX], time[TIME_TEXT_MAX];
	json_t *all;

	if (why != NULL)
		all = json_pack("{s:b, s:s}", "ok", 0, "what", why);
	else
		all = json_pack("{s:b, s:s, s:O?, s:o, s:o, s:s, s:I, s:s, s:s, s:b}", "ok", 1, "proof",
		                r->inclusion ? "inclusion" : "consistency", "row", r->row,
		                "leaf", r->inclusion ? json_integer((json_int_t)r->leaf) : json_null(), "old_rows", old_json(r),
		                "origin", r->checkpoint.origin, "rows", (json_int_t)r->checkpoint.size, "time",
		                time_format(r->checkpoint.time, 1, time), "key", note_key_format(&r->key, key), "key_given",
		                r->key_given);
	answer_print(all);
	json_decref(all);
}

static void show_row(const json_t *row)
{
	json_t *object = json_incref((json_t *)(uintptr_t)row), *value;
	const char *name;

	json_object_foreach(object, name, value)
	{
		char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);

		printf("  %-17s ", name);
		plain_print(stdout, "%s\n", text != NULL ? text : json_string_value(value));
		free(text);
	}
	json_decref(object);
}

static void show_text(const struct proof_result *r)
{
	char time[TIME_TEXT_MAX];

	if (r->inclusion) {
		printf("The proof holds.  This row was in the audit log:\n");
		show_row(r->row);
		printf("It is leaf %llu of the %llu that ", (unsigned long long)r->leaf, (unsigned long long)r->checkpoint.size);
	} else {
		printf("The proof holds.  The log with %llu rows continues the one with %llu, which ",
		       (unsigned long long)r->checkpoint.size, (unsigned long long)r->old.size);
	}
	plain_print(stdout, "%s signed at %s (log %s).\n", r->key.name, time_format(r->checkpoint.time, 0, time),
	            r->checkpoint.origin);
}

static void present(struct ctl *ctl, const struct proof_result *r)
{
	char key[NOTE_KEY_MAX];

	if (ctl->format == OUTPUT_JSON)
		show_json(r, NULL);
	else
		show_text(r);
	if (!r->key_given)
		ctl_fail(0, "the key is only what the proof itself names, %s: compare it with what you know of the host, or give"
		         " --key", note_key_format(&r->key, key));
}

static int check(struct ctl *ctl, const char *path, const struct keys *keys, const struct buffer *data)
{
	json_error_t where;
	json_t *proof = json_loadb((const char *)data->data, data->len, JSON_REJECT_DUPLICATES, &where);
	struct proof_result result;
	struct error err;
	int code = EXIT_DONE;

	if (proof == NULL)
		error_set(&err, "this is no proof: line %d: %s", where.line, where.text);
	if (proof == NULL || proof_check(proof, keys->all, keys->count, &result, &err) == -1) {
		code = ctl_fail(EXIT_NOT_VERIFIED, "%s: %s", path, err.text);
		if (ctl->format == OUTPUT_JSON)
			show_json(NULL, err.text);
	} else {
		present(ctl, &result);
	}
	json_decref(proof);
	return code;
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	struct keys keys = { NULL, 0 };
	struct buffer data = BUFFER_INIT;
	const char *path = args->words[0];
	struct error err;
	int code = args->option[KEY] != NULL ? keys_given(&keys, args->option[KEY]) : 0, bad;

	if (code == 0) {
		bad = strcmp(path, "-") == 0 ? file_read_fd(0, "standard input", PROOF_MAX, &data, &err)
		                             : file_read(AT_FDCWD, path, PROOF_MAX, &data, &err);
		code = bad == -1 ? ctl_fail(EXIT_FAILED, "%s", err.text) : check(ctl, path, &keys, &data);
	}
	buffer_free(&data);
	keys_free(&keys);
	return code;
}

const struct verb verb_check_proof = {
	.name = "check-proof",
	.words = "FILE",
	.min = 1,
	.max = 1,
	.summary = "whether a proof holds; needs neither log nor host",
	.about = "Checks what 'hallowctl prove' wrote: the path of hashes from the row to the root of the tree, and\n"
	         "the signature over it.  Exit status 6 where it does not hold.  Without --key, the key is the one\n"
	         "that the proof names, which says nothing about whose key that is.\n",
	.examples = "  hallowctl check-proof proof.json --key 'gate/hallowd+9bb24aeb+Aa+1Rb5T...'\n"
	            "  hallowctl -o json check-proof proof.json --key audit.pub\n",
	.formats = "text, json",
	.options = options,
	.run = run,
};
