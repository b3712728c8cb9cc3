/* What each program may ask of the kernel.
 *
 * To let a program make one more call, put its name into the group that it belongs to; a new program gets an entry in
 * `programs`, made of groups.  Names of all variants belong in, old and new (open, openat, openat2): which of them a C library
 * takes is its own affair, and so is which of them a processor has.
 * hallowd starts the others, and they inherit its filter: what any of them may do has to be in a group of hallowd's, too.
 * tests/unit/base_calls.c checks that. */
#include "core/sandbox_table.h"

#include <errno.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define CALL(call) { call, 0, ALWAYS, 0, 0, 0 }
#define QUIETLY(errnum, call) { call, errnum, ALWAYS, 0, 0, 0 }
#define CALL_WHERE(call, argument, mask, value) { call, 0, WHEN_EQUAL, argument, mask, value }
#define CALL_ON_ITSELF(call) { call, 0, WHEN_SELF, 0, 0, 0 }
#define ALL_BITS UINT32_MAX
#define GROUP(name) static const struct sandbox_group name = { name##_calls, sizeof(name##_calls) / sizeof(name##_calls[0]) }

/* --- groups */

/* What a C program does that computes, reads and writes what it was handed, and ends. */
static const struct sandbox_call basic_calls[] = {
	CALL("brk"), CALL("munmap"), CALL("mremap"), CALL("madvise"),
	CALL("read"), CALL("readv"), CALL("pread64"), CALL("preadv"), CALL("write"), CALL("writev"), CALL("pwrite64"),
	CALL("pwritev"), CALL("close"), CALL("lseek"), CALL("_llseek"),
	CALL("fstat"), CALL("fstat64"), CALL("newfstatat"), CALL("fstatat64"), CALL("statx"),
	CALL("fcntl"), CALL("fcntl64"), CALL("dup"), CALL("dup2"), CALL("dup3"), CALL("pipe"), CALL("pipe2"),
	CALL("poll"), CALL("ppoll"), CALL("ppoll_time64"), CALL("select"), CALL("_newselect"), CALL("pselect6"),
	CALL("pselect6_time64"),
	CALL("futex"), CALL("futex_time64"), CALL("futex_waitv"), CALL("set_robust_list"), CALL("get_robust_list"),
	CALL("rseq"), CALL("membarrier"), CALL("sched_yield"), CALL("sched_getaffinity"), CALL("getcpu"),
	CALL("rt_sigaction"), CALL("rt_sigprocmask"), CALL("rt_sigreturn"), CALL("rt_sigpending"), CALL("sigaltstack"),
	CALL("sigreturn"), CALL("restart_syscall"),
	CALL("clock_gettime"), CALL("clock_gettime64"), CALL("clock_getres"), CALL("clock_getres_time64"),
	CALL("clock_nanosleep"), CALL("clock_nanosleep_time64"), CALL("nanosleep"), CALL("gettimeofday"), CALL("time"),
	CALL("times"), CALL("getrusage"), CALL("sysinfo"), CALL("uname"), CALL("getrandom"),
	CALL("getpid"), CALL("gettid"), CALL("getppid"), CALL("getuid"), CALL("getuid32"), CALL("geteuid"),
	CALL("geteuid32"), CALL("getgid"), CALL("getgid32"), CALL("getegid"), CALL("getegid32"), CALL("getresuid"),
	CALL("getresuid32"), CALL("getresgid"), CALL("getresgid32"),
	CALL("exit"), CALL("exit_group"),
};
GROUP(basic);

/* For every program but hallowd: itself, and no other process; memory that is never both written and run. */
static const struct sandbox_call confined_calls[] = {
	CALL_WHERE("mmap", 2, PROT_EXEC, 0), CALL_WHERE("mmap2", 2, PROT_EXEC, 0), CALL_WHERE("mprotect", 2, PROT_EXEC, 0),
	CALL_ON_ITSELF("kill"), CALL_ON_ITSELF("tgkill"),
	CALL_WHERE("prlimit64", 0, ALL_BITS, 0), CALL("getrlimit"), CALL("ugetrlimit"), CALL("setrlimit"),
	CALL_WHERE("prctl", 0, ALL_BITS, PR_GET_DUMPABLE), CALL_WHERE("prctl", 0, ALL_BITS, PR_SET_NAME),
	QUIETLY(ENOSYS, "io_uring_setup"),
};
GROUP(confined);

