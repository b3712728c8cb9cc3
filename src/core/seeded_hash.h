/* Where a table in memory puts an address, a port, a number: for keys that a stranger may choose, so that with a random seed
 * nobody can choose them to fall into one place.  No cryptographic hash. */
#ifndef HALLOWD_CORE_SEEDED_HASH_H
#define HALLOWD_CORE_SEEDED_HASH_H

#include <stdint.h>

#include "core/address.h"

uint64_t seeded_hash_seed(void); /* random; never 0 */

/* `h` with one more value in it; the first is the seed. */
uint64_t seeded_hash_add(uint64_t h, uint64_t value);
uint64_t seeded_hash_address(uint64_t h, const struct address *a);

#endif
