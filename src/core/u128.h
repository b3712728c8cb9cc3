/* 128-bit unsigned numbers, for IPv6 addresses that are compared and counted. */
#ifndef HALLOWD_CORE_U128_H
#define HALLOWD_CORE_U128_H

#include <stdint.h>

struct u128 {
	uint64_t hi, lo;
};

/* Network byte order, as in struct address. */
struct u128 u128_from_bytes(const uint8_t bytes[16]);
void u128_to_bytes(struct u128 v, uint8_t bytes[16]);

int u128_compare(struct u128 a, struct u128 b); /* <0, 0, >0 */
struct u128 u128_min(struct u128 a, struct u128 b);

/* One more and one less; both wrap around. */
struct u128 u128_next(struct u128 v);
struct u128 u128_previous(struct u128 v);

struct u128 u128_subtract(struct u128 a, struct u128 b); /* a - b; wraps around */

/* The number whose `bits` lowest bits are set (0..128). */
struct u128 u128_low_ones(unsigned bits);

/* How many bits at the low end are 0: 128 for zero. */
unsigned u128_trailing_zeros(struct u128 v);

/* How many bits the number takes: 0 for zero, 128 for the greatest. */
unsigned u128_width(struct u128 v);

#endif
