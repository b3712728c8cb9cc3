#include "test_daemon.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/impact.h"

/* A policy in words: "LIST ADDRESSES..." lines of lists, then endpoints "NAME PREFIX FIRST-LAST MODE LIST...". */
struct list_line {
	const char *name, *addresses;
};
struct endpoint_line {
	const char *name, *prefix;
	uint16_t first, last;
	enum endpoint_mode mode;
	const char *lists; /* "a b" */
};

static char *copy(const char *text)
{
	char *copied = strdup(text);

	assert_non_null(copied);
	return copied;
}

static void take_lists(struct policy *p, struct policy_endpoint *e, const char *lists)
{
	char *words = copy(lists), *rest = NULL;

	e->lists = calloc(8, sizeof(*e->lists));
	assert_non_null(e->lists);
	for (char *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		const struct policy_list *l = policy_find_list(p, word);

		assert_non_null(l);
		e->lists[e->list_count++] = (size_t)(l - p->lists);
	}
	free(words);
}

static struct policy policy_of(const struct list_line *lists, size_t list_count, const struct endpoint_line *endpoints,
                               size_t endpoint_count)
{
	struct policy p = { 0 };

	p.lists = calloc(list_count + 1, sizeof(*p.lists));
	p.endpoints = calloc(endpoint_count + 1, sizeof(*p.endpoints));
	assert_true(p.lists != NULL && p.endpoints != NULL);
	for (; p.list_count < list_count; p.list_count++)
		p.lists[p.list_count] = (struct policy_list){ .name = copy(lists[p.list_count].name),
		                                              .set = set_of(lists[p.list_count].addresses) };
	for (size_t i = 0; i < endpoint_count; i++) {
		struct policy_endpoint *e = &p.endpoints[p.endpoint_count++];

		*e = (struct policy_endpoint){ .name = copy(endpoints[i].name), .protocol = IPPROTO_TCP, .mode = endpoints[i].mode,
		                               .address_count = 1, .port_count = 1 };
		e->addresses = calloc(1, sizeof(*e->addresses));
		e->ports = calloc(1, sizeof(*e->ports));
		assert_true(e->addresses != NULL && e->ports != NULL);
		assert_int_equal(prefix_parse(e->addresses, endpoints[i].prefix, strlen(endpoints[i].prefix)), PREFIX_OK);
		*e->ports = (struct port_range){ endpoints[i].first, endpoints[i].last };
		take_lists(&p, e, endpoints[i].lists);
	}
	return p;
}
#define POLICY(lists, endpoints) policy_of(lists, COUNT(lists), endpoints, COUNT(endpoints))

/* Compares, and frees both policies. */
static struct impact impact_between(struct policy now, struct policy next)
{
	struct impact i;

	assert_int_equal(impact_of(&now, &next, &i), 0);
	policy_free(&now);
	policy_free(&next);
	return i;
}

static void assert_cut(const struct impact *i, size_t at, const char *endpoint, const char *sources, const char *except)
{
	struct prefix_set s = set_of(sources), e = set_of(except);

	assert_true(at < i->cut_count);
	assert_string_equal(i->cuts[at].endpoints.items[0], endpoint);
	assert_true(prefix_set_equal(&i->cuts[at].sources, &s));
	assert_true(prefix_set_equal(&i->cuts[at].except, &e));
	prefix_set_free(&s);
	prefix_set_free(&e);
}

static void assert_warnings(const struct impact *i, const char *const *texts, size_t count)
{
	for (size_t k = 0; k < i->warnings.count && k < count; k++)
		assert_string_equal(i->warnings.items[k], texts[k]);
	assert_int_equal(i->warnings.count, count);
}

static const struct list_line two[] = { { "a", "192.0.2.0/24 2001:db8::/32" }, { "b", "192.0.2.128/25 198.51.100.1" } };

