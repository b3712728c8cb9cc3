#include "daemon/answers.h"
#include "daemon/json_text.h"
#include "kernel/neighbours.h"

static json_t *one(const struct neighbour *n, struct texts *problems)
{
	json_t *text, *answer;

	text = json_sprintf("table %s %s, chain %s (%s) %s connections to endpoint %s%s that hallowd lets through, by %s",
	                    n->family, n->table, n->chain, n->hook, n->certain ? "drops" : "may drop", n->endpoint,
	                    n->others > 0 ? " and others" : "", n->policy ? "its policy" : "a rule");
	if (n->certain)
		texts_add(problems, "another program stands in the way: %s", json_string_value(text));
	answer = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:b, s:o}", "family", n->family, "table", n->table, "chain",
	                   n->chain, "hook", n->hook, "endpoint", n->endpoint, "others", (json_int_t)n->others, "certain",
	                   n->certain, "policy", n->policy, "text", text);
	return answer;
}

json_t *answer_neighbours(struct daemon *d, struct texts *problems)
{
	struct neighbours n;
	struct error err;
	json_t *array = json_array();

	if (kernel_neighbours(d->kernel, &d->policy, &n, &err) == -1) {
		texts_add(problems, "whether other programs' rules stand in the way is not known: %s", err.text);
		return array;
	}
	for (size_t i = 0; i < n.count; i++)
		json_array_append_new(array, one(&n.items[i], problems));
	neighbours_free(&n);
	return array;
}
