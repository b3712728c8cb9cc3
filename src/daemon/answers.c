#include "daemon/answers.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/control.h"
#include "daemon/confine.h"
#include "daemon/confirm.h"
#include "daemon/json_text.h"
#include "daemon/metrics.h"
#include "daemon/observe.h"
#include "daemon/notify.h"
#include "daemon/presence.h"
#include "daemon/provenance.h"

#define BEHIND_TOLD_MS 10000
#define JOURNAL_TOLD_BYTES (256 << 20)

/* --- status --- */

static uint64_t counter_of(const struct audit_reading *r, const char *endpoint, enum counter_kind kind)
{
	for (size_t i = 0; i < r->counter_count; i++)
		if (r->counters[i].kind == kind && strcmp(r->counters[i].endpoint, endpoint) == 0)
			return r->counters[i].packets;
	return 0;
}

static json_t *status_endpoints(struct daemon *d, const struct audit_reading *reading)
{
	json_t *array = json_array();

	for (size_t i = 0; i < d->policy.endpoint_count; i++) {
		const struct policy_endpoint *e = &d->policy.endpoints[i];

		json_array_append_new(array,
		                      json_pack("{s:s, s:s, s:s, s:I, s:I}", "name", e->name, "kind", e->kind, "mode",
		                                e->mode == MODE_ENFORCE ? "enforce" : "observe", "allowed",
		                                (json_int_t)counter_of(reading, e->name, COUNTER_ALLOW), "denied",
		                                (json_int_t)counter_of(reading, e->name, COUNTER_DENY)));
	}
	return array;
}

static void list_problem(const struct list_state *s, enum list_condition c, struct texts *problems)
{
	const char *name = s->config->name;
	char text[TIME_TEXT_MAX];

	if (list_unknown(s))
		texts_add(problems, "list %s: nothing is known of it yet, so it lets nobody in", name);
	if (c == LIST_HELD)
		texts_add(problems, "list %s: a change waits for a person since %s: %s ('hallowctl lists %s' shows it, 'hallowctl "
		                    "approve %s --reason …' puts it in force)", name, time_format(s->held.since, 0, text),
		          s->held.reasons.count > 0 ? s->held.reasons.items[0] : "", name, name);
	if (c == LIST_STALE)
		texts_add(problems, "list %s: stale, no good answer from every origin %s%s; the last good list stays in force", name,
		          list_fresh_at(s) == 0 ? "yet" : "since ", list_fresh_at(s) == 0 ? "" : time_format(list_fresh_at(s), 0, text));
	if (s->unsaved)
		texts_add(problems, "list %s: revision %" PRIu64 " is in force, but is not saved (hallowd's log says why); a boot would "
		                    "go back to the one before", name, s->now.revision);
	if (s->pin.is)
		texts_add(problems, "list %s: pinned by %s since %s (%s); its origins do not change it until 'hallowctl unpin %s'",
		          name, s->pin.by, time_format(s->pin.since, 0, text), s->pin.reason, name);
	for (size_t i = 0; i < s->config->origin_count; i++)
		if (s->origins[i].error[0] != '\0')
			texts_add(problems, "list %s, origin %s: %s", name, s->origins[i].config->name, s->origins[i].error);
}

/* An own list, or another's, may hold addresses of the orchestrator's: the configuration cannot know that. */
static void secret_store_problems(struct daemon *d, const struct policy_endpoint *e, struct texts *problems)
{
	const struct lists *all = d->lists;
	struct prefix_set both = PREFIX_SET_INIT;

	for (size_t i = 0; i < e->list_count; i++) {
		const struct list_state *own = &all->items[e->lists[i]];

		for (size_t k = 0; k < all->config->list_count; k++) {
			const struct list_state *published = &all->items[k];

			if (published->config->origin_count == 0 ||
			    prefix_set_intersect(&both, &own->now.set, &published->now.set) == -1 || prefix_set_empty(&both))
				continue;
			texts_add(problems, "secret store %s: list %s holds addresses of list %s, which 'secrets' keeps from it", e->name,
			          own->config->name, published->config->name);
		}
	}
	prefix_set_free(&both);
}

