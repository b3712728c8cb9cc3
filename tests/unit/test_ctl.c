#include "test_ctl.h"

int main(void)
{
	int failed = test_disagreement();

	failed += test_log_query();
	return failed != 0;
}
