#include "core/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/sandbox_asan.h"
#include "core/sandbox_calls.h"

#define BIT(cap) (UINT64_C(1) << (cap))

struct cap_sets {
	uint64_t effective, permitted, inheritable;
};

/* --- system calls that the C library does not wrap */

static int caps_get(struct cap_sets *sets)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) != 0)
		return -1;
	sets->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	sets->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	sets->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return 0;
}

/* Makes `caps` the effective and permitted set, and empties the inheritable one. */
static int caps_set(uint64_t caps)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{ (uint32_t)caps, (uint32_t)caps, 0 },
		{ (uint32_t)(caps >> 32), (uint32_t)(caps >> 32), 0 },
	};

	return (int)syscall(SYS_capset, &header, data);
}

static int set_flag(int option, unsigned long value)
{
	return prctl(option, value, 0UL, 0UL, 0UL);
}

/* Takes all but `keep` out of the bounding set.  What is not in it, on a host that lacks some, is left alone; the
 * kernel answers EINVAL behind its last capability. */
static int bounding_reduce(uint64_t keep)
{
	for (unsigned long cap = 0; cap < 64; cap++) {
		int present = prctl(PR_CAPBSET_READ, cap, 0UL, 0UL, 0UL);

		if (present < 0)
			return errno == EINVAL && cap > 0 ? 0 : -1;
		if (present == 1 && (keep & BIT(cap)) == 0 && prctl(PR_CAPBSET_DROP, cap, 0UL, 0UL, 0UL) != 0)
			return -1;
	}
	return 0;
}

/* Leaves the process with `caps` and nothing else, and looks whether that is so.  The unit's own filter refuses capset(2) to
 * a hallowd that is not root; then the inheritable set stays, which without ambient ones and with no_new_privs gives a program
 * nothing. */
static int caps_keep_only(uint64_t caps, struct error *err)
{
	struct cap_sets now;
	int refused;

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0UL, 0UL, 0UL) != 0)
		return error_errno(err, errno, "cannot empty the ambient capability set");
	refused = caps_set(caps) == 0 ? 0 : errno;
	if (caps_get(&now) != 0)
		return error_errno(err, errno, "cannot read capabilities");
	if (refused != 0 && (getuid() == 0 || geteuid() == 0 || prctl(PR_GET_NO_NEW_PRIVS, 0UL, 0UL, 0UL, 0UL) != 1))
		return error_errno(err, refused, "cannot give up capabilities");
	if (now.effective != caps || now.permitted != caps || (now.inheritable != 0 && refused == 0))
		return error_set(err, "capabilities were given up, but some are still there");
	return 0;
}

/* A core dump would hold whatever secret is in memory; others of its user could trace the process. */
static int no_core_dumps(struct error *err)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return error_errno(err, errno, "cannot forbid core dumps");
	if (set_flag(PR_SET_DUMPABLE, 0) != 0)
		return error_errno(err, errno, "cannot make the process non-dumpable");
	return 0;
}

/* --- hallowd itself */

bool sandbox_has_sys_admin(void)
{
	struct cap_sets now;

	return caps_get(&now) == 0 && (now.effective & BIT(CAP_SYS_ADMIN)) != 0;
}

int sandbox_keep_net_admin(struct error *err)
{
	const uint64_t for_children = BIT(CAP_NET_ADMIN) | BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP);
	struct cap_sets now;
	bool root = getuid() == 0 || geteuid() == 0;

	if (caps_get(&now) != 0)
		return error_errno(err, errno, "cannot read capabilities");
	if ((now.permitted & BIT(CAP_NET_ADMIN)) == 0)
		return error_set(err, "CAP_NET_ADMIN is missing: start hallowd as root, "
		                      "or as a user of its own with ambient CAP_NET_ADMIN (AmbientCapabilities= of systemd)");
	if (root && bounding_reduce(for_children) != 0)
		return error_errno(err, errno, "cannot reduce the capability bounding set (CAP_SETPCAP is needed)");
	if (caps_keep_only(BIT(CAP_NET_ADMIN), err) != 0)
		return -1;
	if (!root && set_flag(PR_SET_NO_NEW_PRIVS, 1) != 0)
		return error_errno(err, errno, "cannot set no_new_privs");
	return no_core_dumps(err);
}

/* --- children */

/* fgetpwent, not getpwnam: no name service modules are loaded into a process that is still root.
 * 1 where the user is there, 0 where not, -1 with errno. */
static int find_user(const char *name, struct sandbox_user *user)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *entry;
	int found = 0;

	if (file == NULL)
		return -1;
	while (found == 0 && (entry = fgetpwent(file)) != NULL) {
		if (strcmp(entry->pw_name, name) == 0) {
			*user = (struct sandbox_user){ name, entry->pw_uid, entry->pw_gid };
			found = 1;
		}
	}
	fclose(file);
	return found;
}

