#include "test_kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"

#define SMALL                                                              \
	"list office 198.51.100.0/24 2001:db8:1::/48\n"                    \
	"list hum 34.159.97.57 34.32.134.107-34.32.134.110 fd00::7\n"      \
	"list none\n"                                                      \
	"endpoint api tcp 443,6443 203.0.113.10,2001:db8::10 hum,office\n" \
	"endpoint db-1.x udp 5432-5440 10.0.0.0/24,10.1.2.3,fd00:1::/64 hum reject\n" \
	"endpoint look sctp 9 203.0.113.11 none,office observe\n"

static void teardown(struct kernel *k)
{
	struct error err = { "" };

	if (kernel_teardown(k, &err) != 0)
		fail_msg("%s", err.text);
	kernel_close(k);
}

static void first_apply_makes_everything(void **state)
{
	struct policy p = make_policy(SMALL);
	struct kernel *k = open_kernel();
	struct kernel_state st;
	struct kernel_change c;
	struct error err;

	(void)state;
	assert_int_equal(kernel_state(k, &st, &err), 0);
	assert_false(st.present);
	assert_string_equal(st.epoch, "");
	must_plan(k, &p, &c);
	assert_true(c.any && c.table_made);
	kernel_change_free(&c);
	assert_int_equal(kernel_state(k, &st, &err), 0);
	assert_false(st.present); /* a plan changes nothing */

	must_apply(k, &p, &c);
	assert_true(c.any && c.table_made && !c.adopted);
	assert_string_equal(names_text(c.added, c.added_count), "api,db-1.x,look");
	assert_int_equal(c.changed_count + c.removed_count, 0);
	assert_int_equal(c.list_count, 2);
	assert_string_equal(c.lists[0].list, "hum");
	assert_string_equal(set_text(&c.lists[0].added),
	                    "34.32.134.107/32,34.32.134.108/31,34.32.134.110/32,34.159.97.57/32,fd00::7/128");
	assert_string_equal(c.lists[1].list, "office");
	assert_true(c.messages > 20 && c.bytes > 1000 && c.committed_at > 0);
	kernel_change_free(&c);
	assert_int_equal(kernel_state(k, &st, &err), 0);
	assert_true(st.present && st.handle != 0);
	assert_non_null(strchr(st.epoch, ':'));
	assert_in_force(k, &p);

	must_apply(k, &p, &c);
	assert_false(c.any);
	assert_int_equal(c.messages, 0);
	kernel_change_free(&c);
	teardown(k);
	policy_free(&p);
}

/* From one policy to the next in one namespace: what changes is told, and is then in force. */
struct step {
	const char *lines;
	const char *added, *changed, *removed; /* endpoints */
	const char *lists;                     /* "NAME +ADDED -REMOVED; ..." */
};

static const char *lists_text(const struct kernel_change *c)
{
	static char text[4096];

	text[0] = '\0';
	for (size_t i = 0; i < c->list_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s +%s -%s", i == 0 ? "" : "; ",
		         c->lists[i].list, set_text(&c->lists[i].added), set_text(&c->lists[i].removed));
	return text;
}

static void assert_change(const struct kernel_change *c, const struct step *s)
{
	assert_string_equal(names_text(c->added, c->added_count), s->added);
	assert_string_equal(names_text(c->changed, c->changed_count), s->changed);
	assert_string_equal(names_text(c->removed, c->removed_count), s->removed);
	assert_string_equal(lists_text(c), s->lists);
}

static void take_step(struct kernel *k, const struct step *s, bool forget)
{
	struct policy p = make_policy(s->lines);
	struct kernel_change planned, applied;

	if (forget)
		kernel_forget(k);
	must_plan(k, &p, &planned);
	if (forget)
		kernel_forget(k);
	must_apply(k, &p, &applied);
	assert_change(&planned, s);
	assert_change(&applied, s);
	assert_int_equal(planned.messages, applied.messages);
	assert_int_equal(planned.bytes, applied.bytes);
	assert_true(applied.any);
	kernel_change_free(&planned);
	kernel_change_free(&applied);
	assert_in_force(k, &p);
	policy_free(&p);
}

