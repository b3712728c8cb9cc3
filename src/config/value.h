/* One value of the configuration: text with a type.  Each function returns true with the result filled in, or complains
 * and returns false; a node that was refused already gets no second complaint. */
#ifndef HALLOWD_CONFIG_VALUE_H
#define HALLOWD_CONFIG_VALUE_H

#include "config/reader.h"

/* A word with a meaning; an array of them ends with a NULL word. */
struct choice {
	const char *word;
	unsigned value;
};

/* Any scalar that is not empty; `expected` is what a complaint says was expected: "a duration such as 6h". */
bool value_scalar(struct reader *r, const struct node *n, const char *expected, const char **text);

/* One line of text; the newline that ends a YAML block is dropped.  *text is owned by the caller; NULL where memory
 * lacks. */
bool value_text(struct reader *r, const struct node *n, char **text);

bool value_name(struct reader *r, const struct node *n, const char **name);   /* name_valid() */
bool value_path(struct reader *r, const struct node *n, const char **path);   /* absolute, without ".." */
bool value_truth(struct reader *r, const struct node *n, bool *truth);        /* true or false, not in quotes */

/* From `min` to `max`, both included: a whole number; seconds of "90s", "10m", "6h", "3d"; bytes of "8M" and the like. */
bool value_number(struct reader *r, const struct node *n, uint64_t min, uint64_t max, uint64_t *number);
bool value_duration(struct reader *r, const struct node *n, uint64_t min, uint64_t max, int64_t *seconds);
bool value_size(struct reader *r, const struct node *n, uint64_t min, uint64_t max, uint64_t *bytes);

/* A number, or a share of at most `max_percent`, with up to three decimals. */
bool value_amount(struct reader *r, const struct node *n, uint64_t max_percent, struct amount *amount);


/* One of the words of `choices`: *value is its meaning. */
bool value_choice(struct reader *r, const struct node *n, const struct choice *choices, unsigned *value);

/* A secret by reference: {file: PATH}, {environment: NAME} or {credential: NAME}.  Never shows what stands there.
 * *reference (may be NULL) is replaced. */
bool value_reference(struct reader *r, const struct node *n, struct secret_reference *reference);

/* An http or https URL without user name and password.  Never shows it. */
bool value_url(struct reader *r, const struct node *n, const char **url);

/* A host without a port: an IP address (IPv6 in brackets where `brackets`, without them otherwise) or a host name as
 * RFC 1123 has it. */
bool host_valid(const char *host, size_t len, bool brackets);

/* Decimal digits without sign or leading zero, at most `max`. */
bool digits_parse(const char *text, size_t len, uint64_t max, uint64_t *number);

/* An address or prefix, without host bits. */
bool value_prefix(struct reader *r, const struct node *n, struct prefix *p);

/* A port, a range "8000-8010", or a sequence of them; *ports (owned by the caller) is sorted and disjoint. */
bool value_ports(struct reader *r, const struct node *n, struct port_range **ports, size_t *count);

/* Walks a value that may be one item or a sequence of them: calls `take` for each.  An empty sequence is complained
 * about: `expected` is what should have been there. */
bool value_each(struct reader *r, const struct node *n, const char *expected,
                void (*take)(struct reader *r, const struct node *item, void *ctx), void *ctx);

#endif