static void a_list_that_goes_cuts_what_no_other_has(void **state)
{
	static const struct endpoint_line now[] = { { "e", "10.0.0.1", 443, 443, MODE_ENFORCE, "a b" } };
	static const struct endpoint_line next[] = { { "e", "10.0.0.1", 443, 443, MODE_ENFORCE, "b" } };
	struct impact i = impact_between(POLICY(two, now), POLICY(two, next));

	(void)state;
	assert_int_equal(i.cut_count, 1);
	assert_cut(&i, 0, "e", "192.0.2.0/25 2001:db8::/32", "");
	assert_warnings(&i, NULL, 0);
	impact_free(&i);
}

static void an_address_that_goes_is_told_once_for_all_that_share_its_list(void **state)
{
	static const struct list_line less[] = { { "a", "192.0.2.0/25 2001:db8::/32" }, { "b", "192.0.2.128/25 198.51.100.1" } };
	static const struct endpoint_line both[] = { { "e", "10.0.0.1", 443, 443, MODE_ENFORCE, "a" },
		                                         { "f", "10.0.0.2", 443, 443, MODE_ENFORCE, "a" },
		                                         { "g", "10.0.0.3", 443, 443, MODE_ENFORCE, "a b" } };
	struct impact i = impact_between(POLICY(two, both), POLICY(less, both));

	(void)state;
	assert_int_equal(i.cut_count, 1);
	assert_cut(&i, 0, "e", "192.0.2.128/25", "");
	assert_int_equal(i.cuts[0].endpoints.count, 2);
	assert_string_equal(i.cuts[0].endpoints.items[1], "f");
	impact_free(&i);
}

static void a_new_name_is_nothing(void **state)
{
	static const struct endpoint_line now[] = { { "e", "10.0.0.1", 443, 450, MODE_ENFORCE, "a b" } };
	static const struct endpoint_line next[] = { { "f", "10.0.0.1", 443, 446, MODE_ENFORCE, "b a" },
		                                         { "g", "10.0.0.0/30", 447, 460, MODE_ENFORCE, "a b" } };
	struct impact i = impact_between(POLICY(two, now), POLICY(two, next));

	(void)state;
	assert_int_equal(i.cut_count, 0);
	assert_warnings(&i, NULL, 0);
	impact_free(&i);
}

static void what_no_endpoint_has_any_more_is_told_by_address_and_port(void **state)
{
	static const struct endpoint_line now[] = { { "e", "10.0.0.0/30", 440, 450, MODE_ENFORCE, "a" } };
	static const struct endpoint_line next[] = { { "e", "10.0.0.0/30", 442, 443, MODE_ENFORCE, "a" },
		                                         { "f", "10.0.0.2/31", 446, 446, MODE_ENFORCE, "a" } };
	static const char *const warnings[] = {
		"endpoint e: 10.0.0.0/30 port 440-441 tcp is protected no more, so everybody may connect there",
		"endpoint e: 10.0.0.0/30 port 444-445 tcp is protected no more, so everybody may connect there",
		"endpoint e: 10.0.0.0/31 port 446 tcp is protected no more, so everybody may connect there",
		"endpoint e: 10.0.0.0/30 port 447-450 tcp is protected no more, so everybody may connect there",
	};
	struct impact i = impact_between(POLICY(two, now), POLICY(two, next));

	(void)state;
	assert_warnings(&i, warnings, COUNT(warnings));
	assert_int_equal(i.cut_count, 0);
	impact_free(&i);
}

static void ports_up_to_the_last(void **state)
{
	static const struct endpoint_line now[] = { { "e", "10.0.0.1", 65530, 65535, MODE_ENFORCE, "a" } };
	static const struct endpoint_line next[] = { { "f", "10.0.0.1", 65534, 65534, MODE_ENFORCE, "a" } };
	static const char *const warnings[] = {
		"endpoint e: 10.0.0.1 port 65530-65533 tcp is protected no more, so everybody may connect there",
		"endpoint e: 10.0.0.1 port 65535 tcp is protected no more, so everybody may connect there",
	};
	struct impact i = impact_between(POLICY(two, now), POLICY(two, next));

	(void)state;
	assert_warnings(&i, warnings, COUNT(warnings));
	impact_free(&i);
}

