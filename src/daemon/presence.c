#include "daemon/presence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/list_file.h"
#include "core/log.h"
#include "daemon/json_text.h"

#define FILE_NAME "presence"
#define LOOK_LEAST_MS 500
#define LOOK_MOST_MS 10000
#define KEY_MAX (NAME_MAX_LENGTH + 16)

struct network {
	char name[NAME_MAX_LENGTH + 1];
	int64_t looked_since_ms; /* time_boot_ms() */
	time_us missing_since;   /* 0: it is not missing */
	time_us seen_at;         /* the last time that is known; 0: never */
};

struct presence {
	struct network *networks; /* of the configuration in force, each once */
	size_t count;
	unsigned timer;
};

/* --- what the kernel remembers */

struct sight {
	bool seen;
	int64_t age_ms;
	struct address agent, tunnel;
};

struct sights {
	struct kernel_seen *all;
	size_t count;
	time_us now;
};

static int look(struct daemon *d, struct sights *s, struct error *err)
{
	*s = (struct sights){ .now = time_now() };
	if (d->torn_down.is || d->policy.agent_count == 0)
		return 0;
	return kernel_read_seen(d->kernel, &s->all, &s->count, err);
}

static struct sight sight_of(const struct daemon *d, const struct sights *s, const struct policy_agent *a)
{
	struct sight newest = { .seen = false };

	for (size_t i = 0; i < s->count; i++) {
		const struct kernel_seen *one = &s->all[i];

		if ((newest.seen && newest.age_ms <= one->age_ms) ||
		    !prefix_set_contains(&d->policy.lists[a->own].set, &one->agent))
			continue;
		newest = (struct sight){ true, one->age_ms, one->agent, one->tunnel };
	}
	return newest;
}

static bool is_up(const struct sight *s, const struct policy_agent *a)
{
	return s->seen && s->age_ms <= a->seen_within * 1000;
}

static time_us seen_at(const struct sights *all, const struct sight *s)
{
	return s->seen ? all->now - s->age_ms * 1000 : 0;
}

/* --- the file */

static const char *key_of(const char *network, const char *what, char out[KEY_MAX])
{
	snprintf(out, KEY_MAX, "%s.%s", network, what);
	return out;
}

static void save(struct daemon *d)
{
	const struct presence *p = d->presence;
	struct list_file f = { 0 };
	char key[KEY_MAX], text[TIME_TEXT_MAX];
	struct error err;
	int bad = 0;

	for (size_t i = 0; i < p->count; i++) {
		const struct network *n = &p->networks[i];

		if (n->missing_since != 0)
			bad |= list_file_set(&f, key_of(n->name, "missing", key), time_format(n->missing_since, 1, text));
		if (n->seen_at != 0)
			bad |= list_file_set(&f, key_of(n->name, "seen", key), time_format(n->seen_at, 1, text));
	}
	if (bad != 0)
		log_error("which networks are missing is not saved: no memory");
	else if (list_file_write(d->state_fd, FILE_NAME, &f, &err) == -1)
		log_error("which networks are missing is not saved: %s", err.text);
	list_file_free(&f);
}

static time_us time_in(const struct list_file *f, const char *network, const char *what)
{
	char key[KEY_MAX];
	time_us t;

	return time_parse(&t, list_file_get(f, key_of(network, what, key)), 0) == -1 ? 0 : t;
}

/* --- networks */

static struct network *find(const struct presence *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->networks[i].name, name) == 0)
			return &p->networks[i];
	return NULL;
}

/* Those of the policy; of each that was there before, what is known stays. */
static void take_networks(struct daemon *d, const struct list_file *f)
{
	struct presence *p = d->presence, next = { .count = 0 };

	next.networks = calloc(d->policy.agent_count + 1, sizeof(*next.networks));
	if (next.networks == NULL) {
		log_error("agents are not looked for: no memory");
		return;
	}
	for (size_t i = 0; i < d->policy.agent_count; i++) {
		const char *name = d->policy.agents[i].network;
		const struct network *before = find(p, name);
		struct network *n = &next.networks[next.count];

		if (find(&next, name) != NULL)
			continue;
		next.count++;
		if (before != NULL) {
			*n = *before;
			continue;
		}
		snprintf(n->name, sizeof(n->name), "%s", name);
		n->looked_since_ms = time_boot_ms();
		if (f != NULL) {
			n->missing_since = time_in(f, name, "missing");
			n->seen_at = time_in(f, name, "seen");
		}
	}
	free(p->networks);
	p->networks = next.networks;
	p->count = next.count;
}

