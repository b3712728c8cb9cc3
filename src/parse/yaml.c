#include "parse/formats.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include <yaml.h>

#include "parse/yaml_scalar.h"

/* Bounds on what a short text can blow up to: aliases count as often as they are used. */
#define YAML_DEPTH_MAX 100
#define YAML_NODES_MAX 10000000

struct yaml_reader {
	yaml_parser_t parser;
	jv anchors; /* name -> [value, nodes in it] */
	uint64_t nodes;
	struct error *err;
};

static int read_node(struct yaml_reader *y, const yaml_event_t *event, unsigned depth, jv *out);

static int fail_at(struct yaml_reader *y, const yaml_mark_t *mark, const char *what)
{
	return error_set(y->err, "YAML line %zu, column %zu: %s", mark->line + 1, mark->column + 1, what);
}

static int next_event(struct yaml_reader *y, yaml_event_t *event)
{
	const yaml_parser_t *p = &y->parser;

	if (yaml_parser_parse(&y->parser, event))
		return 0;
	if (p->error == YAML_MEMORY_ERROR)
		return error_set(y->err, "no memory for the YAML");
	if (p->error == YAML_READER_ERROR)
		return error_set(y->err, "is not YAML: byte %zu: %s", p->problem_offset, p->problem);
	return error_set(y->err, "is not YAML: line %zu, column %zu: %s", p->problem_mark.line + 1,
	                 p->problem_mark.column + 1, p->problem ? p->problem : "cannot be read");
}

static int count_nodes(struct yaml_reader *y, const yaml_mark_t *mark, uint64_t more)
{
	y->nodes += more;
	return y->nodes > YAML_NODES_MAX ? fail_at(y, mark, "more nodes than the limit, aliases counted in full") : 0;
}

static void remember(struct yaml_reader *y, const yaml_char_t *anchor, jv value, uint64_t nodes)
{
	jv entry = JV_ARRAY(jv_copy(value), jv_number((double)nodes));

	y->anchors = jv_object_set(y->anchors, jv_string((const char *)anchor), entry);
}

static int read_alias(struct yaml_reader *y, const yaml_event_t *event, jv *out)
{
	jv entry = jv_object_get(jv_copy(y->anchors), jv_string((const char *)event->data.alias.anchor));
	jv nodes;

	if (!jv_is_valid(entry)) {
		jv_free(entry);
		return fail_at(y, &event->start_mark, "an alias of something that is not there, or not complete");
	}
	nodes = jv_array_get(jv_copy(entry), 1);
	if (count_nodes(y, &event->start_mark, (uint64_t)jv_number_value(nodes)) == -1) {
		jv_free(entry);
		return -1;
	}
	*out = jv_array_get(entry, 0);
	return 0;
}

static bool tag_is(const yaml_char_t *tag, const char *name)
{
	static const char start[] = "tag:yaml.org,2002:";

	return tag && strncmp((const char *)tag, start, strlen(start)) == 0 &&
	       strcmp((const char *)tag + strlen(start), name) == 0;
}

static int read_scalar(struct yaml_reader *y, const yaml_event_t *event, jv *out)
{
	const yaml_char_t *tag = event->data.scalar.tag;
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;

	if (len > INT_MAX)
		return fail_at(y, &event->start_mark, "a scalar that is too long");
	if (event->data.scalar.plain_implicit || tag_is(tag, "null") || tag_is(tag, "bool") || tag_is(tag, "int") ||
	    tag_is(tag, "float"))
		*out = yaml_scalar_resolve(text, len);
	else if (event->data.scalar.quoted_implicit || tag_is(tag, "str") || strcmp((const char *)tag, "!") == 0)
		*out = jv_string_sized(text, (int)len);
	else
		return fail_at(y, &event->start_mark, "a tag that is none of the core schema");
	return 0;
}

static int read_sequence(struct yaml_reader *y, unsigned depth, jv *out)
{
	jv array = jv_array();

	for (;;) {
		yaml_event_t event;
		jv value = jv_null();
		int ret;

		if (next_event(y, &event) == -1)
			break;
		if (event.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&event);
			*out = array;
			return 0;
		}
		ret = read_node(y, &event, depth, &value);
		yaml_event_delete(&event);
		if (ret == -1)
			break;
		array = jv_array_append(array, value);
	}
	jv_free(array);
	return -1;
}

/* A key is a scalar, and stands for its text. */
static int read_key(struct yaml_reader *y, const yaml_event_t *event, jv object, jv *key)
{
	if (event->type != YAML_SCALAR_EVENT || event->data.scalar.length > INT_MAX)
		return fail_at(y, &event->start_mark, "a key that is no word; a scalar was expected");
	*key = jv_string_sized((const char *)event->data.scalar.value, (int)event->data.scalar.length);
	if (!jv_object_has(jv_copy(object), jv_copy(*key)))
		return 0;
	jv_free(*key);
	return fail_at(y, &event->start_mark, "the same key a second time");
}

