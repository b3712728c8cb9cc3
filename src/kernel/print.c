#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "core/log.h"
#include "kernel/kernel.h"
#include "kernel/model.h"

/* nft breaks the line behind each second IPv4 range, and behind each other element. */
#define BREAK ",\n\t\t\t     "
#define COUNTER "\t\tpackets 0 bytes 0\n"
#define BASE_CHAIN "type filter hook prerouting priority dstnat - 10; policy accept;" /* SHAPE_HOOK_PRIORITY */
#define OUTPUT_CHAIN "type filter hook output priority -110; policy accept;"

/* The addresses of one set or map, as numbers; IPv4 in the low bits. */
struct span {
	sa_family_t family;
	struct u128 first, last;
};

static const char *text_of(sa_family_t family, struct u128 v, char out[ADDRESS_TEXT_MAX])
{
	struct address a = address_from4((uint32_t)v.lo);

	if (family == AF_INET6) {
		a.family = AF_INET6;
		u128_to_bytes(v, a.bytes);
	}
	return address_format(&a, out);
}

/* "A", "A/LENGTH" where the addresses are one prefix, or "A-B". */
static int print_span(const struct span *s, struct buffer *out)
{
	char a[ADDRESS_TEXT_MAX], b[ADDRESS_TEXT_MAX];
	struct u128 span = { s->first.hi ^ s->last.hi, s->first.lo ^ s->last.lo };
	unsigned width = u128_width(span), bits = address_size(s->family) * 8;
	struct u128 ones = u128_low_ones(width);

	text_of(s->family, s->first, a);
	if (width == 0)
		return buffer_printf(out, "%s", a);
	if (u128_compare(span, ones) == 0 && (s->first.hi & ones.hi) == 0 && (s->first.lo & ones.lo) == 0)
		return buffer_printf(out, "%s/%u", a, bits - width);
	return buffer_printf(out, "%s-%s", a, text_of(s->family, s->last, b));
}

static struct span span_at(const struct model_set *set, size_t i)
{
	if (set_is_v4(set->kind))
		return (struct span){ AF_INET, { 0, set->v4[i].first }, { 0, set->v4[i].last } };
	return (struct span){ AF_INET6, set->v6[i].first, set->v6[i].last };
}

static int print_list_elements(const struct model_set *set, struct buffer *out)
{
	for (size_t i = 0; i < set->count; i++) {
		const char *between = i == 0 ? "" : set_is_v4(set->kind) && i % 2 == 1 ? ", " : BREAK;
		struct span s = span_at(set, i);

		if (buffer_printf(out, "%s", between) != 0 || print_span(&s, out) != 0)
			return -1;
		if (set->timeout != 0 && buffer_printf(out, " timeout %" PRIu64 "ms", set->timeout) != 0)
			return -1;
	}
	return 0;
}

static struct u128 address_in(const uint8_t *key, sa_family_t family)
{
	if (family == AF_INET6)
		return u128_from_bytes(key);
	return (struct u128){ 0, (uint64_t)key[0] << 24 | (uint64_t)key[1] << 16 | (uint64_t)key[2] << 8 | key[3] };
}

static uint16_t port_of(const uint8_t *key, size_t size)
{
	return (uint16_t)(key[size + 4] << 8 | key[size + 5]);
}

static int print_entry(const struct model_set *set, const struct map_entry *e, struct buffer *out)
{
	sa_family_t family = map_is_v4(set->kind) ? AF_INET : AF_INET6;
	struct span s = { family, address_in(e->first, family), address_in(e->last, family) };
	size_t size = address_size(family);
	uint16_t low = port_of(e->first, size), high = port_of(e->last, size);

	if (print_span(&s, out) != 0 || buffer_printf(out, " . %s . %u", protocol_name(e->first[size]), low) != 0)
		return -1;
	if (low != high && buffer_printf(out, "-%u", high) != 0)
		return -1;
	return buffer_printf(out, " : goto %s", e->chain);
}

