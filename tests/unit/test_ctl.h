/* The groups of tests of src/ctl. */
#ifndef HALLOWD_TESTS_TEST_CTL_H
#define HALLOWD_TESTS_TEST_CTL_H

int test_disagreement(void);
int test_log_query(void);

#endif
