#include "kernel/shape.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#include "core/policy.h"

uint32_t shape_hook(const char *chain)
{
	return strcmp(chain, SHAPE_OUTPUT) == 0 ? NF_INET_LOCAL_OUT : NF_INET_PRE_ROUTING;
}

const char *shape_name(char out[SHAPE_NAME_MAX], const char *kind, const char *a, const char *b)
{
	if (b != NULL)
		snprintf(out, SHAPE_NAME_MAX, "%s/%s/%s", kind, a, b);
	else
		snprintf(out, SHAPE_NAME_MAX, "%s/%s", kind, a);
	return out;
}

/* Names of lists have marks that names in nft's language may not have; there they are the first part. */
static const struct {
	const char *mark, *kind;
} marked[] = { { "@", SHAPE_OF }, { TUNNEL_LIST, SHAPE_TUNNEL }, { RESOLVERS_LIST, SHAPE_RESOLVERS } };

#define HOSTS "/hosts" /* behind the family */

#define MARKED (sizeof(marked) / sizeof(marked[0]))

/* The part of the list's name behind its mark, with *kind; NULL for a list that has none. */
static const char *behind_mark(const char *list, const char **kind)
{
	for (size_t i = 0; i < MARKED; i++) {
		if (strncmp(list, marked[i].mark, strlen(marked[i].mark)) != 0)
			continue;
		*kind = marked[i].kind;
		return list + strlen(marked[i].mark);
	}
	return NULL;
}

const char *shape_list_set(char out[SHAPE_NAME_MAX], const char *list, const char *family)
{
	const char *kind, *name = behind_mark(list, &kind);

	return name != NULL ? shape_name(out, kind, name, family) : shape_name(out, SHAPE_LIST, list, family);
}

const char *shape_hosts_set(char out[SHAPE_NAME_MAX], const char *list, const char *family)
{
	snprintf(out, SHAPE_NAME_MAX, SHAPE_LIST "/%s/%s" HOSTS, list, family);
	return out;
}

bool shape_hosts_apart(const char *list)
{
	const char *kind;

	return behind_mark(list, &kind) == NULL;
}

const char *shape_allow_chain(char out[SHAPE_NAME_MAX], const char *endpoint, const char *list)
{
	const char *kind, *name = behind_mark(list, &kind);

	if (name != NULL)
		snprintf(out, SHAPE_NAME_MAX, SHAPE_ALLOW "/%s/%s/%s", endpoint, kind, name);
	else
		shape_name(out, SHAPE_ALLOW, endpoint, list);
	return out;
}

const char *shape_grant_chain(char out[SHAPE_NAME_MAX], const char *endpoint, const char *id)
{
	snprintf(out, SHAPE_NAME_MAX, SHAPE_ALLOW "/%s/" SHAPE_GRANT "/%s", endpoint, id);
	return out;
}

const char *shape_grant_set(char out[SHAPE_NAME_MAX], const char *id, const char *family)
{
	return shape_name(out, SHAPE_GRANT, id, family);
}

bool set_is_list(enum set_kind kind)
{
	return kind == SET_LIST4 || kind == SET_LIST6 || kind == SET_HOSTS4 || kind == SET_HOSTS6;
}

bool set_is_addresses(enum set_kind kind)
{
	return kind == SET_ADDRESSES4 || kind == SET_ADDRESSES6;
}

bool set_is_hosts(enum set_kind kind)
{
	return kind == SET_HOSTS4 || kind == SET_HOSTS6 || set_is_addresses(kind);
}

bool set_is_agents(enum set_kind kind)
{
	return kind == SET_AGENTS4 || kind == SET_AGENTS6;
}

bool set_is_map(enum set_kind kind)
{
	return kind == SET_ENDPOINTS4 || kind == SET_ENDPOINTS6 || kind == SET_REACH4 || kind == SET_REACH6;
}

bool map_is_v4(enum set_kind kind)
{
	return kind == SET_ENDPOINTS4 || kind == SET_REACH4;
}

bool set_is_grant(enum set_kind kind)
{
	return kind == SET_GRANT4 || kind == SET_GRANT6;
}