/* Each way: from what is remembered and from what is read, with an owner and without. */
static void walk(const struct step *steps, size_t count)
{
	for (int way = 0; way < 4; way++) {
		struct kernel *k = open_kernel();

		if (way & 2)
			kernel_without_owner(k);
		for (size_t i = 0; i < count; i++)
			take_step(k, &steps[i], way & 1);
		teardown(k);
	}
}

#define WALK(steps) walk(steps, sizeof(steps) / sizeof((steps)[0]))
#define WEB "endpoint web tcp 443 192.0.2.1,2001:db8::1 a\n"

static void lists_change(void **state)
{
	static const struct step steps[] = {
		{ "list a 10.0.0.0/24\n" WEB, "web", "", "", "a +10.0.0.0/24 -" },
		{ "list a 10.0.0.0/24 10.0.2.1 fd00::/64\n" WEB, "", "", "", "a +10.0.2.1/32,fd00::/64 -" },
		{ "list a 10.0.0.0/23 10.0.2.1 fd00::/63\n" WEB, "", "", "", "a +10.0.1.0/24,fd00:0:0:1::/64 -" },
		{ "list a 10.0.0.0/25 10.0.2.1 fd00::/64\n" WEB, "", "", "",
		  "a + -10.0.0.128/25,10.0.1.0/24,fd00:0:0:1::/64" },
		{ "list a 10.0.0.0/26 10.0.0.66-10.0.0.127 10.0.2.1 fd00::/66 fd00::8000:0:0:0/65\n" WEB, "", "", "",
		  "a + -10.0.0.64/31,fd00::4000:0:0:0/66" },
		{ "list a 10.0.0.0/25 10.0.2.2 fd00::/64\n" WEB, "", "", "",
		  "a +10.0.0.64/31,10.0.2.2/32,fd00::4000:0:0:0/66 -10.0.2.1/32" },
		{ "list a\n" WEB, "", "", "", "a + -10.0.0.0/25,10.0.2.2/32,fd00::/64" },
		{ "list a ::/0 0.0.0.0/0\n" WEB, "", "", "", "a +0.0.0.0/0,::/0 -" },
		{ "list a ::/1 128.0.0.0/1\n" WEB, "", "", "", "a + -0.0.0.0/1,8000::/1" },
		{ "list a 8000::/1 0.0.0.0/1\n" WEB, "", "", "", "a +0.0.0.0/1,8000::/1 -128.0.0.0/1,::/1" },
	};

	(void)state;
	WALK(steps);
}

/* The first and last addresses, where an end one past the last does not exist. */
static void lists_reach_the_bounds(void **state)
{
	static const struct step steps[] = {
		{ "list a 255.255.255.255\n" WEB, "web", "", "", "a +255.255.255.255/32 -" },
		{ "list a 0.0.0.0 255.255.255.254/31\n" WEB, "", "", "", "a +0.0.0.0/32,255.255.255.254/32 -" },
		{ "list a 0.0.0.0/31 255.255.255.254\n" WEB, "", "", "", "a +0.0.0.1/32 -255.255.255.255/32" },
		{ "list a 255.255.255.254/31\n" WEB, "", "", "", "a +255.255.255.255/32 -0.0.0.0/31" },
		{ "list a ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ::\n" WEB, "", "", "",
		  "a +::/128,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128 -255.255.255.254/31" },
		{ "list a ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127 ::/127 0:0:0:1::/64\n" WEB, "", "", "",
		  "a +::1/128,0:0:0:1::/64,ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/128 -" },
	};

	(void)state;
	WALK(steps);
}

