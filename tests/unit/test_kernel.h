/* What the tests of src/kernel share: a network namespace of their own, policies from a few lines, and comparisons. */
#ifndef HALLOWD_TEST_KERNEL_H
#define HALLOWD_TEST_KERNEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>

#include "kernel/kernel.h"

/* Ends the program with status 77 and a reason where network namespaces cannot be had. */
void lab_need(void);

/* Moves the process to a new network namespace where loopback is up: the setup of each test, so that none finds what
 * another left. */
int lab_new(void **state);

/* Runs a command line in the current namespace; its status, as system(3) gives it.  Its output goes nowhere. */
int lab_run(const char *command);

/* What a command line prints, valid until the next call.  Fails the test where the command fails. */
const char *lab_output(const char *command);

/* This program, as the kernel calls it. */
const char *lab_own_name(void);

/* Whether `nft` is there to compare with. */
bool lab_has_nft(void);

/* A policy from lines:
 *   list NAME PREFIX-OR-RANGE...
 *   endpoint NAME PROTOCOL PORTS ADDRESSES LISTS [observe] [reject]     (commas between several; "-" for no list)
 *   agent NAME ADDRESSES TUNNEL PORT REACH [resolvers ADDRESSES] [observe] [reject]    (behind the endpoints of REACH,
 *       which then allow "@NAME"; "-" for none)
 *   limits GROUP RATE SIZE
 * Without a line of limits: group 5, 1000 packets a second, 1024 keys. */
struct policy make_policy(const char *lines);

/* A kernel on a new socket. */
struct kernel *open_kernel(void);

/* Applies or plans, and fails the test where that fails. */
void must_apply(struct kernel *k, const struct policy *p, struct kernel_change *c);
void must_plan(struct kernel *k, const struct policy *p, struct kernel_change *c);

/* Applies and throws away what it came to. */
void apply_lines(struct kernel *k, const char *lines);

/* Fails unless the kernel has just the policy: by what `k` remembers, by what it reads anew, and by what another socket
 * reads. */
void assert_in_force(struct kernel *k, const struct policy *p);

/* The names with commas between them, or the list's prefixes; valid until the next call. */
const char *names_text(char *const *names, size_t count);
const char *set_text(const struct prefix_set *s);

/* Each file's tests: how many failed. */
int run_apply_tests(void);
int run_owner_tests(void);
int run_packet_tests(void);
int run_agent_tests(void);
int run_random_tests(void);
int run_fault_tests(void);

/* alloc_fault.c: so many allocations succeed, and those behind them fail; SIZE_MAX for none. */
void fail_allocations_after(size_t good);

#endif
