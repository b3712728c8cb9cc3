/* The fixed shape of table inet hallowd: names, types and flags.  What differs between policies is in model.h. */
#ifndef HALLOWD_KERNEL_SHAPE_H
#define HALLOWD_KERNEL_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longer than two names of NAME_MAX_LENGTH and what stands in front of them. */
#define SHAPE_NAME_MAX 256

/* First parts of names: NAME or NAME/ENDPOINT or NAME/ENDPOINT/LIST.  No endpoint's or list's name has a '/'. */
#define SHAPE_LIST "list"         /* set list/LIST/4 and /6, and list/LIST/4/hosts and /6/hosts */
#define SHAPE_OF "of"             /* set of/NAME/4 and /6: list "@NAME" (nft takes no '@' in a name) */
#define SHAPE_TUNNEL "tunnel" /* set tunnel/AGENT/4 and /6: list "tunnel:AGENT" */
#define SHAPE_RESOLVERS "resolvers" /* likewise */
#define SHAPE_GRANT "grant"       /* set grant/ID/4 or /6: the source of one grant, until the kernel's own timeout */
#define SHAPE_ENDPOINT "endpoint" /* chain endpoint/ENDPOINT */
#define SHAPE_AGENT "agent"       /* chain agent/AGENT */
#define SHAPE_REACH "reach"       /* map reach/AGENT/4 and /6: the endpoints that it may reach */
/* Chain allow/ENDPOINT/LIST, /of/NAME or /grant/ID, or allow/AGENT/tunnel/AGENT or /resolvers/AGENT; counter
 * allow/ENDPOINT. */
#define SHAPE_ALLOW "allow"
#define SHAPE_DENY "deny"         /* counter deny/ENDPOINT */
#define SHAPE_OVER "over"         /* counter over/ENDPOINT */
#define SHAPE_REFUSE "refuse"     /* chain, where an endpoint is deny_with: reject */
#define SHAPE_BASE "prerouting"   /* the base chain */
#define SHAPE_DISPATCH "endpoints" /* chain: which endpoint; not where only the base chain leads there, which then asks */
#define SHAPE_ADDRESSES4 "addresses4" /* sets of each address where an endpoint is, where they are not too many */
#define SHAPE_ADDRESSES6 "addresses6"
/* Where there are agents: */
#define SHAPE_OUTPUT "output"     /* the base chain for what this host sends */
#define SHAPE_AGENTS "agents"     /* chain: which agent; sets agents4 and agents6: all of their addresses */
#define SHAPE_AGENTS4 "agents4"
#define SHAPE_AGENTS6 "agents6"
#define SHAPE_SEEN4 "seen4"       /* (agent's address, end of the tunnel), for as long as the kernel remembers */
#define SHAPE_SEEN6 "seen6"
#define SHAPE_OTHERS4 "others4"   /* as denied4, of protocols without ports */
#define SHAPE_OTHERS6 "others6"
#define SHAPE_DENIED4 "denied4"
#define SHAPE_DENIED6 "denied6"
#define SHAPE_ENDPOINTS4 "endpoints4"
#define SHAPE_ENDPOINTS6 "endpoints6"

/* Both base chains: behind conntrack (-200) and in front of destination NAT (-100). */
#define SHAPE_HOOK_PRIORITY (-110)

/* NF_INET_* of a base chain by its name. */
uint32_t shape_hook(const char *chain);

/* Writes "KIND/A" or, where b is not NULL, "KIND/A/B"; returns out.  a and b are valid names (policy.h), so it fits. */
const char *shape_name(char out[SHAPE_NAME_MAX], const char *kind, const char *a, const char *b);

/* The set of a list's addresses, `family` "4" or "6"; the chain that they go to in an endpoint's.  Each returns out. */
const char *shape_list_set(char out[SHAPE_NAME_MAX], const char *list, const char *family);
const char *shape_hosts_set(char out[SHAPE_NAME_MAX], const char *list, const char *family); /* of its single addresses */
const char *shape_allow_chain(char out[SHAPE_NAME_MAX], const char *endpoint, const char *list);

/* Whether single addresses of the list are in a set apart from its wider ranges: a hash table finds one of a hundred thousand
 * as fast as one of six, which the tree of ranges does not.  Lists that stand for an endpoint or an end of a tunnel are short. */
bool shape_hosts_apart(const char *list);

/* The chain that a grant's source goes to, and the set that it is in; `id` is a number.  Each returns out. */
const char *shape_grant_chain(char out[SHAPE_NAME_MAX], const char *endpoint, const char *id);
const char *shape_grant_set(char out[SHAPE_NAME_MAX], const char *id, const char *family);

/* The name of the list that a set belongs to for which set_is_list; returns out. */
const char *shape_list_name(char out[SHAPE_NAME_MAX], const char *set);

/* The part behind "KIND/", up to the next '/' or the end: its length, with *start; 0 where `name` is of no such
 * kind. */
size_t shape_part(const char *name, const char *kind, const char **start);

enum set_kind {
	SET_LIST4,
	SET_LIST6,
	SET_HOSTS4,
	SET_HOSTS6,
	SET_ADDRESSES4,
	SET_ADDRESSES6,
	SET_AGENTS4,
	SET_AGENTS6,
	SET_GRANT4,
	SET_GRANT6,
	SET_DENIED4,
	SET_DENIED6,
	SET_OTHERS4,
	SET_OTHERS6,
	SET_SEEN4,
	SET_SEEN6,
	SET_ENDPOINTS4,
	SET_ENDPOINTS6,
	SET_REACH4,
	SET_REACH6,
	SET_UNKNOWN /* not one of ours */
};

#define SHAPE_FIELDS_MAX 4
#define SHAPE_KEY_MAX 40 /* the longest: denied6 */

/* How a set of that kind is made (NFTA_SET_* of linux/netfilter/nf_tables.h). */
struct set_shape {
	uint32_t flags;    /* NFT_SET_* */
	uint32_t key_type; /* nft's own numbers, six bits for each part of a concatenation, so that nft can list it */
	uint32_t key_size; /* bytes; each part is padded to a multiple of four */
	uint64_t timeout;  /* milliseconds, 0 for none */
	uint8_t fields[SHAPE_FIELDS_MAX]; /* lengths of the parts, where the kernel needs them */
	uint8_t field_count;
	const char *type;  /* as nft prints it */
};

/* Sets of addresses: lists, all agents, all endpoints, and grants. */
bool set_is_list(enum set_kind kind);  /* its ranges or its hosts */
bool set_is_hosts(enum set_kind kind); /* each element a single address; in all others a range */
bool set_is_agents(enum set_kind kind);
bool set_is_addresses(enum set_kind kind); /* of endpoints */
bool set_is_grant(enum set_kind kind);
bool set_is_v4(enum set_kind kind); /* of these */
bool set_is_map(enum set_kind kind); /* endpoints, and those that an agent may reach */
bool map_is_v4(enum set_kind kind); /* of these */

#define AGENT_SEEN_MS (7 * 24 * INT64_C(3600000)) /* how long the kernel remembers that a tunnel was up */

/* NULL for SET_UNKNOWN. */
const struct set_shape *set_shape(enum set_kind kind);

enum set_kind set_kind(const char *name);

#endif
