/* What the files of test_daemon share. */
#ifndef HALLOWD_TESTS_UNIT_TEST_DAEMON_H
#define HALLOWD_TESTS_UNIT_TEST_DAEMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"
#include "core/prefix_set.h"
#include "daemon/lists.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int test_channel(void);
int test_impact(void);
int test_judge(void);
int test_decide(void);
int test_lists(void);
int test_name_answer(void);
int test_loop(void);
int test_secret(void);
int test_spool(void);

/* "192.0.2.1 2001:db8::/32" as a normalized set. */
struct prefix_set set_of(const char *text);

/* A folder below /tmp; removed with all in it by remove_folder. */
int make_folder(char path[64]);
void remove_folder(const char *path);

/* One published list `humanitec` with two origins, docs and provider, that must both agree; the guards' defaults. */
struct config *two_origins(void);

#endif
