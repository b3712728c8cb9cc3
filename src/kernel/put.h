/* Messages that make and remove the parts of table inet hallowd, put into a batch.
 * Each function returns 0, or -1 with errno ENOMEM. */
#ifndef HALLOWD_KERNEL_PUT_H
#define HALLOWD_KERNEL_PUT_H

#include "kernel/batch.h"
#include "kernel/model.h"

int put_table(struct batch *b, const char *name, uint32_t flags); /* makes it, or gives it these flags */
int put_table_gone(struct batch *b, const char *name);

int put_chain(struct batch *b, const struct model_chain *chain); /* without rules */
int put_chain_empty(struct batch *b, const char *chain);         /* removes all rules of it */
int put_chain_gone(struct batch *b, const char *chain);
int put_rule(struct batch *b, const char *chain, const struct rule *rule);

int put_set(struct batch *b, const struct model_set *set); /* without elements */
int put_set_empty(struct batch *b, const char *set);       /* removes all elements of it */
int put_set_gone(struct batch *b, const char *set);

int put_object(struct batch *b, const struct model_object *object);
int put_object_gone(struct batch *b, const struct model_object *object);

/* Elements of one set, as many in a message as fit it.
 * A range, in all sets but those of hosts, is a pair: its start, and one past its end marked NFT_SET_ELEM_INTERVAL_END, which is left out where the
 * range reaches the top of the address space. */
struct put_elements {
	struct batch *b;
	uint16_t type;       /* NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM */
	const char *set;
	struct nlmsghdr *nlh; /* the open message, NULL for none */
	struct nlattr *nest;
	uint64_t timeout;     /* milliseconds that a range has; 0: no end */
	bool hosts;           /* the set is of single addresses, which have no end */
};

#define PUT_ELEMENTS(batch, type, set) { (batch), (type), (set), NULL, NULL, 0, set_is_hosts(set_kind(set)) }

int put_range4(struct put_elements *p, const struct range4 *r);
int put_range6(struct put_elements *p, const struct range6 *r);
int put_entry(struct put_elements *p, enum set_kind kind, const struct map_entry *entry);
void put_elements_end(struct put_elements *p); /* after the last; also where there was none */

#endif
