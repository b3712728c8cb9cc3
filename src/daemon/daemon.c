#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/control.h"
#include "core/file.h"
#include "core/log.h"
#include "core/number.h"
#include "daemon/boot.h"
#include "daemon/configure.h"
#include "daemon/confine.h"
#include "daemon/control.h"
#include "daemon/drift.h"
#include "daemon/enforce.h"
#include "daemon/file_watch.h"
#include "daemon/folders.h"
#include "daemon/metrics.h"
#include "daemon/notify.h"
#include "daemon/observe.h"
#include "daemon/once.h"
#include "daemon/presence.h"
#include "daemon/revision.h"
#include "daemon/schedule.h"
#include "daemon/service.h"
#include "daemon/sockets.h"
#include "daemon/start_config.h"
#include "daemon/unrecorded.h"

#define TICK_MS 10000 /* the counters are told, and the kernel is looked at */
#define LOCK_WAIT_MS 2000
#define STOP_LIMIT_MS 8000
#define READY_LIMIT_MS 5000

struct options {
	const char *config;
	bool boot;
	bool once;
	char **words; /* with `once` */
	int word_count;
	enum log_level level;
};

static const char usage_text[] =
    "usage: hallowd [-c FILE] [-v]\n"
    "       hallowd [-c FILE] --once VERB [WORD ...]\n"
    "       hallowd [-c FILE] --boot\n"
    "\n"
    "Keeps a published allow list true on the firewall, and records every connection to what it protects.\n"
    "Runs in the foreground; hallowctl(1) asks and steers it.\n"
    "\n"
    "  -c, --config FILE  the configuration (default " CONFIG_DEFAULT_PATH ")\n"
    "  -v, --verbose      more in the log on standard error; twice for all\n"
    "      --once         do one verb of hallowctl without a running hallowd, print its answer as JSON, and exit;\n"
    "                     hallowctl does this by itself where no hallowd runs\n"
    "      --boot         put the last good policy in force from what is on disk, without network, audit log or other\n"
    "                     programs, and exit; for early in the boot, before hallowd itself is started\n"
    "  -V, --version\n"
    "  -h, --help\n"
    "\n"
    "SIGHUP takes up a changed configuration, all of it or nothing.  Stopping or killing hallowd leaves the policy in\n"
    "force; 'hallowctl teardown --reason TEXT' ends enforcement.\n"
    "\n"
    "examples:\n"
    "  hallowctl -c /etc/hallowd/hallowd.yaml check\n"
    "  hallowd -c /etc/hallowd/hallowd.yaml -v\n";

/* 0 to go on; 1 when all is said, with *status the exit status. */
static int parse_options(int argc, char **argv, struct options *o, int *status)
{
	static const struct option longs[] = { { "config", required_argument, NULL, 'c' },
		                                   { "verbose", no_argument, NULL, 'v' },
		                                   { "once", no_argument, NULL, 'o' },
		                                   { "boot", no_argument, NULL, 'b' },
		                                   { "version", no_argument, NULL, 'V' },
		                                   { "help", no_argument, NULL, 'h' },
		                                   { NULL, 0, NULL, 0 } };
	int c;

	*o = (struct options){ .config = CONFIG_DEFAULT_PATH, .level = LOG_LEVEL_NOTICE };
	while ((c = getopt_long(argc, argv, "+c:vVh", longs, NULL)) != -1) {
		*status = EXIT_DONE;
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'v':
			o->level = o->level == LOG_LEVEL_NOTICE ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
			break;
		case 'o':
			o->once = true;
			break;
		case 'b':
			o->boot = true;
			break;
		case 'V':
			puts("hallowd " PACKAGE_VERSION);
			return 1;
		case 'h':
			fputs(usage_text, stdout);
			return 1;
		default:
			fputs("'hallowd --help' tells what there is\n", stderr);
			*status = EXIT_USAGE;
			return 1;
		}
	}
	o->words = argv + optind;
	o->word_count = argc - optind;
	if ((o->boot && o->once) || o->once != (o->word_count > 0)) {
		fputs(o->boot && o->once ? "--boot and --once do not go together\n" :
		      o->once            ? "--once needs a verb; 'hallowd --help' tells more\n" :
		                           "hallowd takes no words without --once; did you mean hallowctl?\n",
		      stderr);
		*status = EXIT_USAGE;
		return 1;
	}
	return 0;
}

