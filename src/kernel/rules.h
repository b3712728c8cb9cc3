/* The rules that hallowd's chains are made of: each a few parameters, a line of nft's language, and expressions of the
 * kernel. */
#ifndef HALLOWD_KERNEL_RULES_H
#define HALLOWD_KERNEL_RULES_H

#include <libnftnl/rule.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "kernel/shape.h"

#define RULE_SNAPLEN 128        /* bytes of each packet that are logged */
#define RULE_QUEUE_THRESHOLD 512 /* packets that the kernel may gather before it wakes the recorder */

enum rule_kind {
	RULE_REPLIES,     /* the other direction of a connection was judged already */
	RULE_DISPATCH4,   /* to the chain of the endpoint that the destination is */
	RULE_DISPATCH6,
	RULE_LISTED4,     /* source on `list`: to its chain */
	RULE_LISTED6,
	RULE_GRANTED4,    /* source of the grant that `list` numbers: to its chain */
	RULE_GRANTED6,
	RULE_NOT_NEW,     /* accept what is no new connection */
	RULE_REPEATED,    /* accept a new connection's packets behind the first */
	RULE_ALLOW,       /* count and log a connection that `list` allows, accept */
	RULE_GRANT,       /* count and log a connection that the grant `list` allows, accept */
	RULE_OBSERVE,     /* count and log a connection that would be denied, accept */
	RULE_DENY_COUNT,  /* count each denied packet */
	RULE_DENY_LOG,    /* under the rate: log, then drop or refuse */
	RULE_DENY_TALLY4, /* over it: count in the dynamic set; when that is full the next rule's turn comes */
	RULE_DENY_TALLY6,
	RULE_DENY_OVER,   /* neither logged nor in the set */
	RULE_RESET,       /* refuse: a reset for TCP */
	RULE_UNREACHABLE  /* refuse: port unreachable for the others */
};

/* The strings belong to somebody else; those that a kind has no use for are NULL or 0. */
struct rule {
	enum rule_kind kind;
	const char *endpoint;
	const char *list;
	uint16_t group;  /* of NFLOG */
	uint32_t rate;   /* packets a second */
	bool refuse;     /* deny by chain refuse and not by drop */
};

bool rule_equal(const struct rule *a, const struct rule *b);

/* What the rule writes in front of each packet that it logs (core/audit_message.h); returns out. */
const char *rule_log_prefix(const struct rule *r, char out[SHAPE_NAME_MAX]);

/* Adds the rule's expressions to `out`.  0, or -1 with errno ENOMEM. */
int rule_build(const struct rule *r, struct nftnl_rule *out);

/* Appends the rule as nft prints it, without indentation or newline.  0, or -1 with errno ENOMEM. */
int rule_print(const struct rule *r, struct buffer *out);

/* Appends the expressions of a rule that was built or read from the kernel as text, ended by a newline.  Rules that do
 * the same have the same text.  0, or -1 with errno ENOMEM. */
int rule_text(const struct nftnl_rule *rule, struct buffer *out);

#endif
