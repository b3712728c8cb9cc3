/* The origins of a list: where its entries come from, and in which form. */
#include <stdlib.h>
#include <string.h>

#include "config/preset.h"
#include "config/sections.h"
#include "config/shipped.h"
#include "config/value.h"

#define DEFAULT_MAX_SIZE ((uint64_t)8 << 20)
#define LARGEST_MAX_SIZE ((uint64_t)1 << 30)
#define HOUR 3600
#define DEFAULT_TIMEOUT 60
#define DEFAULT_CONNECT_TIMEOUT 15
#define DEFAULT_FIRST_BYTE_TIMEOUT 30
#define DEFAULT_RETRIES 2
#define MOST_RETRIES 10

static const struct choice formats[] = {
	{ "text", FORMAT_TEXT }, { "json", FORMAT_JSON }, { "yaml", FORMAT_YAML }, { "csv", FORMAT_CSV },
	{ "html", FORMAT_HTML }, { "xml", FORMAT_XML }, { NULL, 0 }
};

static void set_where(struct reader *r, struct origin_config *o, enum origin_kind kind, const char *where)
{
	o->kind = kind;
	reader_set_text(r, &o->where, where);
}

static void take_url(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	const char *url;

	(void)f;
	if (value_url(r, value, &url))
		set_where(r, into, ORIGIN_URL, url);
}

static void take_file(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	char text[SHOWN_MAX];
	const char *path;

	(void)f;
	if (!value_path(r, value, &path))
		return;
	if (path[strlen(path) - 1] == '/') {
		complain(r->complaints, value->at, "%s is a folder; expected the path of a file", shown(path, text));
		return;
	}
	set_where(r, into, ORIGIN_FILE, path);
}

static void take_builtin(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	const char *name;

	(void)f;
	if (value_shipped(r, value, &shipped_lists, &name))
		set_where(r, into, ORIGIN_BUILTIN, name);
}

/* What it says is filled in when the other keys are known: preset_apply. */
static void take_preset(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct origin_config *o = into;
	const char *name;

	(void)f;
	if (value_shipped(r, value, &shipped_presets, &name))
		reader_set_text(r, &o->preset, name);
}

/* A path or a URL: settle_signature, when the list's place is known. */
static void take_later(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	(void)r;
	(void)f;
	(void)value;
	(void)into;
}

static const struct field origin_fields[] = {
	{ KEY("url", take_url) },
	{ KEY("file", take_file) },
	{ KEY("builtin", take_builtin) },
	{ KEY("preset", take_preset) },
	{ KEY("format", take_choice), FIELD(struct origin_config, format), .choices = formats },
	{ KEY("select", take_text), FIELD(struct origin_config, select) },
	{ KEY("ca_file", take_path), FIELD(struct origin_config, ca_file) },
	{ KEY("max_size", take_size), FIELD(struct origin_config, max_size), .min = 1, .max = LARGEST_MAX_SIZE },
	{ KEY("timeout", take_duration), FIELD(struct origin_config, timeout), .min = 1, .max = HOUR },
	{ KEY("connect_timeout", take_duration), FIELD(struct origin_config, connect_timeout), .min = 1, .max = HOUR },
	{ KEY("first_byte_timeout", take_duration), FIELD(struct origin_config, first_byte_timeout), .min = 1, .max = HOUR },
	{ KEY("retries", take_number), FIELD(struct origin_config, retries), .min = 0, .max = MOST_RETRIES },
	{ KEY("headers", take_headers) },
	{ KEY("token", take_reference), FIELD(struct origin_config, token) },
	{ KEY("proxy", take_proxy) },
	{ KEY("client_certificate", take_path), FIELD(struct origin_config, client_certificate) },
	{ KEY("client_key", take_reference), FIELD(struct origin_config, client_key) },
	{ KEY("pinned_key", take_pinned_key) },
	{ KEY("signed_by", take_signed_by) },
	{ KEY("signature", take_later) },
};

SHAPE(origin_shape, "an origin", origin_fields);

static bool is_source(const struct node *key)
{
	static const char *const sources[] = { "url", "file", "builtin", "preset" };

	for (size_t i = 0; key->kind == NODE_SCALAR && i < sizeof(sources) / sizeof(sources[0]); i++)
		if (strcmp(key->text, sources[i]) == 0)
			return true;
	return false;
}

static void require_one_source(struct reader *r, const struct node *name, const struct node *value)
{
	const struct node *first = NULL;

	for (size_t i = 0; i < node_pairs(value); i++) {
		const struct node *key = node_key(value, i);

		if (!is_source(key))
			continue;
		if (first != NULL)
			complain(r->complaints, key->at, "this origin has '%s' and '%s'; expected just one of url, "
			         "file, builtin or preset; make the other an origin of its own", first->text,
			         key->text);
		else
			first = key;
	}
	if (first == NULL)
		complain(r->complaints, name->at, "this origin says nowhere to get the list from; expected one of url, "
		         "file, builtin or preset");
}

