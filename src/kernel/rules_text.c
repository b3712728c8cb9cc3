#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <libnftnl/expr.h>

#include "core/audit_message.h"
#include "core/policy.h"
#include "kernel/rules.h"

#define EXPRESSION_MAX 1024 /* none of ours comes near; a longer one is cut, and so differs from ours all the same */

const char *rule_log_prefix(const struct rule *r, char out[SHAPE_NAME_MAX])
{
	const char *kind = LOG_PREFIX_DENY;

	if (r->kind == RULE_ALLOW || r->kind == RULE_GRANT) {
		kind = r->kind == RULE_ALLOW ? LOG_PREFIX_ALLOW : LOG_PREFIX_GRANT;
		snprintf(out, SHAPE_NAME_MAX, "%s%s:%s", kind, r->endpoint, r->list);
		return out;
	}
	if (r->kind == RULE_OBSERVE)
		kind = LOG_PREFIX_OBSERVE;
	else if (r->egress)
		kind = LOG_PREFIX_EGRESS;
	else if (r->unrecorded)
		kind = LOG_PREFIX_UNRECORDED;
	snprintf(out, SHAPE_NAME_MAX, "%s%s", kind, r->endpoint);
	return out;
}

static int print_log(const struct rule *r, struct buffer *out)
{
	char prefix[SHAPE_NAME_MAX];

	return buffer_printf(out, "log prefix \"%s\" group %u snaplen %u queue-threshold %u ",
	                     rule_log_prefix(r, prefix), r->group, rule_snaplen(r), RULE_QUEUE_THRESHOLD);
}

static const char *pass(const struct rule *r)
{
	return r->go_on ? "goto " SHAPE_DISPATCH : "accept";
}

static const char *denial(const struct rule *r)
{
	return r->refuse ? "goto " SHAPE_REFUSE : "drop";
}

static int print_from(const char *family, const char *set, const char *chain, struct buffer *out)
{
	return buffer_printf(out, "%s saddr @%s goto %s", family, set, chain);
}

static int print_host(const struct rule *r, const char *family, const char *number, struct buffer *out)
{
	char set[SHAPE_NAME_MAX], chain[SHAPE_NAME_MAX];

	return print_from(family, shape_hosts_set(set, r->list, number), shape_allow_chain(chain, r->endpoint, r->list), out);
}

static int print_listed(const struct rule *r, const char *family, const char *number, struct buffer *out)
{
	char set[SHAPE_NAME_MAX], chain[SHAPE_NAME_MAX];

	return print_from(family, shape_list_set(set, r->list, number), shape_allow_chain(chain, r->endpoint, r->list), out);
}

static int print_granted(const struct rule *r, const char *family, const char *number, struct buffer *out)
{
	char set[SHAPE_NAME_MAX], chain[SHAPE_NAME_MAX];

	return print_from(family, shape_grant_set(set, r->list, number), shape_grant_chain(chain, r->endpoint, r->list), out);
}

static int print_count_and_log(const struct rule *r, struct buffer *out)
{
	if (buffer_printf(out, "counter name \"" SHAPE_ALLOW "/%s\" ", r->endpoint) != 0 || print_log(r, out) != 0)
		return -1;
	return buffer_printf(out, "%s", pass(r));
}

static int print_deny_log(const struct rule *r, struct buffer *out)
{
	if (buffer_printf(out, "limit rate %u/second burst %u packets ", r->rate, r->rate * 2) != 0 ||
	    print_log(r, out) != 0)
		return -1;
	return buffer_printf(out, "%s", denial(r));
}

static int print_tally(const struct rule *r, const char *family, const char *set, struct buffer *out)
{
	return buffer_printf(out, "update @%s { %s saddr . %s daddr . meta l4proto . th dport counter } %s",
	                     set, family, family, denial(r));
}

static int print_agent(const struct rule *r, const char *family, const char *number, struct buffer *out)
{
	char set[SHAPE_NAME_MAX], chain[SHAPE_NAME_MAX];

	return print_from(family, shape_list_set(set, r->list, number), shape_name(chain, SHAPE_AGENT, r->endpoint, NULL), out);
}

static int print_end(const struct rule *r, const char *family, const char *number, struct buffer *out)
{
	char set[SHAPE_NAME_MAX], chain[SHAPE_NAME_MAX];

	return buffer_printf(out, "%s daddr @%s %s dport %u goto %s", family, shape_list_set(set, r->list, number),
	                     protocol_name(r->protocol), r->port, shape_allow_chain(chain, r->endpoint, r->list));
}

static int print_self(const struct rule *r, const char *family, const char *number, struct buffer *out)
{
	char set[SHAPE_NAME_MAX];

	return buffer_printf(out, "oif \"lo\" %s daddr @%s goto " SHAPE_DISPATCH, family,
	                     shape_list_set(set, r->list, number));
}

static int print_reach(const struct rule *r, const char *family, const char *number, struct buffer *out)
{
	return buffer_printf(out, "%s daddr . meta l4proto . th dport vmap @" SHAPE_REACH "/%s/%s", family, r->endpoint,
	                     number);
}

static int print_neighbour(const struct rule *r, const char *where, struct buffer *out)
{
	return buffer_printf(out, "icmpv6 type nd-neighbor-%s ip6 hoplimit 255 %saccept",
	                     r->port == ND_NEIGHBOR_SOLICIT ? "solicit" : "advert", where);
}

static int print_seen(const char *family, const char *set, struct buffer *out)
{
	return buffer_printf(out, "ct state established update @%s { %s saddr . %s daddr }", set, family, family);
}

static int print_others(const struct rule *r, const char *family, const char *set, struct buffer *out)
{
	return buffer_printf(out, "meta l4proto != tcp meta l4proto != udp meta l4proto != sctp update @%s { %s saddr . "
	                     "%s daddr . meta l4proto counter } %s", set, family, family, denial(r));
}