static int read_pair(struct yaml_reader *y, const yaml_event_t *first, unsigned depth, jv *object)
{
	yaml_event_t event;
	jv key = jv_null(), value = jv_null();
	int ret;

	if (read_key(y, first, *object, &key) == -1)
		return -1;
	ret = next_event(y, &event);
	if (ret == 0) {
		ret = read_node(y, &event, depth, &value);
		yaml_event_delete(&event);
	}
	if (ret == -1) {
		jv_free(key);
		return -1;
	}
	*object = jv_object_set(*object, key, value);
	return 0;
}

static int read_mapping(struct yaml_reader *y, unsigned depth, jv *out)
{
	jv object = jv_object();

	for (;;) {
		yaml_event_t event;
		int ret;

		if (next_event(y, &event) == -1)
			break;
		if (event.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&event);
			*out = object;
			return 0;
		}
		ret = read_pair(y, &event, depth, &object);
		yaml_event_delete(&event);
		if (ret == -1)
			break;
	}
	jv_free(object);
	return -1;
}

static int read_collection(struct yaml_reader *y, const yaml_event_t *event, unsigned depth, jv *out)
{
	bool mapping = event->type == YAML_MAPPING_START_EVENT;
	const yaml_char_t *tag = mapping ? event->data.mapping_start.tag : event->data.sequence_start.tag;

	if (depth == YAML_DEPTH_MAX)
		return fail_at(y, &event->start_mark, "nested too deep");
	if (tag && strcmp((const char *)tag, "!") != 0 && !tag_is(tag, mapping ? "map" : "seq"))
		return fail_at(y, &event->start_mark, "a tag that is none of the core schema");
	return mapping ? read_mapping(y, depth + 1, out) : read_sequence(y, depth + 1, out);
}

static int read_node(struct yaml_reader *y, const yaml_event_t *event, unsigned depth, jv *out)
{
	uint64_t before = y->nodes;
	const yaml_char_t *anchor;
	int ret;

	if (event->type == YAML_ALIAS_EVENT)
		return read_alias(y, event, out);
	if (count_nodes(y, &event->start_mark, 1) == -1)
		return -1;
	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		ret = read_scalar(y, event, out);
	} else {
		anchor = event->type == YAML_MAPPING_START_EVENT ? event->data.mapping_start.anchor :
		                                                   event->data.sequence_start.anchor;
		ret = read_collection(y, event, depth, out);
	}
	if (ret == 0 && anchor)
		remember(y, anchor, *out, y->nodes - before);
	return ret;
}

/* Goes on to the next event of one of two types, passing over all others. */
static int skip_to(struct yaml_reader *y, yaml_event_type_t type, yaml_event_type_t other, yaml_event_type_t *found,
                   yaml_mark_t *mark)
{
	do {
		yaml_event_t event;

		if (next_event(y, &event) == -1)
			return -1;
		*found = event.type;
		*mark = event.start_mark;
		yaml_event_delete(&event);
	} while (*found != type && *found != other);
	return 0;
}

static int read_document(struct yaml_reader *y, jv *out)
{
	yaml_event_type_t found;
	yaml_event_t event;
	yaml_mark_t mark;
	int ret;

	if (skip_to(y, YAML_DOCUMENT_START_EVENT, YAML_STREAM_END_EVENT, &found, &mark) == -1)
		return -1;
	if (found == YAML_STREAM_END_EVENT)
		return error_set(y->err, "holds no entry, only comments");
	if (next_event(y, &event) == -1)
		return -1;
	ret = read_node(y, &event, 0, out);
	yaml_event_delete(&event);
	if (ret == -1)
		return -1;
	if (skip_to(y, YAML_DOCUMENT_START_EVENT, YAML_STREAM_END_EVENT, &found, &mark) == 0) {
		if (found == YAML_STREAM_END_EVENT)
			return 0;
		fail_at(y, &mark, "a second document; one was expected");
	}
	jv_free(*out);
	return -1;
}

int yaml_read(const struct source *s, struct rows *rows, struct error *err)
{
	struct yaml_reader y = { .nodes = 0, .err = err };
	jv value = jv_null();
	int ret;

	if (!yaml_parser_initialize(&y.parser))
		return error_set(err, "no memory for the YAML");
	yaml_parser_set_encoding(&y.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&y.parser, (const unsigned char *)s->text, s->len);
	y.anchors = jv_object();
	ret = read_document(&y, &value);
	jv_free(y.anchors);
	yaml_parser_delete(&y.parser);
	if (ret == 0)
		ret = select_rows(value, s->select, rows, err);
	return ret;
}