int sandbox_user(struct sandbox_user *user, struct error *err)
{
	int found;

	*user = (struct sandbox_user){ "", 0, 0 };
	found = find_user("hallowd", user);
	if (found == 0)
		found = find_user("nobody", user);
	if (found < 0)
		return error_errno(err, errno, "/etc/passwd: cannot open");
	if (found == 0)
		return error_set(err, "there is neither a user `hallowd` nor `nobody` to run as; "
		                      "make one: useradd --system --shell /usr/sbin/nologin hallowd");
	if (user->uid == 0 || user->gid == 0)
		return error_set(err, "user `%s` has the user or group id 0, and gives up nothing", user->name);
	return 0;
}

static int change_user(const struct sandbox_user *user)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (setgroups(0, NULL) != 0 || setresgid(user->gid, user->gid, user->gid) != 0 ||
	    setresuid(user->uid, user->uid, user->uid) != 0)
		return -1;
	if (getresuid(&ruid, &euid, &suid) != 0 || getresgid(&rgid, &egid, &sgid) != 0)
		return -1;
	if (ruid != user->uid || euid != user->uid || suid != user->uid || rgid != user->gid || egid != user->gid ||
	    sgid != user->gid || getgroups(0, NULL) != 0) {
		errno = EPERM;
		return -1;
	}
	return 0;
}

static int stop_being_root(struct error *err)
{
	struct sandbox_user user;

	if (sandbox_user(&user, err) != 0)
		return -1;
	/* First, since it needs CAP_SETPCAP, which goes with the user. */
	if (bounding_reduce(0) != 0)
		return error_errno(err, errno, "cannot empty the capability bounding set (CAP_SETPCAP is needed)");
	if (change_user(&user) != 0)
		return error_errno(err, errno, "cannot become user `%s` (CAP_SETUID and CAP_SETGID are needed)", user.name);
	return 0;
}

int sandbox_become(const struct sandbox_user *user, struct error *err)
{
	if (bounding_reduce(BIT(CAP_NET_ADMIN)) != 0)
		return error_errno(err, errno, "cannot reduce the capability bounding set (CAP_SETPCAP is needed)");
	if (set_flag(PR_SET_KEEPCAPS, 1) != 0 || setgroups(0, NULL) != 0 || setresgid(user->gid, user->gid, user->gid) != 0 ||
	    setresuid(user->uid, user->uid, user->uid) != 0)
		return error_errno(err, errno, "cannot become user `%s` (CAP_SETUID and CAP_SETGID are needed)", user->name);
	if (caps_set(BIT(CAP_NET_ADMIN)) != 0)
		return error_errno(err, errno, "cannot keep CAP_NET_ADMIN");
	return set_flag(PR_SET_KEEPCAPS, 0) == 0 ? 0 : error_errno(err, errno, "cannot clear the flag that keeps capabilities");
}

int sandbox_child(struct error *err)
{
	uid_t ruid, euid, suid;

	(void)sandbox_calls_are_off(); /* the environment is about to go */
	if (getresuid(&ruid, &euid, &suid) != 0)
		return error_errno(err, errno, "cannot read the user id");
	if ((ruid == 0 || euid == 0 || suid == 0) && stop_being_root(err) != 0)
		return -1;
	if (caps_keep_only(0, err) != 0)
		return -1;
	if (set_flag(PR_SET_NO_NEW_PRIVS, 1) != 0)
		return error_errno(err, errno, "cannot set no_new_privs");
	return no_core_dumps(err); /* last: a change of the user makes the process dumpable again */
}

/* --- limits */

static int lower_limit(int which, const char *name, uint64_t value, struct error *err)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)which, &limit) != 0)
		return error_errno(err, errno, "cannot read %s", name);
	if (limit.rlim_max > value) /* RLIM_INFINITY is the largest number */
		limit.rlim_max = value;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit((__rlimit_resource_t)which, &limit) != 0)
		return error_errno(err, errno, "cannot set %s to %llu", name, (unsigned long long)value);
	return 0;
}

int sandbox_limits(uint64_t memory_bytes, uint64_t cpu_seconds, struct error *err)
{
	if (memory_bytes != 0 && !BUILT_WITH_ASAN && lower_limit(RLIMIT_AS, "RLIMIT_AS", memory_bytes, err) != 0)
		return -1;
	if (cpu_seconds != 0 && lower_limit(RLIMIT_CPU, "RLIMIT_CPU", cpu_seconds, err) != 0)
		return -1;
	return 0;
}