int rule_print(const struct rule *r, struct buffer *out)
{
	switch (r->kind) {
	case RULE_REPLIES:
		return buffer_printf(out, "ct direction reply accept");
	case RULE_ADDRESSED4:
		return buffer_printf(out, "ip daddr @" SHAPE_ADDRESSES4 " goto " SHAPE_DISPATCH);
	case RULE_ADDRESSED6:
		return buffer_printf(out, "ip6 daddr @" SHAPE_ADDRESSES6 " goto " SHAPE_DISPATCH);
	case RULE_DISPATCH4:
		return buffer_printf(out, "ip daddr . meta l4proto . th dport vmap @" SHAPE_ENDPOINTS4);
	case RULE_DISPATCH6:
		return buffer_printf(out, "ip6 daddr . meta l4proto . th dport vmap @" SHAPE_ENDPOINTS6);
	case RULE_HOST4:
		return print_host(r, "ip", "4", out);
	case RULE_HOST6:
		return print_host(r, "ip6", "6", out);
	case RULE_LISTED4:
		return print_listed(r, "ip", "4", out);
	case RULE_LISTED6:
		return print_listed(r, "ip6", "6", out);
	case RULE_GRANTED4:
		return print_granted(r, "ip", "4", out);
	case RULE_GRANTED6:
		return print_granted(r, "ip6", "6", out);
	case RULE_NOT_NEW:
		return buffer_printf(out, "ct state != new %s", pass(r));
	case RULE_REPEATED:
		return buffer_printf(out, "iif != \"lo\" ct status confirmed %s", pass(r));
	case RULE_ALLOW:
	case RULE_GRANT:
	case RULE_OBSERVE:
		return print_count_and_log(r, out);
	case RULE_DENY_COUNT:
		return buffer_printf(out, "counter name \"" SHAPE_DENY "/%s\"", r->endpoint);
	case RULE_DENY_LOG:
		return print_deny_log(r, out);
	case RULE_DENY_TALLY4:
		return print_tally(r, "ip", SHAPE_DENIED4, out);
	case RULE_DENY_TALLY6:
		return print_tally(r, "ip6", SHAPE_DENIED6, out);
	case RULE_DENY_OVER:
		return buffer_printf(out, "counter name \"" SHAPE_OVER "/%s\" %s", r->endpoint, denial(r));
	case RULE_AGENTS4:
		return buffer_printf(out, "ip saddr @" SHAPE_AGENTS4 " goto " SHAPE_AGENTS);
	case RULE_AGENTS6:
		return buffer_printf(out, "ip6 saddr @" SHAPE_AGENTS6 " goto " SHAPE_AGENTS);
	case RULE_SENT:
		return buffer_printf(out, "iif \"lo\" accept");
	case RULE_AGENT4:
		return print_agent(r, "ip", "4", out);
	case RULE_AGENT6:
		return print_agent(r, "ip6", "6", out);
	case RULE_END4:
		return print_end(r, "ip", "4", out);
	case RULE_END6:
		return print_end(r, "ip6", "6", out);
	case RULE_SELF4:
		return print_self(r, "ip", "4", out);
	case RULE_SELF6:
		return print_self(r, "ip6", "6", out);
	case RULE_REACH4:
		return print_reach(r, "ip", "4", out);
	case RULE_REACH6:
		return print_reach(r, "ip6", "6", out);
	case RULE_ERROR:
		return buffer_printf(out, "meta l4proto %s ct state related accept",
		                     r->protocol == IPPROTO_ICMP ? "icmp" : "ipv6-icmp");
	case RULE_NEIGHBOUR:
		return print_neighbour(r, r->protocol == RTN_LOCAL ? "fib daddr type local " : "fib daddr type multicast ", out);
	case RULE_NEIGHBOUR_SENT:
		return print_neighbour(r, "", out);
	case RULE_SEEN4:
		return print_seen("ip", SHAPE_SEEN4, out);
	case RULE_SEEN6:
		return print_seen("ip6", SHAPE_SEEN6, out);
	case RULE_OTHERS4:
		return print_others(r, "ip", SHAPE_OTHERS4, out);
	case RULE_OTHERS6:
		return print_others(r, "ip6", SHAPE_OTHERS6, out);
	case RULE_RESET:
		return buffer_printf(out, "meta l4proto tcp reject with tcp reset");
	case RULE_UNREACHABLE:
		return buffer_printf(out, "reject");
	}
	errno = EINVAL;
	return -1;
}

/* The kernel tells some zeros that nobody set, some kernels more of them than others. */
static void drop(char *text, const char *part)
{
	char *at = strstr(text, part);

	if (at != NULL)
		memmove(at, at + strlen(part), strlen(at + strlen(part)) + 1);
}

static int expression_text(struct nftnl_expr *e, void *ctx)
{
	struct buffer *out = ctx;
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
	char text[EXPRESSION_MAX];

	if (nftnl_expr_snprintf(text, sizeof(text), e, NFTNL_OUTPUT_DEFAULT, 0) < 0)
		text[0] = '\0';
	if (strcmp(name, "lookup") == 0)
		drop(text, "0x0 ");
	if (strcmp(name, "dynset") == 0)
		drop(text, "timeout 0ms ");
	return buffer_printf(out, "[%s]", text);
}

int rule_text(const struct nftnl_rule *rule, struct buffer *out)
{
	/* The library's walk takes no const, but changes nothing. */
	if (nftnl_expr_foreach((struct nftnl_rule *)(uintptr_t)rule, expression_text, out) < 0)
		return -1;
	return buffer_add(out, "\n", 1);
}