/* --- stopping --- */

static void leave_loop(void *ctx)
{
	struct daemon *d = ctx;

	loop_stop(d->loop);
}

static void recorder_done(void *ctx, bool on_disk)
{
	if (!on_disk)
		log_warning("the recorder did not say that all is on disk; what it has not committed is kept in the spool");
	leave_loop(ctx);
}

static void stop(struct daemon *d, int exit_status)
{
	if (d->stopping)
		return;
	d->stopping = true;
	d->exit_status = exit_status;
	service_stopping();
	log_notice(d->applied && !d->torn_down.is ? "stopping; the policy stays in force" : "stopping; nothing is enforced");
	enforce_tell_counters(d);
	recorder_event(d->recorder, "stop", "hallowd", json_pack("{s:i}", "pid", (int)getpid()));
	loop_after(d->loop, STOP_LIMIT_MS, leave_loop, d);
	recorder_stop(d->recorder, recorder_done, d);
}

/* --- while it runs --- */

static void reload_done(void *ctx, int exit_code, const char *error)
{
	(void)ctx;
	(void)exit_code;
	if (error == NULL)
		log_notice("the configuration was reloaded");
}

static void got_signal(void *ctx, short revents)
{
	struct daemon *d = ctx;
	struct signalfd_siginfo info;

	(void)revents;
	while (read(d->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reaper_collect(d->reaper);
		else if (info.ssi_signo == SIGHUP && !d->once && !d->stopping)
			configure_reload(d, "signal", NULL, 0, reload_done, d);
		else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
			stop(d, EXIT_DONE);
	}
}

static void tell_stale(struct daemon *d)
{
	time_us now = time_now();

	for (size_t i = 0; i < d->lists->config->list_count; i++) {
		struct list_state *s = &d->lists->items[i];
		bool stale = s->now.revision != 0 && list_condition(s, now) == LIST_STALE;

		if (stale && !s->stale_told) {
			log_warning("list %s is stale: its origins have not all given a good answer for too long", s->config->name);
			recorder_event(d->recorder, "stale", s->config->name, NULL);
		}
		s->stale_told = stale;
	}
}

static void tick(void *ctx)
{
	struct daemon *d = ctx;
	struct error err;

	if (d->stopping)
		return;
	if (revisions_save_again(d, &err) == -1)
		log_error("%s", err.text);
	drift_check(d);
	confine_tell_refused(d);
	enforce_tell_counters(d);
	/* While origins are being asked, an age is about to change. */
	if (!schedule_check_clock(d) && d->operations == NULL)
		tell_stale(d);
	loop_after(d->loop, TICK_MS, tick, d);
}

static void watchdog(void *ctx)
{
	struct daemon *d = ctx;

	service_watchdog();
	loop_after(d->loop, service_watchdog_ms(), watchdog, d);
}

/* The service manager is told when the recorder records too, so that who waits for the start finds all of it; and after a while
 * in any case, since nothing waits for the audit log for good. */
static void tell_ready(void *ctx)
{
	struct daemon *d = ctx;

	if (d->told_ready)
		return;
	d->told_ready = true;
	loop_cancel(d->loop, d->ready_timer);
	service_ready("enforcing");
}

static void started(void *ctx, int exit_code, const char *error)
{
	struct daemon *d = ctx;
	struct error err;

	if (error != NULL) {
		log_error("hallowd cannot start: %s", error);
		stop(d, exit_code);
		return;
	}
	if (sockets_leave(d, &err) == -1)
		log_error("nobody holds the sockets while hallowd is away: %s", err.text);
	if (control_listen(d->control, &err) == -1) {
		log_error("hallowd cannot start: %s", err.text);
		stop(d, EXIT_FAILED);
		return;
	}
	conntrack_count(); /* the table has brought the module with it, if nothing else had */
	grants_expire(d);
	observe_start(d);
	if (drift_watch(d, &err) == -1)
		log_error("changes by others are looked for every %d seconds only: %s", TICK_MS / 1000, err.text);
	log_notice("enforcing: %zu list%s, %zu endpoint%s", d->lists->config->list_count,
	           number_plural(d->lists->config->list_count), d->policy.endpoint_count,
	           number_plural(d->policy.endpoint_count));
	d->ready_timer = loop_after(d->loop, READY_LIMIT_MS, tell_ready, d);
	if (d->ready_timer == 0)
		tell_ready(d);
	recorder_when_ready(d->recorder, tell_ready, d);
	tick(d);
	if (service_watchdog_ms() > 0)
		watchdog(d);
}

/* --- starting --- */

static int open_signals(struct daemon *d, struct error *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	signal(SIGPIPE, SIG_IGN);
	d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1 || d->signal_fd == -1 ||
	    loop_watch(d->loop, d->signal_fd, POLLIN, got_signal, d) == -1)
		return error_errno(err, errno, "signals cannot be received");
	return 0;
}

