/* What the files of test_integrity share. */
#ifndef HALLOWD_TESTS_UNIT_TEST_INTEGRITY_H
#define HALLOWD_TESTS_UNIT_TEST_INTEGRITY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One group each; how many of its tests failed. */
int test_merkle(void);
int test_note(void);

#endif
