#include "test_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/netlink.h"
#include "kernel/put.h"

#define POLICY                                                      \
	"list a 10.0.0.0/24 10.0.2.1 fd00::/64\n"                   \
	"list b 10.1.0.0/16\n"                                      \
	"endpoint web tcp 443 192.0.2.1,2001:db8::1 a,b\n"          \
	"endpoint look udp 53 192.0.2.53 b observe\n"               \
	"endpoint shut tcp 22 192.0.2.22 - reject\n"

static void must_state(struct kernel *k, struct kernel_state *st)
{
	struct error err;

	if (kernel_state(k, st, &err) != 0)
		fail_msg("%s", err.text);
}

static void must_teardown(struct kernel *k)
{
	struct error err;

	if (kernel_teardown(k, &err) != 0)
		fail_msg("%s", err.text);
}

/* Skips the test where the kernel is older than 6.9. */
static void need_persist(struct kernel *k)
{
	struct kernel_state st;

	must_state(k, &st);
	if (st.persistent)
		return;
	must_teardown(k);
	kernel_close(k);
	print_message("the kernel has no persistent tables (Linux 6.9)\n");
	skip();
}

static void nobody_else_may_change_the_table(void **state)
{
	struct policy p = make_policy(POLICY);
	struct kernel *k = open_kernel(), *stranger;
	struct kernel_state st;
	struct kernel_change c;
	struct error err;

	(void)state;
	apply_lines(k, POLICY);
	need_persist(k);
	must_state(k, &st);
	assert_true(st.present && st.owned && st.persistent);
	stranger = open_kernel();
	assert_in_force(stranger, &p); /* reading is for all */
	assert_int_equal(kernel_apply(stranger, &p, &c, &err), -1);
	assert_non_null(strstr(err.text, "belongs to"));
	assert_non_null(strstr(err.text, lab_own_name()));
	assert_int_equal(kernel_teardown(stranger, &err), -1);
	assert_non_null(strstr(err.text, "belongs to"));
	kernel_close(stranger);
	if (lab_has_nft()) {
		assert_int_not_equal(lab_run("nft delete table inet hallowd"), 0);
		assert_int_not_equal(lab_run("nft flush table inet hallowd"), 0);
		assert_int_not_equal(lab_run("nft add rule inet hallowd prerouting accept"), 0);
		assert_int_equal(lab_run("nft flush ruleset"), 0);
	}
	assert_in_force(k, &p);
	must_teardown(k);
	must_state(k, &st);
	assert_false(st.present);
	must_teardown(k); /* also where there is none */
	kernel_close(k);
	policy_free(&p);
}

static void the_table_stays_and_is_adopted(void **state)
{
	struct policy p = make_policy(POLICY);
	struct kernel *k = open_kernel();
	struct kernel_state before, orphaned, after;
	struct kernel_change c;

	(void)state;
	apply_lines(k, POLICY);
	need_persist(k);
	must_state(k, &before);
	kernel_close(k);
	k = open_kernel();
	must_state(k, &orphaned);
	assert_true(orphaned.present && !orphaned.owned && orphaned.persistent);
	must_plan(k, &p, &c);
	assert_true(!c.any && c.adopted && !c.table_made);
	kernel_change_free(&c);
	must_apply(k, &p, &c);
	assert_true(!c.any && c.adopted && !c.table_made);
	assert_int_equal(c.messages, 1);
	kernel_change_free(&c);
	must_state(k, &after);
	assert_true(after.owned);
	assert_string_equal(after.epoch, before.epoch);
	assert_in_force(k, &p);
	if (lab_has_nft())
		assert_int_not_equal(lab_run("nft delete table inet hallowd"), 0);
	must_teardown(k);
	apply_lines(k, POLICY);
	must_state(k, &after);
	assert_string_not_equal(after.epoch, before.epoch);
	must_teardown(k);
	kernel_close(k);
	policy_free(&p);
}

/* A holder keeps a copy of the descriptor; whoever gets it back owns the table still. */
static void the_socket_can_be_handed_over(void **state)
{
	struct policy p = make_policy(POLICY);
	struct kernel *k = open_kernel();
	struct kernel_change c;
	struct kernel_state st;
	struct error err;
	int fd;

	(void)state;
	apply_lines(k, POLICY);
	need_persist(k);
	fd = dup(kernel_fd(k));
	kernel_close(k);
	k = open_kernel();
	must_state(k, &st);
	assert_true(st.owned);
	assert_int_equal(kernel_apply(k, &p, &c, &err), -1);
	kernel_close(k);
	assert_int_equal(kernel_open(&k, fd, &err), 0);
	assert_int_equal(kernel_fd(k), fd);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	must_apply(k, &p, &c);
	assert_true(!c.any && !c.adopted && c.messages == 0);
	kernel_change_free(&c);
	must_teardown(k);
	kernel_close(k);
	policy_free(&p);
}

