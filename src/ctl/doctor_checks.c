#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/file.h"
#include "core/paths.h"
#include "ctl/answer.h"
#include "ctl/daemon.h"
#include "ctl/doctor.h"

#define OWNER_MAJOR 6 /* tables that stay with their owner: Linux 6.9 */
#define OWNER_MINOR 9
#define FREE_LEAST (256ull << 20) /* bytes, for the audit log */
#define FREE_SHARE 20             /* and a twentieth of the disk */
#define CONNTRACK_CROWDED 80      /* percent */

/* --- the host */

static void check_programs(struct doctor *d)
{
	const char *name;
	bool all = true;

	for (size_t i = 0; (name = path_program_name(i)) != NULL; i++) {
		const char *path = path_program(name);

		if (access(path, X_OK) == 0)
			continue;
		doctor_bad(d, EXIT_FAILED, "programs", "install hallowd anew", "%s cannot be run: %s", path, strerror(errno));
		all = false;
	}
	if (all)
		doctor_good(d, "programs", "all of hallowd's programs are in their place");
}

static void check_user(struct doctor *d)
{
	const struct passwd *user = getpwnam("hallowd");

	if (user == NULL)
		doctor_note(d, "user", "systemd-sysusers, or: adduser --system --group --no-create-home hallowd",
		            "there is no user 'hallowd': what needs no privilege runs as 'nobody', which others may run as too");
	else if (user->pw_uid == 0)
		doctor_bad(d, EXIT_FAILED, "user", "give it a number of its own", "user 'hallowd' is root by another name");
	else
		doctor_good(d, "user", "what needs no privilege runs as user 'hallowd' (%u)", (unsigned)user->pw_uid);
}

static void check_kernel(struct doctor *d)
{
	struct utsname u;
	unsigned major = 0, minor = 0;

	if (uname(&u) == -1 || sscanf(u.release, "%u.%u", &major, &minor) != 2)
		doctor_note(d, "kernel", "see hallowd(8) for what it needs", "its version cannot be read");
	else if (major > OWNER_MAJOR || (major == OWNER_MAJOR && minor >= OWNER_MINOR))
		doctor_good(d, "kernel", "Linux %s: no other tool can change or flush hallowd's table", u.release);
	else
		doctor_note(d, "kernel", "Linux 6.9 or later makes it untouchable",
		            "Linux %s: another tool can change hallowd's table, which is then repaired within a second", u.release);
}

/* A number in a file of /proc/sys.  False where it is not there. */
static bool setting(const char *name, unsigned long long *value)
{
	struct buffer text = BUFFER_INIT;
	char path[128];
	bool found;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	found = file_read(AT_FDCWD, path, 64, &text, NULL) == 0 && buffer_str(&text) != NULL &&
	        sscanf((const char *)text.data, "%llu", value) == 1;
	buffer_free(&text);
	return found;
}

static void check_conntrack(struct doctor *d)
{
	unsigned long long acct, stamp, most, count;

	if (!setting("netfilter/nf_conntrack_acct", &acct) || !setting("netfilter/nf_conntrack_timestamp", &stamp))
		doctor_note(d, "conntrack", "modprobe nf_conntrack; hallowd's first start does so, too",
		            "connections are not tracked yet");
	else if (acct == 0 || stamp == 0)
		doctor_note(d, "conntrack",
		            "sysctl -w net.netfilter.nf_conntrack_acct=1 net.netfilter.nf_conntrack_timestamp=1; at a boot "
		            "sysctl.d does it",
		            "the kernel does not count the bytes and the duration of connections: these columns stay empty for those "
		            "that begin now");
	else
		doctor_good(d, "conntrack", "bytes and duration of connections are counted");
	if (setting("netfilter/nf_conntrack_max", &most) && setting("netfilter/nf_conntrack_count", &count) && most > 0 &&
	    count * 100 / most >= CONNTRACK_CROWDED)
		doctor_bad(d, EXIT_FAILED, "conntrack", "raise net.netfilter.nf_conntrack_max",
		           "%llu of %llu connections are tracked: when it is full, the kernel drops new ones", count, most);
}

