/* Landlock: which files, and whether TCP. */
#include "core/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
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

#define FS_OF_A_FILE \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE | FS_TRUNCATE | FS_IOCTL_DEV)
/* hallowd's own folders: sockets and the link to the audit log, too. */
#define FS_DAEMON (FS_READ_WRITE | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

/* struct landlock_ruleset_attr as of ABI 6; an older kernel takes it as long as what it does not know is zero. */
struct ruleset {
	uint64_t fs, net, scoped;
};

/* --- rules */

int sandbox_landlock_abi(void)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 1 ? 0 : abi;
}

static void ruleset_for(struct ruleset *rules, int abi, bool tcp)
{
	rules->fs = FS_ALL_1 | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) | (abi >= 5 ? FS_IOCTL_DEV : 0);
	rules->net = abi >= 4 && !tcp ? NET_BIND_TCP | NET_CONNECT_TCP : 0;
	rules->scoped = abi >= 6 ? SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL : 0;
}

/* Allows `access` at and below what is open as `fd`; of it what there is for a file, where it is one. */
static int allow_folder(int ruleset_fd, int fd, uint64_t access, const char *name, struct error *err)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };
	struct stat st;

	if (fstat(fd, &st) != 0)
		return error_errno(err, errno, "landlock: cannot look at `%s`", name);
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= FS_OF_A_FILE;
	if (syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U) != 0)
		return error_errno(err, errno, "landlock: cannot allow `%s`", name);
	return 0;
}

static int allow_opened(int ruleset_fd, const char *path, int fd, uint64_t access, struct error *err)
{
	int result;

	if (fd < 0)
		return error_errno(err, errno, "landlock: cannot open `%s`", path);
	result = allow_folder(ruleset_fd, fd, access, path, err);
	close(fd);
	return result;
}

static int allow_path(int ruleset_fd, const char *path, uint64_t access, struct error *err)
{
	return allow_opened(ruleset_fd, path, open(path, O_PATH | O_CLOEXEC), access, err);
}

/* What is not there, or out of reach anyway, needs no permission. */
static int allow_optional(int ruleset_fd, const char *path, uint64_t access, struct error *err)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	return fd < 0 ? 0 : allow_opened(ruleset_fd, path, fd, access, err);
}

/* What finding a name's addresses and checking a server's certificate read.  Not /etc as a whole: hallowd's configuration is
 * there, and under systemd it belongs to the same user. */
static int allow_web(int ruleset_fd, uint64_t access, struct error *err)
{
	static const char *const paths[] = {
		"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services",
		"/etc/protocols", "/etc/localtime", "/etc/ld.so.cache", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki",
		"/etc/ca-certificates", "/etc/crypto-policies", "/usr/share/ca-certificates",
		"/usr/local/share/ca-certificates", "/usr/share/zoneinfo", "/lib", "/lib64", "/usr/lib", "/usr/lib64",
		"/usr/local/lib", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/run/netconfig",
		"/dev/urandom", "/dev/random", "/dev/null", "/sys/devices/system/cpu",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (allow_optional(ruleset_fd, paths[i], access, err) != 0)
			return -1;
	return 0;
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
	case SANDBOX_READ_FOLDER:
		return allow_path(ruleset_fd, ".", rules->fs & FS_READ, err);
	case SANDBOX_WEB:
		return allow_web(ruleset_fd, rules->fs & FS_READ, err);
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
	int abi = sandbox_landlock_abi();
	struct ruleset rules;

	if (abi < 1) {
		log_notice("this kernel has no landlock: file access is limited by file modes alone");
		return 0;
	}
	if (abi < 4 && !tcp)
		log_debug("this kernel's landlock (ABI %d) does not cover TCP; the list of system calls does", abi);
	ruleset_for(&rules, abi, tcp);
	return landlock_apply(&rules, files, err);
}

int sandbox_restrict(enum sandbox_files files, bool tcp, struct error *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0)
		return error_errno(err, errno, "cannot set no_new_privs");
	return restrict_landlock(files, tcp, err);
}

/* --- hallowd */

static int allow_daemon(int ruleset_fd, const struct ruleset *rules, const struct sandbox_daemon_files *f, struct error *err)
{
	static const char *const libraries[] = { "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib" };

	if (allow_path(ruleset_fd, "/", rules->fs & FS_READ, err) != 0 ||
	    allow_path(ruleset_fd, f->programs, rules->fs & (FS_READ | LANDLOCK_ACCESS_FS_EXECUTE), err) != 0 ||
	    allow_optional(ruleset_fd, "/dev/null", rules->fs & (FS_READ_WRITE | FS_IOCTL_DEV), err) != 0 ||
	    allow_optional(ruleset_fd, "/proc/sys/net/netfilter", rules->fs & FS_READ_WRITE, err) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
		if (allow_optional(ruleset_fd, libraries[i], rules->fs & (FS_READ | LANDLOCK_ACCESS_FS_EXECUTE), err) != 0)
			return -1;
	if (allow_folder(ruleset_fd, f->state_fd, rules->fs & FS_DAEMON, "state_dir", err) != 0)
		return -1;
	return f->run_fd == -1 ? 0 : allow_folder(ruleset_fd, f->run_fd, rules->fs & FS_DAEMON, "run_dir", err);
}

int sandbox_restrict_daemon(const struct sandbox_daemon_files *files, struct error *err)
{
	int abi = sandbox_landlock_abi(), fd, result;
	struct ruleset rules;

	if (abi < 1) {
		log_notice("this kernel has no landlock: file access is limited by file modes alone");
		return 0;
	}
	ruleset_for(&rules, abi, true);
	rules.scoped = 0; /* it ends its children, and they are told apart by their own sandboxes */
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0U);
	if (fd < 0)
		return error_errno(err, errno, "landlock: cannot make a ruleset");
	result = allow_daemon(fd, &rules, files, err);
	if (result == 0 && syscall(SYS_landlock_restrict_self, fd, 0U) != 0)
		result = error_errno(err, errno, "landlock: cannot restrict this process");
	close(fd);
	return result;
}