/* The earlier holder of the socket died between asking for a dump and reading it. */
static void old_answers_are_thrown_away(void **state)
{
	struct policy p = make_policy(POLICY);
	struct kernel *k = open_kernel();
	struct error err;
	int fd;

	(void)state;
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(prefix_set_add_range4(&p.lists[0].set, 0x0c000000 + 2 * i, 0x0c000000 + 2 * i), 0);
	prefix_set_normalize(&p.lists[0].set);
	struct kernel_change c;
	must_apply(k, &p, &c);
	kernel_change_free(&c);
	fd = dup(kernel_fd(k));
	kernel_close(k);
	/* NFT_MSG_GETSETELEM with NLM_F_DUMP of set list/a/4 */
	struct {
		uint32_t len;
		uint16_t type, flags;
		uint32_t seq, port;
		uint8_t family, version, resource[2];
		uint16_t len1, type1;
		char table[8];
		uint16_t len2, type2;
		char set[12];
	} __attribute__((packed)) dump = { sizeof(dump), 10 << 8 | 13, 1 | 0x300, 7, 0, 1, 0, { 0, 0 }, 4 + 8, 1, "hallowd",
	                                   4 + 9, 2, "list/a/4" };
	assert_int_equal(send(fd, &dump, sizeof(dump), 0), sizeof(dump));
	assert_int_equal(kernel_open(&k, fd, &err), 0);
	assert_in_force(k, &p);
	must_teardown(k);
	kernel_close(k);
	policy_free(&p);
}

static void only_netfilter_sockets_are_taken_over(void **state)
{
	struct kernel *k;
	struct error err;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(kernel_open(&k, fds[0], &err), -1);
	assert_non_null(strstr(err.text, "no netfilter socket"));
	assert_int_equal(fcntl(fds[0], F_GETFD), -1); /* closed */
	close(fds[1]);
	fds[0] = socket(AF_NETLINK, SOCK_RAW, 0);
	assert_int_equal(kernel_open(&k, fds[0], &err), -1);
}

/* A table of that name that somebody made by hand cannot be made persistent, so it is made anew, in one transaction. */
static void a_foreign_table_is_replaced(void **state)
{
	struct policy p = make_policy(POLICY);
	struct kernel *k = open_kernel();
	struct kernel_change c;

	(void)state;
	if (!lab_has_nft())
		skip();
	apply_lines(k, POLICY);
	need_persist(k);
	must_teardown(k);
	assert_int_equal(lab_run("printf 'table inet hallowd {\n set list/a/4 { type ipv4_addr\n }\n"
	                         " chain x { accept\n }\n}\n' | nft -f -"), 0);
	must_apply(k, &p, &c);
	assert_true(c.any && c.table_made);
	kernel_change_free(&c);
	assert_in_force(k, &p);
	must_teardown(k);
	kernel_close(k);
	policy_free(&p);
}

