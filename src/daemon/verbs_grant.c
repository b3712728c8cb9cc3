/* Access for a time: given, taken back, shown. */
#include <string.h>

#include "core/control.h"
#include "core/number.h"
#include "daemon/operation.h"
#include "daemon/verbs.h"

/* SOURCE ENDPOINT SECONDS REASON; answers where one of them is not right. */
static bool grant_words(struct request *r, struct grant_request *g)
{
	const char *source = r->words[1];
	enum prefix_parse parsed = prefix_parse(&g->source, source, strlen(source));

	if (parsed != PREFIX_OK) {
		request_fail(r, EXIT_USAGE, "'%s' is no source: %s; expected an address", source, prefix_parse_text(parsed));
		return false;
	}
	g->endpoint = r->words[2];
	if (policy_find_endpoint(&r->d->policy, g->endpoint) == NULL) {
		request_fail(r, EXIT_USAGE, "there is no endpoint '%s' in %s; 'hallowctl status' names them", g->endpoint,
		             r->d->config_path);
		return false;
	}
	if (number_parse_i64(&g->seconds, r->words[3]) == -1 || g->seconds == 0) {
		request_fail(r, EXIT_USAGE, "'%s' is no time in seconds", r->words[3]);
		return false;
	}
	g->by = r->user;
	g->reason = r->words[4];
	return true;
}

static void run_grant(struct daemon *d, void *ctx)
{
	struct request *r = ctx;
	char time[TIME_TEXT_MAX];
	struct grant_request g;
	struct error err;
	uint64_t id;

	if (grant_words(r, &g)) {
		if (grant_make(d, &g, &id, &err) == -1)
			request_fail(r, EXIT_FAILED, "%s", err.text);
		else
			request_answer(r, EXIT_DONE,
			               json_pack("{s:o, s:I}", "text",
			                         json_sprintf("grant %llu: %s reaches %s for %s; 'hallowctl revoke %llu' ends it before",
			                                      (unsigned long long)id, r->words[1], r->words[2],
			                                      duration_format(g.seconds, time), (unsigned long long)id),
			                         "id", (json_int_t)id));
	}
	operation_end(d);
}

static void run_revoke(struct daemon *d, void *ctx)
{
	struct request *r = ctx;
	struct error err;
	uint64_t id;

	if (number_parse(&id, r->words[1], UINT64_MAX) == -1 || id == 0)
		request_fail(r, EXIT_USAGE, "'%s' is no number of a grant; 'hallowctl grants' shows them", r->words[1]);
	else if (grant_revoke(d, id, r->user, r->count > 2 ? r->words[2] : "", &r->session, &err) == -1)
		request_fail(r, EXIT_FAILED, "%s", err.text);
	else
		request_answer(r, EXIT_DONE, json_pack("{s:o}", "text", json_sprintf("grant %llu has ended",
		                                                                    (unsigned long long)id)));
	operation_end(d);
}

void verb_grant(struct request *r)
{
	verb_submit(r, run_grant);
}

void verb_revoke(struct request *r)
{
	verb_submit(r, run_revoke);
}

void verb_grants(struct request *r)
{
	request_answer(r, EXIT_DONE, grants_json(r->d));
}