bool set_is_v4(enum set_kind kind)
{
	switch (kind) {
	case SET_LIST4:
	case SET_HOSTS4:
	case SET_ADDRESSES4:
	case SET_AGENTS4:
	case SET_GRANT4:
		return true;
	default:
		return false;
	}
}

const char *shape_list_name(char out[SHAPE_NAME_MAX], const char *set)
{
	const char *name = "";
	size_t len;

	for (size_t i = 0; i < MARKED; i++) {
		len = shape_part(set, marked[i].kind, &name);
		if (len != 0) {
			snprintf(out, SHAPE_NAME_MAX, "%s%.*s", marked[i].mark, (int)len, name);
			return out;
		}
	}
	len = shape_part(set, SHAPE_LIST, &name);
	snprintf(out, SHAPE_NAME_MAX, "%.*s", (int)len, name);
	return out;
}

size_t shape_part(const char *name, const char *kind, const char **start)
{
	size_t len = strlen(kind);

	if (strncmp(name, kind, len) != 0 || name[len] != '/')
		return 0;
	*start = name + len + 1;
	return strcspn(*start, "/");
}

/* nft's numbers of types (its datatype.h), which the kernel only keeps. */
#define IPV4_ADDR 7u
#define IPV6_ADDR 8u
#define INET_PROTO 12u
#define INET_SERVICE 13u
#define TWO(a, b) ((a) << 6 | (b))
#define THREE(a, b, c) ((a) << 12 | (b) << 6 | (c))
#define FOUR(a, b, c, d) ((a) << 18 | THREE(b, c, d))

#define HOUR_MS 3600000

#define DYNAMIC (NFT_SET_EVAL | NFT_SET_TIMEOUT)
#define RANGES (NFT_SET_INTERVAL | NFT_SET_MAP | NFT_SET_CONCAT)

static const struct set_shape shapes[] = {
	[SET_LIST4] = { NFT_SET_INTERVAL, IPV4_ADDR, 4, 0, { 0 }, 0, "ipv4_addr" },
	[SET_LIST6] = { NFT_SET_INTERVAL, IPV6_ADDR, 16, 0, { 0 }, 0, "ipv6_addr" },
	[SET_HOSTS4] = { 0, IPV4_ADDR, 4, 0, { 0 }, 0, "ipv4_addr" },
	[SET_HOSTS6] = { 0, IPV6_ADDR, 16, 0, { 0 }, 0, "ipv6_addr" },
	[SET_ADDRESSES4] = { 0, IPV4_ADDR, 4, 0, { 0 }, 0, "ipv4_addr" },
	[SET_ADDRESSES6] = { 0, IPV6_ADDR, 16, 0, { 0 }, 0, "ipv6_addr" },
	[SET_AGENTS4] = { NFT_SET_INTERVAL, IPV4_ADDR, 4, 0, { 0 }, 0, "ipv4_addr" },
	[SET_AGENTS6] = { NFT_SET_INTERVAL, IPV6_ADDR, 16, 0, { 0 }, 0, "ipv6_addr" },
	[SET_GRANT4] = { NFT_SET_INTERVAL | NFT_SET_TIMEOUT, IPV4_ADDR, 4, 0, { 0 }, 0, "ipv4_addr" },
	[SET_GRANT6] = { NFT_SET_INTERVAL | NFT_SET_TIMEOUT, IPV6_ADDR, 16, 0, { 0 }, 0, "ipv6_addr" },
	[SET_DENIED4] = { DYNAMIC, FOUR(IPV4_ADDR, IPV4_ADDR, INET_PROTO, INET_SERVICE), 16, HOUR_MS, { 0 }, 0,
	                  "ipv4_addr . ipv4_addr . inet_proto . inet_service" },
	[SET_DENIED6] = { DYNAMIC, FOUR(IPV6_ADDR, IPV6_ADDR, INET_PROTO, INET_SERVICE), 40, HOUR_MS, { 0 }, 0,
	                  "ipv6_addr . ipv6_addr . inet_proto . inet_service" },
	[SET_OTHERS4] = { DYNAMIC, THREE(IPV4_ADDR, IPV4_ADDR, INET_PROTO), 12, HOUR_MS, { 0 }, 0,
	                  "ipv4_addr . ipv4_addr . inet_proto" },
	[SET_OTHERS6] = { DYNAMIC, THREE(IPV6_ADDR, IPV6_ADDR, INET_PROTO), 36, HOUR_MS, { 0 }, 0,
	                  "ipv6_addr . ipv6_addr . inet_proto" },
	[SET_SEEN4] = { DYNAMIC, TWO(IPV4_ADDR, IPV4_ADDR), 8, AGENT_SEEN_MS, { 0 }, 0, "ipv4_addr . ipv4_addr" },
	[SET_SEEN6] = { DYNAMIC, TWO(IPV6_ADDR, IPV6_ADDR), 32, AGENT_SEEN_MS, { 0 }, 0, "ipv6_addr . ipv6_addr" },
	[SET_REACH4] = { RANGES, THREE(IPV4_ADDR, INET_PROTO, INET_SERVICE), 12, 0, { 4, 1, 2 }, 3,
	                 "ipv4_addr . inet_proto . inet_service : verdict" },
	[SET_REACH6] = { RANGES, THREE(IPV6_ADDR, INET_PROTO, INET_SERVICE), 24, 0, { 16, 1, 2 }, 3,
	                 "ipv6_addr . inet_proto . inet_service : verdict" },
	[SET_ENDPOINTS4] = { RANGES, THREE(IPV4_ADDR, INET_PROTO, INET_SERVICE), 12, 0, { 4, 1, 2 }, 3,
	                     "ipv4_addr . inet_proto . inet_service : verdict" },
	[SET_ENDPOINTS6] = { RANGES, THREE(IPV6_ADDR, INET_PROTO, INET_SERVICE), 24, 0, { 16, 1, 2 }, 3,
	                     "ipv6_addr . inet_proto . inet_service : verdict" },
};

