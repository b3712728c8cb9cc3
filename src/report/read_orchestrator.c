/* Whether the orchestrator reached a secret store: not by which list let somebody in, but by where they came from.  The
 * addresses are all that a list with origins ever had, so that what was on it only for an hour counts too. */
#include <jansson.h>
#include <string.h>

#include "core/prefix_set.h"
#include "report/query.h"
#include "report/read.h"

static bool is_secret_store(const struct report_endpoint *e)
{
	return strcmp(e->kind, "secret-store") == 0;
}

/* Adds the CIDR texts of a JSON array. */
static int add_prefixes(struct prefix_set *set, const char *text, struct error *err)
{
	json_t *array = json_loads(text, 0, NULL), *value;
	struct prefix prefix;
	int status = 0;
	size_t i;

	json_array_foreach(array, i, value) {
		const char *cidr = json_string_value(value);

		if (status == 0 && cidr != NULL && prefix_parse(&prefix, cidr, strlen(cidr)) == PREFIX_OK &&
		    prefix_set_add(set, &prefix) == -1)
			status = report_no_memory(err);
	}
	json_decref(array);
	return status;
}

static int read_published(sqlite3 *db, const struct report_period *p, struct prefix_set *set, struct error *err)
{
	const char *texts[] = { p->to };
	sqlite3_stmt *s;
	int rc;

	if (query_start(db, &s, "SELECT added FROM list_revisions WHERE time < ?1 AND origins NOT IN ('', '[]')", texts, 1,
	                err) == -1)
		return -1;
	while ((rc = query_next(s, err)) == 1) {
		if (add_prefixes(set, query_text(s, 0), err) == -1) {
			rc = -1;
			break;
		}
	}
	sqlite3_finalize(s);
	prefix_set_normalize(set);
	return rc;
}

int report_read_orchestrator(sqlite3 *db, struct report *r, const struct report_period *p, struct error *err)
{
	struct prefix_set published = PREFIX_SET_INIT;
	int status = 0;

	for (size_t i = 0; i < r->endpoint_count; i++)
		r->endpoints[i].is_secret_store = is_secret_store(&r->endpoints[i]);
	status = read_published(db, p, &published, err);
	for (size_t i = 0; status == 0 && i < r->endpoint_count; i++) {
		struct report_endpoint *e = &r->endpoints[i];

		for (size_t j = 0; e->is_secret_store && j < e->source_count; j++) {
			const struct report_source *s = &e->sources[j];

			if (s->address.family != AF_UNSPEC && prefix_set_contains(&published, &s->address))
				e->orchestrator_allowed += s->allowed;
		}
	}
	prefix_set_free(&published);
	return status;
}