int presence_open(struct daemon *d, struct error *err)
{
	struct list_file f = { 0 };
	struct error why;

	d->presence = calloc(1, sizeof(*d->presence));
	if (d->presence == NULL)
		return error_errno(err, ENOMEM, "hallowd");
	if (list_file_read(d->state_fd, FILE_NAME, &f, &why) == -1 && errno != ENOENT)
		log_warning("which networks were missing is not known: %s", why.text);
	take_networks(d, &f);
	list_file_free(&f);
	return 0;
}

void presence_close(struct presence *p)
{
	if (p == NULL)
		return;
	free(p->networks);
	free(p);
}

/* --- going missing, and coming back */

/* The agents of one network, as they are now. */
struct summary {
	bool up;
	time_us seen_at;     /* of the one that was seen last; 0: none */
	int64_t seen_within; /* the longest, seconds */
	json_t *names;
};

static struct summary summarize(const struct daemon *d, const struct sights *s, const char *network)
{
	struct summary sum = { .names = json_array() };

	for (size_t i = 0; i < d->policy.agent_count; i++) {
		const struct policy_agent *a = &d->policy.agents[i];
		struct sight sight;

		if (strcmp(a->network, network) != 0)
			continue;
		sight = sight_of(d, s, a);
		sum.up = sum.up || is_up(&sight, a);
		sum.seen_at = seen_at(s, &sight) > sum.seen_at ? seen_at(s, &sight) : sum.seen_at;
		sum.seen_within = a->seen_within > sum.seen_within ? a->seen_within : sum.seen_within;
		json_array_append_new(sum.names, json_string(a->name));
	}
	return sum;
}

static void tell_missing(struct daemon *d, struct network *n, const struct summary *sum)
{
	char text[TIME_TEXT_MAX];

	n->missing_since = time_now();
	log_error("network %s: no agent had its tunnel up since %s", n->name,
	          n->seen_at == 0 ? "hallowd has looked for it" : time_format(n->seen_at, 0, text));
	recorder_event(d->recorder, "agent-missing", n->name,
	               json_pack("{s:O, s:I, s:o}", "agents", sum->names, "seen_within", (json_int_t)sum->seen_within,
	                         "last_seen", json_time(n->seen_at)));
}

static void tell_seen(struct daemon *d, struct network *n, const struct summary *sum)
{
	log_notice("network %s: an agent has its tunnel up again", n->name);
	recorder_event(d->recorder, "agent-seen", n->name,
	               json_pack("{s:O, s:o, s:o}", "agents", sum->names, "missing_since", json_time(n->missing_since),
	                         "last_seen", json_time(sum->seen_at)));
	n->missing_since = 0;
}

/* True where something was told. */
static bool judge(struct daemon *d, struct network *n, const struct sights *s)
{
	struct summary sum = summarize(d, s, n->name);
	bool told = false;

	if (sum.seen_at != 0)
		n->seen_at = sum.seen_at;
	if (sum.up && n->missing_since != 0) {
		tell_seen(d, n, &sum);
		told = true;
	} else if (!sum.up && n->missing_since == 0 && time_boot_ms() - n->looked_since_ms >= sum.seen_within * 1000) {
		tell_missing(d, n, &sum);
		told = true;
	}
	json_decref(sum.names);
	return told;
}

static int64_t next_look_ms(const struct policy *p)
{
	int64_t ms = LOOK_MOST_MS;

	for (size_t i = 0; i < p->agent_count; i++)
		if (p->agents[i].seen_within * 1000 / 4 < ms)
			ms = p->agents[i].seen_within * 1000 / 4;
	return ms < LOOK_LEAST_MS ? LOOK_LEAST_MS : ms;
}

static void look_again(void *ctx)
{
	struct daemon *d = ctx;
	struct presence *p = d->presence;
	struct sights s;
	struct error err;
	bool told = false;

	p->timer = 0;
	if (d->stopping || d->policy.agent_count == 0)
		return;
	if (d->torn_down.is) {
		/* The kernel does not look, and then it needs its time again. */
		for (size_t i = 0; i < p->count; i++)
			p->networks[i].looked_since_ms = time_boot_ms();
	} else if (look(d, &s, &err) == -1) {
		log_warning("%s", err.text);
	} else {
		for (size_t i = 0; i < p->count; i++)
			told |= judge(d, &p->networks[i], &s);
		free(s.all);
	}
	if (told)
		save(d);
	p->timer = loop_after(d->loop, next_look_ms(&d->policy), look_again, d);
}

