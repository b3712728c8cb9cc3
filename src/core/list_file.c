#include "core/list_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/file.h"

#define MAGIC "# hallowd list 1"
#define FILE_MAX_SIZE ((size_t)256 << 20)
#define SHOWN_MAX 60 /* bytes of a damaged line that an error shows */

static void headers_free(struct list_header *headers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(headers[i].key);
		free(headers[i].value);
	}
	free(headers);
}

void list_file_free(struct list_file *f)
{
	if (f == NULL)
		return;
	headers_free(f->headers, f->header_count);
	prefix_set_free(&f->set);
	f->headers = NULL;
	f->header_count = 0;
}

/* Not isalnum(): a key is the same in every locale. */
static bool key_valid(const char *key, size_t len)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	return len > 0 && strspn(key, allowed) >= len;
}

static struct list_header *find_header(const struct list_file *f, const char *key)
{
	for (size_t i = 0; i < f->header_count; i++)
		if (strcmp(f->headers[i].key, key) == 0)
			return &f->headers[i];
	return NULL;
}

static char *clean_copy(const char *value)
{
	char *copy = strdup(value);

	if (copy == NULL)
		return NULL;
	for (char *c = copy; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	return copy;
}

/* Takes `value` over where it succeeds. */
static int append_header(struct list_file *f, const char *key, char *value)
{
	struct list_header *grown = reallocarray(f->headers, f->header_count + 1, sizeof(*grown));
	char *own_key;

	if (grown == NULL)
		return -1;
	f->headers = grown;
	own_key = strdup(key);
	if (own_key == NULL)
		return -1;
	f->headers[f->header_count++] = (struct list_header){ own_key, value };
	return 0;
}

int list_file_set(struct list_file *f, const char *key, const char *value)
{
	struct list_header *h;
	char *copy;

	if (!key_valid(key, strlen(key))) {
		errno = EINVAL;
		return -1;
	}
	copy = clean_copy(value);
	if (copy == NULL)
		return -1;
	h = find_header(f, key);
	if (h != NULL) {
		free(h->value);
		h->value = copy;
		return 0;
	}
	if (append_header(f, key, copy) < 0) {
		free(copy);
		return -1;
	}
	return 0;
}

const char *list_file_get(const struct list_file *f, const char *key)
{
	const struct list_header *h = find_header(f, key);

	return h != NULL ? h->value : "";
}

/* Reading: line by line, each of them in one of three parts. */
struct reader {
	const char *name;
	const char *at, *end;
	char *line;         /* the current line, NUL-terminated; owned */
	size_t line_cap, len;
	size_t number;      /* of the current line, from 1 */
	size_t entries;
	struct prefix last; /* entry before this one, where entries > 0 */
	struct error *err;
};

/* Control characters and what is not ASCII would garble the message; `shown` holds SHOWN_MAX and "...". */
static const char *show(const struct reader *r, char shown[SHOWN_MAX + 4])
{
	size_t len = r->len < SHOWN_MAX ? r->len : SHOWN_MAX;

	for (size_t i = 0; i < len; i++)
		shown[i] = r->line[i] >= 0x20 && r->line[i] < 0x7f ? r->line[i] : '?';
	strcpy(shown + len, r->len > SHOWN_MAX ? "..." : "");
	return shown;
}

static int damaged(struct reader *r, const char *what)
{
	char shown[SHOWN_MAX + 4];

	error_set(r->err, "%s: line %zu: %s, found \"%s\"; the list file is damaged and is not used", r->name,
	          r->number, what, show(r, shown));
	errno = EBADMSG;
	return -1;
}

/* 0 with the next whole line, or -1. */
static int next_line(struct reader *r)
{
	const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
	size_t len = (size_t)((newline != NULL ? newline : r->end) - r->at);

	if (len >= r->line_cap) {
		char *grown = realloc(r->line, len + 256);

		if (grown == NULL) {
			error_errno(r->err, ENOMEM, "%s", r->name);
			errno = ENOMEM;
			return -1;
		}
		r->line = grown;
		r->line_cap = len + 256;
	}
	memcpy(r->line, r->at, len);
	r->line[len] = '\0';
	r->len = len;
	r->number++;
	r->at += len;
	if (newline == NULL)
		return damaged(r, "expected more up to a line \"# end N entries\", the file was cut off");
	r->at++;
	if (memchr(r->line, '\0', len) != NULL)
		return damaged(r, "expected text, a NUL byte is in it");
	return 0;
}

/* "# KEY: VALUE" */
static int read_header(struct reader *r, struct list_file *f)
{
	char *key = r->line + 2, *colon = strstr(r->line, ": ");

	if (strncmp(r->line, "# ", 2) != 0 || colon == NULL || colon < key || !key_valid(key, (size_t)(colon - key)))
		return damaged(r, "expected \"# KEY: VALUE\" or an empty line");
	*colon = '\0';
	if (find_header(f, key) != NULL) {
		*colon = ':';
		return damaged(r, "expected each key once");
	}
	if (list_file_set(f, key, colon + 2) < 0) {
		error_errno(r->err, errno, "%s", r->name);
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

static int read_headers(struct reader *r, struct list_file *f)
{
	if (next_line(r) < 0)
		return -1;
	if (strcmp(r->line, MAGIC) != 0)
		return damaged(r, "expected \"" MAGIC "\"");
	for (;;) {
		if (next_line(r) < 0)
			return -1;
		if (r->len == 0)
			return 0;
		if (read_header(r, f) < 0)
			return -1;
	}
}

/* In a merged list no two neighbours are the halves of one prefix. */
static bool are_halves(const struct prefix *a, const struct prefix *b)
{
	struct prefix whole = *a;

	if (a->length != b->length || a->length == 0)
		return false;
	whole.length--;
	return prefix_contains(&whole, &b->addr);
}

static int read_entry(struct reader *r, struct list_file *f)
{
	struct prefix p;
	struct range last;
	char text[PREFIX_TEXT_MAX];

	if (prefix_parse(&p, r->line, r->len) != PREFIX_OK || strcmp(prefix_format(&p, text), r->line) != 0)
		return damaged(r, "expected a prefix such as 192.0.2.0/24");
	if (r->entries > 0) {
		prefix_range(&r->last, &last);
		if (address_compare(&p.addr, &last.last) <= 0)
			return damaged(r, "expected a prefix behind the one before it");
		if (are_halves(&r->last, &p))
			return damaged(r, "expected a prefix that cannot be merged with the one before it");
	}
	if (prefix_set_add(&f->set, &p) < 0) {
		error_errno(r->err, errno, "%s", r->name);
		errno = ENOMEM;
		return -1;
	}
	r->last = p;
	r->entries++;
	return 0;
}

static int read_end(struct reader *r)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "# end %zu entries", r->entries);
	if (strcmp(r->line, expected) != 0) {
		snprintf(expected, sizeof(expected), "expected \"# end %zu entries\"", r->entries);
		return damaged(r, expected);
	}
	if (r->at == r->end)
		return 0;
	if (next_line(r) < 0)
		return -1;
	return damaged(r, "expected nothing behind the last line");
}

static int read_entries(struct reader *r, struct list_file *f)
{
	for (;;) {
		if (next_line(r) < 0)
			return -1;
		if (r->line[0] == '#')
			return read_end(r);
		if (read_entry(r, f) < 0)
			return -1;
	}
}

static int parse(const char *name, const struct buffer *bytes, struct list_file *f, struct error *err)
{
	struct list_file found = { .set = PREFIX_SET_INIT };
	const char *text = bytes->len > 0 ? (const char *)bytes->data : "";
	struct reader r = { .name = name, .at = text, .end = text + bytes->len, .err = err };
	int result = -1, saved;

	if (read_headers(&r, &found) == 0 && read_entries(&r, &found) == 0) {
		prefix_set_normalize(&found.set);
		*f = found;
		result = 0;
	}
	saved = errno;
	free(r.line);
	if (result < 0)
		list_file_free(&found);
	errno = saved;
	return result;
}

int list_file_read(int dirfd, const char *name, struct list_file *f, struct error *err)
{
	struct buffer bytes = BUFFER_INIT;
	int result = file_read(dirfd, name, FILE_MAX_SIZE, &bytes, err);
	int saved;

	if (result == 0)
		result = parse(name, &bytes, f, err);
	saved = errno;
	buffer_free(&bytes);
	errno = saved;
	return result;
}

static int render_entry(void *ctx, const struct prefix *p)
{
	char text[PREFIX_TEXT_MAX];

	prefix_format(p, text);
	return buffer_add(ctx, text, strlen(text)) < 0 || buffer_add(ctx, "\n", 1) < 0 ? -1 : 0;
}

/* 0, or -1 with errno ENOMEM. */
static int render(struct buffer *out, const struct list_file *f)
{
	if (buffer_printf(out, "%s\n", MAGIC) < 0)
		return -1;
	for (size_t i = 0; i < f->header_count; i++)
		if (buffer_printf(out, "# %s: %s\n", f->headers[i].key, f->headers[i].value) < 0)
			return -1;
	if (buffer_add(out, "\n", 1) < 0 || prefix_set_each(&f->set, render_entry, out) != 0)
		return -1;
	return buffer_printf(out, "# end %zu entries\n", prefix_set_count(&f->set));
}

int list_file_write(int dirfd, const char *name, const struct list_file *f, struct error *err)
{
	struct buffer bytes = BUFFER_INIT;
	int result, saved;

	if (render(&bytes, f) < 0) {
		buffer_free(&bytes);
		error_errno(err, ENOMEM, "%s", name);
		errno = ENOMEM;
		return -1;
	}
	result = file_write_atomic(dirfd, name, 0644, bytes.data, bytes.len, err);
	saved = errno;
	buffer_free(&bytes);
	errno = saved;
	return result;
}
