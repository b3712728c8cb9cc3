/* A program of hallowd's that somebody took over: it gives up what the real one does, with the real one's function (CONFINE),
 * and then tries what an attacker would.  tests/system/hostile.bats puts it in the real one's place, so that it is started by
 * hallowd, with the descriptors and below the sandbox that the real one gets.
 *
 * Says on standard error for each attempt "hostile: refused WHAT (errno)" or "hostile: SUCCEEDED WHAT", at the end
 * "hostile: done".  A file `plain` beside it makes it try one system call as a defect would, without a handler of its own;
 * a file `garbled` makes it send hallowd what is no message, and stay. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/error.h"
#include "core/fetch_message.h"

int CONFINE(struct error *err);

static char lab[PATH_MAX]; /* the folder that has bin/, state/ and run/ */
static const char *const web = "hallowd-fetch hallowd-resolve"; /* who may make connections */
static char program[64];

static const char *below(const char *name)
{
	static char path[2 * PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", lab, name);
	return path;
}

/* Whoever has taken a process over does not let it be ended by a signal. */
static void survive(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
#if defined(__x86_64__)
	uc->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
#elif defined(__aarch64__)
	uc->uc_mcontext.regs[0] = (unsigned long long)-ENOSYS;
#endif
}

static void tried(const char *what, bool success)
{
	int why = errno;

	if (success)
		dprintf(STDERR_FILENO, "hostile: SUCCEEDED %s: %s\n", program, what);
	else
		dprintf(STDERR_FILENO, "hostile: refused %s: %s (%s)\n", program, what, strerror(why));
}

/* --- files */

static void try_open(const char *what, const char *path, int flags)
{
	int fd = open(path, flags, 0600);

	tried(what, fd >= 0);
	if (fd >= 0)
		close(fd);
}

static void try_files(void)
{
	bool recorder = strcmp(program, "hallowd-record") == 0;

	try_open("read /etc/shadow", "/etc/shadow", O_RDONLY);
	try_open("read /etc/passwd", "/etc/passwd", O_RDONLY);
	try_open("read the configuration", below("hallowd.yaml"), O_RDONLY);
	try_open("read hallowd's memory", "/proc/1/mem", O_RDONLY);
	try_open("write a list", below("state/lists/humanitec"), O_WRONLY);
	try_open("make a list", below("state/lists/made"), O_WRONLY | O_CREAT);
	try_open("write the spool", below("state/spool"), O_WRONLY);
	try_open("make a file in run_dir", below("run/made"), O_WRONLY | O_CREAT);
	try_open("make a file in /tmp", "/tmp/hallowd-hostile", O_WRONLY | O_CREAT);
	try_open("write a program", below("bin/hallowd"), O_WRONLY);
	if (!recorder) { /* where hallowd is root, lists stand in the recorder's folder, for all to read */
		try_open("read a list", below("state/lists/humanitec"), O_RDONLY);
		try_open("read the audit log", below("state/audit.db"), O_RDONLY);
		try_open("write the audit log", below("state/audit.db"), O_WRONLY);
	}
	tried("remove a list", unlink(below("state/lists/humanitec")) == 0);
	{
		char to[2 * PATH_MAX];

		snprintf(to, sizeof(to), "%s", below("state/lists-gone"));
		tried("rename the lists", rename(below("state/lists"), to) == 0);
	}
	tried("make the state everybody's", chmod(below("state"), 0777) == 0);
	tried("make a list everybody's", chmod(below("state/lists/humanitec"), 0666) == 0);
	tried("make a link", symlink("/etc/shadow", "hostile-link") == 0);
	tried("go elsewhere", chroot("/tmp") == 0);
}

/* --- the network */

static void try_unix(const char *what, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%.100s", path);
	tried(what, fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
}

static void try_tcp(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(5432) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, "203.0.113.10", &to.sin_addr);
	if (strstr(web, program) == NULL)
		tried("connect to what is protected", fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	to.sin_port = 0;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	tried("wait for connections", fd >= 0 && bind(fd, (struct sockaddr *)&to, sizeof(to)) == 0 && listen(fd, 1) == 0);
}

/* Whether the kernel takes "delete table inet hallowd" by way of this socket. */
static bool delete_table(int fd)
{
	struct {
		struct nlmsghdr begin;
		struct nfgenmsg begin_nf;
		struct nlmsghdr delete;
		struct nfgenmsg delete_nf;
		struct nlattr name;
		char text[8];
		struct nlmsghdr end;
		struct nfgenmsg end_nf;
	} m = {
		.begin = { NLMSG_LENGTH(sizeof(struct nfgenmsg)), NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, 1, 0 },
		.begin_nf = { 0, 0, htons(NFNL_SUBSYS_NFTABLES) },
		.delete = { NLMSG_LENGTH(sizeof(struct nfgenmsg)) + sizeof(struct nlattr) + 8,
		            NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE, NLM_F_REQUEST | NLM_F_ACK, 2, 0 },
		.delete_nf = { 1 /* NFPROTO_INET */, 0, 0 },
		.name = { sizeof(struct nlattr) + 8, NFTA_TABLE_NAME },
		.text = "hallowd",
		.end = { NLMSG_LENGTH(sizeof(struct nfgenmsg)), NFNL_MSG_BATCH_END, NLM_F_REQUEST, 3, 0 },
		.end_nf = { 0, 0, htons(NFNL_SUBSYS_NFTABLES) },
	};
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	char answer[8192];

	if (sendto(fd, &m, sizeof(m), MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) == -1)
		return false;
	for (int i = 0; i < 1000; i++) {
		ssize_t n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
		const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)answer;

		if (n < (ssize_t)sizeof(struct nlmsgerr) || h->nlmsg_type != NLMSG_ERROR)
			continue;
		errno = -((const struct nlmsgerr *)NLMSG_DATA(h))->error;
		return errno == 0;
	}
	errno = ETIMEDOUT;
	return false;
}

static void try_netlink(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);

	tried("delete the table", fd >= 0 && delete_table(fd));
	/* What is inherited may be a netlink socket that hallowd opened, with its capability. */
	for (int inherited = 0; inherited < 16; inherited++) {
		int domain = 0;
		socklen_t len = sizeof(domain);
		char what[64];

		if (inherited == STDERR_FILENO ||
		    getsockopt(inherited, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0 || domain != AF_NETLINK)
			continue;
		snprintf(what, sizeof(what), "delete the table by inherited socket");
		tried(what, delete_table(inherited));
	}
	tried("see all packets", socket(AF_PACKET, SOCK_RAW, 0) >= 0);
	tried("make packets", socket(AF_INET, SOCK_RAW, IPPROTO_RAW) >= 0);
	tried("talk to a virtual machine's host", socket(AF_VSOCK, SOCK_STREAM, 0) >= 0);
}

static void try_network(void)
{
	try_unix("ask hallowd for something", below("run/control.sock"));
	try_unix("take the kept sockets", below("run/keep.sock"));
	try_unix("talk to the system bus", "/run/dbus/system_bus_socket");
	try_tcp();
	try_netlink();
}

/* --- other processes, other privileges, other code */

static void try_processes(void)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)(uintptr_t)&byte, 1 };
	char shell[] = "/bin/sh", dash_c[] = "-c", nothing[] = "exit 0";
	char *const argv[] = { shell, dash_c, nothing, NULL };
	pid_t child;

	tried("signal hallowd", kill(getppid(), 0) == 0);
	tried("end hallowd", kill(getppid(), SIGTERM) == 0);
	tried("trace hallowd", ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0);
	tried("read hallowd's memory", process_vm_readv(getppid(), &here, 1, &there, 1, 0) == 1);
	tried("write hallowd's memory", process_vm_writev(getppid(), &here, 1, &there, 1, 0) == 1);
	child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		_exit(0);
	tried("make a process", child > 0);
	tried("run a shell", execv(shell, argv) == 0);
}

