/* The parts of test_record. */
#ifndef HALLOWD_TESTS_UNIT_TEST_RECORD_H
#define HALLOWD_TESTS_UNIT_TEST_RECORD_H

#include "record_input.h"

#define IN_RIG(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int run_packet_tests(void);
int run_tally_tests(void);
int run_recorder_tests(void);
int run_coverage_tests(void);
int run_blocks_tests(void);
int run_migration_tests(void);
int run_endings_tests(void);
int run_change_tests(void);
int run_fault_tests(void);
int run_evidence_tests(void);

#endif
