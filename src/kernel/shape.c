#include "kernel/shape.h"

#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#include "core/policy.h"

const char *shape_name(char out[SHAPE_NAME_MAX], const char *kind, const char *a, const char *b)
{
	if (b != NULL)
		snprintf(out, SHAPE_NAME_MAX, "%s/%s/%s", kind, a, b);
	else
		snprintf(out, SHAPE_NAME_MAX, "%s/%s", kind, a);
	return out;
}

const char *shape_list_set(char out[SHAPE_NAME_MAX], const char *list, const char *family)
{
	if (list[0] == ADDRESS_LIST_MARK)
		return shape_name(out, SHAPE_OF, list + 1, family);
	return shape_name(out, SHAPE_LIST, list, family);
}

const char *shape_allow_chain(char out[SHAPE_NAME_MAX], const char *endpoint, const char *list)
{
	if (list[0] == ADDRESS_LIST_MARK)
		snprintf(out, SHAPE_NAME_MAX, SHAPE_ALLOW "/%s/" SHAPE_OF "/%s", endpoint, list + 1);
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
	return kind == SET_LIST4 || kind == SET_LIST6;
}

bool set_is_grant(enum set_kind kind)
{
	return kind == SET_GRANT4 || kind == SET_GRANT6;
}

bool set_is_v4(enum set_kind kind)
{
	return kind == SET_LIST4 || kind == SET_GRANT4;
}

const char *shape_list_name(char out[SHAPE_NAME_MAX], const char *set)
{
	const char *name = "";
	size_t len = shape_part(set, SHAPE_OF, &name);

	if (len != 0) {
		snprintf(out, SHAPE_NAME_MAX, "%c%.*s", ADDRESS_LIST_MARK, (int)len, name);
		return out;
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
#define THREE(a, b, c) ((a) << 12 | (b) << 6 | (c))
#define FOUR(a, b, c, d) ((a) << 18 | THREE(b, c, d))

#define HOUR_MS 3600000

#define DYNAMIC (NFT_SET_EVAL | NFT_SET_TIMEOUT)
#define RANGES (NFT_SET_INTERVAL | NFT_SET_MAP | NFT_SET_CONCAT)

static const struct set_shape shapes[] = {
	[SET_LIST4] = { NFT_SET_INTERVAL, IPV4_ADDR, 4, 0, { 0 }, 0, "ipv4_addr" },
	[SET_LIST6] = { NFT_SET_INTERVAL, IPV6_ADDR, 16, 0, { 0 }, 0, "ipv6_addr" },
	[SET_GRANT4] = { NFT_SET_INTERVAL | NFT_SET_TIMEOUT, IPV4_ADDR, 4, 0, { 0 }, 0, "ipv4_addr" },
	[SET_GRANT6] = { NFT_SET_INTERVAL | NFT_SET_TIMEOUT, IPV6_ADDR, 16, 0, { 0 }, 0, "ipv6_addr" },
	[SET_DENIED4] = { DYNAMIC, FOUR(IPV4_ADDR, IPV4_ADDR, INET_PROTO, INET_SERVICE), 16, HOUR_MS, { 0 }, 0,
	                  "ipv4_addr . ipv4_addr . inet_proto . inet_service" },
	[SET_DENIED6] = { DYNAMIC, FOUR(IPV6_ADDR, IPV6_ADDR, INET_PROTO, INET_SERVICE), 40, HOUR_MS, { 0 }, 0,
	                  "ipv6_addr . ipv6_addr . inet_proto . inet_service" },
	[SET_ENDPOINTS4] = { RANGES, THREE(IPV4_ADDR, INET_PROTO, INET_SERVICE), 12, 0, { 4, 1, 2 }, 3,
	                     "ipv4_addr . inet_proto . inet_service : verdict" },
	[SET_ENDPOINTS6] = { RANGES, THREE(IPV6_ADDR, INET_PROTO, INET_SERVICE), 24, 0, { 16, 1, 2 }, 3,
	                     "ipv6_addr . inet_proto . inet_service : verdict" },
};

const struct set_shape *set_shape(enum set_kind kind)
{
	return kind == SET_UNKNOWN ? NULL : &shapes[kind];
}

enum set_kind set_kind(const char *name)
{
	const char *part;
	size_t grant = shape_part(name, SHAPE_GRANT, &part);
	size_t len = grant != 0 ? grant : shape_part(name, SHAPE_LIST, &part);

	if (len == 0)
		len = shape_part(name, SHAPE_OF, &part);
	if (len != 0 && strcmp(part + len, "/4") == 0)
		return grant != 0 ? SET_GRANT4 : SET_LIST4;
	if (len != 0 && strcmp(part + len, "/6") == 0)
		return grant != 0 ? SET_GRANT6 : SET_LIST6;
	if (strcmp(name, SHAPE_DENIED4) == 0)
		return SET_DENIED4;
	if (strcmp(name, SHAPE_DENIED6) == 0)
		return SET_DENIED6;
	if (strcmp(name, SHAPE_ENDPOINTS4) == 0)
		return SET_ENDPOINTS4;
	if (strcmp(name, SHAPE_ENDPOINTS6) == 0)
		return SET_ENDPOINTS6;
	return SET_UNKNOWN;
}