static json_t *status_lists(struct daemon *d, struct texts *problems, int *exit_code)
{
	json_t *array = json_array();
	time_us now = time_now();

	for (size_t i = 0; i < d->lists->config->list_count; i++) {
		const struct list_state *s = &d->lists->items[i];
		enum list_condition c = list_condition(s, now);
		int code = c == LIST_CURRENT ? (s->unsaved ? EXIT_FAILED : EXIT_DONE) : c == LIST_HELD ? EXIT_HELD : EXIT_ORIGIN;

		*exit_code = code > *exit_code ? code : *exit_code;
		list_problem(s, c, problems);
		json_array_append_new(array, json_pack("{s:s, s:s, s:I, s:I, s:o}", "name", s->config->name, "state",
		                                       list_condition_text(c), "revision", (json_int_t)s->now.revision, "entries",
		                                       (json_int_t)prefix_set_count(&s->now.set), "applied_at",
		                                       json_time(s->now.applied_at)));
	}
	return array;
}

/* Of the database's journal; 0 where there is none. */
static int64_t journal_bytes(const struct daemon *d)
{
	struct stat st;

	return fstatat(d->state_fd, "audit.db-wal", &st, AT_SYMLINK_NOFOLLOW) == 0 ? (int64_t)st.st_size : 0;
}

static void recorder_problems(struct daemon *d, const struct recorder_state *r, struct texts *problems)
{
	if (d->once) {
		texts_add(problems, "hallowd is not running: no connection is recorded, and lists are refreshed only when asked");
		return;
	}
	if (!r->running)
		texts_add(problems, "hallowd-record is not running: connections wait in its socket's buffer");
	if (r->stalled)
		texts_add(problems, "nothing can be recorded: audit.db takes no rows (hallowd's log says why); connections wait in "
		                    "the recorder's socket, events in the spool");
	if (d->policy.closed)
		texts_add(problems, "new connections to endpoints in mode enforce are denied, because nothing can be recorded "
		                    "(audit.on_failure: deny)");
	if (r->running && !r->stalled && r->behind_ms >= BEHIND_TOLD_MS)
		texts_add(problems, "recording is %" PRId64 " seconds behind: packets wait in the recorder's socket",
		          r->behind_ms / 1000);
	if (journal_bytes(d) >= JOURNAL_TOLD_BYTES)
		texts_add(problems, "audit.db-wal has grown to %" PRId64 " MB: a program reads audit.db in one transaction that does "
		          "not end; it shrinks when that ends", journal_bytes(d) >> 20);
	if (r->dropped > 0)
		texts_add(problems, "%" PRIu64 " events were lost, because the audit log took nothing for too long", r->dropped);
	if (d->conntrack_fd == -1)
		texts_add(problems, "ends of connections are not recorded: the kernel does not tell them (nf_conntrack_netlink)");
	else if (!conntrack_counts())
		texts_add(problems, "connections are recorded without bytes and duration: net.netfilter.nf_conntrack_acct and "
		                    "net.netfilter.nf_conntrack_timestamp are not both 1, and hallowd may not set them; do so with "
		                    "sysctl(8), for good with a file in /etc/sysctl.d");
	if (!r->spool_good)
		texts_add(problems, "the spool file in state_dir cannot be written; is the disk full");
	if (r->lost > 0)
		texts_add(problems, "%" PRIu64 " logged packets were lost on the way to the recorder since it was started", r->lost);
}

/* The newest checkpoint, or null. */
static json_t *checkpoint_json(const struct daemon *d, struct texts *problems)
{
	struct signer_state s;

	if (d->signer == NULL)
		return json_null();
	signer_state(d->signer, &s);
	if (s.trouble[0] != '\0')
		texts_add(problems, "no checkpoint of the audit log is signed: %s", s.trouble);
	if (!s.has_last)
		return json_null();
	return json_pack("{s:I, s:o, s:s}", "rows", (json_int_t)s.last.size, "time", json_time(s.last.time), "origin",
	                 s.last.origin);
}

/* Whether what the policy says is what the kernel does. */
static bool kernel_problems(struct daemon *d, struct kernel_state *state, struct texts *problems)
{
	struct error err;
	char text[TIME_TEXT_MAX];

	*state = (struct kernel_state){ 0 };
	if (d->kernel_trouble[0] != '\0')
		texts_add(problems, "the kernel was not changed: %s", d->kernel_trouble);
	if (kernel_state(d->kernel, state, &err) == -1) {
		texts_add(problems, "the kernel cannot be asked: %s", err.text);
		return false;
	}
	if (d->torn_down.is) {
		texts_add(problems, "torn down by %s on %s: %s ('hallowctl reload' or a start of hallowd enforces again)",
		          d->torn_down.by, time_format(d->torn_down.time, 0, text), d->torn_down.reason);
		return false;
	}
	if (!state->present)
		texts_add(problems, "table inet %s is not in the kernel: nothing is enforced", KERNEL_TABLE);
	return state->present;
}

