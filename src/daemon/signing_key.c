#include "daemon/signing_key.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/log.h"
#include "core/time_text.h"
#include "daemon/secret.h"

#define NEXT ".next" /* behind the name of the key's file, while it is replaced */

/* --- audit.pub */

struct public_keys {
	struct note_key all[PUBLIC_KEYS_MAX];
	size_t count;
	struct buffer text; /* the file */
};

static int take_keys(struct public_keys *p, struct error *err)
{
	const char *text = buffer_str(&p->text);
	char line[NOTE_KEY_MAX];

	if (text == NULL)
		return error_errno(err, ENOMEM, PUBLIC_KEYS_FILE);
	for (unsigned n = 1; *text != '\0'; n++) {
		size_t len = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", len < sizeof(line) ? (int)len : (int)sizeof(line) - 1, text);
		if (p->count == PUBLIC_KEYS_MAX || note_key_parse(&p->all[p->count++], line, err) == -1)
			return error_set(err, PUBLIC_KEYS_FILE " in state_dir is damaged in line %u", n);
		text += len + (text[len] == '\n');
	}
	return 0;
}

/* 0 also where there is no file yet. */
static int read_public(int state_fd, struct public_keys **out, struct error *err)
{
	struct public_keys *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return error_errno(err, ENOMEM, PUBLIC_KEYS_FILE);
	if (file_read(state_fd, PUBLIC_KEYS_FILE, (size_t)PUBLIC_KEYS_MAX * NOTE_KEY_MAX, &p->text, err) == 0
	        ? take_keys(p, err) == 0 : errno == ENOENT) {
		*out = p;
		return 0;
	}
	buffer_free(&p->text);
	free(p);
	return -1;
}

static void free_public(struct public_keys *p)
{
	buffer_free(&p->text);
	free(p);
}

bool signing_key_knows(int state_fd, const char *note, size_t len)
{
	struct public_keys *p;
	struct error err;
	bool known = false;

	if (read_public(state_fd, &p, &err) == -1)
		return false;
	for (size_t i = 0; i < p->count && !known; i++)
		known = note_signed_by(note, len, &p->all[i]);
	free_public(p);
	return known;
}

static int add_public(const struct signing_keys *k, struct public_keys *p, const struct note_key *new,
                      struct error *err)
{
	char text[NOTE_KEY_MAX];

	if (buffer_printf(&p->text, "%s\n", note_key_format(new, text)) == -1)
		return error_errno(err, ENOMEM, PUBLIC_KEYS_FILE);
	return file_write_atomic(k->state_fd, PUBLIC_KEYS_FILE, 0644, p->text.data, p->text.len, err);
}

/* --- the file */

/* "" where the key is in no file. */
static void key_path(const struct signing_keys *k, char path[PATH_MAX])
{
	const struct secret_reference *r = &k->config->signing_key;

	path[0] = '\0';
	if (r->kind == SECRET_NONE)
		snprintf(path, PATH_MAX, "%s/%s", k->state_dir, SIGNING_KEY_FILE);
	else if (r->kind == SECRET_FILE)
		snprintf(path, PATH_MAX, "%s", r->name);
}

