#include "test_report.h"

int main(void)
{
	int failed = test_plain();

	failed += test_table();
	failed += test_model();
	failed += test_render();
	failed += test_checks();
	return failed != 0;
}
