#include "daemon/plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/control.h"
#include "daemon/answers.h"
#include "daemon/configure.h"
#include "daemon/confirm.h"
#include "daemon/endpoint_change.h"
#include "daemon/enforce.h"
#include "daemon/impact.h"
#include "daemon/json_text.h"
#include "daemon/refresh.h"
#include "daemon/revision.h"

/* A plan, while it is made.  The lists are read from disk for it, so that whatever it does to them is forgotten. */
struct plan {
	struct request *r;
	struct lists *lists;
	struct texts warnings;
	json_t *refreshed; /* --refresh: what would become of each list */
};

static void plan_free(struct plan *p)
{
	texts_free(&p->warnings);
	json_decref(p->refreshed);
	lists_free(p->lists);
	free(p);
}

static void plan_fail(struct plan *p, int exit_code, const char *why)
{
	request_fail(p->r, exit_code, "%s", why);
	plan_free(p);
}

/* --- what is in force now */

/* Without a running hallowd: what was last in force, as far as it was kept.  0 also where it was not, with an empty policy. */
static int kept_policy(struct daemon *d, struct policy *now, struct error *err)
{
	struct buffer errors = BUFFER_INIT;
	struct config *config = NULL;
	struct lists *lists = NULL;
	int result = 0;

	*now = (struct policy){ 0 };
	if (kept_config_load_good(d->state_fd, &config, &errors) == 0 && config != NULL) {
		result = lists_load(config, d->state_fd, &lists, err);
		if (result == 0)
			result = policy_from_lists(lists, &d->grants, now, err);
		if (result == 0)
			lists_free(lists);
	}
	buffer_free(&errors);
	return result;
}

/* --- warnings */

static void warn_unknown(struct plan *p)
{
	const struct lists *l = p->lists;

	for (size_t i = 0; i < l->config->list_count; i++)
		if (list_unknown(&l->items[i]))
			texts_add(&p->warnings, "nothing is known of list %s yet; it is fetched before it is put in force, and where that "
			                        "fails, a reload changes nothing", l->config->lists[i].name);
}

static void warn_of_doubts(struct plan *p)
{
	struct buffer lines = BUFFER_INIT;
	char *rest, *line;

	if (config_doubts(p->lists->config, &lines) == 0 && buffer_str(&lines) != NULL)
		for (rest = (char *)lines.data; (line = strsep(&rest, "\n")) != NULL;)
			if (*line != '\0')
				texts_add(&p->warnings, "%s", line);
	buffer_free(&lines);
}

static void warn_of_state(struct plan *p)
{
	const struct daemon *d = p->r->d;

	if (d->torn_down.is)
		texts_add(&p->warnings, "nothing is enforced now, since %s tore it down (%s); %s", d->torn_down.by,
		          d->torn_down.reason, p->r->plan_refresh ? "a refresh leaves it so" : "a reload enforces again");
	if (d->tried.state == TRIED_WAITING)
		texts_add(&p->warnings, "another configuration waits to be confirmed, so 'hallowctl reload' needs --confirm");
}

static void warn_of_session(struct plan *p, const struct policy *now, const struct policy *next)
{
	struct error err;

	if (session_check(&p->r->session, now, next, &err) == -1)
		texts_add(&p->warnings, "it would cut the connection through which you are logged in, so '%s' is refused without "
		                        "--force", p->r->plan_refresh ? "hallowctl refresh" : "hallowctl reload");
}

static void warn_of_grants(struct plan *p, const struct policy *now, const struct policy *next)
{
	for (size_t i = 0; i < now->grant_count; i++) {
		const char *name = now->endpoints[now->grants[i].endpoint].name;

		if (policy_find_endpoint(next, name) == NULL)
			texts_add(&p->warnings, "grant %llu is for endpoint %s, which goes", (unsigned long long)now->grants[i].id, name);
	}
}

/* --- the answer */

static json_t *cuts_json(const struct impact *impact)
{
	json_t *array = json_array();

	for (size_t i = 0; i < impact->cut_count; i++) {
		const struct cut_off *c = &impact->cuts[i];

		json_array_append_new(array, json_pack("{s:o, s:o, s:o}", "endpoints", json_texts(&c->endpoints), "sources",
		                                       json_prefixes(&c->sources), "except", json_prefixes(&c->except)));
	}
	return array;
}

static void answer_plan(struct plan *p, const struct policy *now, const struct policy *next,
                        const struct kernel_change *change)
{
	struct impact impact;
	json_t *answer;

	if (impact_of(now, next, &impact) == -1) {
		request_fail(p->r, EXIT_FAILED, "no memory");
		return;
	}
	for (size_t i = 0; i < impact.warnings.count; i++)
		texts_add(&p->warnings, "%s", impact.warnings.items[i]);
	answer = answer_change(change, &p->warnings);
	json_object_set_new(answer, "details", endpoint_changes(now->endpoint_count > 0 ? now : NULL, next));
	json_object_set_new(answer, "cut", cuts_json(&impact));
	if (p->refreshed != NULL)
		json_object_set(answer, "refresh", p->refreshed);
	impact_free(&impact);
	request_answer(p->r, EXIT_DONE, answer);
}

