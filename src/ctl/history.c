#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/number.h"
#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/daemon.h"
#include "report/plain.h"
#include "report/query.h"

#define ADDRESSES_SHOWN 40
#define HASH_SHOWN 16

/* A column that holds JSON; as text where it does not parse. */
static json_t *column_json(sqlite3_stmt *s, int column)
{
	const char *text = query_text(s, column);
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	if (value == NULL && *text != '\0')
		value = json_string(text);
	return value != NULL ? value : json_null();
}

static json_t *column_text(sqlite3_stmt *s, int column)
{
	json_t *value = json_string(query_text(s, column));

	return value != NULL ? value : json_string("(not UTF-8)");
}

static json_t *revision_json(sqlite3_stmt *s)
{
	return json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "list", column_text(s, 0), "revision",
	                 (json_int_t)query_count(s, 1), "time", column_text(s, 2), "added", column_json(s, 3),
	                 "removed", column_json(s, 4), "origins", column_json(s, 5), "decided_by", column_text(s, 6),
	                 "reason", column_text(s, 7));
}

static int read_revisions(sqlite3 *db, const char *list, json_t *revisions, struct error *err)
{
	const char *texts[] = { list };
	sqlite3_stmt *s;
	int rc;

	if (query_start(db, &s,
	                "SELECT list, revision, time, added, removed, origins, decided_by, reason FROM list_revisions"
	                " WHERE list = ? ORDER BY revision", texts, 1, err) == -1)
		return -1;
	while ((rc = query_next(s, err)) == 1) {
		if (json_array_append_new(revisions, revision_json(s)) == -1) {
			rc = error_set(err, "out of memory");
			break;
		}
	}
	sqlite3_finalize(s);
	return rc;
}

/* What one origin had answered: the answer that counted, which is an earlier one where its state is not "ok". */
static void show_origin(const json_t *origin)
{
	long long status = answer_number(origin, "http_status");

	plain_print(stdout, "  from %s: %s", answer_text(origin, "name"), answer_text(origin, "state"));
	if (*answer_text(origin, "sha256") != '\0') {
		printf(", %lld %s in %lld bytes", answer_number(origin, "entries"),
		       number_entries((uint64_t)answer_number(origin, "entries")), answer_number(origin, "bytes"));
		if (status > 0)
			printf(", HTTP status %lld", status);
		plain_print(stdout, ", fetched %s", answer_text(origin, "fetched_at"));
		printf(", sha256 %.*s", HASH_SHOWN, answer_text(origin, "sha256"));
	}
	fputc('\n', stdout);
}

static void show_revision(const json_t *revision)
{
	const json_t *origins = json_object_get(revision, "origins");
	json_t *origin;
	size_t i;

	plain_print(stdout, "revision %lld  %s  %zu added, %zu removed, decided by %s", answer_number(revision, "revision"),
	            answer_text(revision, "time"), answer_count(revision, "added"), answer_count(revision, "removed"),
	            answer_text(revision, "decided_by"));
	if (*answer_text(revision, "reason") != '\0')
		plain_print(stdout, ": %s", answer_text(revision, "reason"));
	fputc('\n', stdout);
	json_array_foreach(origins, i, origin)
		show_origin(origin);
	answer_print_texts(stdout, "  + ", json_object_get(revision, "added"), ADDRESSES_SHOWN, "\n");
	answer_print_texts(stdout, "  - ", json_object_get(revision, "removed"), ADDRESSES_SHOWN, "\n");
}

static void show(struct ctl *ctl, const json_t *revisions)
{
	json_t *revision;
	size_t i;

	(void)ctl;
	json_array_foreach(revisions, i, revision)
		show_revision(revision);
	if (json_array_size(revisions) == 0)
		puts("no revision of this list is recorded yet");
}

/* A list without a revision must at least be in the configuration. */
static int check_list(const struct config *c, const char *name)
{
	const char **names;
	size_t i;

	if (config_find_list(c, name) != NULL)
		return 0;
	names = calloc(c->list_count + 1, sizeof(*names));
	if (names == NULL)
		return ctl_fail(EXIT_FAILED, "out of memory");
	for (i = 0; i < c->list_count; i++)
		names[i] = c->lists[i].name;
	ctl_unknown("list", name, names, c->list_count);
	free(names);
	return EXIT_USAGE;
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	json_t *revisions = json_array();
	struct error err;
	sqlite3 *db;
	int code = ctl_audit(ctl, &db);

	if (code == 0) {
		if (read_revisions(db, args->words[0], revisions, &err) == -1)
			code = ctl_fail(EXIT_FAILED, "%s", err.text);
		else if (json_array_size(revisions) == 0)
			code = check_list(ctl->config, args->words[0]);
		if (code == 0)
			answer_present(ctl, revisions, show);
		sqlite3_close(db);
	}
	json_decref(revisions);
	return code;
}

const struct verb verb_history = {
	.name = "history",
	.words = "LIST",
	.min = 1,
	.max = 1,
	.summary = "every revision of a list",
	.about = "Shows each change of the list that was put in force: when, what was added and removed, what its\n"
	         "origins had answered, who decided, and why.\n",
	.examples = "  hallowctl history humanitec\n"
	            "  hallowctl history humanitec -o json | jq '.[-1].added'\n",
	.formats = "text, json",
	.looks = true,
	.run = run,
};
