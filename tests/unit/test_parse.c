#include "parse_cases.h"

int main(void)
{
	return test_text() + test_json() + test_yaml() + test_csv() + test_html() + test_xml() + test_guess() +
	       test_minisign();
}
