/* The groups of tests of src/report. */
#ifndef HALLOWD_TESTS_TEST_REPORT_H
#define HALLOWD_TESTS_TEST_REPORT_H

int test_plain(void);
int test_table(void);
int test_model(void);
int test_render(void);
int test_checks(void);

#endif
