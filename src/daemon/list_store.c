/* lists.h: what is on disk. */
#include "daemon/lists.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "core/list_file.h"
#include "core/log.h"

/* Opens (making it where `make` is set) the folder PARENT/NAME; -1 with errno. */
static int open_folder(int parent, const char *name, bool make)
{
	if (make && mkdirat(parent, name, 0755) == -1 && errno != EEXIST)
		return -1;
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static int set_number(struct list_file *f, const char *key, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return list_file_set(f, key, text);
}

static uint64_t get_number(const struct list_file *f, const char *key)
{
	return strtoull(list_file_get(f, key), NULL, 10);
}

static int set_time(struct list_file *f, const char *key, time_us t)
{
	char text[TIME_TEXT_MAX];

	return list_file_set(f, key, time_format(t, 1, text));
}

static time_us get_time(const struct list_file *f, const char *key)
{
	time_us t;

	return time_parse(&t, list_file_get(f, key), 0) == -1 ? 0 : t;
}

/* Writes FOLDER/NAME; the set is lent for the call. */
static int save(int folder, const char *name, struct list_file *f, const struct prefix_set *set, int headers,
                struct error *err)
{
	int result;

	f->set = *set;
	result = headers == 0 ? list_file_write(folder, name, f, err) : error_errno(err, ENOMEM, "%s", name);
	f->set = (struct prefix_set)PREFIX_SET_INIT;
	list_file_free(f);
	return result;
}

static int save_below(int state_fd, const char *folder, const char *name, struct list_file *f,
                      const struct prefix_set *set, int headers, struct error *err)
{
	int dir = open_folder(state_fd, folder, true), result;

	if (dir == -1) {
		error_errno(err, errno, "the folder %s in state_dir cannot be opened", folder);
		list_file_free(f);
		return -1;
	}
	result = save(dir, name, f, set, headers, err);
	close(dir);
	return result;
}

/* How the origins were weighed: another number, or another number of origins, makes another list of the same answers. */
static const char *agree_text(const struct list_config *c, char out[64])
{
	snprintf(out, 64, "%zu of %zu", c->agree, c->origin_count);
	return out;
}

static int write_in_force(const struct list_state *s, int state_fd, const char *folder, const char *name,
                          struct error *err)
{
	struct list_file f = { 0 };
	char agree[64];
	int bad = 0;

	bad |= list_file_set(&f, "list", s->config->name);
	bad |= set_number(&f, "revision", s->now.revision);
	bad |= set_time(&f, "applied", s->now.applied_at);
	bad |= list_file_set(&f, "decided-by", s->now.decided_by);
	bad |= list_file_set(&f, "agree", agree_text(s->config, agree));
	if (s->pin.is) {
		bad |= set_time(&f, "pinned", s->pin.since);
		bad |= list_file_set(&f, "pinned-by", s->pin.by);
		bad |= list_file_set(&f, "pinned-reason", s->pin.reason);
	}
	return save_below(state_fd, folder, name, &f, &s->now.set, bad, err);
}

static const char *revision_folder(const struct list_state *s, char out[32 + NAME_MAX_LENGTH])
{
	snprintf(out, 32 + NAME_MAX_LENGTH, "revisions/%s", s->config->name);
	return out;
}

static void forget_old_revision(const struct list_state *s, int state_fd)
{
	char folder[32 + NAME_MAX_LENGTH], name[64 + NAME_MAX_LENGTH];

	if (s->now.revision <= REVISIONS_KEPT)
		return;
	snprintf(name, sizeof(name), "%s/%" PRIu64, revision_folder(s, folder), s->now.revision - REVISIONS_KEPT);
	if (unlinkat(state_fd, name, 0) == -1 && errno != ENOENT)
		log_warning("%s in state_dir cannot be removed: %s", name, strerror(errno));
}

int list_save(struct list_state *s, int state_fd, struct error *err)
{
	char folder[32 + NAME_MAX_LENGTH], name[24];
	int parent = open_folder(state_fd, "revisions", true);

	if (parent != -1)
		close(parent);
	s->unsaved = true;
	/* What is in force comes first: it is what a boot needs. */
	if (write_in_force(s, state_fd, "lists", s->config->name, err) == -1)
		return -1;
	snprintf(name, sizeof(name), "%" PRIu64, s->now.revision);
	if (write_in_force(s, state_fd, revision_folder(s, folder), name, err) == -1)
		return -1;
	s->unsaved = false;
	forget_old_revision(s, state_fd);
	return 0;
}

/* What distinguishes two URLs whose shown part is the same, without telling more. */
static int set_hidden(struct list_file *f, const struct origin_config *o)
{
	unsigned char hash[crypto_generichash_BYTES];
	char text[2 * sizeof(hash) + 1];

	if (strcmp(o->where, o->shown) == 0)
		return 0;
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)o->where, strlen(o->where), NULL, 0);
	return list_file_set(f, "source-blake2b", sodium_bin2hex(text, sizeof(text), hash, sizeof(hash)));
}

