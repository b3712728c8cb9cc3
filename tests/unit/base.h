/* What the parts of test_base share. */
#ifndef HALLOWD_TESTS_UNIT_BASE_H
#define HALLOWD_TESTS_UNIT_BASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

int run_text_tests(void);    /* errors, buffers, log, control lines */
int run_file_tests(void);
int run_message_tests(void); /* framing and fields */
int run_codec_tests(void);   /* each struct that travels */
int run_sandbox_tests(void); /* capabilities, landlock, limits */
int run_calls_tests(void);   /* the lists of system calls */
int run_paths_tests(void);
int run_keep_tests(void);

/* Test programs that this one becomes by exec: `test_base NAME`. */
int print_paths(void);
int after_exec(void);

/* Runs `body` in a child of its own and returns its exit status, or -1 where a signal ended it. */
int in_child(int (*body)(void *), void *ctx);

/* Skips the test unless this is root with the capabilities that hallowd needs. */
void need_root(void);

/* Becomes what systemd makes of hallowd: a user of its own, CAP_NET_ADMIN in the ambient set.  0, or -1. */
#define SERVICE_UID 65533
int become_service(void);

/* For a `body`: says what was not so, and fails. */
#define CHILD_CHECK(condition) \
	do { \
		if (!(condition)) { \
			dprintf(2, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			return 1; \
		} \
	} while (0)

/* A new folder that all may search, and its removal with everything below.  `path` holds 64 bytes. */
void make_folder(char *path);
void remove_folder(const char *path);

/* --- faults.  The linker puts these in the place of the C library's (--wrap). --- */

/* The n-th allocation from now on fails (0: the next one), and those behind it; -1: none. */
void fail_allocation(long n);
/* How many allocations of the tested code are there now. */
long allocations(void);
/* The n-th fsync from now on fails with EIO; -1: none. */
void fail_fsync(long n);

#endif