/* No file can be opened.  Libraries that would like a time zone or a character set do without. */
static const struct sandbox_call no_files_calls[] = {
	QUIETLY(EACCES, "open"), QUIETLY(EACCES, "openat"), QUIETLY(EACCES, "openat2"),
	QUIETLY(EACCES, "access"), QUIETLY(EACCES, "faccessat"), QUIETLY(EACCES, "faccessat2"),
	QUIETLY(EACCES, "readlink"), QUIETLY(EACCES, "readlinkat"), QUIETLY(EACCES, "stat"), QUIETLY(EACCES, "stat64"),
	QUIETLY(EACCES, "lstat"), QUIETLY(EACCES, "lstat64"), QUIETLY(EACCES, "getcwd"),
};
GROUP(no_files);

/* Which files, landlock says. */
static const struct sandbox_call read_files_calls[] = {
	CALL("open"), CALL("openat"), CALL("openat2"), CALL("access"), CALL("faccessat"), CALL("faccessat2"),
	CALL("stat"), CALL("stat64"), CALL("lstat"), CALL("lstat64"), CALL("readlink"), CALL("readlinkat"),
	CALL("getdents"), CALL("getdents64"), CALL("getcwd"), CALL("statfs"), CALL("statfs64"), CALL("fstatfs"),
	CALL("fstatfs64"), CALL("fadvise64"), CALL("fadvise64_64"), CALL("flock"), CALL("readahead"),
};
GROUP(read_files);

static const struct sandbox_call write_files_calls[] = {
	CALL("creat"), CALL("ftruncate"), CALL("ftruncate64"), CALL("truncate"), CALL("truncate64"), CALL("fallocate"),
	CALL("fsync"), CALL("fdatasync"), CALL("sync_file_range"), CALL("sync_file_range2"), CALL("msync"),
	CALL("rename"), CALL("renameat"), CALL("renameat2"), CALL("unlink"), CALL("unlinkat"), CALL("mkdir"),
	CALL("mkdirat"), CALL("rmdir"), CALL("fchmod"), CALL("copy_file_range"), CALL("sendfile"), CALL("sendfile64"),
	CALL("utimensat"), CALL("utimensat_time64"), CALL("utimes"), CALL("futimesat"), CALL("umask"),
};
GROUP(write_files);

/* With sockets that are there: handed over, or made by a group below. */
static const struct sandbox_call use_sockets_calls[] = {
	CALL("recv"), CALL("recvfrom"), CALL("recvmsg"), CALL("recvmmsg"), CALL("recvmmsg_time64"), CALL("send"),
	CALL("sendto"), CALL("sendmsg"), CALL("sendmmsg"), CALL("shutdown"), CALL("getsockopt"), CALL("setsockopt"),
	CALL("getsockname"), CALL("getpeername"),
};
GROUP(use_sockets);

static const struct sandbox_call wait_calls[] = {
	CALL("epoll_create"), CALL("epoll_create1"), CALL("epoll_ctl"), CALL("epoll_wait"), CALL("epoll_pwait"),
	CALL("epoll_pwait2"), CALL("eventfd"), CALL("eventfd2"), CALL("signalfd"), CALL("signalfd4"),
	CALL("timerfd_create"), CALL("timerfd_settime"), CALL("timerfd_settime64"), CALL("timerfd_gettime"),
	CALL("timerfd_gettime64"),
};
GROUP(wait);

static const struct sandbox_call accept_sockets_calls[] = { CALL("accept"), CALL("accept4") };
GROUP(accept_sockets);

/* Threads, and no processes.  The flags of clone3 cannot be looked into; the C library falls back to clone. */
static const struct sandbox_call threads_calls[] = {
	QUIETLY(ENOSYS, "clone3"), CALL_WHERE("clone", 0, CLONE_THREAD, CLONE_THREAD), CALL("set_tid_address"),
};
GROUP(threads);

/* To servers: TCP and UDP, nothing of this host's.  Name service switches try a socket of a local resolver and a look at the
 * addresses of this host first, and do without. */
static const struct sandbox_call internet_calls[] = {
	CALL_WHERE("socket", 0, ALL_BITS, AF_INET), CALL_WHERE("socket", 0, ALL_BITS, AF_INET6),
	{ "socket", EACCES, WHEN_EQUAL, 0, ALL_BITS, AF_UNIX }, { "socket", EACCES, WHEN_EQUAL, 0, ALL_BITS, AF_NETLINK },
	CALL("connect"), CALL("socketpair"), CALL_WHERE("ioctl", 1, ALL_BITS, FIONREAD),
	CALL_WHERE("ioctl", 1, ALL_BITS, FIONBIO),
};
GROUP(internet);

/* Modules of the name service switch are code that is mapped from files, not made. */
static const struct sandbox_call modules_calls[] = {
	CALL_WHERE("mmap", 2, PROT_EXEC | PROT_WRITE, PROT_EXEC), CALL_WHERE("mmap2", 2, PROT_EXEC | PROT_WRITE, PROT_EXEC),
};
GROUP(modules);