static void lists_come_and_go(void **state)
{
	static const struct step steps[] = {
		{ "list a 10.0.0.1\nlist b 10.0.0.2\nlist a-b 10.0.0.3\n" WEB, "web", "", "",
		  "a-b +10.0.0.3/32 -; a +10.0.0.1/32 -; b +10.0.0.2/32 -" },
		{ "list a 10.0.0.1\nlist a-b 10.0.0.3\n" WEB, "", "", "", "b + -10.0.0.2/32" },
		{ "list a 10.0.0.1\nlist c 10.0.0.1\nendpoint web tcp 443 192.0.2.1,2001:db8::1 c\n", "", "web", "",
		  "a-b + -10.0.0.3/32; c +10.0.0.1/32 -" },
		{ "list c 10.0.0.1\nendpoint web tcp 443 192.0.2.1,2001:db8::1 c\n", "", "", "", "a + -10.0.0.1/32" },
		{ "", "", "", "web", "c + -10.0.0.1/32" },
	};

	(void)state;
	WALK(steps);
}

#define AB "list a 10.0.0.1\nlist b fd00::1\n"

static void endpoints_change(void **state)
{
	static const struct step steps[] = {
		{ AB "endpoint x tcp 1 192.0.2.1 a\n", "x", "", "", "a +10.0.0.1/32 -; b +fd00::1/128 -" },
		{ AB "endpoint x tcp 1 192.0.2.1 a\nendpoint y udp 1 192.0.2.1 a,b\n", "y", "", "", "" },
		{ AB "endpoint x tcp 2 192.0.2.1 a\nendpoint y udp 1 192.0.2.1 a,b\n", "", "x", "", "" },
		{ AB "endpoint x tcp 2-7,9 192.0.2.1 a\nendpoint y udp 1 192.0.2.1 a,b\n", "", "x", "", "" },
		{ AB "endpoint x tcp 2-7 192.0.2.2,fd01::/64 a\nendpoint y udp 1 192.0.2.1 a,b\n", "", "x", "", "" },
		{ AB "endpoint x sctp 2-7 192.0.2.2,fd01::/64 a\nendpoint y udp 1 192.0.2.1 b,a\n", "", "x,y", "", "" },
		{ AB "endpoint x sctp 2-7 192.0.2.2,fd01::/64 a\nendpoint y udp 1 192.0.2.1 b\n", "", "y", "", "" },
		{ AB "endpoint x sctp 2-7 192.0.2.2,fd01::/64 -\nendpoint y udp 1 192.0.2.1 b\n", "", "x", "", "" },
		/* Two that change places: the same keys go to other chains. */
		{ AB "endpoint y sctp 2-7 192.0.2.2,fd01::/64 b\nendpoint x udp 1 192.0.2.1 -\n", "", "x,y", "", "" },
		{ AB "endpoint z sctp 2-7 192.0.2.2,fd01::/64 b\nendpoint x udp 1 192.0.2.1 -\n", "z", "", "y", "" },
		{ AB "endpoint z udp 1 192.0.2.1 b\n", "", "z", "x", "" },
		{ AB "endpoint z udp 0-65535 0.0.0.0/0,::/0 b\n", "", "z", "", "" },
		{ AB, "", "", "z", "" },
	};

	(void)state;
	WALK(steps);
}

#define XO AB "endpoint x tcp 1 192.0.2.1 a\nendpoint o tcp 1 192.0.2.9 a\n"

static void modes_and_limits_change(void **state)
{
	static const struct step steps[] = {
		{ AB "endpoint x tcp 1 192.0.2.1 a\nendpoint o tcp 1 192.0.2.9 a observe\n", "o,x", "", "",
		  "a +10.0.0.1/32 -; b +fd00::1/128 -" },
		{ AB "endpoint x tcp 1 192.0.2.1 a observe\nendpoint o tcp 1 192.0.2.9 a observe\n", "", "x", "", "" },
		{ AB "endpoint x tcp 1 192.0.2.1 a reject\nendpoint o tcp 1 192.0.2.9 a observe\n", "", "x", "", "" },
		{ AB "endpoint x tcp 1 192.0.2.1 a reject\nendpoint o tcp 1 192.0.2.9 a reject\n", "", "o", "", "" },
		{ AB "endpoint x tcp 1 192.0.2.1 a\nendpoint o tcp 1 192.0.2.9 a\n", "", "o,x", "", "" },
		{ XO "limits 6 1000 1024\n", "", "o,x", "", "" },
		{ XO "limits 6 1 1024\n", "", "o,x", "", "" },
		{ XO "limits 6 0 1024\n", "", "o,x", "", "" },
		/* The dynamic sets are made anew, no endpoint is another. */
		{ XO "limits 6 0 7\n", "", "", "", "" },
	};

	(void)state;
	WALK(steps);
}

