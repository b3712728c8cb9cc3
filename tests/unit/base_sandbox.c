#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"
#include "core/file.h"
#include "core/sandbox.h"
#include "core/sandbox_asan.h"

#define BIT(cap) (UINT64_C(1) << (cap))
#define FOR_CHILDREN (BIT(CAP_NET_ADMIN) | BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP))

/* --- what /proc/self/status says */

static uint64_t status_field(const char *name, int base)
{
	struct buffer b = BUFFER_INIT;
	const char *at;
	uint64_t value = UINT64_MAX;

	if (file_read(AT_FDCWD, "/proc/self/status", 1u << 20, &b, NULL) == 0 &&
	    (at = strstr(buffer_str(&b), name)) != NULL)
		value = strtoull(at + strlen(name), NULL, base);
	buffer_free(&b);
	return value;
}

static bool caps_are(uint64_t effective, uint64_t bounding)
{
	return status_field("\nCapEff:", 16) == effective && status_field("\nCapPrm:", 16) == effective &&
	       status_field("\nCapInh:", 16) == 0 && status_field("\nCapAmb:", 16) == 0 &&
	       status_field("\nCapBnd:", 16) == bounding;
}

static bool is_root(void)
{
	return geteuid() == 0;
}

void need_root(void)
{
	if (is_root() && (status_field("\nCapPrm:", 16) & FOR_CHILDREN) == FOR_CHILDREN)
		return;
	print_message("skipped: root with its usual capabilities is needed\n");
	skip();
}

/* Sets the three sets of this process. */
static int set_caps(uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)permitted, (uint32_t)permitted, (uint32_t)inheritable },
		{ (uint32_t)(permitted >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32) },
	};

	return (int)syscall(SYS_capset, &header, data);
}

/* --- hallowd */

/* What a child of a root hallowd's finds after exec, and makes of it. */
int after_exec(void)
{
	struct error err;
	struct sandbox_user user;

	CHILD_CHECK(caps_are(FOR_CHILDREN, FOR_CHILDREN));
	CHILD_CHECK(sandbox_user(&user, &err) == 0);
	CHILD_CHECK(sandbox_child(&err) == 0);
	CHILD_CHECK(caps_are(0, 0));
	CHILD_CHECK(getuid() == user.uid);
	return 0;
}

static int keep_as_root(void *exec_too)
{
	char program[] = "/proc/self/exe", argument[] = "after-exec";
	char *const argv[] = { program, argument, NULL };
	struct error err;

	CHILD_CHECK(sandbox_keep_net_admin(&err) == 0);
	CHILD_CHECK(caps_are(BIT(CAP_NET_ADMIN), FOR_CHILDREN));
	CHILD_CHECK(status_field("\nNoNewPrivs:", 10) == 0);
	CHILD_CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	CHILD_CHECK(sandbox_keep_net_admin(&err) == 0); /* again does nothing */
	if (exec_too != NULL)
		execv(program, argv);
	return exec_too != NULL;
}

static void hallowd_as_root_keeps_net_admin(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(in_child(keep_as_root, NULL), 0);
}

static void its_children_give_up_what_exec_gives_them(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(in_child(keep_as_root, ""), 0);
}

int become_service(void)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setgroups(0, NULL) != 0 ||
	    setresgid(SERVICE_UID, SERVICE_UID, SERVICE_UID) != 0 ||
	    setresuid(SERVICE_UID, SERVICE_UID, SERVICE_UID) != 0 ||
	    set_caps(BIT(CAP_NET_ADMIN), BIT(CAP_NET_ADMIN)) != 0)
		return -1;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0);
}

static int keep_as_service(void *ctx)
{
	uint64_t bounding = status_field("\nCapBnd:", 16);
	struct error err;

	(void)ctx;
	CHILD_CHECK(become_service() == 0);
	CHILD_CHECK(status_field("\nCapAmb:", 16) == BIT(CAP_NET_ADMIN));
	CHILD_CHECK(sandbox_keep_net_admin(&err) == 0);
	CHILD_CHECK(caps_are(BIT(CAP_NET_ADMIN), bounding));
	CHILD_CHECK(status_field("\nNoNewPrivs:", 10) == 1);
	/* A child of it: no capability, the same user. */
	CHILD_CHECK(sandbox_child(&err) == 0);
	CHILD_CHECK(caps_are(0, bounding));
	CHILD_CHECK(getuid() == SERVICE_UID);
	return 0;
}