/* An answer counts only for the question that it answered. */
static int set_question(struct list_file *f, const struct origin_config *o)
{
	int bad = 0;

	bad |= list_file_set(f, "source", o->shown);
	bad |= set_hidden(f, o);
	bad |= list_file_set(f, "format", list_format_name(o->format));
	bad |= list_file_set(f, "select", o->select);
	if (o->signed_by[0] != '\0')
		bad |= list_file_set(f, "signed-by", o->signed_by);
	return bad;
}

static bool same_question(const struct list_file *f, const struct origin_config *o)
{
	struct list_file asked = { 0 };
	bool same = set_question(&asked, o) == 0;

	for (size_t i = 0; same && i < asked.header_count; i++)
		same = strcmp(list_file_get(f, asked.headers[i].key), asked.headers[i].value) == 0;
	list_file_free(&asked);
	return same;
}

/* An answer is asked for by its tag only where it was asked for in the same way: other headers may name another list,
 * and another parser may read the same bytes otherwise.  References only; what they refer to is not known here. */
static int set_conditions(struct list_file *f, const struct origin_config *o)
{
	struct buffer way = BUFFER_INIT;
	int bad = buffer_printf(&way, "hallowd %s%s%s", PACKAGE_VERSION, o->token.name == NULL ? "" : " token ",
	                        o->token.name == NULL ? "" : o->token.name);

	for (size_t i = 0; i < o->header_count && bad == 0; i++)
		bad = buffer_printf(&way, " %s %s", o->headers[i].name, o->headers[i].value.name);
	if (bad == 0)
		bad = list_file_set(f, "asked", buffer_str(&way));
	buffer_free(&way);
	return bad;
}

static bool same_way(const struct list_file *f, const struct origin_config *o)
{
	struct list_file asked = { 0 };
	bool same = set_conditions(&asked, o) == 0 && strcmp(list_file_get(f, "asked"), list_file_get(&asked, "asked")) == 0;

	list_file_free(&asked);
	return same;
}

int list_save_origin(const struct list_state *s, const struct origin_state *o, int state_fd, struct error *err)
{
	struct list_file f = { 0 };
	const struct answer *a = &o->good;
	char folder[32 + NAME_MAX_LENGTH];
	int bad = set_question(&f, o->config), parent = open_folder(state_fd, "origins", true);

	if (parent != -1)
		close(parent);
	bad |= set_conditions(&f, o->config);
	bad |= list_file_set(&f, "etag", a->etag);
	bad |= list_file_set(&f, "last-modified", a->last_modified);
	bad |= set_time(&f, "fetched", a->fetched_at);
	bad |= set_number(&f, "bytes", a->bytes);
	bad |= set_number(&f, "http-status", a->http_status);
	bad |= list_file_set(&f, "sha256", a->sha256);
	bad |= set_number(&f, "rows", a->shape.rows);
	bad |= set_number(&f, "bad", a->shape.bad);
	bad |= set_number(&f, "widest4", a->shape.widest4);
	bad |= set_number(&f, "widest6", a->shape.widest6);
	bad |= list_file_set(&f, "bad-example", a->bad_example);
	bad |= list_file_set(&f, "known", o->known ? "yes" : "no");
	bad |= set_time(&f, "tried", o->tried_at);
	bad |= list_file_set(&f, "error", o->error);
	bad |= list_file_set(&f, "held-sha256", o->held_sha256);
	bad |= list_file_set(&f, "approved-sha256", o->approved_sha256);
	snprintf(folder, sizeof(folder), "origins/%s", s->config->name);
	return save_below(state_fd, folder, o->config->name, &f, &a->set, bad, err);
}