/* An endpoint's own addresses may overlap; what the kernel gets may not. */
static void addresses_of_an_endpoint_overlap(void **state)
{
	struct policy p = make_policy("list a 10.0.0.1\n"
	                              "endpoint x tcp 1 10.0.0.0/24,10.0.0.7,10.0.1.0/24,fd00::/8,fd00::1 a,a\n");
	struct kernel *k = open_kernel();
	struct kernel_change c;

	(void)state;
	must_apply(k, &p, &c);
	kernel_change_free(&c);
	assert_in_force(k, &p);
	if (lab_has_nft())
		assert_non_null(strstr(lab_output("nft list map inet hallowd endpoints4"),
		                       "10.0.0.0/23 . tcp . 1 : goto endpoint/x"));
	teardown(k);
	policy_free(&p);
}

/* The base chain looks up each address of endpoints where there are at most 4,096 of a family, else it asks the map. */
static void the_base_chain_asks_for_addresses_or_ranges(void **state)
{
	static const struct {
		const char *addresses;
		bool set4, set6;
		const char *rules; /* the first ones */
	} cases[] = {
		{ "10.0.0.1,10.0.0.1/32", true, false, "ip daddr @addresses4 goto endpoints\n" },
		{ "fd00::1", false, true, "ip6 daddr @addresses6 goto endpoints\n" },
		{ "10.0.0.0/20,255.255.255.255,fd00::/117,ffff:ffff:ffff:ffff:ffff:ffff:ffff:f800/117", false, true,
		  "ct direction reply accept\n\t\tip daddr . meta l4proto . th dport vmap @endpoints4\n"
		  "\t\tip6 daddr @addresses6 goto endpoints\n" },
		{ "255.255.240.0/20,fd00::/116,fd01::1", true, false,
		  "ct direction reply accept\n\t\tip daddr @addresses4 goto endpoints\n"
		  "\t\tip6 daddr . meta l4proto . th dport vmap @endpoints6\n" },
		{ "0.0.0.0/0,::/0", false, false, "ct direction reply accept\n\t\tip daddr . meta l4proto . th dport vmap @endpoints4\n"
		  "\t\tip6 daddr . meta l4proto . th dport vmap @endpoints6\n" },
	};
	struct kernel *k = open_kernel();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer lines = BUFFER_INIT, text = BUFFER_INIT;
		struct kernel_change c;
		const char *printed;
		struct policy p;

		assert_int_equal(buffer_printf(&lines, "list a 10.9.9.9\nendpoint x tcp 1 %s a\n", cases[i].addresses), 0);
		p = make_policy(buffer_str(&lines));
		must_apply(k, &p, &c);
		kernel_change_free(&c);
		assert_in_force(k, &p);
		assert_int_equal(kernel_print(&p, &text), 0);
		printed = buffer_str(&text);
		assert_non_null(strstr(strstr(printed, "chain prerouting {"), cases[i].rules));
		assert_int_equal(strstr(printed, "set addresses4 {") != NULL, cases[i].set4);
		assert_int_equal(strstr(printed, "set addresses6 {") != NULL, cases[i].set6);
		buffer_free(&text);
		buffer_free(&lines);
		policy_free(&p);
	}
	teardown(k);
}

