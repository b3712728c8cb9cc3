/* What the files of test_core share. */
#ifndef HALLOWD_TESTS_UNIT_TEST_CORE_H
#define HALLOWD_TESTS_UNIT_TEST_CORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/prefix_set.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One group each; how many of its tests failed. */
int test_u128(void);
int test_address(void);
int test_prefix(void);
int test_prefix_set(void);
int test_prefix_model(void);
int test_special(void);
int test_policy(void);
int test_time_text(void);
int test_list_file(void);

/* Parses text that must be an address, a prefix, or prefixes and ranges with a space between them. */
struct address must_address(const char *text);
struct prefix must_prefix(const char *text);
struct prefix_set must_set(const char *text); /* normalized; the caller frees it */

/* The set's prefixes with a space between them, in memory that the next call uses again. */
const char *set_text(const struct prefix_set *s);

/* From now on the allocation after `good` more ones fails, and all behind it; SIZE_MAX: none fails.
 * Holds for what core and the tests allocate (malloc, calloc, realloc, reallocarray, strdup). */
void fail_allocations_after(size_t good);

#endif
