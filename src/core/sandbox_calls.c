#include "core/sandbox_calls.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <seccomp.h>

#include "core/log.h"
#include "core/sandbox.h"
#include "core/sandbox_asan.h"
#include "core/sandbox_table.h"

#define NUMBERS_MAX 1024 /* no machine has as many system calls */
#define NAME_MAX_LEN 32
#define LINE_LEN 160 /* two names and the words between them */
#define TOLD_BITS 64

/* What the signal handler works with, made beforehand: it may not ask libseccomp. */
static struct {
	char names[NUMBERS_MAX][NAME_MAX_LEN]; /* "" for none */
	const char *program;
	bool goes_on;
	atomic_int next; /* of `ring`; numbers are put in at `next`, taken out at `taken` */
	atomic_int ring[TOLD_BITS];
	int taken;
	atomic_bool told[NUMBERS_MAX];
} refused;

bool sandbox_calls_are_off(void)
{
	static int off = -1;
	const char *value = off == -1 ? getenv(SANDBOX_SWITCH) : NULL;

	if (off == -1)
		off = value != NULL && strcmp(value, "off") == 0;
	return off == 1;
}

/* --- what is refused is told */

static void learn_names(void)
{
	for (int number = 0; number < NUMBERS_MAX; number++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

		if (name != NULL)
			snprintf(refused.names[number], NAME_MAX_LEN, "%s", name);
		free(name);
	}
}

const char *sandbox_call_name(int number)
{
	static char text[NAME_MAX_LEN];
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

	if (name != NULL)
		snprintf(text, sizeof(text), "%s", name);
	else
		snprintf(text, sizeof(text), "system call %d", number);
	free(name);
	return text;
}

int sandbox_next_refused(void)
{
	int next = atomic_load(&refused.next);

	if (next - refused.taken > TOLD_BITS) /* the oldest were overwritten */
		refused.taken = next - TOLD_BITS;
	return refused.taken == next ? -1 : atomic_load(&refused.ring[refused.taken++ % TOLD_BITS]);
}

/* A line that is put together in a signal handler, without the C library's formatting, and written at once: others write to
 * the same file. */
struct line {
	char text[LINE_LEN];
	size_t len;
};

static void add_text(struct line *l, const char *text)
{
	while (*text != '\0' && l->len < sizeof(l->text))
		l->text[l->len++] = *text++;
}

static void add_number(struct line *l, int number)
{
	char digits[16], *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) > 0 && at > digits);
	add_text(l, at);
}

static void say_refused(int number)
{
	struct line l = { .len = 0 };

	if (refused.goes_on && number >= 0 && number < NUMBERS_MAX && atomic_exchange(&refused.told[number], true))
		return; /* once for each call, so that nobody can fill a disk with it */
	add_text(&l, refused.program);
	add_text(&l, ": the sandbox refuses the system call ");
	if (number >= 0 && number < NUMBERS_MAX && refused.names[number][0] != '\0') {
		add_text(&l, refused.names[number]);
		add_text(&l, " (number ");
		add_number(&l, number);
		add_text(&l, ")");
	} else {
		add_number(&l, number < 0 ? 0 : number);
	}
	add_text(&l, ", which is not on its list\n");
	(void)!write(STDERR_FILENO, l.text, l.len);
}

/* What the call returns. */
static void set_result(void *context, int errnum)
{
	ucontext_t *uc = context;

#if defined(__x86_64__)
	uc->uc_mcontext.gregs[REG_RAX] = -errnum;
#elif defined(__aarch64__)
	uc->uc_mcontext.regs[0] = (unsigned long long)-errnum;
#else
	(void)uc;
	(void)errnum; /* the number of the call is left where its result is expected */
#endif
}

static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	uint64_t told = (uint64_t)info->si_syscall + 1;
	int saved = errno;

	(void)sig;
	say_refused(info->si_syscall);
	if (refused.goes_on) {
		atomic_store(&refused.ring[atomic_fetch_add(&refused.next, 1) % TOLD_BITS], info->si_syscall);
		set_result(context, EPERM);
		errno = saved;
		return;
	}
	(void)!write(CHILD_REFUSED_FD, &told, sizeof(told));
	/* The handler is gone (SA_RESETHAND), and the signal is not blocked (SA_NODEFER): this is the end. */
	(void)raise(SIGSYS);
	_exit(128 + SIGSYS);
}