static void answer_nft(struct plan *p, const struct policy *next)
{
	struct buffer text = BUFFER_INIT;

	if (kernel_print(next, &text) == -1 || buffer_str(&text) == NULL)
		request_fail(p->r, EXIT_FAILED, "the ruleset cannot be written; hallowd's log says why");
	else
		request_answer(p->r, EXIT_DONE, json_pack("{s:s}", "nft", buffer_str(&text)));
	buffer_free(&text);
}

/* With what is in force now, as far as it is known. */
static void answer_against(struct plan *p, const struct policy *now, const struct policy *next)
{
	struct kernel_change change = { 0 };
	struct error err;

	warn_unknown(p);
	warn_of_doubts(p);
	warn_of_state(p);
	warn_of_session(p, now, next);
	warn_of_grants(p, now, next);
	if (kernel_plan(p->r->d->kernel, next, &change, &err) == -1)
		request_fail(p->r, EXIT_FAILED, "the kernel cannot be asked: %s", err.text);
	else
		answer_plan(p, now, next, &change);
	kernel_change_free(&change);
}

/* The lists are as they would be. */
static void finish(struct plan *p)
{
	struct daemon *d = p->r->d;
	struct own_changes *own = NULL;
	struct policy next = { 0 }, kept = { 0 };
	struct error err;

	if (own_lists_take(p->lists, &own, &err) == -1 || policy_from_lists(p->lists, &d->grants, &next, &err) == -1 ||
	    (d->once && kept_policy(d, &kept, &err) == -1))
		request_fail(p->r, EXIT_FAILED, "%s", err.text);
	else if (p->r->plan_nft)
		answer_nft(p, &next);
	else
		answer_against(p, d->once ? &kept : &d->policy, &next);
	own_changes_free(own);
	policy_free(&next);
	policy_free(&kept);
	plan_free(p);
}

static void judged(void *ctx, struct refresh *refresh)
{
	struct plan *p = ctx;
	size_t count;
	const struct list_result *results = refresh_results(refresh, &count);

	for (size_t i = 0; p->r->plan_refresh && i < count; i++)
		json_array_append_new(p->refreshed, refresh_result_json(&results[i]));
	for (size_t i = 0; !p->r->plan_refresh && i < count; i++)
		for (size_t k = 0; list_unknown(results[i].list) && k < results[i].reasons.count; k++)
			texts_add(&p->warnings, "list %s: %s", results[i].list->config->name, results[i].reasons.items[k]);
	refresh_free(refresh);
	finish(p);
}

/* --- what is planned with */

/* The configuration that a refresh works with: the one in force. */
static int load_in_force(struct daemon *d, struct config **config, struct buffer *errors)
{
	if (d->once)
		return config_load(d->config_path, config, errors);
	if (d->config_source == CONFIG_UNCONFIRMED)
		return kept_config_load_tried(d->state_fd, config, errors);
	return kept_config_load_good(d->state_fd, config, errors);
}

/* The configuration that a reload takes up: the file. */
static int load_file(struct daemon *d, struct config **config, struct buffer *errors)
{
	struct error err;

	if (config_load(d->config_path, config, errors) == -1)
		return -1;
	if (configure_check_fixed(d, *config, &err) == 0)
		return 0;
	config_free(*config);
	buffer_printf(errors, "%s", err.text);
	return -1;
}

static int load_lists(struct plan *p, struct buffer *errors)
{
	struct daemon *d = p->r->d;
	struct config *config = NULL;
	struct error err;

	if ((p->r->plan_refresh ? load_in_force(d, &config, errors) : load_file(d, &config, errors)) == -1)
		return -1;
	if (config == NULL) {
		buffer_printf(errors, "the configuration in force is not kept in state_dir any more");
		return -1;
	}
	if (lists_load(config, d->state_fd, &p->lists, &err) == 0)
		return 0;
	buffer_printf(errors, "%s", err.text);
	return -1;
}

void plan_run(struct request *r)
{
	struct plan *p = calloc(1, sizeof(*p));
	struct buffer errors = BUFFER_INIT;
	const char *text;

	if (p == NULL || (r->plan_refresh && (p->refreshed = json_array()) == NULL)) {
		free(p);
		request_fail(r, EXIT_FAILED, "no memory");
		return;
	}
	p->r = r;
	if (load_lists(p, &errors) == -1) {
		text = buffer_str(&errors);
		plan_fail(p, EXIT_USAGE, text == NULL ? "no memory for the configuration" : text);
	} else if (!r->may_change) {
		finish(p); /* whoever may only look does not make hallowd ask the publishers */
	} else if (refresh_start(r->d, p->lists, !r->plan_refresh, r->words + 1, r->count - 1, judged, p) == NULL) {
		plan_fail(p, EXIT_FAILED, "no memory to ask the lists' origins");
	}
	buffer_free(&errors);
}