/* Standard descriptors that a caller closed must not become a netlink socket or a database. */
static void fill_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd != -1 && fd <= STDERR_FILENO);
	if (fd != -1)
		close(fd);
}

/* Without the file nobody is let in by a grant; and numbers from the clock are none that were given before. */
static void load_grants(struct daemon *d)
{
	struct error err;

	if (grants_load(&d->grants, d->state_fd, &err) == 0)
		return;
	log_error("no grant is in force: %s", err.text);
	d->grants.last_id = (uint64_t)(time_now() / US_PER_SECOND);
}

static const struct config *config_now(void *ctx)
{
	const struct daemon *d = ctx;

	return d->lists->config;
}

/* Without one hallowd enforces all the same; status says what is missing. */
static void make_signing_key(const struct daemon *d, const struct config *c)
{
	const struct signing_keys k = { .state_fd = d->state_fd, .state_dir = c->state_dir, .config = &c->audit };
	struct error err;

	if (signing_key_prepare(&k, &err) == -1)
		log_warning("%s", err.text);
}

static void signer_told(void *ctx, const char *kind, const char *subject, json_t *detail)
{
	struct daemon *d = ctx;

	recorder_event(d->recorder, kind, subject, detail);
}

/* Everything that needs the privileges of the start, then gives them up. */
static int open_all(struct daemon *d, bool changes, struct error *err)
{
	const struct config *c = d->lists == NULL ? NULL : d->lists->config;

	d->loop = loop_new();
	d->reaper = reaper_new();
	if (d->loop == NULL || d->reaper == NULL)
		return error_errno(err, ENOMEM, "hallowd");
	load_grants(d);
	if (policy_from_lists(d->lists, &d->grants, &d->policy, err) == -1)
		return -1;
	if (presence_open(d, err) == -1)
		return -1;
	torn_down_load(d);
	if (!changes)
		return sockets_open_kernel(d, c, err);
	if (d->boot)
		return sockets_open_kernel(d, c, err) == -1 || confine(d, err) == -1
		           ? -1 : recorder_open(d->loop, d->reaper, d->state_fd, &d->recorder, err);
	if (open_signals(d, err) == -1 || sockets_open(d, c, err) == -1)
		return -1;
	if (!d->once && (d->notifier = notifier_new(d->loop, d->reaper, err)) == NULL)
		return -1;
	if (!d->once && observe_open(d, c, err) == -1)
		return -1;
	make_signing_key(d, c);
	if (confine(d, err) == -1)
		return -1;
	if (recorder_open(d->loop, d->reaper, d->state_fd, &d->recorder, err) == -1)
		return -1;
	d->signer = signer_new(d->state_fd, config_now, signer_told, d);
	if (d->signer == NULL)
		return error_errno(err, ENOMEM, "the signer of checkpoints");
	recorder_sign_with(d->recorder, d->signer);
	return 0;
}

/* The configuration, the folders, the lock, the lists. */
static int load(struct daemon *d, bool changes, int *status, struct buffer *message)
{
	struct config *config;
	struct error err;
	int bad;

	*status = EXIT_USAGE;
	if (start_config(d, &config, message) == -1)
		return -1;
	*status = EXIT_FAILED;
	if (folders_become_owner(config, &err) == -1) {
		config_free(config);
		buffer_printf(message, "%s", err.text);
		return -1;
	}
	bad = d->boot ? folders_make_state(d, config, &err)
	      : changes ? folders_make(d, config, &err) : folders_open(d, config, &err);
	if (bad == 0 && changes)
		bad = folders_lock(d, d->once ? ONCE_LOCK_WAIT_MS : LOCK_WAIT_MS, &err);
	if (bad == 0)
		bad = lists_load(config, d->state_fd, &d->lists, &err);
	else
		config_free(config);
	if (bad == 0)
		bad = open_all(d, changes, &err);
	if (bad == -1)
		buffer_printf(message, "%s", err.text);
	return bad;
}