/* A name that says where it is; letters that a key's name may have. */
static void key_name(char name[NOTE_NAME_MAX])
{
	char host[65] = "";

	gethostname(host, sizeof(host) - 1);
	for (char *c = host; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-')
			*c = '-';
	snprintf(name, NOTE_NAME_MAX, "%s/hallowd", host[0] == '\0' ? "host" : host);
}

static int write_key(const char *path, const struct note_signer *s, struct error *err)
{
	char text[NOTE_KEY_MAX + 1];
	int result;

	note_signer_format(s, text);
	strcat(text, "\n");
	result = file_write_atomic(AT_FDCWD, path, 0600, text, strlen(text), err);
	explicit_bzero(text, sizeof(text));
	return result == 0 ? 0 : error_prefix(err, "the key that signs checkpoints");
}

static int make_key(const char *path, struct note_signer *s, struct error *err)
{
	char name[NOTE_NAME_MAX];

	key_name(name);
	if (note_signer_make(s, name, err) == 0 && write_key(path, s, err) == 0)
		return 0;
	note_signer_wipe(s);
	return -1;
}

static int parse_key(const char *what, char *text, struct note_signer *s, struct error *err)
{
	int result = note_signer_parse(s, text, err);

	secret_free(text);
	return result == 0 ? 0 : error_prefix(err, "%s", what);
}

static int read_file_key(const char *path, struct note_signer *s, struct error *err)
{
	char *text;

	return secret_read_file(path, SECRET_MAX, &text, err) == -1 ? -1 : parse_key(path, text, s, err);
}

static int read_reference(const struct secret_reference *r, const char *key, struct note_signer *s, struct error *err)
{
	char *text;

	return secret_resolve(r, &text, err) == -1 ? error_prefix(err, "audit.%s", key) : parse_key(key, text, s, err);
}

/* --- a change of the key */

/* What both sign: a note. */
static int make_statement(const struct note_signer *old, const struct note_signer *new, const char *why,
                          struct buffer *note)
{
	char before[NOTE_KEY_MAX], after[NOTE_KEY_MAX], time[TIME_TEXT_MAX];

	return buffer_printf(note, "hallowd key rotation\nold %s\nnew %s\ntime %s\nreason %s\n",
	                     note_key_format(&old->key, before), note_key_format(&new->key, after),
	                     time_format(time_now(), 1, time), why) == -1 ||
	       note_sign(note, old) == -1 || note_sign(note, new) == -1 ? -1 : 0;
}

static int change_key(const struct signing_keys *k, struct public_keys *p, const struct note_signer *old,
                      const struct note_signer *new, const char *why, struct error *err)
{
	struct buffer note = BUFFER_INIT;
	const char *text;
	int result = -1;

	if (make_statement(old, new, why, &note) == -1 || (text = buffer_str(&note)) == NULL)
		error_errno(err, ENOMEM, "the change of the key");
	else if (add_public(k, p, &new->key, err) == 0)
		result = 0;
	if (result == 0)
		k->changed(k->ctx, &old->key, &new->key, text, why);
	buffer_free(&note);
	return result;
}

/* Another key than before is configured: the one before must sign that. */
static int take_up(const struct signing_keys *k, struct public_keys *p, const struct note_signer *new, struct error *err)
{
	const struct note_key *newest = &p->all[p->count - 1];
	struct note_signer old;
	char text[NOTE_KEY_MAX];
	int result;

	if (k->config->previous_key.kind == SECRET_NONE)
		return error_set(err, "the key of audit.signing_key is not the one that signed until now, %s; name that one in"
		                 " audit.previous_key, so that both sign the change", note_key_format(newest, text));
	if (read_reference(&k->config->previous_key, "previous_key", &old, err) == -1)
		return -1;
	if (!note_key_equal(&old.key, newest))
		result = error_set(err, "the key of audit.previous_key is not the one that signed until now, %s",
		                   note_key_format(newest, text));
	else
		result = change_key(k, p, &old, new, "the configuration names another key", err);
	note_signer_wipe(&old);
	return result;
}

/* --- looking it up */

/* A replacement that a death interrupted between audit.pub and the file is finished. */
static bool finish_replacing(const char *path, const struct note_key *newest, struct note_signer *s)
{
	char next[PATH_MAX + sizeof(NEXT)];
	struct note_signer found;

	snprintf(next, sizeof(next), "%s" NEXT, path);
	if (path[0] == '\0' || read_file_key(next, &found, NULL) == -1)
		return false;
	if (!note_key_equal(&found.key, newest) || rename(next, path) == -1) {
		note_signer_wipe(&found);
		return false;
	}
	note_signer_wipe(s);
	*s = found;
	note_signer_wipe(&found);
	return true;
}

static int load_or_make(const struct signing_keys *k, const struct public_keys *p, struct note_signer *s,
                        struct error *err)
{
	char path[PATH_MAX];

	key_path(k, path);
	if (path[0] == '\0')
		return read_reference(&k->config->signing_key, "signing_key", s, err);
	if (access(path, F_OK) == 0 || errno != ENOENT)
		return read_file_key(path, s, err);
	if (p->count > 0 && k->config->previous_key.kind == SECRET_NONE)
		return error_set(err, "the key that signs checkpoints, %s, is not there; put it back, or name the one before it in"
		                 " audit.previous_key; where that is lost, move " PUBLIC_KEYS_FILE " and checkpoint in state_dir"
		                 " away, and a new one is made", path);
	return make_key(path, s, err);
}

int signing_key_prepare(const struct signing_keys *k, struct error *err)
{
	struct note_signer made;
	struct public_keys *p;
	char path[PATH_MAX];
	int result = 0;

	key_path(k, path);
	if (path[0] == '\0' || access(path, F_OK) == 0)
		return 0;
	if (read_public(k->state_fd, &p, err) == -1)
		return -1;
	if (p->count == 0 || k->config->previous_key.kind != SECRET_NONE) {
		result = make_key(path, &made, err);
		note_signer_wipe(&made);
	}
	free_public(p);
	return result;
}

static int accept_key(const struct signing_keys *k, struct public_keys *p, struct note_signer *s, struct error *err)
{
	char path[PATH_MAX];

	if (p->count == 0) {
		if (add_public(k, p, &s->key, err) == -1)
			return -1;
		k->changed(k->ctx, NULL, &s->key, NULL, "");
		return 0;
	}
	key_path(k, path);
	if (note_key_equal(&s->key, &p->all[p->count - 1]) || finish_replacing(path, &p->all[p->count - 1], s))
		return 0;
	return take_up(k, p, s, err);
}

int signing_key_load(const struct signing_keys *k, struct note_signer *s, struct error *err)
{
	struct public_keys *p;
	int result;

	if (read_public(k->state_fd, &p, err) == -1)
		return -1;
	result = load_or_make(k, p, s, err);
	if (result == 0 && accept_key(k, p, s, err) == -1) {
		note_signer_wipe(s);
		result = -1;
	}
	free_public(p);
	return result;
}

/* The new key is in a file of its own before anything says that it signs. */
static int replace(const struct signing_keys *k, const char *path, const struct note_signer *old, const char *why,
                   struct error *err)
{
	char next[PATH_MAX + sizeof(NEXT)];
	struct public_keys *p;
	struct note_signer new;
	int result;

	snprintf(next, sizeof(next), "%s" NEXT, path);
	if (make_key(next, &new, err) == -1)
		return -1;
	result = read_public(k->state_fd, &p, err);
	if (result == 0) {
		result = change_key(k, p, old, &new, why, err);
		free_public(p);
	}
	note_signer_wipe(&new);
	if (result == 0 && rename(next, path) == -1)
		return error_errno(err, errno, "%s cannot be renamed to %s", next, path);
	if (result == -1)
		unlink(next);
	return result;
}

int signing_key_rotate(const struct signing_keys *k, const char *why, struct error *err)
{
	struct note_signer old;
	char path[PATH_MAX];
	int result;

	key_path(k, path);
	if (path[0] == '\0')
		return error_set(err, "audit.signing_key is no file that hallowd could write; put the new key where you keep the"
		                 " old one, and name the old one in audit.previous_key");
	if (signing_key_load(k, &old, err) == -1)
		return -1;
	result = replace(k, path, &old, why, err);
	note_signer_wipe(&old);
	return result;
}
