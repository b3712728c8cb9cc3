/* The policy in force: lists with their prefixes, and endpoints that allow them.  What the configuration and the
 * decisions come to; what the kernel is made to match; what `explain` answers from. */
#ifndef HALLOWD_CORE_POLICY_H
#define HALLOWD_CORE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/prefix_set.h"

#define NAME_MAX_LENGTH 48 /* a list's or endpoint's name: [A-Za-z][A-Za-z0-9._-]*, so that two fit a log prefix */

bool name_valid(const char *name);

/* Also "@NAME": the addresses of an endpoint, as a list. */
#define ADDRESS_LIST_MARK '@'
bool list_name_valid(const char *name);

enum endpoint_mode { MODE_ENFORCE, MODE_OBSERVE };
enum deny_with { DENY_DROP, DENY_REJECT };

struct port_range {
	uint16_t first, last; /* host byte order, both included */
};

struct policy_list {
	char *name;
	uint64_t revision;      /* 0: nothing good is known, the set is empty and nobody is let in by it */
	struct prefix_set set;
};

struct policy_endpoint {
	char *name;
	char *kind;
	struct prefix *addresses;
	size_t address_count;
	struct port_range *ports; /* sorted, disjoint */
	size_t port_count;
	uint8_t protocol;         /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_SCTP */
	size_t *lists;            /* indexes into policy.lists, in the order of `allow` */
	size_t list_count;
	enum endpoint_mode mode;
	enum deny_with deny_with;
	char *owner, *reason;     /* "" for none */
};

/* Access for a time that a person gave: connections from `source` to one endpoint. */
struct policy_grant {
	uint64_t id;       /* from 1, never given twice */
	size_t endpoint;   /* index into policy.endpoints */
	struct prefix source;
	int64_t until_ms;  /* time_boot_ms(); from then on it is as if it were not there */
};

/* Limits of what is logged and counted one by one; the same for each endpoint. */
struct policy_limits {
	uint16_t nflog_group;
	uint32_t denied_log_rate;  /* denied packets a second logged one by one, for each endpoint; bursts twice that */
	uint32_t denied_set_size;  /* keys in the dynamic set, for each family */
};

struct policy {
	struct policy_list *lists;
	size_t list_count;
	struct policy_endpoint *endpoints;
	size_t endpoint_count;
	struct policy_grant *grants;
	size_t grant_count;
	struct policy_limits limits;
};

/* Copies, or frees what it holds.  policy_endpoint_copy: 0, or -1 with errno ENOMEM; then `to` holds nothing. */
int policy_endpoint_copy(struct policy_endpoint *to, const struct policy_endpoint *from);
void policy_endpoint_free(struct policy_endpoint *e);

void policy_free(struct policy *p); /* frees what it holds, not p itself; p is then empty */

/* NULL where there is none. */
const struct policy_list *policy_find_list(const struct policy *p, const char *name);
const struct policy_endpoint *policy_find_endpoint(const struct policy *p, const char *name);

/* The endpoint that a packet to this destination belongs to, NULL for none. */
const struct policy_endpoint *policy_match(const struct policy *p, const struct address *destination, uint8_t protocol,
                                           uint16_t port);

/* The decision for a new connection, as the kernel makes it: the endpoint by destination, protocol and port; the first
 * of its lists that holds the source; else the first grant that does; else whether the endpoint is only observed.
 * Two addresses of different families are no connection, and unmatched. */
struct policy_answer {
	enum { ANSWER_ALLOW, ANSWER_DENY, ANSWER_UNMATCHED } verdict;
	enum { REASON_LISTED, REASON_NOT_LISTED, REASON_OBSERVED, REASON_UNMATCHED, REASON_GRANTED } reason;
	const struct policy_endpoint *endpoint; /* NULL when unmatched */
	const struct policy_list *list;         /* the list that lets it in, else NULL */
	struct prefix entry;                    /* of that list, or the grant's source */
	const struct policy_grant *grant;       /* the grant that lets it in, else NULL */
};

void policy_explain(const struct policy *p, const struct address *source, const struct address *destination,
                    uint8_t protocol, uint16_t port, struct policy_answer *answer);

/* "tcp" <-> IPPROTO_TCP; NULL or -1 where it is none of tcp, udp, sctp. */
const char *protocol_name(uint8_t protocol);
int protocol_parse(uint8_t *protocol, const char *name);

#endif
