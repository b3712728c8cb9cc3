#include "daemon/grants_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/list_file.h"

#define GRANTS_FILE "grants"
#define KEY_MAX 40

static const char *key_of(uint64_t id, const char *what, char out[KEY_MAX])
{
	snprintf(out, KEY_MAX, "%" PRIu64 ".%s", id, what);
	return out;
}

static int set_grant(struct list_file *f, const struct grant *g)
{
	char key[KEY_MAX], source[PREFIX_TEXT_MAX], time[TIME_TEXT_MAX];
	int bad = 0;

	bad |= list_file_set(f, key_of(g->id, "source", key), prefix_format(&g->source, source));
	bad |= list_file_set(f, key_of(g->id, "endpoint", key), g->endpoint);
	bad |= list_file_set(f, key_of(g->id, "from", key), time_format(g->from, 1, time));
	bad |= list_file_set(f, key_of(g->id, "until", key), time_format(g->until, 1, time));
	bad |= list_file_set(f, key_of(g->id, "by", key), g->by);
	bad |= list_file_set(f, key_of(g->id, "reason", key), g->reason);
	return bad;
}

int grants_save(const struct grants *g, int state_fd, struct error *err)
{
	struct list_file f = { 0 };
	char last[24];
	int bad = 0, result;

	snprintf(last, sizeof(last), "%" PRIu64, g->last_id);
	bad |= list_file_set(&f, "last", last);
	for (size_t i = 0; i < g->count; i++)
		bad |= set_grant(&f, &g->items[i]);
	result = bad != 0 ? error_errno(err, ENOMEM, GRANTS_FILE) : list_file_write(state_fd, GRANTS_FILE, &f, err);
	list_file_free(&f);
	return result;
}

/* -1 where a part is missing or is not what it should be. */
static int get_grant(const struct list_file *f, uint64_t id, struct grant *g)
{
	char key[KEY_MAX];
	const char *source = list_file_get(f, key_of(id, "source", key));
	int64_t left_us, most_us;

	*g = (struct grant){ .id = id };
	snprintf(g->endpoint, sizeof(g->endpoint), "%s", list_file_get(f, key_of(id, "endpoint", key)));
	snprintf(g->by, sizeof(g->by), "%s", list_file_get(f, key_of(id, "by", key)));
	snprintf(g->reason, sizeof(g->reason), "%s", list_file_get(f, key_of(id, "reason", key)));
	if (prefix_parse(&g->source, source, strlen(source)) != PREFIX_OK || !name_valid(g->endpoint) ||
	    time_parse(&g->from, list_file_get(f, key_of(id, "from", key)), 0) == -1 ||
	    time_parse(&g->until, list_file_get(f, key_of(id, "until", key)), 0) == -1 || g->until < g->from)
		return -1;
	left_us = g->until - time_now();
	most_us = g->until - g->from;
	g->until_ms = time_boot_ms() + (left_us < most_us ? left_us : most_us) / 1000;
	return 0;
}

/* The number of the grant whose "N.source" this is; 0 where it is another key. */
static uint64_t id_of(const char *key)
{
	char *end;
	uint64_t id = strtoull(key, &end, 10);

	return strcmp(end, ".source") == 0 ? id : 0;
}

static int get_all(const struct list_file *f, struct grants *g, struct error *err)
{
	g->last_id = strtoull(list_file_get(f, "last"), NULL, 10);
	g->items = calloc(f->header_count + 1, sizeof(*g->items));
	if (g->items == NULL)
		return error_errno(err, ENOMEM, GRANTS_FILE);
	for (size_t i = 0; i < f->header_count; i++) {
		uint64_t id = id_of(f->headers[i].key);

		if (id == 0)
			continue;
		if (id > g->last_id || get_grant(f, id, &g->items[g->count]) == -1)
			return error_set(err, "the file " GRANTS_FILE " in state_dir is damaged at grant %" PRIu64, id);
		g->count++;
	}
	return 0;
}

int grants_load(struct grants *g, int state_fd, struct error *err)
{
	struct list_file f = { 0 };
	int result;

	*g = (struct grants){ 0 };
	if (list_file_read(state_fd, GRANTS_FILE, &f, err) == -1)
		return errno == ENOENT ? 0 : -1;
	result = get_all(&f, g, err);
	list_file_free(&f);
	if (result == -1)
		grants_free(g);
	return result;
}