int list_save_held(const struct list_state *s, int state_fd, struct error *err)
{
	struct list_file f = { 0 };
	char key[32], name[32 + NAME_MAX_LENGTH];
	int bad = 0;

	if (!s->held.is && !s->held.declined) {
		snprintf(name, sizeof(name), "held/%s", s->config->name);
		if (unlinkat(state_fd, name, 0) == -1 && errno != ENOENT)
			return error_errno(err, errno, "%s in state_dir cannot be removed", name);
		return 0;
	}
	bad |= set_time(&f, "since", s->held.since);
	bad |= list_file_set(&f, "declined", s->held.declined ? "yes" : "no");
	for (size_t i = 0; i < s->held.reasons.count; i++) {
		snprintf(key, sizeof(key), "reason-%zu", i + 1);
		bad |= list_file_set(&f, key, s->held.reasons.items[i]);
	}
	return save_below(state_fd, "held", s->config->name, &f, &s->held.set, bad, err);
}

/* Reads FOLDER/NAME.  1 with *f; 0 where it is not there, or was damaged and is now out of the way; -1 with *err. */
static int load(int state_fd, const char *folder, const char *name, struct list_file *f, struct error *err)
{
	int dir = open_folder(state_fd, folder, false), result = 1;
	char aside[NAME_MAX_LENGTH + 32];

	if (dir == -1)
		return errno == ENOENT ? 0 : error_errno(err, errno, "the folder %s in state_dir cannot be opened", folder);
	if (list_file_read(dir, name, f, err) == -1) {
		result = errno == ENOENT ? 0 : -1;
		if (errno == EBADMSG) {
			snprintf(aside, sizeof(aside), "%s.damaged", name);
			log_error("%s/%s in state_dir is damaged and set aside as %s: %s", folder, name, aside, err->text);
			result = renameat(dir, name, dir, aside) == -1
			             ? error_errno(err, errno, "%s/%s cannot be set aside", folder, name) : 0;
		}
	}
	close(dir);
	return result;
}

static void take_set(struct prefix_set *to, struct list_file *f)
{
	prefix_set_free(to);
	*to = f->set;
	f->set = (struct prefix_set)PREFIX_SET_INIT;
}

static int load_in_force(struct list_state *s, int state_fd, struct error *err)
{
	struct list_file f = { 0 };
	char agree[64];
	int found = load(state_fd, "lists", s->config->name, &f, err);

	if (found == 1) {
		s->now.revision = get_number(&f, "revision");
		s->now.applied_at = get_time(&f, "applied");
		snprintf(s->now.decided_by, sizeof(s->now.decided_by), "%s", list_file_get(&f, "decided-by"));
		s->reconfigured = s->config->origin_count > 0 &&
		                  strcmp(list_file_get(&f, "agree"), agree_text(s->config, agree)) != 0;
		s->pin.since = get_time(&f, "pinned");
		s->pin.is = s->pin.since != 0;
		snprintf(s->pin.by, sizeof(s->pin.by), "%s", list_file_get(&f, "pinned-by"));
		snprintf(s->pin.reason, sizeof(s->pin.reason), "%s", list_file_get(&f, "pinned-reason"));
		take_set(&s->now.set, &f);
	}
	list_file_free(&f);
	return found;
}

int list_load_revision(const struct list_state *s, int state_fd, uint64_t revision, struct prefix_set *set,
                       struct error *err)
{
	struct list_file f = { 0 };
	char folder[32 + NAME_MAX_LENGTH], name[24];
	int found;

	snprintf(name, sizeof(name), "%" PRIu64, revision);
	found = load(state_fd, revision_folder(s, folder), name, &f, err);
	if (found == 1)
		take_set(set, &f);
	list_file_free(&f);
	return found;
}