static int set_handler(const struct sandbox_program *p, struct error *err)
{
	struct sigaction action = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };

	learn_names();
	refused.program = p->name;
	refused.goes_on = p->goes_on;
	if (!p->goes_on)
		action.sa_flags |= (int)(SA_RESETHAND | SA_NODEFER);
	if (sigaction(SIGSYS, &action, NULL) != 0)
		return error_errno(err, errno, "seccomp: no handler of SIGSYS");
	return 0;
}

/* --- the filter */

static uint32_t action_of(const struct sandbox_call *c)
{
	/* The search for leaks reads /proc, and landlock stands behind the list. */
	if (BUILT_WITH_ASAN && c->condition == ALWAYS)
		return SCMP_ACT_ALLOW;
	return c->refused_with != 0 ? SCMP_ACT_ERRNO((uint16_t)c->refused_with) : SCMP_ACT_ALLOW;
}

static int add_call(scmp_filter_ctx filter, const struct sandbox_call *c)
{
	int number = seccomp_syscall_resolve_name(c->name);
	uint32_t action = action_of(c);
	int result;

	if (number == __NR_SCMP_ERROR)
		return 0;
	switch (c->condition) {
	case WHEN_EQUAL:
		result = seccomp_rule_add(filter, action, number, 1,
		                          SCMP_CMP64(c->argument, SCMP_CMP_MASKED_EQ, c->mask, c->value));
		break;
	case WHEN_SELF:
		result = seccomp_rule_add(filter, action, number, 1,
		                          SCMP_CMP64(c->argument, SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint64_t)getpid()));
		break;
	default:
		result = seccomp_rule_add(filter, action, number, 0);
		break;
	}
	return result == -EEXIST ? 0 : result;
}

static int add_group(scmp_filter_ctx filter, const struct sandbox_group *group, struct error *err)
{
	for (size_t i = 0; i < group->count; i++) {
		int result = add_call(filter, &group->calls[i]);

		if (result != 0)
			return error_errno(err, -result, "seccomp: no rule for %s", group->calls[i].name);
	}
	return 0;
}

static int fill(scmp_filter_ctx filter, const struct sandbox_program *p, struct error *err)
{
	if (BUILT_WITH_ASAN && add_group(filter, sandbox_table_sanitizer(), err) == -1)
		return -1;
	for (size_t g = 0; g < SANDBOX_GROUPS_MAX && p->groups[g] != NULL; g++)
		if (add_group(filter, p->groups[g], err) == -1)
			return -1;
	return 0;
}

/* Where there is CAP_SYS_ADMIN, the kernel takes a filter without no_new_privs, which hallowd's children could not live with
 * (sandbox.h). */
static int load(scmp_filter_ctx filter, const struct sandbox_program *p, struct error *err)
{
	bool may_do_without = p->goes_on && sandbox_has_sys_admin();
	int result;

	if (seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, may_do_without ? 0 : 1) != 0 ||
	    seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0)
		return error_set(err, "seccomp: libseccomp does not know what is needed");
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree: not before libseccomp 2.5 */
	result = seccomp_load(filter);
	return result == 0 ? 0 : error_errno(err, -result, "seccomp: the kernel does not take the list of system calls");
}

bool sandbox_kernel_has_filters(void)
{
	/* A filter that is not there: EFAULT where filters are known, EINVAL where they are not. */
	return prctl(PR_SET_SECCOMP, 2UL, 0UL, 0UL, 0UL) == -1 && errno == EFAULT;
}

int sandbox_calls(const char *program, struct error *err)
{
	const struct sandbox_program *p = sandbox_table_find(program);
	scmp_filter_ctx filter;
	int result;

	if (p == NULL)
		return error_set(err, "seccomp: there is no list of system calls for %s", program);
	if (sandbox_calls_are_off()) {
		log_warning("system calls are not filtered: " SANDBOX_SWITCH " is off");
		return 0;
	}
	if (!sandbox_kernel_has_filters()) {
		log_notice("this kernel has no seccomp filters: system calls are not restricted");
		return 0;
	}
	filter = seccomp_init(SCMP_ACT_TRAP);
	if (filter == NULL)
		return error_errno(err, ENOMEM, "seccomp");
	result = fill(filter, p, err) == 0 && set_handler(p, err) == 0 ? load(filter, p, err) : -1;
	seccomp_release(filter);
	return result;
}