/* adjtimex(2): the kernel knows whether something disciplines its clock. */
static void check_clock(struct doctor *d)
{
	struct timex t = { .modes = 0 };
	int state = adjtimex(&t);

	if (state == -1)
		doctor_note(d, "clock", "check it by hand", "it cannot be asked: %s", strerror(errno));
	else if (state == TIME_ERROR || (t.status & STA_UNSYNC) != 0)
		doctor_note(d, "clock", "look at 'timedatectl'; where nothing keeps it right: apt-get install chrony (or systemd-timesyncd)",
		            "the kernel says that it is not synchronised: the times in the audit log may be wrong");
	else
		doctor_good(d, "clock", "it is synchronised");
}

static void check_firewalls(struct doctor *d)
{
	struct error err;

	d->host_known = host_read(&d->host, &err) == 0;
	if (!d->host_known) {
		doctor_note(d, "firewalls", "look for them by hand", "%s", err.text);
		return;
	}
	for (size_t i = 0; i < d->host.firewall_count; i++)
		doctor_note(d, "firewalls", "'hallowctl status' names what stands in the way, while hallowd enforces",
		            "%s is on; hallowd leaves it alone, and what it drops stays dropped", d->host.firewalls[i]);
	if (d->host.firewall_count == 0)
		doctor_good(d, "firewalls", "no other one is known to be on");
}

static void check_root(struct doctor *d)
{
	if (geteuid() != 0)
		doctor_note(d, "root", "sudo hallowctl doctor", "this is not root: some checks below see less");
}

void doctor_host(struct doctor *d)
{
	check_root(d);
	check_programs(d);
	check_user(d);
	check_kernel(d);
	check_conntrack(d);
	check_clock(d);
	check_firewalls(d);
}

/* --- what the configuration names */

static void check_file_mode(struct doctor *d, const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		doctor_bad(d, EXIT_FAILED, "permissions", "put it there", "%s: %s", path, strerror(errno));
	else if ((st.st_mode & 022) != 0 || (st.st_uid != 0 && st.st_uid != geteuid()))
		doctor_bad(d, EXIT_FAILED, "permissions", "chown root and chmod go-w it, and look at what stands in it",
		           "%s (mode %04o, owner %u) can be changed by others than root", path, (unsigned)(st.st_mode & 07777),
		           (unsigned)st.st_uid);
	else
		doctor_good(d, "permissions", "only root can change %s", path);
}

/* Into `existing`: the folder itself, or the nearest above it that is there. */
static bool nearest_folder(const char *path, char *existing, size_t size)
{
	char *slash;

	if ((size_t)snprintf(existing, size, "%s", path) >= size)
		return false;
	while (access(existing, F_OK) == -1 && (slash = strrchr(existing, '/')) != NULL)
		slash[slash == existing] = '\0';
	return true;
}

static void check_state_mode(struct doctor *d, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & 07) != 0)
		doctor_bad(d, EXIT_FAILED, "permissions", "chmod o-rwx it", "%s (mode %04o) is open to everybody; the audit log is in it",
		           path, (unsigned)(st.st_mode & 07777));
}

static void check_disk(struct doctor *d, const char *state_dir)
{
	unsigned long long size, avail;
	struct statvfs fs;
	char folder[4096];

	if (!nearest_folder(state_dir, folder, sizeof(folder)) || statvfs(folder, &fs) == -1) {
		doctor_bad(d, EXIT_FAILED, "disk", "mount it", "%s cannot be looked at: %s", state_dir, strerror(errno));
		return;
	}
	size = (unsigned long long)fs.f_blocks * fs.f_frsize;
	avail = (unsigned long long)fs.f_bavail * fs.f_frsize;
	if ((fs.f_flag & ST_RDONLY) != 0)
		doctor_bad(d, EXIT_FAILED, "disk", "mount it to be written to, or choose another state_dir",
		           "%s is on a file system that is mounted read-only", state_dir);
	else if (avail < FREE_LEAST || avail < size / FREE_SHARE)
		doctor_bad(d, EXIT_FAILED, "disk", "make room, or lower audit.retention",
		           "%s has %llu MB left of %llu: the audit log may find no room", state_dir, avail >> 20, size >> 20);
	else
		doctor_good(d, "disk", "%s has %llu MB left", state_dir, avail >> 20);
}

static bool is_here(const struct host *h, const struct policy_endpoint *e)
{
	for (size_t i = 0; i < h->address_count; i++)
		if (policy_endpoint_has_address(e, &h->addresses[i]))
			return true;
	return false;
}