static void hallowd_as_a_service_keeps_net_admin(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(in_child(keep_as_service, NULL), 0);
}

static int keep_without(void *ctx)
{
	struct error err;

	(void)ctx;
	if (is_root())
		CHILD_CHECK(set_caps(BIT(CAP_SETPCAP), 0) == 0);
	CHILD_CHECK(sandbox_keep_net_admin(&err) == -1);
	CHILD_CHECK(strstr(err.text, "CAP_NET_ADMIN is missing") != NULL);
	return 0;
}

static void hallowd_without_net_admin_is_told_so(void **state)
{
	(void)state;
	assert_int_equal(in_child(keep_without, NULL), 0);
}

/* --- children */

static int give_up_all(void *ctx)
{
	struct sandbox_user user;
	struct rlimit core;
	struct error err;
	uid_t r, e, s;
	bool root = is_root();

	(void)ctx;
	if (root) {
		const gid_t groups[] = { 0, 4, 27 };
		CHILD_CHECK(setgroups(3, groups) == 0);
		CHILD_CHECK(sandbox_user(&user, &err) == 0);
	}
	CHILD_CHECK(sandbox_child(&err) == 0);
	CHILD_CHECK(caps_are(0, root ? 0 : status_field("\nCapBnd:", 16)));
	CHILD_CHECK(status_field("\nNoNewPrivs:", 10) == 1);
	CHILD_CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	CHILD_CHECK(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0);
	CHILD_CHECK(getresuid(&r, &e, &s) == 0 && r != 0 && e != 0 && s != 0);
	if (root) {
		CHILD_CHECK(r == user.uid && e == user.uid && s == user.uid && getegid() == user.gid);
		CHILD_CHECK(getgroups(0, NULL) == 0);
		CHILD_CHECK(setuid(0) == -1);
	}
	CHILD_CHECK(sandbox_child(&err) == 0); /* again does nothing */
	return 0;
}

static void a_child_gives_up_all(void **state)
{
	(void)state;
	assert_int_equal(in_child(give_up_all, NULL), 0);
}

/* Root that lacks what it takes to become another user must not go on. */
static int give_up_without(void *missing)
{
	struct error err;

	CHILD_CHECK(set_caps(FOR_CHILDREN & ~*(uint64_t *)missing, 0) == 0);
	CHILD_CHECK(sandbox_child(&err) == -1);
	CHILD_CHECK(strstr(err.text, "needed") != NULL);
	return 0;
}

static void a_root_child_that_cannot_change_its_user_fails(void **state)
{
	uint64_t caps[] = { BIT(CAP_SETUID), BIT(CAP_SETGID), BIT(CAP_SETPCAP) };

	(void)state;
	need_root();
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(in_child(give_up_without, &caps[i]), 0);
}

/* Effective root only, as a setuid program has it. */
static int give_up_effective_root(void *ctx)
{
	struct error err;

	(void)ctx;
	CHILD_CHECK(setresuid(SERVICE_UID, 0, 0) == 0);
	CHILD_CHECK(sandbox_child(&err) == 0);
	CHILD_CHECK(getuid() != 0 && geteuid() != 0 && setuid(0) == -1);
	return 0;
}

static void effective_root_is_root(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(in_child(give_up_effective_root, NULL), 0);
}

/* --- landlock; for seccomp, base_calls.c */

static int landlock_abi(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
}

static void need_landlock(void)
{
	if (landlock_abi() >= 1)
		return;
	print_message("skipped: this kernel has no landlock\n");
	skip();
}

static bool refused(int result)
{
	return result == -1 && errno == EACCES;
}

static int no_files(void *ctx)
{
	int before = memfd_create("open before", 0);
	struct error err;

	(void)ctx;
	CHILD_CHECK(sandbox_restrict(SANDBOX_NO_FILES, true, &err) == 0);
	CHILD_CHECK(refused(open("/etc/passwd", O_RDONLY)));
	CHILD_CHECK(refused(open("/", O_RDONLY | O_DIRECTORY)));
	CHILD_CHECK(refused(open("made", O_WRONLY | O_CREAT, 0600)));
	CHILD_CHECK(refused(mkdir("made", 0700)));
	CHILD_CHECK(refused(truncate("f", 0)) || landlock_abi() < 3);
	CHILD_CHECK(write(before, "x", 1) == 1); /* what is open stays open */
	CHILD_CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	return 0;
}

