/* Where the state is, of a configuration that has errors. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "config/config.h"
#include "config/tree.h"
#include "core/file.h"

/* Keys and values of the outermost mapping come in turns; what is deeper counts as one value. */
struct search {
	unsigned depth;
	bool is_value;
	bool found;    /* the key that we look for was the last one */
	bool done;
};

static void take_scalar(struct search *s, const char *text, char out[PATH_MAX])
{
	if (s->depth != 1)
		return;
	if (s->is_value && s->found) {
		if (text[0] == '/' && strlen(text) < PATH_MAX)
			snprintf(out, PATH_MAX, "%s", text);
		s->done = true;
	}
	s->found = !s->is_value && strcmp(text, "state_dir") == 0;
	s->is_value = !s->is_value;
}

static void take_event(struct search *s, const yaml_event_t *e, char out[PATH_MAX])
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		take_scalar(s, (const char *)e->data.scalar.value, out);
		return;
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		s->depth++;
		return;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		s->depth--;
		if (s->depth == 1)
			s->is_value = s->found = false;
		return;
	case YAML_STREAM_END_EVENT:
		s->done = true;
		return;
	default:
		return;
	}
}

static void search(const struct buffer *data, char out[PATH_MAX])
{
	struct search s = { .depth = 0 };
	yaml_parser_t parser;
	yaml_event_t event;

	if (!yaml_parser_initialize(&parser))
		return;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, data->data, data->len);
	while (!s.done && yaml_parser_parse(&parser, &event)) {
		take_event(&s, &event, out);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
}

void config_state_dir(const char *path, char out[PATH_MAX])
{
	struct buffer data = BUFFER_INIT;

	snprintf(out, PATH_MAX, "%s", CONFIG_DEFAULT_STATE_DIR);
	if (file_read(AT_FDCWD, path, TREE_SIZE_MAX, &data, NULL) == 0)
		search(&data, out);
	buffer_free(&data);
}