static int print_map_elements(const struct model_set *set, struct buffer *out)
{
	for (size_t i = 0; i < set->count; i++)
		if (buffer_printf(out, "%s", i == 0 ? "" : BREAK) != 0 || print_entry(set, &set->map[i], out) != 0)
			return -1;
	return 0;
}

static int print_elements(const struct model_set *set, struct buffer *out)
{
	bool map = set_is_map(set->kind);

	if (set->count == 0)
		return 0;
	if (buffer_printf(out, "\t\telements = { ") != 0)
		return -1;
	if ((map ? print_map_elements(set, out) : print_list_elements(set, out)) != 0)
		return -1;
	return buffer_printf(out, " }\n");
}

static const char *flags_text(const struct set_shape *shape)
{
	if (shape->flags & NFT_SET_EVAL)
		return "dynamic,timeout";
	return shape->flags & NFT_SET_TIMEOUT ? "interval,timeout" : "interval";
}

static int print_timeout(uint64_t hours, struct buffer *out)
{
	if (hours % 24 == 0)
		return buffer_printf(out, "\t\ttimeout %ud\n", (unsigned)(hours / 24));
	return buffer_printf(out, "\t\ttimeout %uh\n", (unsigned)hours);
}

static int print_set(const struct model_set *set, struct buffer *out)
{
	const struct set_shape *shape = set_shape(set->kind);
	const char *what = shape->flags & NFT_SET_MAP ? "map" : "set";

	if (buffer_printf(out, "\n\t%s %s {\n\t\ttype %s\n", what, set->name, shape->type) != 0)
		return -1;
	if (set->size != 0 && buffer_printf(out, "\t\tsize %u\n", set->size) != 0)
		return -1;
	if (shape->flags != 0 && buffer_printf(out, "\t\tflags %s\n", flags_text(shape)) != 0)
		return -1;
	if (shape->timeout != 0 && print_timeout(shape->timeout / 3600000, out) != 0)
		return -1;
	if (print_elements(set, out) != 0)
		return -1;
	return buffer_printf(out, "\t}\n");
}

static int print_chain(const struct model_chain *chain, struct buffer *out)
{
	if (buffer_printf(out, "\n\tchain %s {\n", chain->name) != 0)
		return -1;
	if (chain->base && buffer_printf(out, "\t\t%s\n", shape_hook(chain->name) == NF_INET_LOCAL_OUT ? OUTPUT_CHAIN
	                                                                                                : BASE_CHAIN) != 0)
		return -1;
	for (size_t i = 0; i < chain->rule_count; i++) {
		const struct rule *r = &chain->rules[i];

		if (buffer_printf(out, "\t\t") != 0 || rule_print(r, out) != 0 || buffer_printf(out, "\n") != 0)
			return -1;
	}
	return buffer_printf(out, "\t}\n");
}

static int print_model(const struct model *m, struct buffer *out)
{
	if (buffer_printf(out, "table inet " KERNEL_TABLE " {\n") != 0)
		return -1;
	for (size_t i = 0; i < m->object_count; i++) {
		const char *between = i == 0 ? "" : "\n";

		if (buffer_printf(out, "%s\tcounter %s {\n" COUNTER "\t}\n", between, m->objects[i].name) != 0)
			return -1;
	}
	for (size_t i = 0; i < m->set_count; i++)
		if (print_set(&m->sets[i], out) != 0)
			return -1;
	for (size_t i = 0; i < m->chain_count; i++)
		if (print_chain(&m->chains[i], out) != 0)
			return -1;
	return buffer_printf(out, "}\n");
}

int kernel_print(const struct policy *p, struct buffer *out)
{
	struct model m = { 0 };
	struct error err;
	int rc;

	if (model_want(&m, p, &err) != 0) {
		log_error("%s", err.text);
		return -1;
	}
	rc = print_model(&m, out);
	model_free(&m);
	return rc;
}
