#include "daemon/judge.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/number.h"

int judge_shape(const struct guard_config *guard, const char *origin, const struct prefix_set *set,
                const struct answer_shape *shape, struct texts *reasons)
{
	struct prefix which;
	char text[PREFIX_TEXT_MAX];
	const char *name;

	if (shape->bad > guard->max_bad &&
	    texts_add(reasons, "%s: %" PRIu64 " of its rows %s no prefix (%s); max_bad allows %" PRIu64, origin, shape->bad,
	              shape->bad == 1 ? "is" : "are", shape->bad_example, guard->max_bad) == -1)
		return -1;
	if (shape->widest4 != 255 && shape->widest4 < guard->min_prefix4 &&
	    texts_add(reasons, "%s: holds an IPv4 /%u; min_prefix4 allows nothing wider than /%u", origin, shape->widest4,
	              guard->min_prefix4) == -1)
		return -1;
	if (shape->widest6 != 255 && shape->widest6 < guard->min_prefix6 &&
	    texts_add(reasons, "%s: holds an IPv6 /%u; min_prefix6 allows nothing wider than /%u", origin, shape->widest6,
	              guard->min_prefix6) == -1)
		return -1;
	int inside = guard->outside ? prefix_set_inside(set, &which, &name) : 0;

	if (inside == -1)
		return -1;
	if (inside == 1 &&
	    texts_add(reasons, "%s: the name resolves to %s, which is %s; where that is meant, 'private: true' of the tunnel "
	                       "allows it", origin, prefix_format(&which, text), name) == -1)
		return -1;
	if (!guard->special && prefix_set_special(set, &which, &name) == 1 &&
	    texts_add(reasons, "%s: holds %s, which is %s; a published list has none of these (guard special)", origin,
	              prefix_format(&which, text), name) == -1)
		return -1;
	return 0;
}

/* Whether `count` is more than the amount allows of `whole`. */
static bool exceeds(struct amount limit, size_t count, size_t whole)
{
	if (!limit.is_share)
		return (double)count > limit.value;
	return (double)count * 100.0 > limit.value * (double)whole;
}

static const char *amount_text(struct amount a, char out[32])
{
	snprintf(out, 32, a.is_share ? "%g%%" : "%g", a.value);
	return out;
}

/* "3 entries would be removed of the 12 in force": verb "removed", joint "of the". */
static int judge_share(struct amount limit, const char *guard, const char *verb, const char *joint, size_t count,
                       size_t whole, struct texts *reasons)
{
	char text[32];

	if (!exceeds(limit, count, whole))
		return 0;
	return texts_add(reasons, "%zu %s would be %s %s %zu in force; %s allows %s", count, number_entries(count),
	                 verb, joint, whole, guard, amount_text(limit, text));
}

int judge_change(const struct guard_config *guard, bool first, const struct prefix_set *in_force,
                 const struct prefix_set *outcome, const struct prefix_set *added, const struct prefix_set *removed,
                 struct texts *reasons)
{
	size_t entries = prefix_set_count(outcome), before;

	if (entries < guard->min_entries &&
	    texts_add(reasons, "the list would have %zu entries; min_entries is %" PRIu64, entries, guard->min_entries) == -1)
		return -1;
	if (entries > guard->max_entries &&
	    texts_add(reasons, "the list would have %zu entries; max_entries is %" PRIu64, entries, guard->max_entries) == -1)
		return -1;
	if (first)
		return 0;
	before = prefix_set_count(in_force);
	if (judge_share(guard->max_added, "max_added", "added", "to the", prefix_set_count(added), before, reasons) == -1)
		return -1;
	return judge_share(guard->max_removed, "max_removed", "removed", "of the", prefix_set_count(removed), before, reasons);
}
