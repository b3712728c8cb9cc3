/* The lists of system calls, on processes that have them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"
#include "core/sandbox.h"
#include "core/sandbox_asan.h"
#include "core/sandbox_calls.h"
#include "core/sandbox_table.h"

/* --- the table */

static bool program_has(const struct sandbox_program *p, const char *call)
{
	for (size_t g = 0; g < SANDBOX_GROUPS_MAX && p->groups[g] != NULL; g++)
		for (size_t i = 0; i < p->groups[g]->count; i++)
			if (strcmp(p->groups[g]->calls[i].name, call) == 0 && p->groups[g]->calls[i].refused_with == 0)
				return true;
	return false;
}

static void what_a_child_may_do_hallowd_may_let_it(void **state)
{
	const struct sandbox_program *hallowd = sandbox_table_find("hallowd"), *p;
	size_t count;

	(void)state;
	p = sandbox_table(&count);
	for (size_t n = 0; n < count; n++)
		for (size_t g = 0; g < SANDBOX_GROUPS_MAX && p[n].groups[g] != NULL; g++)
			for (size_t i = 0; i < p[n].groups[g]->count; i++) {
				const struct sandbox_call *c = &p[n].groups[g]->calls[i];

				if (c->refused_with == 0 && !program_has(hallowd, c->name))
					fail_msg("%s may call %s, but hallowd, whose filter it inherits, may not", p[n].name, c->name);
			}
}

static void no_program_may_what_takes_over_a_host(void **state)
{
	static const char *const never[] = { "ptrace", "mount", "umount2", "pivot_root", "setns", "unshare", "init_module",
		                                 "finit_module", "kexec_load", "bpf", "perf_event_open", "keyctl", "add_key",
		                                 "process_vm_writev", "userfaultfd", "reboot", "swapon", "open_by_handle_at" };
	const struct sandbox_program *p;
	size_t count;

	(void)state;
	p = sandbox_table(&count);
	for (size_t n = 0; n < count; n++)
		for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
			if (program_has(&p[n], never[i]))
				fail_msg("%s may call %s", p[n].name, never[i]);
}

/* --- in force */

static int attempt_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int attempt_exec_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static int attempt_signal(void)
{
	return kill(getppid(), 0);
}

static int attempt_fork(void)
{
	return fork();
}

static int attempt_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static int attempt_setuid(void)
{
	return (int)syscall(SYS_setuid, 0);
}

/* What ends which program, and by which name it is told. */
static const struct attempt {
	const char *program;
	int (*try)(void);
	const char *call;
	int number;
	bool with_asan; /* a build with AddressSanitizer refuses it, too */
} attempts[] = {
	{ "hallowd-parse", attempt_socket, "socket", SYS_socket, true },
	{ "hallowd-parse", attempt_exec_memory, "mmap", SYS_mmap, false },
	{ "hallowd-parse", attempt_signal, "kill", SYS_kill, false },
	{ "hallowd-parse", attempt_setuid, "setuid", SYS_setuid, true },
	{ "hallowd-record", attempt_socket, "socket", SYS_socket, true },
	{ "hallowd-record", attempt_setuid, "setuid", SYS_setuid, true },
	{ "hallowd-fetch", attempt_packet, "socket", SYS_socket, true },
	{ "hallowd-fetch", attempt_signal, "kill", SYS_kill, false },
	{ "hallowd-fetch", attempt_fork, "clone", SYS_clone, false },
	{ "hallowd-keep", attempt_socket, "socket", SYS_socket, true },
};

/* stderr goes to a pipe, and the number to where hallowd would read it. */
static int refused_child(const struct attempt *a, int text_fd, int number_fd)
{
	struct error err;

	dup2(text_fd, STDERR_FILENO);
	dup2(number_fd, CHILD_REFUSED_FD);
	if (sandbox_child(&err) != 0 || sandbox_calls(a->program, &err) != 0)
		return 2;
	free(malloc(1 << 20)); /* what every program does, it may */
	a->try();
	return 1;
}

