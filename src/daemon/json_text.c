#include "daemon/json_text.h"

#include <string.h>

#include "core/buffer.h"

static int add_prefix(void *ctx, const struct prefix *p)
{
	char text[PREFIX_TEXT_MAX];

	return json_array_append_new(ctx, json_string(prefix_format(p, text)));
}

json_t *json_prefixes(const struct prefix_set *s)
{
	json_t *array = json_array();

	if (array != NULL && prefix_set_each(s, add_prefix, array) != 0) {
		json_decref(array);
		return NULL;
	}
	return array;
}

static int print_prefix(void *ctx, const struct prefix *p)
{
	struct buffer *out = ctx;
	char text[PREFIX_TEXT_MAX];

	/* A prefix has no character that JSON would escape. */
	return buffer_printf(out, "%s\"%s\"", out->len == 1 ? "" : ",", prefix_format(p, text));
}

char *json_prefixes_text(const struct prefix_set *s)
{
	struct buffer out = BUFFER_INIT;

	if (buffer_add(&out, "[", 1) == -1 || prefix_set_each(s, print_prefix, &out) != 0 || buffer_add(&out, "]", 1) == -1 ||
	    buffer_str(&out) == NULL) {
		buffer_free(&out);
		return NULL;
	}
	return (char *)out.data;
}

json_t *json_texts(const struct texts *t)
{
	json_t *array = json_array();

	for (size_t i = 0; i < t->count; i++)
		json_array_append_new(array, json_string(t->items[i]));
	return array;
}

json_t *json_time(time_us t)
{
	char text[TIME_TEXT_MAX];

	return t == 0 ? json_null() : json_string(time_format(t, 1, text));
}

json_t *json_text_or_null(const char *text)
{
	return text[0] == '\0' ? json_null() : json_string(text);
}

const char *origin_state_text(const struct origin_state *o)
{
	if (o->error[0] != '\0')
		return "failed";
	return o->tried_at == 0 ? "never" : "ok";
}

/* The last answer, or the one that was kept from an earlier run. */
static struct answer_evidence evidence_of(const struct origin_state *o)
{
	struct answer_evidence e = o->last;

	if (e.fetched_at != 0)
		return e;
	e = (struct answer_evidence){ o->good.fetched_at, o->good.bytes, prefix_set_count(&o->good.set), o->good.http_status, "" };
	memcpy(e.sha256, o->good.sha256, sizeof(e.sha256));
	return e;
}

json_t *json_origin_evidence(const struct list_state *s)
{
	json_t *array = json_array();

	for (size_t i = 0; i < s->config->origin_count; i++) {
		const struct origin_state *o = &s->origins[i];
		struct answer_evidence e = evidence_of(o);

		json_array_append_new(
		    array, json_pack("{s:s, s:s, s:o, s:I, s:I, s:o, s:o}", "name", o->config->name, "state",
		                     origin_state_text(o), "sha256", json_text_or_null(e.sha256), "bytes", (json_int_t)e.bytes,
		                     "entries", (json_int_t)e.entries, "http_status",
		                     e.http_status == 0 ? json_null() : json_integer((json_int_t)e.http_status), "fetched_at",
		                     json_time(e.fetched_at)));
	}
	return array;
}
