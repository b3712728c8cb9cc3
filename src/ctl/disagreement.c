#include "ctl/disagreement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/prefix_set.h"
#include "ctl/answer.h"
#include "report/table.h"

/* A set of addresses about which all origins say the same. */
struct part {
	struct prefix_set set;
	uint64_t named_by;
};

struct parts {
	struct part *part; /* owned */
	size_t count;
};

static void parts_free(struct parts *p)
{
	size_t i;

	for (i = 0; i < p->count; i++)
		prefix_set_free(&p->part[i].set);
	free(p->part);
	p->part = NULL;
	p->count = 0;
}

/* Splits each part in the addresses that `named` holds, which get the bit, and the rest. */
static int parts_split(struct parts *p, const struct prefix_set *named, unsigned bit)
{
	struct part *more = reallocarray(p->part, p->count * 2 + 1, sizeof(*more));
	size_t count = p->count, i;

	if (more == NULL)
		return -1;
	p->part = more;
	for (i = 0; i < count; i++) {
		struct prefix_set in = PREFIX_SET_INIT, out = PREFIX_SET_INIT;

		if (prefix_set_intersect(&in, &more[i].set, named) == -1 ||
		    prefix_set_subtract(&out, &more[i].set, named) == -1) {
			prefix_set_free(&in);
			prefix_set_free(&out);
			return -1;
		}
		prefix_set_free(&more[i].set);
		more[i].set = out;
		if (prefix_set_empty(&in)) {
			prefix_set_free(&in);
			continue;
		}
		more[p->count].set = in;
		more[p->count].named_by = more[i].named_by | UINT64_C(1) << bit;
		p->count++;
	}
	return 0;
}

static bool answered(const json_t *origin)
{
	return strcmp(answer_text(origin, "state"), "never") != 0;
}

/* All that some origin has more or less than what is in force. */
static int find_disputed(const json_t *origins, struct prefix_set *all)
{
	json_t *origin;
	size_t i;

	json_array_foreach(origins, i, origin) {
		if (answered(origin) && (answer_prefixes(json_object_get(origin, "extra"), all) == -1 ||
		                         answer_prefixes(json_object_get(origin, "missing"), all) == -1))
			return -1;
	}
	return 0;
}

/* What the origin names of the disputed addresses: those in force that it does not miss, and those that it has more. */
static int find_named(const json_t *origin, const struct prefix_set *in_force, struct prefix_set *named)
{
	struct prefix_set missing = PREFIX_SET_INIT;
	int status = -1;

	if (answer_prefixes(json_object_get(origin, "missing"), &missing) == 0 &&
	    prefix_set_subtract(named, in_force, &missing) == 0)
		status = answer_prefixes(json_object_get(origin, "extra"), named);
	prefix_set_free(&missing);
	return status;
}

static int split_all(const json_t *origins, const struct prefix_set *in_force, struct parts *p)
{
	json_t *origin;
	size_t i;

	json_array_foreach(origins, i, origin) {
		struct prefix_set named = PREFIX_SET_INIT;
		int status = 0;

		if (answered(origin)) {
			status = find_named(origin, in_force, &named);
			if (status == 0)
				status = parts_split(p, &named, (unsigned)i);
		}
		prefix_set_free(&named);
		if (status == -1)
			return -1;
	}
	return parts_split(p, in_force, DISAGREEMENT_ORIGINS_MAX);
}

struct collection {
	struct disputed *rows;
	size_t count;
	uint64_t named_by;
};

static int collect(void *ctx, const struct prefix *prefix)
{
	struct collection *c = ctx;
	uint64_t in_force = UINT64_C(1) << DISAGREEMENT_ORIGINS_MAX;

	c->rows[c->count].prefix = *prefix;
	c->rows[c->count].named_by = c->named_by & ~in_force;
	c->rows[c->count].in_force = (c->named_by & in_force) != 0;
	c->count++;
	return 0;
}

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(&((const struct disputed *)a)->prefix, &((const struct disputed *)b)->prefix);
}

static int make_rows(const struct parts *p, struct disputed **rows, size_t *count)
{
	struct collection c = { .count = 0 };
	size_t total = 0, i;

	for (i = 0; i < p->count; i++)
		total += prefix_set_count(&p->part[i].set);
	c.rows = calloc(total + 1, sizeof(*c.rows));
	if (c.rows == NULL)
		return -1;
	for (i = 0; i < p->count; i++) {
		c.named_by = p->part[i].named_by;
		prefix_set_each(&p->part[i].set, collect, &c);
	}
	qsort(c.rows, c.count, sizeof(*c.rows), by_prefix);
	*rows = c.rows;
	*count = c.count;
	return 0;
}