static int working_folder(void *ctx)
{
	struct error err;
	char up[] = "../hallowd-unit-outside";

	(void)ctx;
	CHILD_CHECK(sandbox_restrict(SANDBOX_WORKING_FOLDER, false, &err) == 0);
	CHILD_CHECK(refused(open("/etc/passwd", O_RDONLY)));
	CHILD_CHECK(refused(open(up, O_WRONLY | O_CREAT, 0600)));
	CHILD_CHECK(refused(open("link", O_RDONLY)));
	CHILD_CHECK(file_write_atomic(AT_FDCWD, "made", 0600, "x", 1, &err) == 0);
	CHILD_CHECK(truncate("made", 0) == 0);
	CHILD_CHECK(mkdir("sub", 0700) == 0);
	CHILD_CHECK(rename("made", "sub/moved") == 0 || landlock_abi() < 2);
	CHILD_CHECK(refused(symlink("/etc/passwd", "link2")));
	CHILD_CHECK(refused(mkfifo("fifo", 0600)));
	CHILD_CHECK(chmod("f", 0700) == 0 && refused(execl("./f", "f", (char *)NULL)));
	return 0;
}

static int web_files(void *ctx)
{
	struct error err;

	(void)ctx;
	CHILD_CHECK(sandbox_restrict(SANDBOX_WEB, true, &err) == 0);
	CHILD_CHECK(open("/etc/hosts", O_RDONLY) >= 0 || errno == ENOENT);
	CHILD_CHECK(open("/etc/ssl/certs", O_RDONLY | O_DIRECTORY) >= 0 || errno == ENOENT);
	CHILD_CHECK(refused(open("/etc/hosts", O_WRONLY)));
	CHILD_CHECK(refused(open("/etc/passwd", O_RDONLY)));
	CHILD_CHECK(refused(open("/etc", O_RDONLY | O_DIRECTORY)));
	CHILD_CHECK(refused(open("f", O_RDONLY)));
	CHILD_CHECK(refused(open("made", O_WRONLY | O_CREAT, 0600)));
	CHILD_CHECK(refused(unlink("f")));
	return 0;
}

static int daemon_files(void *ctx)
{
	struct sandbox_daemon_files files = { open("state", O_RDONLY | O_DIRECTORY), -1, "programs" };
	struct error err;
	int dir = open(".", O_RDONLY | O_DIRECTORY);

	(void)ctx;
	CHILD_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHILD_CHECK(sandbox_restrict_daemon(&files, &err) == 0);
	CHILD_CHECK(open("/etc/passwd", O_RDONLY) >= 0);
	CHILD_CHECK(open("/dev/null", O_RDWR) >= 0);
	CHILD_CHECK(refused(open("f", O_WRONLY)) && refused(open("made", O_WRONLY | O_CREAT, 0600)));
	CHILD_CHECK(file_write_atomic(files.state_fd, "made", 0600, "x", 1, &err) == 0);
	CHILD_CHECK(symlinkat("made", files.state_fd, "link") == 0);
	CHILD_CHECK(mknodat(files.state_fd, "pipe", S_IFIFO | 0600, 0) == -1);
	CHILD_CHECK(refused(renameat(files.state_fd, "made", dir, "moved")) || errno == EXDEV);
	CHILD_CHECK(refused(execl("/bin/sh", "sh", "-c", "exit 0", (char *)NULL)));
	execl("programs/sh", "sh", "-c", "exit 0", (char *)NULL);
	return 1;
}

/* Runs `body` in a new folder with a file `f` and a link out of it. */
static void check_in_folder(int (*body)(void *))
{
	char path[64];
	int back = open(".", O_RDONLY | O_DIRECTORY);

	make_folder(path);
	assert_int_equal(chdir(path), 0);
	assert_int_equal(file_write_atomic(AT_FDCWD, "f", 0600, "content", 7, NULL), 0);
	assert_int_equal(symlink("/etc/passwd", "link"), 0);
	assert_int_equal(mkdir("state", 0700), 0);
	assert_int_equal(mkdir("programs", 0700), 0);
	assert_int_equal(system("cp /bin/sh programs/sh"), 0);
	assert_int_equal(in_child(body, NULL), 0);
	assert_int_equal(fchdir(back), 0);
	close(back);
	remove_folder(path);
}

static void files_are_restricted(void **state)
{
	(void)state;
	need_landlock();
	check_in_folder(no_files);
	check_in_folder(working_folder);
	check_in_folder(web_files);
	check_in_folder(daemon_files);
}