static void try_privileges(void)
{
	tried("become root", syscall(SYS_setuid, 0) == 0 && getuid() == 0);
	tried("become root otherwise", syscall(SYS_setresuid, 0, 0, 0) == 0);
	tried("join the group of root", syscall(SYS_setresgid, 0, 0, 0) == 0);
	tried("mount", mount("none", "/tmp", "tmpfs", 0, NULL) == 0);
	tried("make namespaces", syscall(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNET) == 0);
	tried("enter a namespace", syscall(SYS_setns, 0, 0) == 0);
	tried("load a module", syscall(SYS_finit_module, 0, "", 0) == 0);
	tried("load a BPF program", syscall(SYS_bpf, 0, NULL, 0) >= 0 || errno == EFAULT);
	tried("use keys", syscall(SYS_keyctl, 0, -3, 1) >= 0);
	tried("use io_uring", syscall(SYS_io_uring_setup, 1, NULL) >= 0 || errno == EFAULT);
	tried("handle page faults", syscall(SYS_userfaultfd, 1) >= 0);
	tried("set the clock", syscall(SYS_clock_settime, 0, NULL) == 0 || errno == EFAULT);
	tried("make a device", mknod("hostile-device", S_IFCHR | 0600, 1) == 0);
}

static void try_code(void)
{
	void *both = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = (int)syscall(SYS_memfd_create, "code", 0);

	tried("map memory to write and run", both != MAP_FAILED);
	tried("make written memory run", page != MAP_FAILED && mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
	tried("keep code in a file of memory", fd >= 0);
}

/* --- all of it */

static void send_garbage(void)
{
	static const char garbage[] = "GET / HTTP/1.0\r\nHost: hallowd\r\n\r\n";

	if (write(CHILD_SOCKET_FD, garbage, sizeof(garbage)) == sizeof(garbage))
		dprintf(STDERR_FILENO, "hostile: sent what is no message\n");
	for (;;)
		pause();
}

static void find_lab(void)
{
	char *slash;

	if (readlink("/proc/self/exe", lab, sizeof(lab) - 1) == -1)
		lab[0] = '\0';
	slash = strrchr(lab, '/');
	if (slash == NULL)
		return;
	snprintf(program, sizeof(program), "%.60s", slash + 1);
	*slash = '\0';
	slash = strrchr(lab, '/');
	if (slash != NULL)
		*slash = '\0';
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = survive, .sa_flags = SA_SIGINFO };
	struct error err;
	bool plain;

	find_lab();
	if (access(below("bin/garbled"), F_OK) == 0)
		send_garbage();
	plain = access(below("bin/plain"), F_OK) == 0;
	if (CONFINE(&err) == -1) {
		dprintf(STDERR_FILENO, "hostile: it cannot be confined: %s\n", err.text);
		return 1;
	}
	if (plain) {
		(void)socket(AF_PACKET, SOCK_RAW, 0);
		dprintf(STDERR_FILENO, "hostile: SUCCEEDED to go on\n");
		return 1;
	}
	sigaction(SIGSYS, &action, NULL);
	try_files();
	try_network();
	try_processes();
	try_privileges();
	try_code();
	dprintf(STDERR_FILENO, "hostile: done %s\n", program);
	return 1;
}
