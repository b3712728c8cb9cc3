#include "record/policies.h"

#include <stdlib.h>
#include <string.h>

static void drop(struct policies *p, size_t at)
{
	audit_policy_free(p->known[at]);
	free(p->known[at]);
	p->count--;
	memmove(&p->known[at], &p->known[at + 1], (p->count - at) * sizeof(p->known[0]));
}

void policies_free(struct policies *p)
{
	while (p->count > 0)
		drop(p, p->count - 1);
	p->latest = NULL;
}

static int compare_endpoints(const void *a, const void *b)
{
	const struct audit_policy_endpoint *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void policy_sort(struct audit_policy *p)
{
	if (p->endpoint_count > 1)
		qsort(p->endpoints, p->endpoint_count, sizeof(*p->endpoints), compare_endpoints);
}

int policies_add(struct policies *p, struct audit_policy *told)
{
	struct audit_policy *copy = malloc(sizeof(*copy));
	size_t at = 0;

	if (copy == NULL)
		return -1;
	*copy = *told;
	memset(told, 0, sizeof(*told));
	policy_sort(copy);
	while (at < p->count && p->known[at]->time < copy->time)
		at++;
	if (at < p->count && p->known[at]->time == copy->time) {
		drop(p, at);
	} else if (p->count == POLICIES_KEPT) {
		drop(p, 0);
		if (at > 0)
			at--;
	}
	memmove(&p->known[at + 1], &p->known[at], (p->count - at) * sizeof(p->known[0]));
	p->known[at] = copy;
	p->count++;
	p->latest = copy;
	return 0;
}

const struct audit_policy *policies_at(const struct policies *p, time_us time)
{
	for (size_t i = p->count; i > 0; i--)
		if (p->known[i - 1]->time <= time)
			return p->known[i - 1];
	return NULL;
}

const struct audit_policy_endpoint *policy_endpoint(const struct audit_policy *p, const char *name)
{
	struct audit_policy_endpoint wanted = { .name = (char *)(uintptr_t)name };

	if (p == NULL || p->endpoint_count == 0)
		return NULL;
	return bsearch(&wanted, p->endpoints, p->endpoint_count, sizeof(*p->endpoints), compare_endpoints);
}
