/* The lists of system calls, one for each program: how to read and how to change them is in sandbox_table.c. */
#ifndef HALLOWD_CORE_SANDBOX_TABLE_H
#define HALLOWD_CORE_SANDBOX_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sandbox_condition {
	ALWAYS,
	WHEN_EQUAL, /* argument & mask == value */
	WHEN_SELF,  /* argument == the process's own id */
};

struct sandbox_call {
	const char *name; /* as in syscalls(2); one that this machine or this libseccomp does not know is passed by */
	int refused_with; /* an errno: fails quietly; 0: allowed */
	enum sandbox_condition condition;
	unsigned argument;
	uint64_t mask, value;
};

struct sandbox_group {
	const struct sandbox_call *calls;
	size_t count;
};

#define SANDBOX_GROUPS_MAX 12

struct sandbox_program {
	const char *name;
	bool goes_on; /* a refused call fails with EPERM in place of ending the process */
	const struct sandbox_group *groups[SANDBOX_GROUPS_MAX]; /* up to the first NULL */
};

/* NULL for a program that has no list. */
const struct sandbox_program *sandbox_table_find(const char *program);
const struct sandbox_program *sandbox_table(size_t *count);
const struct sandbox_group *sandbox_table_sanitizer(void); /* what a build with AddressSanitizer needs beside */

#endif