/* An endpoint that is nowhere on this host is behind it, or is behind destination NAT: either needs forwarding. */
static void check_forwarding(struct doctor *d, const struct config *c)
{
	unsigned long long four = 0, six = 0;

	if (!d->host_known)
		return;
	setting("ipv4/ip_forward", &four);
	setting("ipv6/conf/all/forwarding", &six);
	for (size_t i = 0; i < c->endpoint_count; i++) {
		const struct policy_endpoint *e = &c->endpoints[i];
		bool needs6 = e->addresses[0].addr.family == AF_INET6;

		if (!is_here(&d->host, e) && (needs6 ? six : four) == 0)
			doctor_note(d, "forwarding", needs6 ? "sysctl -w net.ipv6.conf.all.forwarding=1" : "sysctl -w net.ipv4.ip_forward=1",
			            "endpoint %s is not on this host, and this host forwards nothing: its traffic does not pass here",
			            e->name);
	}
}

static void check_modes(struct doctor *d, const struct config *c)
{
	size_t observed = 0;

	for (size_t i = 0; i < c->endpoint_count; i++)
		observed += c->endpoints[i].mode == MODE_OBSERVE;
	if (c->endpoint_count == 0)
		doctor_note(d, "endpoints", "add 'endpoints', or let 'hallowctl init' look for them", "nothing is protected");
	else if (observed > 0)
		doctor_note(d, "endpoints", "'hallowctl report' says what enforcing would cut off; then 'mode: enforce'",
		            "%zu of %zu are only observed: nothing is denied there", observed, c->endpoint_count);
	else
		doctor_good(d, "endpoints", "%zu, all enforced", c->endpoint_count);
}

void doctor_config(struct doctor *d, const struct config *c)
{
	check_file_mode(d, c->path);
	check_state_mode(d, c->state_dir);
	check_disk(d, c->state_dir);
	check_forwarding(d, c);
	check_modes(d, c);
}

/* --- how it is started, and what it says */

static void check_service(struct doctor *d, bool running)
{
	if (access("/run/systemd/system", F_OK) == 0) {
		if (access("/etc/systemd/system/multi-user.target.wants/hallowd.service", F_OK) == 0)
			doctor_good(d, "service", "systemd starts hallowd at boot");
		else
			doctor_note(d, "service", "systemctl enable --now hallowd", "systemd does not start hallowd at boot");
	} else if (access("/etc/cron.d/hallowd", F_OK) == 0) {
		doctor_good(d, "service", "cron refreshes the lists");
	} else if (!running) {
		doctor_note(d, "service", "start hallowd from what starts your services, or use the cron file of hallowd(8)",
		            "nothing starts hallowd here");
	}
}

static void check_status(struct doctor *d, const json_t *status)
{
	const json_t *problems = json_object_get(status, "problems");
	json_t *text;
	size_t i;

	if (answer_bool(status, "enforcing"))
		doctor_good(d, "enforcing", "the policy is in the kernel");
	else
		doctor_bad(d, EXIT_NOT_ENFORCED, "enforcing", "start hallowd, or 'hallowctl reload' where it runs",
		           "the policy is not in the kernel: nothing is enforced");
	json_array_foreach(problems, i, text)
		doctor_bad(d, EXIT_FAILED, "status", "hallowd(8) tells what to do about each", "%s", json_string_value(text));
}

static void check_neighbours(struct doctor *d, const json_t *status)
{
	json_t *neighbour;
	size_t i;

	json_array_foreach(json_object_get(status, "neighbours"), i, neighbour)
		if (!answer_bool(neighbour, "certain"))
			doctor_note(d, "neighbours", "look at that rule", "%s", answer_text(neighbour, "text"));
}

void doctor_daemon(struct doctor *d)
{
	static const char *const words[] = { "status" };
	struct answer a;
	struct error err;
	bool running;

	if (daemon_ask(d->ctl, words, 1, &a, &err) == -1) {
		doctor_note(d, "enforcing", "start hallowd; where it runs, ask as root", "hallowd cannot be asked: %s", err.text);
		check_service(d, false);
		return;
	}
	running = answer_bool(json_object_get(a.result, "daemon"), "running");
	check_service(d, running);
	if (a.result == NULL) {
		doctor_note(d, "enforcing", "start hallowd; where it has run, ask as root", "nothing is known: %s",
		            a.error == NULL ? "hallowd did not answer" : a.error);
	} else {
		check_status(d, a.result);
		check_neighbours(d, a.result);
	}
	answer_free(&a);
}
