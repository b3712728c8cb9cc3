/* What the parts of the configuration's reader share, and how a mapping is read by a table of its keys.
 *
 * Each reading function complains by itself, with the place, and goes on: all errors of a file are told in one go.
 * Whether there were any is seen at the end, from the complaints. */
#ifndef HALLOWD_CONFIG_READER_H
#define HALLOWD_CONFIG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/complaint.h"
#include "config/config.h"
#include "config/tree.h"

/* One address or prefix that an endpoint is reached at, kept until all endpoints are known: see overlap.h. */
struct destination {
	struct prefix prefix;
	struct place at;
	size_t endpoint; /* index into config->endpoints */
};

/* A list that is made when everything is read: see make_address_lists in sections.h. */
enum address_list_kind { LIST_OF_ENDPOINT, LIST_OF_AGENT, LIST_OF_TUNNEL, LIST_OF_RESOLVERS };

struct address_list {
	char *name;      /* owned: "@NAME", "tunnel:NAME", "resolvers:NAME" */
	unsigned line;   /* where it is named first */
	enum address_list_kind kind;
	size_t index;    /* into config->endpoints or config->agents */
};

/* What an agent's lists are made of. */
struct agent_parts {
	struct prefix_set addresses, resolvers;
	struct place address_at;
	const char *host;       /* of the tunnel: an address or a name, of the tree; NULL where there is none that is right */
	bool private_addresses; /* the name may have such */
};

struct reader {
	struct complaints *complaints;
	struct config *config;
	const struct node *lists, *endpoints, *agents; /* the sections, for names that refer to them; NULL for none */
	struct destination *destinations;
	size_t destination_count, destination_cap;
	struct address_list *address_lists;
	size_t address_list_count;
	struct agent_parts *agent_parts; /* as config->agents */
};

struct field;
struct shape;
struct choice; /* value.h */

/* Reads one value into the struct at `into`; NULL there means that it is only validated. */
typedef void field_take(struct reader *r, const struct field *f, const struct node *value, void *into);

/* One key of a mapping. */
struct field {
	const char *key;
	field_take *take;
	size_t offset, size;   /* of the member that a common reading function below fills in: FIELD() */
	uint64_t min, max;     /* of numbers, durations (seconds), sizes (bytes) and shares (percent) */
	const struct choice *choices;  /* take_choice */
	const struct shape *shape;     /* take_nested: the member that FIELD() names is the struct that it fills in */
	bool required;
	const char *or_else;   /* the key that stands in for a required one; NULL for none */
};

#define KEY(text, function) .key = text, .take = function
#define FIELD(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)

/* A kind of mapping: "a list", "an endpoint". */
struct shape {
	const char *what;
	const struct field *fields;
	size_t field_count;
};

#define SHAPE(name, what_text, table) \
	static const struct shape name = { what_text, table, sizeof(table) / sizeof((table)[0]) }

/* Complains about each unknown key with the nearest known one, and each missing key (at the place `owner`: the key that
 * the mapping belongs to); takes the others in the order of the file.
 * False where the value is no mapping, which is complained about. */
bool take_mapping(struct reader *r, const struct shape *shape, struct place owner, const struct node *n, void *into);

/* Common reading functions for tables.  Members: char * (freed and replaced), bool, an integer or enum of f->size
 * bytes, int64_t seconds, uint64_t bytes, struct amount, struct secret_reference. */
field_take take_text, take_path, take_truth, take_number, take_duration, take_size, take_amount, take_choice, take_name,
	take_reference, take_nested;

/* Replaces a string member.  Memory that lacks is noted in the complaints. */
void reader_set_text(struct reader *r, char **member, const char *text);

/* "; did you mean 'X'?" for a name that none of the mapping's keys has; "" for none. */
#define READER_HINT_MAX 128
const char *reader_hint(const struct node *mapping, const char *wrong, char out[READER_HINT_MAX]);

#endif