/* A list of `count` addresses of both families, leaving out every nth. */
static void fill(struct policy *p, uint32_t count, uint32_t leave_out)
{
	struct prefix_set *set = &p->lists[0].set;

	prefix_set_free(set);
	for (uint32_t i = 0; i < count; i++) {
		if (leave_out != 0 && i % leave_out == 0)
			continue;
		uint32_t v4 = 0x0b000000 + i * 4;
		struct u128 first = { 0xfd00, i * 4 }, last = { 0xfd00, i * 4 + i % 3 };
		assert_int_equal(prefix_set_add_range4(set, v4, v4 + i % 3), 0);
		assert_int_equal(prefix_set_add_range6(set, first, last), 0);
	}
	prefix_set_normalize(set);
}

static void costs_follow_the_change(void **state)
{
	const uint32_t count = 50000; /* of each family */
	struct policy p = make_policy("list a\n" WEB);
	struct kernel *k = open_kernel();
	struct kernel_change c;

	(void)state;
	fill(&p, count, 0);
	must_apply(k, &p, &c);
	assert_int_equal(prefix_set_count(&c.lists[0].added), prefix_set_count(&p.lists[0].set));
	kernel_change_free(&c);
	assert_in_force(k, &p);

	fill(&p, count, 100); /* 500 ranges less of each family: 20,000 and 32,000 bytes and a few headers */
	must_apply(k, &p, &c);
	assert_int_equal(c.list_count, 1);
	assert_true(prefix_set_empty(&c.lists[0].added));
	assert_int_equal(c.messages, 4); /* one for each set: hosts and wider ranges of each family */
	assert_true(c.bytes < 53000);
	kernel_change_free(&c);
	assert_in_force(k, &p);

	fill(&p, count, 0);
	must_apply(k, &p, &c);
	assert_int_equal(c.messages, 4);
	kernel_change_free(&c);
	assert_in_force(k, &p);
	teardown(k);
	policy_free(&p);
}

/* Many endpoints of which one changes: its chain is emptied and filled. */
static void one_endpoint_of_many_changes(void **state)
{
	struct buffer lines = BUFFER_INIT;
	struct kernel *k = open_kernel();
	struct kernel_change c;
	struct policy p;

	(void)state;
	assert_int_equal(buffer_printf(&lines, "list a 10.0.0.1\n"), 0);
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(buffer_printf(&lines, "endpoint e%u tcp 443 10.2.%u.%u a\n", i, i / 250, i % 250), 0);
	p = make_policy(buffer_str(&lines));
	must_apply(k, &p, &c);
	assert_int_equal(c.added_count, 300);
	kernel_change_free(&c);
	p.endpoints[123].deny_with = DENY_REJECT;
	must_apply(k, &p, &c);
	assert_string_equal(names_text(c.changed, c.changed_count), "e123");
	assert_int_equal(c.messages, 13); /* chain refuse and its two rules, the chain emptied, its nine rules */
	kernel_change_free(&c);
	assert_in_force(k, &p);
	teardown(k);
	policy_free(&p);
	buffer_free(&lines);
}

static void assert_refused(struct kernel *k, const char *lines, const char *expected)
{
	struct policy p = make_policy(lines);
	struct kernel_change c;
	struct error err = { "" };

	assert_int_equal(kernel_apply(k, &p, &c, &err), -1);
	if (strstr(err.text, expected) == NULL)
		fail_msg("\"%s\" does not tell \"%s\"", err.text, expected);
	assert_int_equal(c.list_count + c.added_count + c.messages, 0);
	policy_free(&p);
}

