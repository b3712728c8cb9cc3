#include "daemon/enforce.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/list_file.h"
#include "core/log.h"
#include "daemon/endpoint_text.h"

#define TORN_DOWN_FILE "torn-down"

static char *copy_text(const char *text)
{
	return strdup(text == NULL ? "" : text);
}

static int agents_into_policy(const struct config *c, struct policy *p)
{
	p->agents = calloc(c->agent_count + 1, sizeof(*p->agents));
	if (p->agents == NULL)
		return -1;
	for (; p->agent_count < c->agent_count; p->agent_count++)
		if (policy_agent_copy(&p->agents[p->agent_count], &c->agents[p->agent_count]) == -1)
			return -1;
	return 0;
}

int policy_from_lists(const struct lists *lists, const struct grants *grants, struct policy *p, struct error *err)
{
	const struct config *c = lists->config;

	memset(p, 0, sizeof(*p));
	p->limits = (struct policy_limits){ c->audit.nflog_group, c->audit.denied_log_rate, c->audit.denied_set_size,
		                                c->audit.evidence_packets > 0 };
	p->lists = calloc(c->list_count + 1, sizeof(*p->lists));
	p->endpoints = calloc(c->endpoint_count + 1, sizeof(*p->endpoints));
	if (p->lists == NULL || p->endpoints == NULL)
		goto fail;
	for (; p->list_count < c->list_count; p->list_count++) {
		const struct list_state *s = &lists->items[p->list_count];
		struct policy_list *l = &p->lists[p->list_count];

		l->revision = s->now.revision;
		l->name = copy_text(s->config->name);
		if (l->name == NULL || prefix_set_copy(&l->set, &s->now.set) == -1)
			goto fail;
	}
	for (; p->endpoint_count < c->endpoint_count; p->endpoint_count++)
		if (policy_endpoint_copy(&p->endpoints[p->endpoint_count], &c->endpoints[p->endpoint_count]) == -1)
			goto fail;
	if (agents_into_policy(c, p) == -1 || grants_into_policy(grants, p) == -1)
		goto fail;
	return 0;
fail:
	policy_free(p);
	return error_errno(err, ENOMEM, "the policy");
}

/* --- what the recorder is told --- */

static enum coverage_state coverage_of(enum endpoint_mode mode, bool in_place)
{
	if (!in_place)
		return COVERAGE_UNPROTECTED;
	return mode == MODE_ENFORCE ? COVERAGE_ENFORCED : COVERAGE_OBSERVED;
}

static bool describe_list(struct audit_policy_endpoint *to, const struct policy_list *l)
{
	to->lists[to->list_count] = (struct audit_policy_list){ copy_text(l->name), l->revision };
	return to->lists[to->list_count++].name != NULL;
}

static bool is_described(const struct audit_policy_endpoint *to)
{
	return to->name != NULL && to->kind != NULL && to->mode != NULL && to->owner != NULL && to->reason != NULL &&
	       to->where != NULL && to->lists != NULL;
}

static bool describe_endpoint(struct audit_policy_endpoint *to, const struct policy *p, const struct policy_endpoint *e,
                              bool in_place)
{
	to->name = copy_text(e->name);
	to->kind = copy_text(e->kind);
	to->mode = copy_text(endpoint_mode_text(e));
	to->owner = copy_text(e->owner);
	to->reason = copy_text(e->reason);
	to->where = endpoint_where_text(e);
	to->state = (uint8_t)coverage_of(e->mode, in_place);
	to->lists = calloc(e->list_count + 1, sizeof(*to->lists));
	if (!is_described(to))
		return false;
	for (size_t i = 0; i < e->list_count; i++)
		if (!describe_list(to, &p->lists[e->lists[i]]))
			return false;
	return true;
}

/* What leaves an agent is recorded as what comes to an endpoint is; its lists are what it may reach beside endpoints. */
static bool describe_agent(struct audit_policy_endpoint *to, const struct policy *p, const struct policy_agent *a,
                           bool in_place)
{
	to->name = copy_text(a->name);
	to->kind = copy_text(AGENT_KIND);
	to->mode = copy_text(a->mode == MODE_ENFORCE ? "enforce" : "observe");
	to->owner = copy_text(a->owner);
	to->reason = copy_text(a->reason);
	to->where = agent_where_text(p, a);
	to->state = (uint8_t)coverage_of(a->mode, in_place);
	to->lists = calloc(2, sizeof(*to->lists));
	if (!is_described(to) || !describe_list(to, &p->lists[a->tunnel]))
		return false;
	return !a->has_resolvers || describe_list(to, &p->lists[a->resolvers]);
}

static bool describe_all(struct audit_policy *to, const struct policy *p, bool in_place)
{
	for (size_t i = 0; i < p->endpoint_count; i++)
		if (!describe_endpoint(&to->endpoints[to->endpoint_count++], p, &p->endpoints[i], in_place))
			return false;
	for (size_t i = 0; i < p->agent_count; i++)
		if (!describe_agent(&to->endpoints[to->endpoint_count++], p, &p->agents[i], in_place))
			return false;
	return true;
}

static void tell_policy(struct daemon *d, time_us when, bool continued)
{
	struct audit_policy a = { .time = when, .continued = continued };

	if (d->recorder == NULL)
		return;
	a.retention_seconds = d->lists->config->audit.retention;
	a.max_bytes = d->lists->config->audit.max_size;
	a.evidence_packets = d->lists->config->audit.evidence_packets;
	a.evidence_size = d->lists->config->audit.evidence_size;
	a.epoch = copy_text(d->epoch);
	a.endpoints = calloc(d->policy.endpoint_count + d->policy.agent_count + 1, sizeof(*a.endpoints));
	if (a.epoch != NULL && a.endpoints != NULL && describe_all(&a, &d->policy, !d->torn_down.is))
		recorder_policy(d->recorder, &a);
	else
		log_error("hallowd-record cannot be told the policy: no memory");
	audit_policy_free(&a);
}