static json_t *notify_json(const struct daemon *d, struct texts *problems)
{
	struct notifier_state s;

	if (d->notifier == NULL)
		return json_null();
	notifier_state(d->notifier, &s);
	if (s.trouble[0] != '\0')
		texts_add(problems, "the last notification was not taken: %s", s.trouble);
	return json_pack("{s:I, s:I, s:I}", "told", (json_int_t)s.told, "failed", (json_int_t)s.failed, "left_out",
	                 (json_int_t)s.left_out);
}

static void config_problems(struct daemon *d, struct texts *problems)
{
	char text[TIME_TEXT_MAX];

	if (d->config_source == CONFIG_UNCONFIRMED)
		texts_add(problems, "the configuration that %s reloaded goes back by itself at %s unless 'hallowctl confirm' keeps it",
		          d->tried.by, time_format(confirm_until(&d->tried), 0, text));
	if (d->config_source == CONFIG_LAST_GOOD)
		texts_add(problems, "what %s says is not in force: it was not confirmed in time; the configuration before it is, and "
		                    "'hallowctl reload' takes up the file", d->config_path);
}

static void doubt_problems(struct daemon *d, struct texts *problems)
{
	struct buffer lines = BUFFER_INIT;
	char *rest, *line;

	if (config_doubts(d->lists->config, &lines) == 0 && buffer_str(&lines) != NULL)
		for (rest = (char *)lines.data; (line = strsep(&rest, "\n")) != NULL;)
			if (*line != '\0')
				texts_add(problems, "%s", line);
	buffer_free(&lines);
}

/* What the kernel has counted; nothing where it cannot be asked. */
static void read_counters(struct daemon *d, struct audit_reading *reading, struct texts *problems)
{
	struct error err;

	*reading = (struct audit_reading){ 0 };
	if (!d->torn_down.is && kernel_read_counters(d->kernel, &d->policy, reading, &err) == -1)
		texts_add(problems, "the kernel's counters cannot be read: %s", err.text);
}

static json_t *torn_down_json(const struct torn_down *t)
{
	if (!t->is)
		return json_null();
	return json_pack("{s:o, s:s, s:s}", "time", json_time(t->time), "by", t->by, "reason", t->reason);
}

json_t *answer_status(struct daemon *d, int *exit_code)
{
	struct texts problems = TEXTS_INIT;
	struct kernel_state state;
	struct recorder_state rec = { 0 };
	bool enforcing = kernel_problems(d, &state, &problems), recording;
	json_t *lists, *endpoints, *agents, *neighbours, *notify, *sandbox, *checkpoint, *answer;
	struct audit_reading reading;
	bool missing = false;

	*exit_code = enforcing ? EXIT_DONE : EXIT_NOT_ENFORCED;
	if (d->recorder != NULL)
		recorder_state(d->recorder, &rec);
	config_problems(d, &problems);
	recorder_problems(d, &rec, &problems);
	checkpoint = checkpoint_json(d, &problems);
	recording = rec.running && !rec.stalled;
	if (!d->once && !recording && *exit_code < EXIT_FAILED)
		*exit_code = EXIT_FAILED;
	lists = status_lists(d, &problems, exit_code);
	for (size_t i = 0; i < d->lists->config->endpoint_count; i++)
		if (secrets_kept_from(d->lists->config, &d->lists->config->endpoints[i]))
			secret_store_problems(d, &d->lists->config->endpoints[i], &problems);
	doubt_problems(d, &problems);
	read_counters(d, &reading, &problems);
	endpoints = status_endpoints(d, &reading);
	agents = json_pack("{s:o, s:o}", "agents", presence_agents(d, &reading, &problems), "networks",
	                   presence_networks(d, &problems, &missing));
	audit_reading_free(&reading);
	if (missing && *exit_code < EXIT_FAILED)
		*exit_code = EXIT_FAILED;
	neighbours = answer_neighbours(d, &problems);
	notify = notify_json(d, &problems);
	if (metrics_trouble(d)[0] != '\0')
		texts_add(&problems, "metrics are not served: %s", metrics_trouble(d));
	observe_problems(d, &problems);
	sandbox = confine_status(d, &problems);
	answer = json_pack("{s:{s:b, s:i, s:o, s:s}, s:b, s:b, s:{s:b, s:b, s:b}, s:{s:b, s:i, s:i, s:I, s:I}, s:o, s:o, s:o, "
	                   "s:o, s:o, s:o, s:o}",
	                   "daemon", "running", !d->once, "pid", d->once ? 0 : (int)getpid(), "since",
	                   d->once ? json_null() : json_time(d->started_at), "version", PACKAGE_VERSION, "enforcing", enforcing,
	                   "recording", recording, "table", "present", state.present, "owned", state.owned, "persistent",
	                   state.persistent, "recorder", "running", rec.running, "pid", (int)rec.pid, "restarts",
	                   (int)rec.deaths, "waiting", (json_int_t)rec.waiting, "behind_ms", (json_int_t)rec.behind_ms,
	                   "torn_down", torn_down_json(&d->torn_down),
	                   "lists", lists, "endpoints", endpoints, "grants", grants_json(d), "neighbours",
	                   neighbours, "notify", notify, "problems", json_texts(&problems));
	if (answer != NULL && agents != NULL)
		json_object_update(answer, agents);
	json_decref(agents);
	json_object_set_new(answer, "sandbox", sandbox);
	json_object_set_new(answer, "checkpoint", checkpoint);
	texts_free(&problems);
	return answer;
}

