/* sandbox_restrict: landlock for paths and TCP, seccomp for making sockets. */
#include "core/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/log.h"
#include "core/sandbox_asan.h"

/* Newer than the oldest headers that this is built with. */
#define FS_ALL_1 ((UINT64_C(1) << 13) - 1)
#define FS_REFER (UINT64_C(1) << 13)     /* ABI 2, Linux 5.19 */
#define FS_TRUNCATE (UINT64_C(1) << 14)  /* ABI 3, Linux 6.2 */
#define NET_BIND_TCP (UINT64_C(1) << 0)  /* ABI 4, Linux 6.7 */
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5, Linux 6.10 */
#define SCOPE_ABSTRACT_UNIX_SOCKET (UINT64_C(1) << 0) /* ABI 6, Linux 6.12 */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_READ_WRITE \
	(FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | FS_REFER | FS_TRUNCATE)

/* struct landlock_ruleset_attr as of ABI 6; an older kernel takes it as long as what it does not know is zero. */
struct ruleset {
	uint64_t fs, net, scoped;
};

/* --- landlock */

static void ruleset_for(struct ruleset *rules, int abi, bool tcp)
{
	rules->fs = FS_ALL_1 | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) | (abi >= 5 ? FS_IOCTL_DEV : 0);
	rules->net = abi >= 4 && !tcp ? NET_BIND_TCP | NET_CONNECT_TCP : 0;
	rules->scoped = abi >= 6 ? SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL : 0;
}

/* Allows `access` at and below `path`. */
static int allow_path(int ruleset_fd, const char *path, uint64_t access, struct error *err)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access };
	int result = 0;

	rule.parent_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return error_errno(err, errno, "landlock: cannot open the folder `%s`", path);
	if (syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U) != 0)
		result = error_errno(err, errno, "landlock: cannot allow the folder `%s`", path);
	close(rule.parent_fd);
	return result;
}

static int allow_files(int ruleset_fd, const struct ruleset *rules, enum sandbox_files files, struct error *err)
{
	if (BUILT_WITH_ASAN && allow_path(ruleset_fd, "/proc", FS_READ, err) != 0)
		return -1;
	switch (files) {
	case SANDBOX_NO_FILES:
		return 0;
	case SANDBOX_WORKING_FOLDER:
		return allow_path(ruleset_fd, ".", rules->fs & FS_READ_WRITE, err);
	case SANDBOX_READ_ONLY:
		return allow_path(ruleset_fd, "/", rules->fs & FS_READ, err);
	}
	return error_set(err, "landlock: %d is no kind of access", (int)files);
}

static int landlock_apply(const struct ruleset *rules, enum sandbox_files files, struct error *err)
{
	int fd = (int)syscall(SYS_landlock_create_ruleset, rules, sizeof(*rules), 0U);
	int result;

	if (fd < 0)
		return error_errno(err, errno, "landlock: cannot make a ruleset");
	result = allow_files(fd, rules, files, err);
	if (result == 0 && syscall(SYS_landlock_restrict_self, fd, 0U) != 0)
		result = error_errno(err, errno, "landlock: cannot restrict this process");
	close(fd);
	return result;
}

static int restrict_landlock(enum sandbox_files files, bool tcp, struct error *err)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset rules;

	if (abi < 1) {
		log_notice("this kernel has no landlock (%s): file access is limited by file modes alone", strerror(errno));
		return 0;
	}
	if (abi < 4 && !tcp)
		log_debug("this kernel's landlock (ABI %d) does not cover TCP; new sockets are refused all the same", abi);
	ruleset_for(&rules, abi, tcp);
	return landlock_apply(&rules, files, err);
}

/* --- seccomp */

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define NATIVE_ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define NATIVE_ARCH AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_ARCH AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define NATIVE_ARCH AUDIT_ARCH_S390X
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
/* Goes on with the next instruction where the accumulator is `value`, else skips it. */
#define IF_EQUAL(value) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1)
#define IF_AT_LEAST(value) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (value), 0, 1)
#define REFUSE(errnum) RETURN(SECCOMP_RET_ERRNO | (errnum))

#ifdef NATIVE_ARCH
static int restrict_sockets(struct error *err)
{
	struct sock_filter code[] = {
		LOAD(arch),
		/* Calls by the numbers of another ABI would pass the tests below by. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0),
		RETURN(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
#ifdef __x86_64__
		IF_AT_LEAST(0x40000000u), /* x32 */
		REFUSE(ENOSYS),
#endif
		IF_EQUAL(SYS_socket),
		REFUSE(EACCES),
		IF_EQUAL(SYS_io_uring_setup), /* it can make sockets too */
		REFUSE(ENOSYS),
#ifdef SYS_socketcall /* many calls in one; C libraries of today use it for none that is needed here */
		IF_EQUAL(SYS_socketcall),
		REFUSE(EACCES),
#endif
		RETURN(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
		return 0;
	if (errno != EINVAL) /* seccomp(2): a kernel without CONFIG_SECCOMP_FILTER */
		return error_errno(err, errno, "seccomp: cannot forbid sockets");
	log_notice("this kernel has no seccomp filters: new sockets are not refused");
	return 0;
}
#else
static int restrict_sockets(struct error *err)
{
	(void)err;
	log_notice("seccomp is not set up for this processor: new sockets are not refused");
	return 0;
}
#endif

int sandbox_restrict(enum sandbox_files files, bool tcp, struct error *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0)
		return error_errno(err, errno, "cannot set no_new_privs");
	if (restrict_landlock(files, tcp, err) != 0)
		return -1;
	return tcp ? 0 : restrict_sockets(err);
}
