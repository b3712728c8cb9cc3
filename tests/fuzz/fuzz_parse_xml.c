#include "fuzz_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_parse(FORMAT_XML, "//net | //@cidr", data, size);
}
