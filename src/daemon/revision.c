#include "daemon/revision.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "daemon/enforce.h"
#include "daemon/json_text.h"

static char *dumped(json_t *value)
{
	char *text = value == NULL ? NULL : json_dumps(value, JSON_COMPACT);

	json_decref(value);
	return text;
}

void revision_commit(struct daemon *d, struct list_state *s, const struct prefix_set *added,
                            const struct prefix_set *removed, const char *reason, time_us when, struct texts *reasons)
{
	char *added_text = json_prefixes_text(added), *removed_text = json_prefixes_text(removed),
	     *origins = dumped(json_origin_evidence(s));
	struct error err;

	s->now.applied_at = when;
	if (list_save(s, d->state_fd, &err) == -1) {
		log_error("list %s is in force but could not be saved: %s", s->config->name, err.text);
		if (reasons != NULL)
			texts_add(reasons, "in force, but it could not be saved: %s", err.text);
	}
	if (added_text == NULL || removed_text == NULL || origins == NULL) {
		log_error("revision %llu of list %s is not in the audit log: no memory", (unsigned long long)s->now.revision,
		          s->config->name);
	} else {
		recorder_revision(d->recorder, &(struct audit_revision){
		                                   .list = s->config->name,
		                                   .revision = s->now.revision,
		                                   .time = when,
		                                   .entries = prefix_set_count(&s->now.set),
		                                   .added = added_text,
		                                   .removed = removed_text,
		                                   .origins = origins,
		                                   .decided_by = s->now.decided_by,
		                                   .reason = (char *)(uintptr_t)reason,
		                               });
	}
	free(added_text);
	free(removed_text);
	free(origins);
}

int revisions_save_again(struct daemon *d, struct error *err)
{
	struct error why;
	int result = 0;

	for (size_t i = 0; i < d->lists->config->list_count; i++) {
		struct list_state *s = &d->lists->items[i];

		if (!s->unsaved)
			continue;
		if (list_save(s, d->state_fd, &why) == -1)
			result = error_set(err, "list %s: revision %" PRIu64 " is in force, but is not saved: %s", s->config->name,
			                   s->now.revision, why.text);
		else
			log_notice("list %s: revision %" PRIu64 " is saved now", s->config->name, s->now.revision);
	}
	return result;
}

/* --- a person decides --- */

/* Puts `set` (taken over) in force as a person's decision: kernel, disk, audit log.  On failure nothing has changed. */
static int put_in_force(struct daemon *d, struct list_state *s, struct prefix_set *set, const struct decided *by,
                        struct error *err)
{
	struct prefix_set added = PREFIX_SET_INIT, removed = PREFIX_SET_INIT;
	struct list_in_force before = { 0 };
	struct kernel_change change = { 0 };
	char decided_by[80];
	int result = -1;

	snprintf(decided_by, sizeof(decided_by), "user %s", by->by);
	if (prefix_set_subtract(&added, set, &s->now.set) == -1 || prefix_set_subtract(&removed, &s->now.set, set) == -1) {
		error_errno(err, ENOMEM, "list %s", s->config->name);
		goto out;
	}
	list_put_in_force(s, set, time_now(), decided_by, &before);
	if (enforce(d, by->session, &change, err) == -1) {
		list_undo(s, &before);
		goto out;
	}
	revision_commit(d, s, &added, &removed, by->reason, change.committed_at != 0 ? change.committed_at : time_now(),
	                NULL);
	result = 0;
out:
	prefix_set_free(set);
	kernel_change_free(&change);
	list_in_force_free(&before);
	prefix_set_free(&added);
	prefix_set_free(&removed);
	return result;
}

/* What was approved is not judged again while the origin goes on publishing it. */
static void remember_approval(struct daemon *d, struct list_state *s)
{
	struct error err;

	for (size_t i = 0; i < s->config->origin_count; i++) {
		struct origin_state *o = &s->origins[i];

		if (o->held_sha256[0] == '\0')
			continue;
		memcpy(o->approved_sha256, o->held_sha256, sizeof(o->approved_sha256));
		if (list_save_origin(s, o, d->state_fd, &err) == -1)
			log_error("%s", err.text);
	}
}

int held_approve(struct daemon *d, struct list_state *s, const struct decided *by, struct error *err)
{
	struct prefix_set set = PREFIX_SET_INIT;
	struct error save_error;

	if (!s->held.is)
		return error_set(err, "nothing of list %s is held", s->config->name);
	if (prefix_set_copy(&set, &s->held.set) == -1)
		return error_errno(err, ENOMEM, "list %s", s->config->name);
	if (put_in_force(d, s, &set, by, err) == -1)
		return -1;
	list_release(s);
	remember_approval(d, s);
	if (list_save_held(s, d->state_fd, &save_error) == -1)
		log_error("%s", save_error.text);
	recorder_event(d->recorder, "approved", s->config->name,
	               json_pack("{s:s, s:s, s:I}", "by", by->by, "reason", by->reason, "revision",
	                         (json_int_t)s->now.revision));
	return 0;
}