static void close_all(struct daemon *d)
{
	if (d->loop != NULL) {
		/* After a stop that was asked for; what failed is to be started again, and the table stays untouchable until then. */
		if (!d->once && !d->boot && d->stopping && d->exit_status == EXIT_DONE)
			sockets_release(d);
		control_close(d->control, d->run_fd);
		file_watch_stop(d);
		drift_stop(d);
	}
	metrics_stop(d);
	observe_stop(d);
	recorder_close(d->recorder);
	signer_free(d->signer);
	notifier_free(d->notifier);
	kernel_close(d->kernel);
	own_changes_free(d->own_pending);
	grants_free(&d->grants);
	presence_close(d->presence);
	policy_free(&d->policy);
	lists_free(d->lists);
	reaper_free(d->reaper);
	loop_free(d->loop);
	free(d->config_path);
}

static void heard(void *ctx, time_us when, const char *kind, const char *subject, const char *detail)
{
	notifier_event(ctx, when, kind, subject, detail);
}

static int start_notifier(struct daemon *d, struct error *err)
{
	if (notifier_configure(d->notifier, &d->lists->config->notify) == -1)
		return error_errno(err, ENOMEM, "notifications");
	recorder_listen(d->recorder, heard, d->notifier);
	return 0;
}

static int run_daemon(struct daemon *d)
{
	struct error err;

	if (start_notifier(d, &err) == -1 || control_open(d, &d->control, &err) == -1) {
		log_error("hallowd cannot start: %s", err.text);
		return EXIT_FAILED;
	}
	recorder_start(d->recorder, d->nflog_fd, d->conntrack_fd);
	unrecorded_watch(d);
	recorder_event(d->recorder, "start", "hallowd",
	               json_pack("{s:i, s:s}", "pid", (int)getpid(), "version", PACKAGE_VERSION));
	configure_start(d, started, d);
	if (loop_run(d->loop) == -1) {
		log_error("the event loop failed: %s", strerror(errno));
		d->exit_status = EXIT_FAILED;
	}
	return d->exit_status;
}

/* A relative name would mean another file after chdir, and at a reload. */
static char *absolute(const char *path)
{
	char folder[PATH_MAX], *out;

	if (path[0] == '/')
		return strdup(path);
	if (getcwd(folder, sizeof(folder)) == NULL || asprintf(&out, "%s/%s", folder, path) == -1)
		return NULL;
	return out;
}

int daemon_main(int argc, char **argv)
{
	struct daemon d = { .state_fd = -1, .run_fd = -1, .lock_fd = -1, .nflog_fd = -1, .conntrack_fd = -1,
		                .keeper_pidfd = -1, .signal_fd = -1 };
	struct buffer message = BUFFER_INIT;
	struct options o;
	int status;
	bool changes;

	fill_standard_fds();
	if (parse_options(argc, argv, &o, &status) == 1)
		return status;
	log_open("hallowd", o.level);
	umask(022);
	service_open();
	d.once = o.once;
	d.boot = o.boot;
	d.started_at = time_now();
	d.asker = getuid();
	status = EXIT_FAILED;
	d.config_path = absolute(o.config);
	if (d.config_path == NULL)
		buffer_printf(&message, "%s: in which folder that is cannot be told: %s", o.config, strerror(errno));
	changes = !o.once || once_changes(o.words[0]);
	if (d.config_path == NULL || load(&d, changes, &status, &message) == -1) {
		const char *text = buffer_str(&message);

		if (o.once)
			once_fail(status, text == NULL ? "no memory" : text);
		else
			log_error("%s", text == NULL ? "no memory" : text);
	} else {
		status = o.boot ? boot_run(&d) : o.once ? once_run(&d, o.words, (size_t)o.word_count) : run_daemon(&d);
	}
	buffer_free(&message);
	close_all(&d);
	return status;
}
