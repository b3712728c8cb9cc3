#include "config/preset.h"

#include <stdlib.h>
#include <string.h>

#include "config/shipped.h"
#include "config/value.h"

struct preset_guard {
	uint8_t min_prefix4, min_prefix6; /* 0: the list's */
};

struct preset {
	char *url, *select;
	enum list_format format;
	struct preset_guard guard;
};

static void take_url(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct preset *p = into;
	const char *url;

	(void)f;
	if (value_url(r, value, &url))
		reader_set_text(r, &p->url, url);
}

static void take_format(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct preset *p = into;
	const char *name;

	(void)f;
	if (value_scalar(r, value, "a format", &name) &&
	    (list_format_parse(&p->format, name) == -1 || p->format == FORMAT_GUESS))
		complain(r->complaints, value->at, "this is no format");
}

static const struct field guard_fields[] = {
	{ KEY("min_prefix4", take_number), FIELD(struct preset_guard, min_prefix4), .min = 1, .max = 32 },
	{ KEY("min_prefix6", take_number), FIELD(struct preset_guard, min_prefix6), .min = 1, .max = 128 },
};

SHAPE(guard_shape, "a preset's guard", guard_fields);

static const struct field preset_fields[] = {
	{ KEY("url", take_url), .required = true },
	{ KEY("format", take_format), .required = true },
	{ KEY("select", take_text), FIELD(struct preset, select) },
	{ KEY("guard", take_nested), FIELD(struct preset, guard), .shape = &guard_shape },
};

SHAPE(preset_shape, "a preset", preset_fields);

static void fill_in(struct reader *r, const struct preset *p, const struct node *origin, struct origin_config *o)
{
	o->kind = ORIGIN_URL;
	o->format = p->format;
	reader_set_text(r, &o->where, p->url);
	if (p->select != NULL && node_get(origin, "select") == NULL)
		reader_set_text(r, &o->select, p->select);
	o->min_prefix4 = p->guard.min_prefix4;
	o->min_prefix6 = p->guard.min_prefix6;
}

void preset_apply(struct reader *r, struct place at, const struct node *origin, struct origin_config *o)
{
	struct preset p = { .url = NULL };

	if (shipped_take(r, at, &shipped_presets, o->preset, &preset_shape, &p))
		fill_in(r, &p, origin, o);
	free(p.url);
	free(p.select);
}