/* Where the table has no owner, each of these changes is found, and undone. */
static const char *const meddling[] = {
	"nft delete table inet hallowd",
	"nft flush table inet hallowd",
	"nft flush chain inet hallowd prerouting",
	"nft flush chain inet hallowd endpoint/web",
	"nft insert rule inet hallowd prerouting accept",
	"nft add rule inet hallowd endpoint/web accept",
	"nft insert rule inet hallowd endpoint/web ip saddr @list/b/4 accept",
	"nft insert rule inet hallowd endpoint/web ip saddr != @list/b/4 goto allow/web/b",
	"nft insert rule inet hallowd endpoint/web ip saddr { 1.1.1.1, 2.2.2.2 } accept",
	"nft insert rule inet hallowd allow/web/a tcp dport vmap { 1: accept, 2: drop }",
	"nft insert rule inet hallowd endpoint/web jump { accept\\; }",
	"nft add element inet hallowd list/a/4 { 0.0.0.0-9.255.255.255 }",
	"nft add element inet hallowd list/a/4 { 10.0.1.0/24 }",
	"nft add element inet hallowd list/a/4 { 255.255.255.255 }",
	"nft add element inet hallowd list/a/4/hosts { 10.0.1.1 }",
	"nft add element inet hallowd list/a/4/hosts '{ * }'",
	"nft delete element inet hallowd list/a/4/hosts { 10.0.2.1 }",
	"nft flush set inet hallowd list/a/4/hosts",
	"nft add element inet hallowd list/a/6/hosts { fd00:0:0:1::1 }",
	"nft insert rule inet hallowd endpoint/web ip saddr != @list/a/4/hosts goto allow/web/a",
	"nft add element inet hallowd list/a/6 { fd00:0:0:1::/64 }",
	"nft flush set inet hallowd list/a/6",
	"nft flush map inet hallowd endpoints4",
	"nft delete element inet hallowd endpoints6 { 2001:db8::1 . tcp . 443 }",
	"nft add element inet hallowd endpoints4 { 192.0.2.2 . tcp . 443 : goto endpoint/web }",
	"nft add element inet hallowd endpoints4 { 192.0.2.2 . tcp . 443 : accept }",
	"nft add chain inet hallowd more",
	"printf 'table inet hallowd {\n chain more { accept\n }\n chain endpoint/web { jump more\n }\n}\n' | nft -f -",
	"nft add chain inet hallowd hooked '{ type filter hook input priority 0 ; policy drop ; }'",
	"nft add chain inet hallowd endpoint/old",
	"nft add counter inet hallowd deny/old",
	"nft add quota inet hallowd deny/web 10 mbytes",
	"nft add set inet hallowd list/c/4 '{ type ipv4_addr ; flags interval ; elements = { 10.0.0.0/8 } ; }'",
	"nft add map inet hallowd more '{ type ipv4_addr : verdict ; elements = { 1.1.1.1 : goto endpoint/web } ; }'",
	"nft add table inet hallowd '{ flags dormant ; }'",
	"nft chain inet hallowd prerouting '{ policy drop ; }'",
	"printf 'delete table inet hallowd\ntable inet hallowd {\n set list/a/4 { type ipv4_addr\n }\n"
	" set list/a/6/hosts { type ipv6_addr; flags interval; elements = { fd00::-fdff:: }\n }\n"
	" map endpoints4 { type ipv4_addr : verdict\n }\n"
	" chain prerouting { type filter hook prerouting priority 0; policy accept;\n }\n"
	" chain endpoint/web { type filter hook input priority 0; policy accept;\n }\n}\n' | nft -f -",
};

static void meddle(struct kernel *k, const struct policy *p, const char *command)
{
	struct kernel_change c;

	if (lab_run(command) != 0)
		fail_msg("%s: failed", command);
	must_plan(k, p, &c);
	if (!c.any)
		fail_msg("%s: not found", command);
	kernel_change_free(&c);
	must_apply(k, p, &c);
	kernel_change_free(&c);
	assert_in_force(k, p);
}

static void meddling_is_found_and_undone(void **state)
{
	struct policy p = make_policy(POLICY);
	struct kernel *k = open_kernel();
	struct kernel_state st;
	struct kernel_change c;

	(void)state;
	if (!lab_has_nft())
		skip();
	kernel_without_owner(k);
	must_apply(k, &p, &c);
	kernel_change_free(&c);
	must_state(k, &st);
	assert_true(st.present && !st.owned && !st.persistent);
	for (size_t i = 0; i < sizeof(meddling) / sizeof(meddling[0]); i++)
		meddle(k, &p, meddling[i]);
	must_teardown(k);
	kernel_close(k);
	policy_free(&p);
}

/* Changes elsewhere do not count, but they do move the generation. */
static void other_tables_are_left_alone(void **state)
{
	struct policy p = make_policy(POLICY);
	struct kernel *k = open_kernel();
	struct kernel_change c;
	char *before;

	(void)state;
	if (!lab_has_nft())
		skip();
	assert_int_equal(lab_run("nft add table ip hallowd; nft add chain ip hallowd prerouting; "
	                         "nft add table inet other; nft add chain inet other prerouting; nft add counter inet other deny/web"), 0);
	before = strdup(lab_output("nft list ruleset"));
	kernel_without_owner(k);
	must_apply(k, &p, &c);
	kernel_change_free(&c);
	assert_int_equal(lab_run("nft add rule inet other prerouting accept; nft flush table inet other"), 0);
	must_plan(k, &p, &c);
	assert_false(c.any);
	kernel_change_free(&c);
	assert_in_force(k, &p);
	must_teardown(k);
	assert_string_equal(lab_output("nft list ruleset"), before);
	assert_int_equal(lab_run("nft flush ruleset"), 0);
	kernel_close(k);
	free(before);
	policy_free(&p);
}

/* What is remembered of the table turns out wrong: somebody used a copy of this socket. */
static void a_wrong_memory_is_mended(void **state)
{
	struct policy p = make_policy(POLICY "list c 10.9.0.0/16\n");
	struct kernel *k = open_kernel(), *copy;
	struct kernel_change c;
	struct error err;

	(void)state;
	apply_lines(k, POLICY);
	assert_int_equal(kernel_open(&copy, dup(kernel_fd(k)), &err), 0);
	must_apply(copy, &p, &c);
	kernel_change_free(&c);
	kernel_close(copy);
	must_apply(k, &p, &c); /* set list/c/4 is there already */
	assert_false(c.any);
	kernel_change_free(&c);
	assert_in_force(k, &p);
	must_teardown(k);
	kernel_close(k);
	policy_free(&p);
}

