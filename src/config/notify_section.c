/* The section `notify`: who is told of what happens. */
#include <stdlib.h>
#include <string.h>

#include "config/sections.h"
#include "config/value.h"

#define HOUR 3600

const struct choice notify_occasions[] = {
	{ "held", 0 },           { "stale", 1 },       { "drift", 2 },         { "repaired", 3 },
	{ "lost", 4 },           { "stalled", 5 },     { "agent-missing", 6 }, { "agent-seen", 7 },
	{ "refresh-failed", 8 }, { "refresh-recovered", 9 }, { "approved", 10 }, { "rejected", 11 },
	{ "rollback", 12 },      { "unpinned", 13 },   { "granted", 14 },      { "revoked", 15 },
	{ "expired", 16 },       { "reload", 17 },     { "went-back", 18 },    { "teardown", 19 },
	{ "child-died", 20 },    { "clock", 21 },      { "start", 22 },        { "stop", 23 },
	{ "closed", 24 },        { "opened", 25 },
	{ NULL, 0 },
};

int notify_occasion(const char *kind)
{
	for (size_t i = 0; notify_occasions[i].word != NULL; i++)
		if (strcmp(notify_occasions[i].word, kind) == 0)
			return (int)notify_occasions[i].value;
	return -1;
}

static void take_occasion(struct reader *r, const struct node *n, void *ctx)
{
	struct notify_config *notify = ctx;
	unsigned bit;

	if (value_choice(r, n, notify_occasions, &bit))
		notify->on |= 1u << bit;
}

static void take_on(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	(void)f;
	value_each(r, value, "at least one of held, stale, drift, lost, agent-missing", take_occasion, into);
}

static void add_word(struct reader *r, struct notify_config *notify, const char *word)
{
	char **grown = reallocarray(notify->command, notify->word_count + 1, sizeof(*grown));

	if (grown != NULL) {
		notify->command = grown;
		grown[notify->word_count] = strdup(word);
	}
	if (grown == NULL || grown[notify->word_count] == NULL)
		r->complaints->out_of_memory = true;
	else
		notify->word_count++;
}

/* The words of a command may hold a secret, against all advice: none is shown. */
static void take_command(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	static const char expected[] = "a sequence of words of which the first is an absolute path, such as "
		"[/usr/local/bin/page-someone]";
	const char *word;

	(void)f;
	if (value->kind == NODE_REFUSED)
		return;
	if (value->kind != NODE_SEQUENCE || value->count == 0 || value->count > NOTIFY_COMMAND_MAX) {
		complain(r->complaints, value->at, "this is no command; expected %s", expected);
		return;
	}
	for (size_t i = 0; i < value->count; i++) {
		if (!value_scalar(r, value->items[i], "a word of the command", &word))
			continue;
		if (i == 0 && word[0] != '/')
			complain(r->complaints, value->items[i]->at, "the program is no absolute path; expected %s",
			         expected);
		else
			add_word(r, into, word);
	}
}

static const struct field notify_fields[] = {
	{ KEY("command", take_command) },
	{ KEY("on", take_on) },
	{ KEY("repeat", take_duration), FIELD(struct notify_config, repeat), .min = 1, .max = 24 * HOUR },
	{ KEY("syslog", take_truth), FIELD(struct notify_config, syslog) },
};

SHAPE(notify_shape, "notify", notify_fields);

void notify_defaults(struct notify_config *n)
{
	n->repeat = 600;
}

void notify_free(struct notify_config *n)
{
	for (size_t i = 0; i < n->word_count; i++)
		free(n->command[i]);
	free(n->command);
	*n = (struct notify_config){ .command = NULL };
}

void take_notify(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct config *c = into;

	(void)f;
	if (!take_mapping(r, &notify_shape, value->at, value, &c->notify))
		return;
	if (node_get(value, "on") == NULL)
		complain(r->complaints, value->at, "'notify' does not say of what; expected 'on: [held, stale, drift, lost, "
		         "agent-missing]' or some of these");
	if (node_get(value, "command") == NULL && !c->notify.syslog)
		complain(r->complaints, value->at, "'notify' does not say how; expected 'command: [/usr/local/bin/page-someone]' "
		         "or 'syslog: true'");
}
