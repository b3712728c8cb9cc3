/* What the files of model_want share. */
#ifndef HALLOWD_KERNEL_WANT_H
#define HALLOWD_KERNEL_WANT_H

#include "kernel/model.h"

/* Room for so many rules; NULL with errno ENOMEM. */
struct rule *want_rules(struct model_chain *chain, size_t most);
void want_rule(struct model_chain *chain, enum rule_kind kind, const struct rule *parameters);

/* Which parameters belong to which kind, so that equal rules compare equal. */
extern const struct rule want_no_parameters;

/* Where the connections go that a list (RULE_ALLOW) or a grant (RULE_GRANT) lets in: chain `name`. */
int want_allow_chain(struct model *m, const char *name, enum rule_kind kind, const struct rule *allow);
void want_observing(struct model_chain *chain, const struct rule *r);
void want_denial(struct model_chain *chain, const struct rule *r, const struct policy_limits *limits);
int want_counters(struct model *m, const char *endpoint);

/* Two sets, IPv4 and IPv6, of what is in `ranges`; its arrays become the model's, and it is empty then, also on failure. */
int want_ranges(struct model *m, const char *const names[2], struct prefix_set *ranges);

/* Two dynamic sets, IPv4 and IPv6. */
int want_dynamic_sets(struct model *m, const char *const names[2], uint32_t size);

/* Two maps that lead from where these endpoints are to their chains; `indexes` NULL: all of the policy's. */
int want_maps(struct model *m, const struct policy *p, const size_t *indexes, size_t count, const char *const names[2]);

/* The base chain, and all that leads from it to the endpoints' chains (want_dispatch.c). */
int want_dispatch(struct model *m, const struct policy *p);

/* Everything that agents need, where there are any (want_agents.c). */
int want_agents(struct model *m, const struct policy *p);

#endif