static void a_refused_batch_changes_nothing(void **state)
{
	struct policy p = make_policy(SMALL);
	struct kernel *k = open_kernel();
	struct kernel_change c;
	char *before;

	(void)state;
	must_apply(k, &p, &c);
	kernel_change_free(&c);
	before = lab_has_nft() ? strdup(lab_output("nft list ruleset")) : NULL;
	/* Two endpoints in one place: the second element of the map overlaps the first. */
	assert_refused(k, "list a 10.0.0.0/8\nlist hum 1.1.1.1\n"
	                  "endpoint x tcp 1-9 10.0.0.0/24 a\nendpoint y tcp 5 10.0.0.0/25 a\n",
	               "the kernel refused adding to set endpoints4, element 10.0.0.0");
	if (before != NULL)
		assert_string_equal(lab_output("nft list ruleset"), before);
	free(before);
	assert_in_force(k, &p);
	assert_refused(k, "limits 5 10 0\n", "must be at least 1");
	assert_refused(k, "list b/d 1.1.1.1\n", "\"b/d\" is no name for a list");
	assert_refused(k, "endpoint 9x tcp 1 1.1.1.1 -\n", "\"9x\" is no name for an endpoint");
	assert_in_force(k, &p);
	teardown(k);
	policy_free(&p);
}

/* What nft lists, less the flags that it does not know how to set and the handle. */
static char *listing(void)
{
	return strdup(lab_output("nft list table inet hallowd | sed -e 's/ # progname.*//' -e '/^\tflags /,+1d'"));
}

/* Where two rulesets differ, the first line says it. */
static void assert_same_lines(const char *a, const char *b)
{
	while (*a != '\0' && *b != '\0') {
		size_t la = strcspn(a, "\n"), lb = strcspn(b, "\n");

		if (la != lb || memcmp(a, b, la) != 0)
			fail_msg("\"%.*s\" is not \"%.*s\"", (int)la, a, (int)lb, b);
		a += la + (a[la] == '\n');
		b += lb + (b[lb] == '\n');
	}
	assert_true(*a == '\0' && *b == '\0');
}

static void the_printed_ruleset_is_the_same(void **state)
{
	struct policy p = make_policy(SMALL "endpoint all udp 53 0.0.0.0/0 hum,office,none\n"
	                              "list world 0.0.0.0/0 ::/0\n");
	struct buffer text = BUFFER_INIT;
	struct kernel *k = open_kernel();
	struct kernel_change c;
	char *ours, *theirs;
	FILE *f;

	(void)state;
	if (!lab_has_nft())
		skip();
	must_apply(k, &p, &c);
	kernel_change_free(&c);
	ours = listing();
	teardown(k);
	assert_int_equal(kernel_print(&p, &text), 0);
	f = popen("nft -f -", "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text.data, 1, text.len, f), text.len);
	assert_int_equal(pclose(f), 0);
	theirs = listing();
	assert_same_lines(ours, theirs);
	assert_same_lines(ours, buffer_str(&text));

	/* And hallowd takes what nft loaded for its own policy; only the table must be one that can be owned. */
	k = open_kernel();
	kernel_without_owner(k);
	must_plan(k, &p, &c);
	assert_int_equal(c.list_count + c.added_count + c.removed_count, 0);
	kernel_change_free(&c);
	teardown(k);
	free(ours);
	free(theirs);
	buffer_free(&text);
	policy_free(&p);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(first_apply_makes_everything, lab_new),
	cmocka_unit_test_setup(lists_change, lab_new),
	cmocka_unit_test_setup(lists_reach_the_bounds, lab_new),
	cmocka_unit_test_setup(lists_come_and_go, lab_new),
	cmocka_unit_test_setup(endpoints_change, lab_new),
	cmocka_unit_test_setup(modes_and_limits_change, lab_new),
	cmocka_unit_test_setup(addresses_of_an_endpoint_overlap, lab_new),
	cmocka_unit_test_setup(the_base_chain_asks_for_addresses_or_ranges, lab_new),
	cmocka_unit_test_setup(costs_follow_the_change, lab_new),
	cmocka_unit_test_setup(one_endpoint_of_many_changes, lab_new),
	cmocka_unit_test_setup(a_refused_batch_changes_nothing, lab_new),
	cmocka_unit_test_setup(the_printed_ruleset_is_the_same, lab_new),
};

int run_apply_tests(void)
{
	return cmocka_run_group_tests_name("apply", tests, NULL, NULL);
}
