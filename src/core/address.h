/* One IPv4 or IPv6 address. */
#ifndef HALLOWD_CORE_ADDRESS_H
#define HALLOWD_CORE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDRESS_TEXT_MAX 46 /* INET6_ADDRSTRLEN, with its NUL */

/* `bytes` is in network byte order; an IPv4 address uses the first four. */
struct address {
	sa_family_t family; /* AF_INET or AF_INET6 */
	uint8_t bytes[16];
};

/* Length in bytes of an address of `family`: 4 or 16. */
unsigned address_size(sa_family_t family);

/* Parses the whole string, RFC 4291 and dotted quad without leading zeros.  IPv4-mapped IPv6 stays IPv6 here.
 * 0, or -1 when it is no address. */
int address_parse(struct address *a, const char *text);

/* The same for `len` bytes, which need no NUL behind them and must not hold one. */
int address_parse_bytes(struct address *a, const char *text, size_t len);

/* Reads a dotted quad from the front of `len` bytes, and stops behind its last digit.
 * Returns how many bytes it took, with *value in host byte order, or 0 where no dotted quad stands there. */
size_t address_scan4(uint32_t *value, const char *text, size_t len);

/* An IPv4 address from its value in host byte order, and back (`a` must be IPv4). */
struct address address_from4(uint32_t value);
uint32_t address_to4(const struct address *a);

/* Writes the canonical text (RFC 5952) into out, and returns out. */
const char *address_format(const struct address *a, char out[ADDRESS_TEXT_MAX]);

/* <0, 0, >0; IPv4 sorts before IPv6. */
int address_compare(const struct address *a, const struct address *b);

#endif
