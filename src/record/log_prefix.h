/* The log prefixes that were met, each as a small number.  They name decisions, see core/audit_message.h. */
#ifndef HALLOWD_RECORD_LOG_PREFIX_H
#define HALLOWD_RECORD_LOG_PREFIX_H

#include <stddef.h>
#include <stdint.h>

#define LOG_PREFIX_NONE UINT16_MAX

enum log_kind { LOG_KIND_ALLOW, LOG_KIND_OBSERVE, LOG_KIND_DENY, LOG_KIND_GRANT, LOG_KIND_EGRESS, LOG_KIND_UNRECORDED };

struct log_prefix {
	enum log_kind kind;
	char *endpoint;  /* owned */
	char *list;      /* owned; LOG_KIND_GRANT: the grant's number; "" unless it is that or LOG_KIND_ALLOW */
	char *text;      /* owned: as it came */
	size_t text_len;
};

struct log_prefixes {
	struct log_prefix *all; /* in the order in which they were met */
	size_t count, cap;
	uint16_t *slots;        /* open addressing: index + 1, or 0; a power of two of them */
	size_t slot_count;
};

void log_prefixes_free(struct log_prefixes *p); /* makes it empty; a zeroed struct is empty */

/* The number of this prefix.  LOG_PREFIX_NONE where it is not hallowd's, or not well formed; with errno ENOMEM where
 * there is no memory for a new one, or the table is full. */
uint16_t log_prefix_number(struct log_prefixes *p, const char *text, size_t len);

#endif
