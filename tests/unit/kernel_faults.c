/* Each allocation of ours fails once: an error is told, and nothing is half done. */
#include "test_kernel.h"

#include <stdlib.h>
#include <string.h>

#define FIRST                                                     \
	"list a 10.0.0.0/24 10.0.2.1 fd00::/64\n"                 \
	"endpoint web tcp 443 192.0.2.1,2001:db8::1 a\n"          \
	"endpoint look udp 53 192.0.2.53 a observe\n"
#define SECOND                                                    \
	"list a 10.0.1.0/24 10.0.2.1 fd00::/65\n"                 \
	"list b 10.1.0.0/16\n"                                    \
	"endpoint web tcp 443 192.0.2.1,2001:db8::1 b,a reject\n" \
	"endpoint shut tcp 22 192.0.2.22 -\n"

/* How often the call failed until it no longer did. */
typedef int attempt(struct kernel *k, const struct policy *p, struct error *err);

static size_t fail_each(struct kernel *k, const struct policy *p, attempt *call)
{
	for (size_t good = 0;; good++) {
		struct error err = { "" };
		int rc;

		fail_allocations_after(good);
		rc = call(k, p, &err);
		fail_allocations_after(SIZE_MAX);
		if (rc == 0)
			return good;
		assert_string_not_equal(err.text, "");
		assert_true(good < 10000);
	}
}

static int plan(struct kernel *k, const struct policy *p, struct error *err)
{
	struct kernel_change c;
	int rc;

	kernel_forget(k);
	rc = kernel_plan(k, p, &c, err);
	kernel_change_free(&c);
	return rc;
}

static int apply(struct kernel *k, const struct policy *p, struct error *err)
{
	struct kernel_change c;
	int rc = kernel_apply(k, p, &c, err);

	kernel_change_free(&c);
	return rc;
}

static int apply_anew(struct kernel *k, const struct policy *p, struct error *err)
{
	kernel_forget(k);
	return apply(k, p, err);
}

static int read_counters(struct kernel *k, const struct policy *p, struct error *err)
{
	struct audit_reading r;
	int rc = kernel_read_counters(k, p, &r, err);

	if (rc == 0)
		audit_reading_free(&r);
	return rc;
}

static int print(struct kernel *k, const struct policy *p, struct error *err)
{
	struct buffer out = BUFFER_INIT;
	int rc = kernel_print(p, &out);

	(void)k;
	strcpy(err->text, "kernel_print has no room for one");
	buffer_free(&out);
	return rc;
}

static int reopen(struct kernel *k, const struct policy *p, struct error *err)
{
	struct kernel *other;
	int rc = kernel_open(&other, -1, err);

	(void)k;
	(void)p;
	if (rc == 0)
		kernel_close(other);
	return rc;
}

static void memory_runs_out(void **state)
{
	struct policy first = make_policy(FIRST), second = make_policy(SECOND);
	struct kernel *k = open_kernel();
	struct error err;

	(void)state;
	assert_true(fail_each(k, &first, reopen) > 0);
	assert_true(fail_each(k, &first, apply) > 20);
	assert_in_force(k, &first);
	assert_true(fail_each(k, &second, plan) > 20);
	assert_in_force(k, &first);
	assert_true(fail_each(k, &second, apply_anew) > 20);
	assert_in_force(k, &second);
	assert_true(fail_each(k, &first, apply) > 20);
	assert_in_force(k, &first);
	assert_true(fail_each(k, &first, read_counters) > 1);
	assert_true(fail_each(k, &first, print) > 10);
	assert_in_force(k, &first);
	assert_int_equal(kernel_teardown(k, &err), 0);
	kernel_close(k);
	policy_free(&first);
	policy_free(&second);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(memory_runs_out, lab_new),
};

int run_fault_tests(void)
{
	return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
