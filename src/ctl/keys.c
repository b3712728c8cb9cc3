#include "ctl/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"

#define KEYS_FILE_MAX (1u << 20)

void keys_free(struct keys *k)
{
	free(k->all);
	*k = (struct keys){ NULL, 0 };
}

static int add(struct keys *k, const struct note_key *key)
{
	struct note_key *grown = reallocarray(k->all, k->count + 1, sizeof(*grown));

	if (grown == NULL)
		return ctl_fail(EXIT_FAILED, "out of memory");
	k->all = grown;
	grown[k->count++] = *key;
	return 0;
}

static int add_lines(struct keys *k, const char *path, const char *text)
{
	char line[NOTE_KEY_MAX];
	struct note_key key;
	struct error err;
	int code;

	for (unsigned n = 1; *text != '\0'; n++) {
		size_t len = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", len < sizeof(line) ? (int)len : (int)sizeof(line) - 1, text);
		text += len + (text[len] == '\n');
		if (line[0] == '\0')
			continue;
		if (note_key_parse(&key, line, &err) == -1)
			return ctl_fail(EXIT_USAGE, "%s:%u: %s", path, n, err.text);
		code = add(k, &key);
		if (code != 0)
			return code;
	}
	return 0;
}

static int add_file(struct keys *k, const char *path, bool may_be_missing)
{
	struct buffer data = BUFFER_INIT;
	struct error err;
	const char *text;
	int code = 0;

	if (file_read(AT_FDCWD, path, KEYS_FILE_MAX, &data, &err) == -1) {
		if (errno != ENOENT || !may_be_missing)
			code = ctl_fail(EXIT_FAILED, "%s", err.text);
	} else {
		text = buffer_str(&data);
		code = text == NULL ? ctl_fail(EXIT_FAILED, "out of memory") : add_lines(k, path, text);
	}
	buffer_free(&data);
	return code;
}

int keys_given(struct keys *k, const char *text_or_file)
{
	struct note_key key;

	if (note_key_parse(&key, text_or_file, NULL) == 0)
		return add(k, &key);
	return add_file(k, text_or_file, false);
}

int keys_kept(struct keys *k, const char *state_dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/audit.pub", state_dir);
	return add_file(k, path, true);
}

int note_read(const char *path, struct buffer *note)
{
	struct error err;

	if (strcmp(path, "-") == 0 ? file_read_fd(0, "standard input", NOTE_MAX, note, &err) == 0
	                           : file_read(AT_FDCWD, path, NOTE_MAX, note, &err) == 0)
		return 0;
	return ctl_fail(EXIT_FAILED, "%s", err.text);
}

int note_kept(const char *state_dir, struct buffer *note, char path[PATH_MAX])
{
	struct error err;

	snprintf(path, PATH_MAX, "%s/checkpoint", state_dir);
	if (file_read(AT_FDCWD, path, NOTE_MAX, note, &err) == 0)
		return 1;
	if (errno == ENOENT)
		return 0;
	ctl_fail(EXIT_FAILED, "%s", err.text);
	return -1;
}
