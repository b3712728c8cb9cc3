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
#define RULE_SNAPLEN_WHOLE 2048 /* the same where it is evidence, and the most that the NFLOG socket takes */
#define RULE_QUEUE_THRESHOLD 512 /* packets that the kernel may gather before it wakes the recorder */

enum rule_kind {
	RULE_REPLIES,     /* the other direction of a connection was judged already */
	RULE_ADDRESSED4,  /* destination is where some endpoint is: to the chain that knows which */
	RULE_ADDRESSED6,
	RULE_DISPATCH4,   /* to the chain of the endpoint that the destination is */
	RULE_DISPATCH6,
	RULE_HOST4,       /* source is a single address on `list`: to its chain */
	RULE_HOST6,
	RULE_LISTED4,     /* source in a range on `list`: to its chain */
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
	RULE_AGENTS4,     /* source is some agent's: to the chain that knows which */
	RULE_AGENTS6,
	RULE_SENT,        /* accept what comes in by loopback: it was judged when it was sent */
	RULE_AGENT4,      /* source on `list`, which is the agent's own: to its chain */
	RULE_AGENT6,
	RULE_END4,        /* destination on `list`, `protocol` and `port`: to its chain */
	RULE_END6,
	RULE_SELF4,       /* what an agent on this host sends to itself, `list`: on to the endpoints */
	RULE_SELF6,
	RULE_REACH4,      /* to the endpoints that the agent may reach */
	RULE_REACH6,
	RULE_ERROR,       /* accept ICMP errors, of `protocol`, about a connection that there is */
	RULE_NEIGHBOUR,   /* accept ICMPv6 of type `port` from a link, to where `protocol` (RTN_LOCAL, RTN_MULTICAST) says */
	RULE_NEIGHBOUR_SENT, /* the same, sent by this host */
	RULE_SEEN4,       /* remember when the agent's tunnel was up last */
	RULE_SEEN6,
	RULE_OTHERS4,     /* as RULE_DENY_TALLY4, for protocols without ports; before it */
	RULE_OTHERS6,
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
	bool egress;     /* of RULE_DENY_LOG: the endpoint is an agent, whose egress is denied */
	bool unrecorded; /* of RULE_DENY_LOG: denied because nothing can be recorded */
	bool whole;      /* of RULE_DENY_LOG: RULE_SNAPLEN_WHOLE bytes are logged */
	bool go_on;      /* in place of accept: on to the endpoints */
	uint8_t protocol; /* IPPROTO_* */
	uint16_t port;   /* host byte order */
};

bool rule_equal(const struct rule *a, const struct rule *b);

/* What the rule writes in front of each packet that it logs (core/audit_message.h); returns out. */
const char *rule_log_prefix(const struct rule *r, char out[SHAPE_NAME_MAX]);

/* How many bytes of each packet the rule logs. */
uint32_t rule_snaplen(const struct rule *r);

/* Adds the rule's expressions to `out`.  0, or -1 with errno ENOMEM. */
int rule_build(const struct rule *r, struct nftnl_rule *out);

/* Appends the rule as nft prints it, without indentation or newline.  0, or -1 with errno ENOMEM. */
int rule_print(const struct rule *r, struct buffer *out);

/* Appends the expressions of a rule that was built or read from the kernel as text, ended by a newline.  Rules that do
 * the same have the same text.  0, or -1 with errno ENOMEM. */
int rule_text(const struct nftnl_rule *rule, struct buffer *out);

#endif
