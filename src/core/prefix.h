/* An address prefix (CIDR), and what may stand in a list for one. */
#ifndef HALLOWD_CORE_PREFIX_H
#define HALLOWD_CORE_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"

#define PREFIX_TEXT_MAX 50 /* "address/128" with its NUL */

struct prefix {
	struct address addr; /* no bit set behind `length` */
	uint8_t length;      /* 0..32 or 0..128 */
};

/* A run of addresses of one family, first to last, both included. */
struct range {
	struct address first;
	struct address last;
};

enum prefix_parse {
	PREFIX_OK,
	PREFIX_HOST_BITS,     /* well formed, but bits were set behind the length; they are cleared in the result */
	PREFIX_MAPPED,        /* IPv4-mapped IPv6 (::ffff:0:0/96): the IPv4 prefix, when it is /96 or longer */
	PREFIX_BAD_ADDRESS,   /* no address in front of the slash (leading zeros and octal forms included) */
	PREFIX_BAD_LENGTH,    /* the length is no number, has a leading zero or a sign, or is too long for the family */
	PREFIX_SCOPED,        /* an address with a scope id ("fe80::1%eth0") is no prefix */
	PREFIX_BAD_RANGE      /* "a-b" with b before a, or of two families */
};

/* Parses "ADDRESS", "ADDRESS/LENGTH"; white space around it is not accepted.
 * Returns PREFIX_OK, PREFIX_HOST_BITS or PREFIX_MAPPED with *p filled in; anything else leaves *p alone.
 * A mapped prefix whose host bits were set is PREFIX_HOST_BITS, and turned into the IPv4 prefix all the same. */
enum prefix_parse prefix_parse(struct prefix *p, const char *text, size_t len);

/* Parses what one row of a list may hold: a prefix as above, or a range "FIRST-LAST" (spaces around '-' allowed).
 * Both ends of a range have to be written in one family; it is PREFIX_MAPPED where both are mapped.
 * Results as above; *r is left alone where it is none of the first three. */
enum prefix_parse range_parse(struct range *r, const char *text, size_t len);

/* What to tell a person of a result that is not OK, e.g. "host bits are set behind the prefix length". */
const char *prefix_parse_text(enum prefix_parse result);

/* Writes "ADDRESS/LENGTH", always with the length, and returns out. */
const char *prefix_format(const struct prefix *p, char out[PREFIX_TEXT_MAX]);

/* First and last address of the prefix. */
void prefix_range(const struct prefix *p, struct range *r);

/* False for an address of the other family. */
bool prefix_contains(const struct prefix *p, const struct address *a);

/* IPv4 before IPv6, then by address, then the shorter length first. */
int prefix_compare(const struct prefix *a, const struct prefix *b);

#endif