void presence_start(struct daemon *d)
{
	take_networks(d, NULL);
	loop_cancel(d->loop, d->presence->timer);
	d->presence->timer = d->policy.agent_count == 0 ? 0 : loop_after(d->loop, 0, look_again, d);
}

/* --- status */

static uint64_t counter_of(const struct audit_reading *r, const char *name, enum counter_kind kind)
{
	for (size_t i = 0; i < r->counter_count; i++)
		if (r->counters[i].kind == kind && strcmp(r->counters[i].endpoint, name) == 0)
			return r->counters[i].packets;
	return 0;
}

static json_t *tunnel_json(const struct daemon *d, const struct policy_agent *a)
{
	const struct policy_list *l = &d->policy.lists[a->tunnel];
	const struct list_state *s = lists_find(d->lists, l->name);

	return json_pack("{s:s, s:i, s:s, s:o, s:s}", "host", a->tunnel_host, "port", (int)a->tunnel_port, "list", l->name,
	                 "addresses", json_prefixes(&l->set), "state",
	                 s == NULL ? "failed" : list_condition_text(list_condition(s, time_now())));
}

static json_t *reach_json(const struct policy *p, const struct policy_agent *a)
{
	json_t *names = json_array();

	for (size_t i = 0; i < a->reach_count; i++)
		json_array_append_new(names, json_string(p->endpoints[a->reach[i]].name));
	return names;
}

static json_t *agent_json(const struct daemon *d, const struct sights *all, const struct policy_agent *a,
                          const struct audit_reading *reading)
{
	struct sight s = sight_of(d, all, a);
	char source[ADDRESS_TEXT_MAX], tunnel[ADDRESS_TEXT_MAX];
	const struct prefix_set none = PREFIX_SET_INIT;

	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:b, s:o, s:o, s:o, s:I, s:I}", "name", a->name, "network",
	                 a->network, "mode", a->mode == MODE_ENFORCE ? "enforce" : "observe", "addresses",
	                 json_prefixes(&d->policy.lists[a->own].set), "tunnel", tunnel_json(d, a), "reach",
	                 reach_json(&d->policy, a), "resolvers",
	                 json_prefixes(a->has_resolvers ? &d->policy.lists[a->resolvers].set : &none), "seen_within",
	                 (json_int_t)a->seen_within, "up", is_up(&s, a), "last_seen", json_time(seen_at(all, &s)), "from",
	                 s.seen ? json_string(address_format(&s.agent, source)) : json_null(), "to",
	                 s.seen ? json_string(address_format(&s.tunnel, tunnel)) : json_null(), "allowed",
	                 (json_int_t)counter_of(reading, a->name, COUNTER_ALLOW), "denied",
	                 (json_int_t)counter_of(reading, a->name, COUNTER_DENY));
}

json_t *presence_agents(struct daemon *d, const struct audit_reading *reading, struct texts *problems)
{
	json_t *array = json_array();
	struct sights s;
	struct error err;

	if (look(d, &s, &err) == -1)
		texts_add(problems, "when agents had their tunnels up is not known: %s", err.text);
	for (size_t i = 0; i < d->policy.agent_count; i++)
		json_array_append_new(array, agent_json(d, &s, &d->policy.agents[i], reading));
	free(s.all);
	return array;
}

json_t *presence_networks(struct daemon *d, struct texts *problems, bool *missing)
{
	const struct presence *p = d->presence;
	json_t *array = json_array();
	char since[TIME_TEXT_MAX], seen[TIME_TEXT_MAX];

	for (size_t i = 0; p != NULL && i < p->count; i++) {
		const struct network *n = &p->networks[i];

		if (n->missing_since != 0) {
			*missing = true;
			texts_add(problems, "network %s: no agent has its tunnel up, since %s (last seen: %s)", n->name,
			          time_format(n->missing_since, 0, since), n->seen_at == 0 ? "never" : time_format(n->seen_at, 0, seen));
		}
		json_array_append_new(array, json_pack("{s:s, s:b, s:o, s:o}", "name", n->name, "missing", n->missing_since != 0,
		                                       "since", json_time(n->missing_since), "last_seen", json_time(n->seen_at)));
	}
	return array;
}