/* A transaction that was worked out from an earlier state of the ruleset is refused as a whole. */
static void an_outdated_transaction_is_refused(void **state)
{
	struct batch b = { .bytes = BUFFER_INIT };
	struct netlink nl;
	struct error err;
	uint32_t generation;

	(void)state;
	assert_int_equal(netlink_open(&nl, -1, &err), 0);
	assert_int_equal(netlink_generation(&nl, &generation), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(batch_begin(&b, nl.seq, &generation), 0);
		assert_int_equal(put_table(&b, i == 0 ? "first" : "second", 0), 0);
		assert_int_equal(batch_end(&b, true), 0);
		assert_int_equal(netlink_commit(&nl, &b, &err), i == 0 ? 0 : -1);
		if (i == 1)
			assert_int_equal(errno, ERESTART);
		batch_free(&b);
	}
	assert_int_equal(batch_begin(&b, nl.seq, NULL), 0);
	assert_int_equal(put_table_gone(&b, "first"), 0);
	assert_int_equal(put_table_gone(&b, "second"), 0);
	assert_int_equal(batch_end(&b, true), 0);
	assert_int_equal(netlink_commit(&nl, &b, &err), -1);
	assert_non_null(strstr(err.text, "the kernel refused removing table second: No such file"));
	batch_free(&b);
	netlink_close(&nl);
}

/* In a child that has no capability: what it tells, on a pipe. */
static void without_the_right(int out)
{
	struct policy p = make_policy(POLICY);
	struct kernel_state st;
	struct kernel_change c;
	struct kernel *k;
	struct error err = { "" };
	int fd;

	if (setresuid(65534, 65534, 65534) != 0 || kernel_open(&k, -1, &err) != 0)
		_exit(1);
	kernel_state(k, &st, &err);
	dprintf(out, "%s\n", err.text);
	kernel_apply(k, &p, &c, &err);
	dprintf(out, "%s\n", err.text);
	nflog_open(5, 4096, &fd, &err);
	dprintf(out, "%s\n", err.text);
	_exit(0);
}

static void a_missing_right_is_told(void **state)
{
	int fds[2], status, told = 0;
	char line[256];
	pid_t child;
	FILE *f;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (child == 0)
		without_the_right(fds[1]);
	close(fds[1]);
	f = fdopen(fds[0], "r");
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strstr(line, "CAP_NET_ADMIN is needed") == NULL)
			fail_msg("\"%s\" does not tell what is missing", line);
		told++;
	}
	fclose(f);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(told, 3);
}

static void an_nflog_group_has_one_listener(void **state)
{
	struct error err;
	int first, second, value;
	socklen_t len = sizeof(value);

	(void)state;
	if (nflog_open(77, 1 << 20, &first, &err) != 0)
		fail_msg("%s", err.text);
	assert_true(fcntl(first, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(first, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(getsockopt(first, SOL_SOCKET, SO_RCVBUF, &value, &len), 0);
	assert_true(value >= 1 << 20);
	assert_int_equal(nflog_open(77, 1 << 20, &second, &err), -1);
	assert_non_null(strstr(err.text, "NFLOG group 77 is in use by"));
	assert_non_null(strstr(err.text, lab_own_name()));
	close(first);
	assert_int_equal(nflog_open(77, 1 << 20, &second, &err), 0);
	close(second);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(nobody_else_may_change_the_table, lab_new),
	cmocka_unit_test_setup(the_table_stays_and_is_adopted, lab_new),
	cmocka_unit_test_setup(the_socket_can_be_handed_over, lab_new),
	cmocka_unit_test_setup(old_answers_are_thrown_away, lab_new),
	cmocka_unit_test_setup(only_netfilter_sockets_are_taken_over, lab_new),
	cmocka_unit_test_setup(a_foreign_table_is_replaced, lab_new),
	cmocka_unit_test_setup(meddling_is_found_and_undone, lab_new),
	cmocka_unit_test_setup(other_tables_are_left_alone, lab_new),
	cmocka_unit_test_setup(a_wrong_memory_is_mended, lab_new),
	cmocka_unit_test_setup(an_outdated_transaction_is_refused, lab_new),
	cmocka_unit_test_setup(a_missing_right_is_told, lab_new),
	cmocka_unit_test_setup(an_nflog_group_has_one_listener, lab_new),
};

int run_owner_tests(void)
{
	return cmocka_run_group_tests_name("owner", tests, NULL, NULL);
}