static int load_held(struct list_state *s, int state_fd, struct error *err)
{
	struct list_file f = { 0 };
	int found = load(state_fd, "held", s->config->name, &f, err), bad = 0;

	if (found == 1) {
		s->held.declined = strcmp(list_file_get(&f, "declined"), "yes") == 0;
		s->held.is = !s->held.declined;
		s->held.since = get_time(&f, "since");
		for (size_t i = 0; i < f.header_count; i++)
			if (strncmp(f.headers[i].key, "reason-", 7) == 0)
				bad |= texts_add(&s->held.reasons, "%s", f.headers[i].value);
		take_set(&s->held.set, &f);
	}
	list_file_free(&f);
	return bad != 0 ? error_errno(err, ENOMEM, "held/%s", s->config->name) : found;
}

static void answer_from_file(struct answer *a, struct list_file *f)
{
	a->fetched_at = get_time(f, "fetched");
	a->bytes = get_number(f, "bytes");
	a->http_status = (uint32_t)get_number(f, "http-status");
	snprintf(a->sha256, sizeof(a->sha256), "%s", list_file_get(f, "sha256"));
	snprintf(a->bad_example, sizeof(a->bad_example), "%s", list_file_get(f, "bad-example"));
	a->shape = (struct answer_shape){ get_number(f, "rows"), get_number(f, "bad"), (uint8_t)get_number(f, "widest4"),
		                          (uint8_t)get_number(f, "widest6"), a->bad_example };
	take_set(&a->set, f);
}

static void take_conditions(struct answer *a, const struct list_file *f)
{
	snprintf(a->etag, sizeof(a->etag), "%s", list_file_get(f, "etag"));
	snprintf(a->last_modified, sizeof(a->last_modified), "%s", list_file_get(f, "last-modified"));
}

static int load_origin(struct list_state *s, struct origin_state *o, int state_fd, struct error *err)
{
	struct list_file f = { 0 };
	char folder[32 + NAME_MAX_LENGTH];
	int found;

	snprintf(folder, sizeof(folder), "origins/%s", s->config->name);
	found = load(state_fd, folder, o->config->name, &f, err);
	if (found == 1 && !same_question(&f, o->config)) {
		s->reconfigured = true;
	} else if (found == 1) {
		answer_from_file(&o->good, &f);
		if (same_way(&f, o->config))
			take_conditions(&o->good, &f);
		o->known = strcmp(list_file_get(&f, "known"), "yes") == 0;
		snprintf(o->held_sha256, sizeof(o->held_sha256), "%s", list_file_get(&f, "held-sha256"));
		snprintf(o->approved_sha256, sizeof(o->approved_sha256), "%s", list_file_get(&f, "approved-sha256"));
		snprintf(o->error, sizeof(o->error), "%s", list_file_get(&f, "error"));
		o->tried_at = get_time(&f, "tried");
	}
	list_file_free(&f);
	return found;
}

static int load_list(struct list_state *s, int state_fd, struct error *err)
{
	const struct list_config *c = s->config;

	if (load_in_force(s, state_fd, err) == -1)
		return -1;
	if (c->origin_count == 0)
		return 0;
	s->origins = calloc(c->origin_count, sizeof(*s->origins));
	if (s->origins == NULL)
		return error_errno(err, ENOMEM, "list %s", c->name);
	for (size_t i = 0; i < c->origin_count; i++) {
		s->origins[i].config = &c->origins[i];
		if (load_origin(s, &s->origins[i], state_fd, err) == -1)
			return -1;
	}
	return load_held(s, state_fd, err) == -1 ? -1 : 0;
}

int lists_load(struct config *config, int state_fd, struct lists **l, struct error *err)
{
	struct lists *lists = calloc(1, sizeof(*lists));

	if (lists == NULL) {
		config_free(config);
		return error_errno(err, ENOMEM, "the lists");
	}
	lists->config = config;
	lists->items = calloc(config->list_count + 1, sizeof(*lists->items));
	if (lists->items == NULL) {
		lists_free(lists);
		return error_errno(err, ENOMEM, "the lists");
	}
	for (size_t i = 0; i < config->list_count; i++)
		lists->items[i].config = &config->lists[i];
	for (size_t i = 0; i < config->list_count; i++)
		if (load_list(&lists->items[i], state_fd, err) == -1) {
			lists_free(lists);
			return -1;
		}
	*l = lists;
	return 0;
}
