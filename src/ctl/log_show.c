#include "ctl/log_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/buffer.h"
#include "ctl/answer.h"
#include "ctl/log_query.h"
#include "report/plain.h"
#include "report/query.h"

void log_show_begin(struct log_show *s)
{
	s->rows = 0;
	s->waiting = 0;
	s->endpoint = 8;
	s->pair = 40;
	answer_begin();
	if (s->json && !s->follow)
		putchar('[');
}

static json_t *column_json(sqlite3_stmt *row, int column)
{
	json_t *text;

	switch (sqlite3_column_type(row, column)) {
	case SQLITE_NULL:
		return json_null();
	case SQLITE_INTEGER:
		return json_integer(sqlite3_column_int64(row, column));
	default:
		text = json_string(query_text(row, column));
		return text != NULL ? text : json_string("(not UTF-8)");
	}
}

/* The names of the fields are those of the view's columns. */
static void show_json(struct log_show *s, sqlite3_stmt *row)
{
	json_t *object = json_object();
	int i;

	for (i = 0; i < LOG_COLUMNS; i++)
		json_object_set_new(object, sqlite3_column_name(row, i), column_json(row, i));
	if (!s->follow)
		fputs(s->rows > 0 ? ",\n" : "\n", stdout);
	json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (s->follow)
		putchar('\n');
	json_decref(object);
}

static void add_host(struct buffer *b, sqlite3_stmt *row, int address, int port)
{
	const char *text = query_text(row, address);
	bool v6 = strchr(text, ':') != NULL;

	buffer_printf(b, "%s", v6 ? "[" : "");
	plain_add(b, text);
	buffer_printf(b, "%s", v6 ? "]" : "");
	if (sqlite3_column_type(row, port) != SQLITE_NULL)
		buffer_printf(b, ":%lld", sqlite3_column_int64(row, port));
}

/* "192.0.2.1:50000 -> 203.0.113.10:6443/tcp" */
static void add_pair(struct buffer *b, sqlite3_stmt *row)
{
	add_host(b, row, LOG_SOURCE, LOG_SOURCE_PORT);
	buffer_printf(b, " -> ");
	add_host(b, row, LOG_DESTINATION, LOG_DESTINATION_PORT);
	buffer_printf(b, "/");
	plain_add(b, query_text(row, LOG_PROTOCOL));
}

/* "listed in humanitec, revision 3", "not-listed in humanitec,office, revision 3,1", "observed, not in humanitec",
 * "egress-denied, not in tunnel:agent-eu" */
static void add_reason(struct buffer *b, sqlite3_stmt *row)
{
	const char *reason = query_text(row, LOG_REASON);
	bool not_in = strcmp(reason, "observed") == 0 || strcmp(reason, "egress-denied") == 0;

	plain_add(b, reason);
	if (*query_text(row, LOG_LIST) == '\0')
		return;
	buffer_printf(b, not_in ? ", not in " : " in ");
	plain_add(b, query_text(row, LOG_LIST));
	if (*query_text(row, LOG_REVISION) != '\0')
		buffer_printf(b, ", revision ");
	plain_add(b, query_text(row, LOG_REVISION));
}

static int widen(int width, const struct buffer *text)
{
	return (int)text->len > width ? (int)text->len : width;
}

static void print_line(const struct log_show *s, struct log_line *l)
{
	enum style style = l->allowed ? STYLE_GOOD : STYLE_BAD;

	printf("%s  %s%-5s%s  %-*s  %-*s  %s\n", buffer_str(&l->time), style_on(style, s->colour), buffer_str(&l->verdict),
	       style_off(style, s->colour), s->endpoint, buffer_str(&l->endpoint), s->pair, buffer_str(&l->pair),
	       buffer_str(&l->reason));
	buffer_free(&l->time);
	buffer_free(&l->verdict);
	buffer_free(&l->endpoint);
	buffer_free(&l->pair);
	buffer_free(&l->reason);
}

/* Lines wait until there are enough to know how wide the columns are. */
void log_show_flush(struct log_show *s)
{
	for (size_t i = 0; i < s->waiting; i++)
		print_line(s, &s->lines[i]);
	s->waiting = 0;
}

static void show_line(struct log_show *s, sqlite3_stmt *row)
{
	struct log_line *l;

	if (s->waiting == LOG_LINES)
		log_show_flush(s);
	l = &s->lines[s->waiting++];
	*l = (struct log_line){ .allowed = strcmp(query_text(row, LOG_VERDICT), "allow") == 0 };
	plain_add(&l->time, query_text(row, LOG_TIME));
	plain_add(&l->verdict, query_text(row, LOG_VERDICT));
	plain_add(&l->endpoint, query_text(row, LOG_ENDPOINT));
	add_pair(&l->pair, row);
	add_reason(&l->reason, row);
	s->endpoint = widen(s->endpoint, &l->endpoint);
	s->pair = widen(s->pair, &l->pair);
}

void log_show_row(struct log_show *s, sqlite3_stmt *row)
{
	if (s->json)
		show_json(s, row);
	else
		show_line(s, row);
	s->rows++;
}

void log_show_end(struct log_show *s)
{
	log_show_flush(s);
	if (s->json && !s->follow)
		puts(s->rows > 0 ? "\n]" : "]");
}