int disagreement_find(const json_t *list, struct disputed **rows, size_t *count)
{
	const json_t *origins = json_object_get(list, "origins");
	struct prefix_set in_force = PREFIX_SET_INIT;
	struct parts parts = { calloc(1, sizeof(struct part)), 1 };
	int status = -1;

	if (parts.part == NULL)
		return -1;
	if (json_array_size(origins) > DISAGREEMENT_ORIGINS_MAX)
		errno = EINVAL;
	else if (answer_prefixes(json_object_get(list, "entries"), &in_force) == 0 &&
	         find_disputed(origins, &parts.part[0].set) == 0 && split_all(origins, &in_force, &parts) == 0)
		status = make_rows(&parts, rows, count);
	parts_free(&parts);
	prefix_set_free(&in_force);
	return status;
}

static void add_row(struct table *t, const json_t *origins, const struct disputed *row)
{
	char text[PREFIX_TEXT_MAX];
	json_t *origin;
	size_t i;

	table_add(t, prefix_format(&row->prefix, text));
	json_array_foreach(origins, i, origin) {
		bool named = (row->named_by >> i & 1) != 0;

		if (!answered(origin))
			table_add(t, "");
		else
			table_add_style(t, named ? STYLE_GOOD : STYLE_BAD, named ? "yes" : "no");
	}
	table_add(t, row->in_force ? "yes" : "no");
}

static int print_rows(FILE *out, const json_t *origins, bool colour, const struct disputed *rows, size_t count)
{
	char align[DISAGREEMENT_ORIGINS_MAX + 3] = "";
	json_t *origin;
	struct table t;
	size_t i;
	int status;

	memset(align, 'l', json_array_size(origins) + 2);
	table_init(&t, align, colour);
	table_add_style(&t, STYLE_HEADER, "ADDRESS");
	json_array_foreach(origins, i, origin)
		table_add_style(&t, STYLE_HEADER, answer_text(origin, "name"));
	table_add_style(&t, STYLE_HEADER, "IN FORCE");
	for (i = 0; i < count; i++)
		add_row(&t, origins, &rows[i]);
	status = table_print(&t, out, "  ");
	table_free(&t);
	return status;
}

/* Whether all origins that have answered say the same: then it is held, pinned or otherwise not in force as they name it. */
static bool is_agreed(const json_t *origins, const struct disputed *row)
{
	uint64_t all = 0;
	json_t *origin;
	size_t i;

	json_array_foreach(origins, i, origin)
		all |= answered(origin) ? UINT64_C(1) << i : 0;
	return (row->named_by & all) == 0 || (row->named_by & all) == all;
}

static void print_heading(FILE *out, const json_t *origins, const struct disputed *rows, size_t count)
{
	size_t agreed = 0, i;

	for (i = 0; i < count; i++)
		agreed += is_agreed(origins, &rows[i]);
	if (agreed < count)
		fprintf(out, "the origins disagree about %zu prefix%s%s", count - agreed, count - agreed == 1 ? "" : "es",
		        agreed > 0 ? ", and " : ":\n");
	if (agreed > 0)
		fprintf(out, "%sagree about %zu prefix%s not in force as they name %s:\n", agreed < count ? "" : "the origins ", agreed,
		        agreed == 1 ? " that is" : "es that are", agreed == 1 ? "it" : "them");
}

int disagreement_print(FILE *out, const json_t *list, bool colour, size_t max)
{
	const json_t *origins = json_object_get(list, "origins");
	struct disputed *rows;
	size_t count, shown;
	int status;

	if (json_array_size(origins) < 2)
		return 0;
	if (disagreement_find(list, &rows, &count) == -1)
		return -1;
	shown = max > 0 && count > max ? max : count;
	status = 0;
	if (count > 0) {
		print_heading(out, origins, rows, count);
		status = print_rows(out, origins, colour, rows, shown);
	}
	if (shown < count)
		fprintf(out, "  and %zu more: see hallowctl lists LIST -o json\n", count - shown);
	free(rows);
	return status;
}