/* Keys that the source of this origin has no use for: somebody expects something of them that will not happen. */
static void refuse_idle_keys(struct reader *r, const struct node *value, const char *source,
                             const char *const *keys)
{
	for (; *keys != NULL; keys++) {
		const struct node *idle = node_get(value, *keys);

		if (idle != NULL)
			complain(r->complaints, idle->at, "'%s' has no meaning for an origin with '%s'; remove it",
			         *keys, source);
	}
}

#define WEB_KEYS "ca_file", "timeout", "connect_timeout", "first_byte_timeout", "retries", "headers", "token", "proxy", \
	"client_certificate", "client_key", "pinned_key"

static void check_source_keys(struct reader *r, const struct node *value)
{
	static const char *const of_files[] = { WEB_KEYS, NULL };
	static const char *const of_builtins[] = { WEB_KEYS, "format", "select", "max_size", "signed_by", "signature", NULL };
	static const char *const of_presets[] = { "format", NULL };

	if (node_get(value, "preset") != NULL)
		refuse_idle_keys(r, value, "preset", of_presets);
	if (node_get(value, "builtin") != NULL)
		refuse_idle_keys(r, value, "builtin", of_builtins);
	else if (node_get(value, "file") != NULL)
		refuse_idle_keys(r, value, "file", of_files);
}

static void check_format(struct reader *r, const struct origin_config *o, const struct node *value)
{
	const struct node *format = node_get(value, "format"), *select = node_get(value, "select");

	if (o->format == FORMAT_TEXT && select != NULL)
		complain(r->complaints, select->at, "'select' has no meaning for format text, which is one prefix a "
		         "line; expected format json, yaml, csv, html or xml, or no 'select'");
	if ((o->format == FORMAT_HTML || o->format == FORMAT_XML) && select == NULL && format != NULL)
		complain(r->complaints, format->at, "format %s needs 'select'; expected an XPath expression for the "
		         "elements that hold the prefixes, such as \"//ul[@id='ips']/li\"", list_format_name(o->format));
}

/* Some publishers want a token in the query (RFC 3986, 3.4): nobody is shown it. */
static void set_shown(struct reader *r, struct origin_config *o)
{
	char *query;

	if (o->where == NULL)
		return;
	reader_set_text(r, &o->shown, o->where);
	query = o->kind == ORIGIN_URL && o->shown != NULL ? strpbrk(o->shown, "?#") : NULL;
	if (query != NULL)
		memcpy(query, "?", 2);
}

void origin_defaults(struct reader *r, struct origin_config *o)
{
	reader_set_text(r, &o->preset, "");
	reader_set_text(r, &o->select, "");
	reader_set_text(r, &o->signed_by, "");
	reader_set_text(r, &o->signature, "");
	reader_set_text(r, &o->proxy, "");
	reader_set_text(r, &o->ca_file, "");
	reader_set_text(r, &o->pinned_key, "");
	reader_set_text(r, &o->client_certificate, "");
	o->max_size = DEFAULT_MAX_SIZE;
	o->timeout = DEFAULT_TIMEOUT;
	o->connect_timeout = DEFAULT_CONNECT_TIMEOUT;
	o->first_byte_timeout = DEFAULT_FIRST_BYTE_TIMEOUT;
	o->retries = DEFAULT_RETRIES;
}

static void read_origin(struct reader *r, size_t index, const struct node *name, const struct node *value, void *ctx)
{
	struct list_config *list = ctx;
	struct origin_config *o = &list->origins[index];

	reader_set_text(r, &o->name, name->text);
	origin_defaults(r, o);
	if (!take_mapping(r, &origin_shape, name->at, value, o))
		return;
	require_one_source(r, name, value);
	check_source_keys(r, value);
	if (o->preset != NULL && o->preset[0] != '\0')
		preset_apply(r, node_get(value, "preset")->at, value, o);
	if (o->kind == ORIGIN_URL && o->where != NULL)
		check_web_keys(r, o, value);
	settle_signature(r, o, value);
	set_shown(r, o);
	check_format(r, o, value);
	if (o->kind == ORIGIN_BUILTIN)
		o->format = FORMAT_TEXT;
}

void take_origins(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct list_config *list = into;
	size_t count = section_count(value);

	(void)f;
	if (value->kind == NODE_MAPPING && node_pairs(value) == 0) {
		complain(r->complaints, value->at, "a list with no origins; expected at least one");
		return;
	}
	list->origins = calloc(count + 1, sizeof(list->origins[0]));
	if (list->origins == NULL) {
		r->complaints->out_of_memory = true;
		return;
	}
	list->origin_count = count;
	section_each(r, value, "the origins of a list", read_origin, list);
}
