/* What the files of test_config share. */
#ifndef HALLOWD_TESTS_UNIT_TEST_CONFIG_H
#define HALLOWD_TESTS_UNIT_TEST_CONFIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One group each; how many of its tests failed. */
int test_config_yaml(void);
int test_config_values(void);
int test_config_lists(void);
int test_config_endpoints(void);
int test_config_notify(void);
int test_config_agents(void);
int test_config_audit(void);
int test_config_robust(void);
int test_config_suggest(void);
int test_config_web(void);

/* A text with what is wrong in it: each error as "LINE:COLUMN|phrase|phrase...", in the order of the file.  The place
 * has to be just that one, each phrase has to be in the message, and there must be no other error. */
struct wrong {
	const char *text;
	const char *errors[8];
};

void assert_wrong(const struct wrong *w);
void assert_all_wrong(const struct wrong *table, size_t count);

/* The configuration that this text is; fails the test with the errors where it is none.  config_free. */
struct config *must_config(const char *text);

/* 0 with the configuration, or -1 with the errors in memory that the next call uses again. */
int parse_text(const char *text, size_t len, struct config **c, const char **errors);

/* The whole file, of the source tree; the caller frees it. */
char *read_source_file(const char *name, size_t *len);

/* Parts of a configuration that is right, for a table that needs them around what is wrong. */
#define V1 "version: 1\n"
#define OWN_LIST V1 "lists:\n  own: {entries: [10.0.0.0/8]}\n" /* three lines */

#endif