const struct set_shape *set_shape(enum set_kind kind)
{
	return kind == SET_UNKNOWN ? NULL : &shapes[kind];
}

/* Sets with one name each. */
static const struct {
	const char *name;
	enum set_kind kind;
} singles[] = {
	{ SHAPE_DENIED4, SET_DENIED4 },       { SHAPE_DENIED6, SET_DENIED6 },       { SHAPE_OTHERS4, SET_OTHERS4 },
	{ SHAPE_OTHERS6, SET_OTHERS6 },       { SHAPE_SEEN4, SET_SEEN4 },           { SHAPE_SEEN6, SET_SEEN6 },
	{ SHAPE_AGENTS4, SET_AGENTS4 },       { SHAPE_AGENTS6, SET_AGENTS6 },       { SHAPE_ENDPOINTS4, SET_ENDPOINTS4 },
	{ SHAPE_ENDPOINTS6, SET_ENDPOINTS6 }, { SHAPE_ADDRESSES4, SET_ADDRESSES4 }, { SHAPE_ADDRESSES6, SET_ADDRESSES6 },
};

/* Sets whose names are a first part, a name, and the family and what is behind it. */
static const struct {
	const char *first, *last4, *last6;
	enum set_kind v4, v6;
} families[] = {
	{ SHAPE_LIST, "/4", "/6", SET_LIST4, SET_LIST6 },
	{ SHAPE_LIST, "/4" HOSTS, "/6" HOSTS, SET_HOSTS4, SET_HOSTS6 },
	{ SHAPE_OF, "/4", "/6", SET_LIST4, SET_LIST6 },
	{ SHAPE_TUNNEL, "/4", "/6", SET_LIST4, SET_LIST6 },
	{ SHAPE_RESOLVERS, "/4", "/6", SET_LIST4, SET_LIST6 },
	{ SHAPE_GRANT, "/4", "/6", SET_GRANT4, SET_GRANT6 },
	{ SHAPE_REACH, "/4", "/6", SET_REACH4, SET_REACH6 },
};

enum set_kind set_kind(const char *name)
{
	const char *part;
	size_t len;

	for (size_t i = 0; i < sizeof(singles) / sizeof(singles[0]); i++)
		if (strcmp(name, singles[i].name) == 0)
			return singles[i].kind;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		len = shape_part(name, families[i].first, &part);
		if (len != 0 && strcmp(part + len, families[i].last4) == 0)
			return families[i].v4;
		if (len != 0 && strcmp(part + len, families[i].last6) == 0)
			return families[i].v6;
	}
	return SET_UNKNOWN;
}