static int no_tcp(void *listener)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(address);
	int tcp = socket(AF_INET, SOCK_STREAM, 0), tcp2 = socket(AF_INET, SOCK_STREAM, 0);
	struct error err;

	CHILD_CHECK(getsockname(*(int *)listener, (struct sockaddr *)&address, &len) == 0);
	CHILD_CHECK(sandbox_restrict(SANDBOX_NO_FILES, false, &err) == 0);
	if (landlock_abi() < 4)
		return 0;
	CHILD_CHECK(refused(connect(tcp, (struct sockaddr *)&address, sizeof(address))));
	address.sin_port = 0;
	CHILD_CHECK(refused(bind(tcp2, (struct sockaddr *)&address, sizeof(address))));
	return 0;
}

static int sockets_allowed(void *listener)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	struct error err;
	int tcp;

	CHILD_CHECK(getsockname(*(int *)listener, (struct sockaddr *)&address, &len) == 0);
	CHILD_CHECK(sandbox_restrict(SANDBOX_NO_FILES, true, &err) == 0);
	tcp = socket(AF_INET, SOCK_STREAM, 0);
	CHILD_CHECK(tcp >= 0);
	CHILD_CHECK(connect(tcp, (struct sockaddr *)&address, sizeof(address)) == 0);
	CHILD_CHECK(socket(AF_INET6, SOCK_DGRAM, 0) >= 0 || errno == EAFNOSUPPORT);
	return 0;
}

static void sockets_are_restricted(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(in_child(no_tcp, &listener), 0);
	assert_int_equal(in_child(sockets_allowed, &listener), 0);
	close(listener);
}

static int no_signals(void *ctx)
{
	struct error err;

	(void)ctx;
	CHILD_CHECK(kill(getppid(), 0) == 0);
	CHILD_CHECK(sandbox_restrict(SANDBOX_NO_FILES, false, &err) == 0);
	CHILD_CHECK(kill(getppid(), 0) == -1 && errno == EPERM);
	CHILD_CHECK(kill(getpid(), 0) == 0);
	return 0;
}

static void signals_to_others_are_refused(void **state)
{
	(void)state;
	if (landlock_abi() < 6) {
		print_message("skipped: this kernel's landlock does not cover signals\n");
		skip();
	}
	assert_int_equal(in_child(no_signals, NULL), 0);
}

/* --- limits */

static int limits(void *ctx)
{
	struct rlimit before, limit;
	struct error err;

	(void)ctx;
	CHILD_CHECK(getrlimit(RLIMIT_AS, &before) == 0);
	CHILD_CHECK(sandbox_limits(0, 0, &err) == 0);
	CHILD_CHECK(getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_max == before.rlim_max);
	CHILD_CHECK(sandbox_limits(UINT64_C(1) << 30, 20, &err) == 0);
	CHILD_CHECK(getrlimit(RLIMIT_CPU, &limit) == 0 && limit.rlim_cur == 20 && limit.rlim_max == 20);
	CHILD_CHECK(sandbox_limits(0, 30, &err) == 0); /* never up again */
	CHILD_CHECK(getrlimit(RLIMIT_CPU, &limit) == 0 && limit.rlim_cur == 20 && limit.rlim_max == 20);
	if (BUILT_WITH_ASAN)
		return 0;
	CHILD_CHECK(getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_max == UINT64_C(1) << 30);
	CHILD_CHECK(mmap(NULL, UINT64_C(1) << 31, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	return 0;
}

static void limits_are_set_and_only_lowered(void **state)
{
	(void)state;
	assert_int_equal(in_child(limits, NULL), 0);
}

int run_sandbox_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hallowd_as_root_keeps_net_admin),
		cmocka_unit_test(its_children_give_up_what_exec_gives_them),
		cmocka_unit_test(hallowd_as_a_service_keeps_net_admin),
		cmocka_unit_test(hallowd_without_net_admin_is_told_so),
		cmocka_unit_test(a_child_gives_up_all),
		cmocka_unit_test(a_root_child_that_cannot_change_its_user_fails),
		cmocka_unit_test(effective_root_is_root),
		cmocka_unit_test(files_are_restricted),
		cmocka_unit_test(sockets_are_restricted),
		cmocka_unit_test(signals_to_others_are_refused),
		cmocka_unit_test(limits_are_set_and_only_lowered),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