/* What was fetched goes to a file in memory that hallowd made. */
static const struct sandbox_call fetch_body_calls[] = { CALL("ftruncate"), CALL("ftruncate64") };
GROUP(fetch_body);

/* hallowd's children make these; it makes none itself. */
static const struct sandbox_call children_calls[] = {
	CALL_WHERE("socket", 0, ALL_BITS, AF_INET), CALL_WHERE("socket", 0, ALL_BITS, AF_INET6), CALL("connect"),
	CALL("socketpair"),
};
GROUP(children);

/* hallowd's own work, and what a program does between exec and the filter of its own. */
static const struct sandbox_call daemon_own_calls[] = {
	CALL("mmap"), CALL("mmap2"), CALL("mprotect"), CALL("arch_prctl"), CALL("set_tls"), CALL("set_tid_address"),
	CALL("kill"), CALL("tgkill"), CALL("pidfd_open"), CALL("pidfd_send_signal"), CALL("wait4"), CALL("waitid"),
	CALL("waitpid"), CALL("clone"), CALL("clone3"), CALL("fork"), CALL("vfork"), CALL("execve"), CALL("execveat"),
	CALL("close_range"), CALL("chdir"), CALL("fchdir"), CALL("setsid"), CALL("getsid"),
	CALL("getpgid"), CALL("getpgrp"), CALL("prlimit64"), CALL("getrlimit"), CALL("ugetrlimit"), CALL("setrlimit"),
	CALL("prctl"), CALL("capget"), CALL("capset"), CALL("setgroups"), CALL("setgroups32"), CALL("getgroups"),
	CALL("getgroups32"), CALL("setresuid"), CALL("setresuid32"), CALL("setresgid"), CALL("setresgid32"),
	CALL("seccomp"), CALL("landlock_create_ruleset"), CALL("landlock_add_rule"), CALL("landlock_restrict_self"),
	CALL_WHERE("socket", 0, ALL_BITS, AF_UNIX), CALL_WHERE("socket", 0, ALL_BITS, AF_NETLINK), CALL("bind"),
	CALL("listen"), CALL("memfd_create"), CALL("ioctl"), CALL("inotify_init1"), CALL("inotify_add_watch"),
	CALL("inotify_rm_watch"), CALL("fchmodat"), CALL("fchown"), CALL("fchown32"), CALL("fchownat"), CALL("symlinkat"),
	CALL("linkat"), CALL("mlock"), CALL("mlock2"), CALL("munlock"), CALL("sched_setaffinity"),
};
GROUP(daemon_own);

/* The search for leaks at the end of a process looks at its threads through a process of its own. */
static const struct sandbox_call sanitizer_calls[] = {
	CALL("ptrace"), CALL("clone"), CALL("clone3"), CALL("fork"), CALL("wait4"), CALL("waitid"), CALL("prctl"),
	CALL("mmap"), CALL("mmap2"), CALL("mprotect"), CALL("kill"), CALL("tgkill"), CALL("prlimit64"), CALL("personality"),
	CALL("process_vm_readv"), CALL("getdents"), CALL("getdents64"), CALL("open"), CALL("openat"), CALL("readlink"),
	CALL("readlinkat"), CALL("stat"), CALL("lstat"), CALL("access"), CALL("faccessat"), CALL("getcwd"),
};
GROUP(sanitizer);

/* --- programs */

static const struct sandbox_program programs[] = {
	{ "hallowd", true,
	  { &daemon_own, &basic, &read_files, &write_files, &use_sockets, &accept_sockets, &wait, &children } },
	{ "hallowd-fetch", false,
	  { &basic, &confined, &read_files, &use_sockets, &wait, &threads, &internet, &modules, &fetch_body } },
	{ "hallowd-parse", false, { &basic, &confined, &no_files, &use_sockets } },
	{ "hallowd-record", false, { &basic, &confined, &read_files, &write_files, &use_sockets, &wait } },
	{ "hallowd-metrics", false,
	  { &basic, &confined, &read_files, &use_sockets, &accept_sockets, &wait } },
	{ "hallowd-observe", false, { &basic, &confined, &no_files, &use_sockets } },
	{ "hallowd-resolve", false, { &basic, &confined, &read_files, &use_sockets, &internet } },
	{ "hallowd-keep", false, { &basic, &confined, &no_files, &use_sockets, &accept_sockets } },
};

const struct sandbox_program *sandbox_table(size_t *count)
{
	*count = sizeof(programs) / sizeof(programs[0]);
	return programs;
}

const struct sandbox_program *sandbox_table_find(const char *program)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (strcmp(programs[i].name, program) == 0)
			return &programs[i];
	return NULL;
}

const struct sandbox_group *sandbox_table_sanitizer(void)
{
	return &sanitizer;
}