/* --- lists --- */

static json_t *difference(const struct prefix_set *a, const struct prefix_set *b)
{
	struct prefix_set d = PREFIX_SET_INIT;
	json_t *array = prefix_set_subtract(&d, a, b) == -1 ? NULL : json_prefixes(&d);

	prefix_set_free(&d);
	return array;
}

static json_t *list_origins(const struct list_state *s)
{
	json_t *array = json_array();

	for (size_t i = 0; i < s->config->origin_count; i++) {
		const struct origin_state *o = &s->origins[i];
		const struct answer *a = &o->good;

		json_array_append_new(
		    array,
		    json_pack("{s:s, s:s, s:s, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:I}", "name", o->config->name, "source",
		              o->config->shown, "state", origin_state_text(o), "fetched_at", json_time(a->fetched_at), "entries",
		              (json_int_t)prefix_set_count(&a->set), "missing",
		              o->known ? difference(&s->now.set, &a->set) : json_array(), "extra",
		              o->known ? difference(&a->set, &s->now.set) : json_array(), "error", json_text_or_null(o->error),
		              "http_status", a->http_status == 0 ? json_null() : json_integer((json_int_t)a->http_status), "sha256",
		              json_text_or_null(a->sha256), "bad", (json_int_t)a->shape.bad));
	}
	for (size_t i = 0; i < json_array_size(array); i++)
		provenance_add(json_array_get(array, i), s->origins[i].config);
	return array;
}

static json_t *list_held(const struct list_state *s)
{
	if (!s->held.is)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o}", "reasons", json_texts(&s->held.reasons), "added",
	                 difference(&s->held.set, &s->now.set), "removed", difference(&s->now.set, &s->held.set), "since",
	                 json_time(s->held.since));
}

static json_t *list_pin(const struct list_state *s)
{
	if (!s->pin.is)
		return json_null();
	return json_pack("{s:s, s:s, s:o}", "by", s->pin.by, "reason", s->pin.reason, "since", json_time(s->pin.since));
}

json_t *answer_list(const struct list_state *s)
{
	const struct list_config *c = s->config;
	json_t *answer = json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "name", c->name, "kind",
	                           c->origin_count == 0 ? "own" : "published", "state",
	                           list_condition_text(list_condition(s, time_now())), "revision",
	                           (json_int_t)s->now.revision, "entries", json_prefixes(&s->now.set), "applied_at",
	                           json_time(s->now.applied_at), "decided_by", json_text_or_null(s->now.decided_by), "origins",
	                           list_origins(s), "held", list_held(s), "pinned", list_pin(s));

	if (answer != NULL && c->origin_count > 0)
		json_object_set_new(answer, "agree", json_sprintf("%zu of %zu", c->agree, c->origin_count));
	return answer;
}

/* --- plan --- */

static json_t *names(char **items, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(items[i]));
	return array;
}

json_t *answer_change(const struct kernel_change *c, const struct texts *warnings)
{
	json_t *lists = json_array();

	for (size_t i = 0; i < c->list_count; i++)
		json_array_append_new(lists, json_pack("{s:s, s:o, s:o}", "list", c->lists[i].list, "added",
		                                       json_prefixes(&c->lists[i].added), "removed",
		                                       json_prefixes(&c->lists[i].removed)));
	return json_pack("{s:b, s:b, s:o, s:{s:o, s:o, s:o}, s:o}", "changes", c->any, "table_made", c->table_made, "lists",
	                 lists, "endpoints", "added", names(c->added, c->added_count), "changed",
	                 names(c->changed, c->changed_count), "removed", names(c->removed, c->removed_count), "warnings",
	                 json_texts(warnings));
}