static void from_observe_to_enforce_all_but_the_lists_are_cut(void **state)
{
	static const struct endpoint_line now[] = { { "e", "10.0.0.1", 443, 443, MODE_OBSERVE, "a" } };
	static const struct endpoint_line next[] = { { "e", "10.0.0.1", 443, 443, MODE_ENFORCE, "a" } };
	struct impact i = impact_between(POLICY(two, now), POLICY(two, next));

	(void)state;
	assert_int_equal(i.cut_count, 1);
	assert_cut(&i, 0, "e", "0.0.0.0/0 ::/0", "192.0.2.0/24 2001:db8::/32");
	assert_int_equal(i.warnings.count, 1);
	impact_free(&i);
	i = impact_between(POLICY(two, next), POLICY(two, now));
	assert_int_equal(i.cut_count, 0);
	assert_int_equal(i.warnings.count, 1);
	impact_free(&i);
}

static void an_endpoint_that_moves_cuts_nobody_where_it_was(void **state)
{
	static const struct endpoint_line now[] = { { "e", "10.0.0.1", 443, 443, MODE_ENFORCE, "a" } };
	static const struct endpoint_line next[] = { { "e", "10.0.0.2", 443, 443, MODE_ENFORCE, "b" } };
	static const char *const warnings[] = {
		"endpoint e: 10.0.0.1 port 443 tcp is protected no more, so everybody may connect there",
	};
	struct impact i = impact_between(POLICY(two, now), POLICY(two, next));

	(void)state;
	assert_int_equal(i.cut_count, 0);
	assert_warnings(&i, warnings, COUNT(warnings));
	impact_free(&i);
}

static void a_grant_that_goes_cuts_its_source(void **state)
{
	static const struct endpoint_line same[] = { { "e", "10.0.0.1", 443, 443, MODE_ENFORCE, "b" } };
	struct policy now = POLICY(two, same), next = POLICY(two, same);
	struct impact i;

	(void)state;
	now.grants = calloc(1, sizeof(*now.grants));
	assert_non_null(now.grants);
	now.grants[now.grant_count++] = (struct policy_grant){ .id = 1, .until_ms = INT64_MAX };
	assert_int_equal(prefix_parse(&now.grants[0].source, "203.0.113.7", strlen("203.0.113.7")), PREFIX_OK);
	i = impact_between(now, next);
	assert_int_equal(i.cut_count, 1);
	assert_cut(&i, 0, "e", "203.0.113.7", "");
	impact_free(&i);
}

static void an_endpoint_that_lets_nobody_in_is_told_when_that_is_new(void **state)
{
	static const struct list_line none[] = { { "a", "" }, { "b", "198.51.100.1" } };
	static const struct endpoint_line same[] = { { "e", "10.0.0.1", 443, 443, MODE_ENFORCE, "a" } };
	static const char *const warnings[] = { "endpoint e: no list that it allows has an entry, so it lets nobody in" };
	struct impact i = impact_between(POLICY(two, same), POLICY(none, same));

	(void)state;
	assert_warnings(&i, warnings, COUNT(warnings));
	impact_free(&i);
	i = impact_between(POLICY(none, same), POLICY(none, same));
	assert_warnings(&i, NULL, 0);
	impact_free(&i);
}

int test_impact(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_that_goes_cuts_what_no_other_has),
		cmocka_unit_test(an_address_that_goes_is_told_once_for_all_that_share_its_list),
		cmocka_unit_test(a_new_name_is_nothing),
		cmocka_unit_test(what_no_endpoint_has_any_more_is_told_by_address_and_port),
		cmocka_unit_test(ports_up_to_the_last),
		cmocka_unit_test(from_observe_to_enforce_all_but_the_lists_are_cut),
		cmocka_unit_test(an_endpoint_that_moves_cuts_nobody_where_it_was),
		cmocka_unit_test(a_grant_that_goes_cuts_its_source),
		cmocka_unit_test(an_endpoint_that_lets_nobody_in_is_told_when_that_is_new),
	};

	return cmocka_run_group_tests_name("impact", tests, NULL, NULL);
}