void enforce_tell_counters(struct daemon *d)
{
	struct audit_reading reading = { 0 };
	struct error err;

	if (d->recorder == NULL || d->kernel == NULL || !d->applied || d->torn_down.is)
		return;
	if (kernel_read_counters(d->kernel, &d->policy, &reading, &err) == -1) {
		log_warning("the kernel's counters cannot be read: %s", err.text);
		return;
	}
	recorder_reading(d->recorder, &reading);
	audit_reading_free(&reading);
}

/* --- the kernel --- */

/* Makes the kernel match `p`.  On failure nothing has changed. */
static int make_match(struct daemon *d, const struct policy *p, struct kernel_change *change, bool *continued,
                      struct kernel_state *after, const struct session *session, struct error *err)
{
	struct policy was = d->policy, will = *p;
	struct kernel_state before;

	if (kernel_state(d->kernel, &before, err) == -1)
		return -1;
	was.closed = will.closed = false; /* a session is no new connection */
	if (session_check(session, before.present ? &was : NULL, &will, err) == -1)
		return -1;
	if (kernel_apply(d->kernel, p, change, err) == -1 || kernel_state(d->kernel, after, err) == -1) {
		snprintf(d->kernel_trouble, sizeof(d->kernel_trouble), "%s", err->text);
		return -1;
	}
	*continued = before.present && !d->drifted && (!d->applied || strcmp(before.epoch, d->epoch) == 0);
	return 0;
}

int enforce(struct daemon *d, const struct session *session, struct kernel_change *change, struct error *err)
{
	struct policy p;
	struct kernel_change done = { 0 };
	struct kernel_state after = { 0 };
	bool continued = false;

	if (policy_from_lists(d->lists, &d->grants, &p, err) == -1)
		return -1;
	p.closed = d->lists->config->audit.deny_unrecorded && (d->closed || d->once || d->boot);
	if (d->torn_down.is) {
		policy_free(&d->policy);
		d->policy = p;
		return 0;
	}
	/* What goes away in this change has counted until now. */
	enforce_tell_counters(d);
	if (make_match(d, &p, &done, &continued, &after, session, err) == -1) {
		policy_free(&p);
		kernel_change_free(&done);
		return -1;
	}
	d->kernel_trouble[0] = '\0';
	policy_free(&d->policy);
	d->policy = p;
	d->applied = true;
	d->drifted = false;
	snprintf(d->epoch, sizeof(d->epoch), "%s", after.epoch);
	tell_policy(d, done.committed_at, continued);
	if (change != NULL)
		*change = done;
	else
		kernel_change_free(&done);
	return 0;
}

static int remember_torn_down(struct daemon *d, struct error *err)
{
	struct list_file f = { 0 };
	char time[TIME_TEXT_MAX];
	int bad = 0, result;

	bad |= list_file_set(&f, "time", time_format(d->torn_down.time, 1, time));
	bad |= list_file_set(&f, "by", d->torn_down.by);
	bad |= list_file_set(&f, "reason", d->torn_down.reason);
	result = bad != 0 ? error_errno(err, ENOMEM, TORN_DOWN_FILE)
	                  : list_file_write(d->state_fd, TORN_DOWN_FILE, &f, err);
	list_file_free(&f);
	return result;
}

void torn_down_load(struct daemon *d)
{
	struct list_file f = { 0 };
	struct error err;

	if (list_file_read(d->state_fd, TORN_DOWN_FILE, &f, &err) == -1)
		return;
	d->torn_down.is = true;
	if (time_parse(&d->torn_down.time, list_file_get(&f, "time"), 0) == -1)
		d->torn_down.time = 0;
	snprintf(d->torn_down.by, sizeof(d->torn_down.by), "%s", list_file_get(&f, "by"));
	snprintf(d->torn_down.reason, sizeof(d->torn_down.reason), "%s", list_file_get(&f, "reason"));
	list_file_free(&f);
}

void torn_down_forget(struct daemon *d)
{
	d->torn_down = (struct torn_down){ 0 };
	if (unlinkat(d->state_fd, TORN_DOWN_FILE, 0) == -1 && errno != ENOENT)
		log_warning("%s in state_dir cannot be removed: %s", TORN_DOWN_FILE, strerror(errno));
}

void torn_down_text(const struct torn_down *t, struct error *why)
{
	char text[TIME_TEXT_MAX];

	error_set(why, "nothing is enforced: torn down by %s on %s: %s (a start of hallowd, or 'hallowctl reload' where it "
	               "runs, enforces again)", t->by, time_format(t->time, 0, text), t->reason);
}

int enforce_end(struct daemon *d, const char *by, const char *reason, struct error *err)
{
	enforce_tell_counters(d);
	if (kernel_teardown(d->kernel, err) == -1)
		return -1;
	d->torn_down.is = true;
	d->torn_down.time = time_now();
	snprintf(d->torn_down.by, sizeof(d->torn_down.by), "%s", by);
	snprintf(d->torn_down.reason, sizeof(d->torn_down.reason), "%s", reason);
	d->epoch[0] = '\0';
	tell_policy(d, d->torn_down.time, true);
	return remember_torn_down(d, err);
}