static void check_attempt(const struct attempt *a)
{
	char text[256] = "", want[64];
	int out[2], number = eventfd(0, EFD_NONBLOCK), status;
	eventfd_t told = 0;
	pid_t pid;

	/* A packet is what one write wrote: a line that is written in pieces is torn by whoever writes at the same time. */
	assert_int_equal(pipe2(out, O_DIRECT), 0);
	pid = fork();
	if (pid == 0)
		_exit(refused_child(a, out[1], number));
	close(out[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(read(out[0], text, sizeof(text) - 1) > 0);
	close(out[0]);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
		fail_msg("%s: %s did not end it: status %#x, said: %s", a->program, a->call, (unsigned)status, text);
	snprintf(want, sizeof(want), "%s: the sandbox refuses the system call %s ", a->program, a->call);
	if (strncmp(text, want, strlen(want)) != 0)
		fail_msg("expected \"%s\", it said: %s", want, text);
	assert_int_equal(text[strlen(text) - 1], '\n');
	assert_int_equal(eventfd_read(number, &told), 0);
	assert_int_equal((int)told - 1, a->number);
	assert_string_equal(sandbox_call_name(a->number), a->call);
	close(number);
}

static bool have_filters(void)
{
	if (!sandbox_calls_are_off() && sandbox_kernel_has_filters())
		return true;
	print_message("skipped: this kernel has no seccomp filters\n");
	return false;
}

static void a_refused_call_ends_a_child_and_is_named(void **state)
{
	(void)state;
	if (!have_filters())
		skip();
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		if (!BUILT_WITH_ASAN || attempts[i].with_asan)
			check_attempt(&attempts[i]);
}

static int quiet_calls(void *ctx)
{
	struct error err;

	(void)ctx;
	CHILD_CHECK(sandbox_child(&err) == 0 && sandbox_calls("hallowd-parse", &err) == 0);
	CHILD_CHECK(open("/etc/passwd", O_RDONLY) == -1 && errno == EACCES);
	CHILD_CHECK(access("/etc/passwd", R_OK) == -1 && errno == EACCES);
	CHILD_CHECK(syscall(SYS_io_uring_setup, 1, NULL) == -1 && errno == ENOSYS);
	CHILD_CHECK(kill(getpid(), 0) == 0);
	return 0;
}

static void what_libraries_try_fails_quietly(void **state)
{
	(void)state;
	if (BUILT_WITH_ASAN || !have_filters())
		skip();
	assert_int_equal(in_child(quiet_calls, NULL), 0);
}

static int hallowd_goes_on(void *ctx)
{
	struct error err;

	(void)ctx;
	dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
	if (sandbox_keep_net_admin(&err) != 0)
		CHILD_CHECK(sandbox_child(&err) == 0);
	CHILD_CHECK(sandbox_calls("hallowd", &err) == 0);
	CHILD_CHECK(sandbox_next_refused() == -1);
	CHILD_CHECK(syscall(SYS_mount, "a", "b", "c", 0, NULL) == -1 && errno == EPERM);
	CHILD_CHECK(syscall(SYS_setns, 0, 0) == -1 && errno == EPERM);
	CHILD_CHECK(socket(AF_PACKET, SOCK_RAW, 0) == -1 && errno == EPERM);
	CHILD_CHECK(sandbox_next_refused() == SYS_mount && sandbox_next_refused() == SYS_setns);
	CHILD_CHECK(sandbox_next_refused() == SYS_socket && sandbox_next_refused() == -1);
	for (int i = 0; i < 1000; i++) /* more than are remembered */
		CHILD_CHECK(syscall(SYS_setns, 0, 0) == -1);
	CHILD_CHECK(sandbox_next_refused() == SYS_setns);
	return 0;
}

static void a_refused_call_of_hallowd_fails_and_is_remembered(void **state)
{
	(void)state;
	if (!have_filters())
		skip();
	assert_int_equal(in_child(hallowd_goes_on, NULL), 0);
}

static int switched_off(void *ctx)
{
	struct error err;

	(void)ctx;
	dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
	setenv(SANDBOX_SWITCH, "off", 1);
	CHILD_CHECK(sandbox_child(&err) == 0);
	unsetenv(SANDBOX_SWITCH);
	CHILD_CHECK(sandbox_calls_are_off());
	CHILD_CHECK(sandbox_calls("hallowd-parse", &err) == 0);
	CHILD_CHECK(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	return 0;
}

static void it_can_be_switched_off_to_look_for_a_defect(void **state)
{
	(void)state;
	assert_int_equal(in_child(switched_off, NULL), 0);
}

static void a_program_without_a_list_is_an_error(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(sandbox_calls("hallowd-other", &err), -1);
	assert_non_null(strstr(err.text, "hallowd-other"));
	assert_string_equal(sandbox_call_name(100000), "system call 100000");
}

int run_calls_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_can_be_switched_off_to_look_for_a_defect), /* first: the switch is looked at once */
		cmocka_unit_test(what_a_child_may_do_hallowd_may_let_it),
		cmocka_unit_test(no_program_may_what_takes_over_a_host),
		cmocka_unit_test(a_refused_call_ends_a_child_and_is_named),
		cmocka_unit_test(what_libraries_try_fails_quietly),
		cmocka_unit_test(a_refused_call_of_hallowd_fails_and_is_remembered),
		cmocka_unit_test(a_program_without_a_list_is_an_error),
	};

	return cmocka_run_group_tests_name("system calls", tests, NULL, NULL);
}