int list_roll_back(struct daemon *d, struct list_state *s, uint64_t revision, const struct decided *by,
                   struct error *err)
{
	struct prefix_set set = PREFIX_SET_INIT;
	struct pin before = s->pin;
	struct error save_error;
	int found = list_load_revision(s, d->state_fd, revision, &set, err);

	if (found == -1)
		return -1;
	if (found == 0)
		return error_set(err, "revision %" PRIu64 " of list %s is not kept; the last %d are, and 'hallowctl history %s' shows "
		                      "all", revision, s->config->name, REVISIONS_KEPT, s->config->name);
	s->pin.is = true;
	s->pin.since = time_now();
	snprintf(s->pin.by, sizeof(s->pin.by), "%s", by->by);
	snprintf(s->pin.reason, sizeof(s->pin.reason), "%s", by->reason);
	if (put_in_force(d, s, &set, by, err) == -1) {
		s->pin = before;
		return -1;
	}
	list_release(s);
	if (list_save_held(s, d->state_fd, &save_error) == -1)
		log_error("%s", save_error.text);
	recorder_event(d->recorder, "rollback", s->config->name,
	               json_pack("{s:s, s:s, s:I, s:I}", "by", by->by, "reason", by->reason, "to", (json_int_t)revision,
	                         "revision", (json_int_t)s->now.revision));
	return 0;
}

int list_unpin(struct daemon *d, struct list_state *s, const struct decided *by, struct error *err)
{
	struct pin before = s->pin;

	if (!s->pin.is)
		return error_set(err, "list %s is not pinned", s->config->name);
	s->pin = (struct pin){ 0 };
	if (list_save(s, d->state_fd, err) == -1) {
		s->pin = before;
		return -1;
	}
	recorder_event(d->recorder, "unpinned", s->config->name, json_pack("{s:s, s:s}", "by", by->by, "reason", by->reason));
	return 0;
}

int held_decline(struct daemon *d, struct list_state *s, const struct decided *by, struct error *err)
{
	if (!s->held.is)
		return error_set(err, "nothing of list %s is held", s->config->name);
	s->held.is = false;
	s->held.declined = true;
	s->held.since = time_now();
	if (list_save_held(s, d->state_fd, err) == -1)
		return -1;
	recorder_event(d->recorder, "rejected", s->config->name,
	               json_pack("{s:s, s:s, s:s}", "by", by->by, "reason", by->reason, "decided_by", by->by));
	return 0;
}

/* --- lists of one's own --- */

struct own_change {
	struct list_state *list;
	struct prefix_set added, removed;
	struct list_in_force before;
};

struct own_changes {
	struct own_change *items;
	size_t count;
};

void own_changes_free(struct own_changes *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->count; i++) {
		prefix_set_free(&c->items[i].added);
		prefix_set_free(&c->items[i].removed);
		list_in_force_free(&c->items[i].before);
	}
	free(c->items);
	free(c);
}

static int own_list_take(struct own_changes *c, struct list_state *s)
{
	struct own_change *change = &c->items[c->count];
	struct prefix_set set = PREFIX_SET_INIT;

	if (s->now.revision != 0 && prefix_set_equal(&s->now.set, &s->config->entries))
		return 0;
	change->list = s;
	c->count++;
	if (prefix_set_subtract(&change->added, &s->config->entries, &s->now.set) == -1 ||
	    prefix_set_subtract(&change->removed, &s->now.set, &s->config->entries) == -1 ||
	    prefix_set_copy(&set, &s->config->entries) == -1)
		return -1;
	list_put_in_force(s, &set, time_now(), "configuration", &change->before);
	return 0;
}

int own_lists_take(struct lists *lists, struct own_changes **changes, struct error *err)
{
	struct own_changes *c = calloc(1, sizeof(*c));
	size_t total = lists->config->list_count;

	if (c == NULL || (c->items = calloc(total + 1, sizeof(*c->items))) == NULL)
		goto fail;
	for (size_t i = 0; i < total; i++)
		if (lists->items[i].config->origin_count == 0 && own_list_take(c, &lists->items[i]) == -1)
			goto fail;
	*changes = c;
	return 0;
fail:
	own_changes_free(c);
	return error_errno(err, ENOMEM, "the lists");
}

void own_lists_commit(struct daemon *d, struct own_changes *c, time_us when)
{
	for (size_t i = 0; i < c->count; i++)
		revision_commit(d, c->items[i].list, &c->items[i].added, &c->items[i].removed, "", when, NULL);
	own_changes_free(c);
}
