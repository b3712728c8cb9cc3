/* What is asked without changing anything. */
#include "core/control.h"
#include "daemon/answers.h"
#include "daemon/enforce.h"
#include "daemon/explain.h"
#include "daemon/plan.h"
#include "daemon/verbs.h"

void verb_status(struct request *r)
{
	int exit_code;
	json_t *status = answer_status(r->d, &exit_code);

	request_answer(r, exit_code, status);
}

void verb_lists(struct request *r)
{
	const struct lists *l = r->d->lists;
	struct list_state *s;
	json_t *array;

	if (r->count == 2) {
		s = verb_named_list(r, r->words[1]);
		if (s != NULL)
			request_answer(r, EXIT_DONE, answer_list(s));
		return;
	}
	array = json_array();
	for (size_t i = 0; i < l->config->list_count; i++)
		json_array_append_new(array, answer_list(&l->items[i]));
	request_answer(r, EXIT_DONE, array);
}

/* Whether the kernel does what the policy says; else *why. */
static bool in_force(struct daemon *d, struct error *why)
{
	struct kernel_state state;

	if (d->torn_down.is) {
		torn_down_text(&d->torn_down, why);
		return false;
	}
	if (kernel_state(d->kernel, &state, why) == -1)
		return false;
	if (!state.present)
		error_set(why, "nothing is enforced: table inet " KERNEL_TABLE " is not in the kernel");
	return state.present;
}

/* Without a running hallowd the policy is what the configuration says now, and the kernel may have another. */
static bool kernel_has_another(struct daemon *d, struct error *why)
{
	struct kernel_change change;
	bool differs;

	if (!d->once || kernel_plan(d->kernel, &d->policy, &change, why) == -1)
		return false;
	differs = change.any;
	kernel_change_free(&change);
	error_set(why, "the kernel has another policy than the configuration that this is about; 'hallowctl plan' shows the "
	               "difference");
	return differs;
}

/* Answers with what the policy says, and says where the kernel does something else. */
static void answer_of_policy(struct request *r, json_t *answer)
{
	struct error why;

	if (!in_force(r->d, &why))
		request_answer_and_warn(r, EXIT_NOT_ENFORCED, why.text, answer);
	else if (kernel_has_another(r->d, &why))
		request_answer_and_warn(r, EXIT_DONE, why.text, answer);
	else
		request_answer(r, EXIT_DONE, answer);
}

void verb_explain(struct request *r)
{
	struct error err;
	json_t *answer = explain(r->d, r->words[1], r->words[2], &err);

	if (answer == NULL)
		request_fail(r, EXIT_USAGE, "%s", err.text);
	else
		answer_of_policy(r, answer);
}

/* Pairs of source and destination: what hallowctl asks for a whole capture. */
void verb_explain_all(struct request *r)
{
	json_t *answers = json_array(), *answer;
	struct error err;

	for (size_t i = 1; i + 1 < r->count; i += 2) {
		answer = explain(r->d, r->words[i], r->words[i + 1], &err);
		if (answer == NULL) {
			json_decref(answers);
			request_fail(r, EXIT_USAGE, "%s", err.text);
			return;
		}
		json_array_append_new(answers, answer);
	}
	answer_of_policy(r, answers);
}

void verb_plan(struct request *r)
{
	if (!r->plan_refresh && r->count > 1)
		request_fail(r, EXIT_USAGE, "'plan' takes lists only with --refresh");
	else if (r->plan_refresh && !r->may_change)
		request_fail(r, EXIT_FAILED, "'plan --refresh' asks the publishers, so it is for root and the user that hallowd runs as; "
		                             "you are %s", r->user);
	else if (verb_lists_have_origins(r))
		plan_run(r);
}
