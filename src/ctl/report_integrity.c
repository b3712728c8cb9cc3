#include "ctl/report_integrity.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/verify.h"
#include "ctl/keys.h"

void report_integrity_free(struct report_integrity *integrity)
{
	free(integrity->checkpoint);
	free(integrity->problem);
	*integrity = (struct report_integrity){ .ok = -1 };
}

static int no_memory(void)
{
	return ctl_fail(EXIT_FAILED, "out of memory");
}

static int set_problem(struct report_integrity *integrity, const struct verify_result *r)
{
	int len = r->row[0] == '\0' ? asprintf(&integrity->problem, "%s", r->what) :
	                              asprintf(&integrity->problem, "%s%s: %s", r->is_connection ? "connection " : "", r->row,
	                                       r->what);

	if (len != -1)
		return 0;
	integrity->problem = NULL;
	return no_memory();
}

static int set_not_read(struct report_integrity *integrity, const struct verify_result *r)
{
	if (asprintf(&integrity->problem,
	             "the signed checkpoints and the tree of hashes are good; the %llu rows were not read again for this "
	             "report, which 'hallowctl report --verify' and 'hallowctl verify' do",
	             (unsigned long long)r->leaves) != -1)
		return 0;
	integrity->problem = NULL;
	return no_memory();
}

/* The rest of the report is worth having without it. */
static int set_not_known(struct report_integrity *integrity, const struct error *err)
{
	integrity->problem = strdup(err->text);
	return integrity->problem == NULL ? no_memory() : 0;
}

/* Rows that are in no leaf are read as well, and are a finding. */
static bool is_short(sqlite3 *db, const struct verify_result *r)
{
	sqlite3_stmt *s;
	bool few = false;

	if (sqlite3_prepare_v2(db, "SELECT count(*) <= ?1 FROM (SELECT 1 FROM connection LIMIT ?1 + 1)", -1, &s, NULL) ==
	    SQLITE_OK) {
		sqlite3_bind_int(s, 1, REPORT_VERIFY_MAX);
		few = sqlite3_step(s) == SQLITE_ROW && sqlite3_column_int(s, 0) != 0;
	}
	sqlite3_finalize(s);
	return few && r->leaves <= REPORT_VERIFY_MAX;
}

static int verify(sqlite3 *db, const struct verify_request *q, bool all, struct report_integrity *integrity)
{
	struct verify_result r;
	struct error err;
	bool read;

	if (audit_verify_quick(db, q, &r, &err) == -1)
		return set_not_known(integrity, &err);
	read = all || is_short(db, &r);
	if (read && audit_verify(db, q, &r, &err) == -1)
		return set_not_known(integrity, &err);
	integrity->ok = !r.ok ? 0 : read ? 1 : -1;
	if (!r.ok)
		return set_problem(integrity, &r);
	return read ? 0 : set_not_read(integrity, &r);
}

int report_verify(struct ctl *ctl, sqlite3 *db, bool all, struct report_integrity *integrity)
{
	struct verify_request q = { .key_count = 0 };
	struct keys keys = { NULL, 0 };
	struct buffer note = BUFFER_INIT;
	char path[PATH_MAX];
	int kept, code = keys_kept(&keys, ctl->config->state_dir);

	*integrity = (struct report_integrity){ .ok = -1 };
	if (code != 0)
		return code;
	q.keys = keys.all;
	q.key_count = keys.count;
	kept = note_kept(ctl->config->state_dir, &note, path);
	if (kept == 1) {
		q.notes[q.note_count].note = (const char *)note.data;
		q.notes[q.note_count].len = note.len;
		q.notes[q.note_count++].name = path;
		integrity->checkpoint = strndup((const char *)note.data, note.len);
	}
	code = kept == -1 ? EXIT_FAILED : kept == 1 && integrity->checkpoint == NULL ? no_memory() :
	                                                                               verify(db, &q, all, integrity);
	buffer_free(&note);
	keys_free(&keys);
	if (code != 0)
		report_integrity_free(integrity);
	return code;
}
