/* The policy in force: lists with their prefixes, and endpoints that allow them.  What the configuration and the
 * decisions come to; what the kernel is made to match; what `explain` answers from. */
#ifndef HALLOWD_CORE_POLICY_H
#define HALLOWD_CORE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/prefix_set.h"

#define NAME_MAX_LENGTH 48 /* a list's or endpoint's name: [A-Za-z][A-Za-z0-9._-]*, so that two fit a log prefix */

bool name_valid(const char *name); /* whether it is one */

/* Lists that the configuration makes: "@NAME", the addresses of an endpoint or an agent; "tunnel:AGENT", where an agent's
 * tunnel ends; "resolvers:AGENT", the DNS servers that it may ask. */
#define ADDRESS_LIST_MARK '@'
#define TUNNEL_LIST "tunnel:"
#define RESOLVERS_LIST "resolvers:"
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

/* Hosts or pods whose egress is controlled: they reach the end of their tunnel and some endpoints, and nothing else. */
struct policy_agent {
	char *name;               /* no endpoint has it as well */
	char *network;            /* that it is the way into */
	size_t own;               /* index into policy.lists: "@NAME", its addresses; no other agent has one of them */
	size_t tunnel;            /* likewise "tunnel:NAME" */
	uint16_t tunnel_port;     /* TCP */
	bool has_resolvers;
	size_t resolvers;         /* likewise "resolvers:NAME", asked at port 53 over UDP and TCP */
	size_t *reach;            /* indexes into policy.endpoints; each of them allows "@NAME" */
	size_t reach_count;
	enum endpoint_mode mode;
	enum deny_with deny_with;
	int64_t seen_within;      /* seconds */
	char *tunnel_host;        /* as the configuration has it: an address or a name */
	char *owner, *reason;     /* "" for none */
};

#define RESOLVER_PORT 53
#define AGENT_KIND "agent" /* what an agent is where endpoints are told */

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
	bool denied_whole;         /* denied packets are logged as evidence, and not only their headers */
};

struct policy {
	struct policy_list *lists;
	size_t list_count;
	struct policy_endpoint *endpoints;
	size_t endpoint_count;
	struct policy_grant *grants;
	size_t grant_count;
	struct policy_agent *agents;
	size_t agent_count;
	struct policy_limits limits;
	bool closed; /* new connections to endpoints in mode enforce are denied: nothing can be recorded */
};

/* Copies, or frees what it holds.  policy_endpoint_copy: 0, or -1 with errno ENOMEM; then `to` holds nothing. */
int policy_endpoint_copy(struct policy_endpoint *to, const struct policy_endpoint *from);
void policy_endpoint_free(struct policy_endpoint *e);
int policy_agent_copy(struct policy_agent *to, const struct policy_agent *from); /* likewise */
void policy_agent_free(struct policy_agent *a);

void policy_free(struct policy *p); /* frees what it holds, not p itself; p is then empty */

/* NULL where there is none. */
const struct policy_list *policy_find_list(const struct policy *p, const char *name);
const struct policy_endpoint *policy_find_endpoint(const struct policy *p, const char *name);
const struct policy_agent *policy_find_agent(const struct policy *p, const char *name);

/* Whether one of the endpoint's addresses, or of its ports, is this one. */
bool policy_endpoint_has_address(const struct policy_endpoint *e, const struct address *a);
bool policy_endpoint_has_port(const struct policy_endpoint *e, uint16_t port);

/* The endpoint that a packet to this destination belongs to, NULL for none. */
const struct policy_endpoint *policy_match(const struct policy *p, const struct address *destination, uint8_t protocol,
                                           uint16_t port);

/* The agent that has this address, NULL for none. */
const struct policy_agent *policy_agent_of(const struct policy *p, const struct address *source);

/* The name of the endpoint or agent that a packet which the kernel denied is counted for; NULL where none is concerned
 * with it any more.  Any protocol. */
const char *policy_denier(const struct policy *p, const struct address *source, const struct address *destination,
                          uint8_t protocol, uint16_t port);

/* The decision for a new connection, as the kernel makes it.  Where the source is an agent's, its egress is judged first:
 * the end of its tunnel, its resolvers, the endpoints that it may reach, and itself; else it is denied, or only
 * observed.  Then the endpoint by destination, protocol and port; the first of its lists that holds the source; else the
 * first grant that does; else whether the endpoint is only observed.
 * What a host that is an agent sends to itself is no egress: the kernel knows that by the loopback interface, this by
 * the destination being the source.
 * Where the policy is closed, a new connection that an enforced endpoint would let in, or an enforced agent may open, is denied
 * all the same.
 * Two addresses of different families are no connection, and unmatched. */
struct policy_answer {
	enum { ANSWER_ALLOW, ANSWER_DENY, ANSWER_UNMATCHED } verdict;
	enum { REASON_LISTED, REASON_NOT_LISTED, REASON_OBSERVED, REASON_UNMATCHED, REASON_GRANTED, REASON_EGRESS,
	       REASON_NOT_RECORDED } reason;
	const struct policy_endpoint *endpoint; /* that decides; NULL when unmatched, and where an agent's egress does */
	const struct policy_agent *agent;       /* whose egress decides, else NULL */
	const struct policy_list *list;         /* the list that lets it in, else NULL */
	struct prefix entry;                    /* of that list, or the grant's source */
	const struct policy_grant *grant;       /* the grant that lets it in, else NULL */
};

/* "listed", "not-listed", ...: as the contract has them. */
const char *policy_reason_text(const struct policy_answer *a);
/* Of the endpoint or the agent that decides; NULL when unmatched. */
const char *policy_decider(const struct policy_answer *a);

/* Fills in *answer, which points into p. */
void policy_explain(const struct policy *p, const struct address *source, const struct address *destination,
                    uint8_t protocol, uint16_t port, struct policy_answer *answer);

/* "tcp" <-> IPPROTO_TCP; NULL or -1 where it is none of tcp, udp, sctp. */
const char *protocol_name(uint8_t protocol);
int protocol_parse(uint8_t *protocol, const char *name);

#endif
