/* Any bytes as a minisign signature: it verifies only where it is one that was really made (tests/unit/test_minisign.c),
 * whatever the untrusted comment and the ends of lines are. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parse/clean.h"
#include "parse/minisign.h"

#define LIST "192.0.2.0/24\n"
#define KEY "RWT+dxD8TrO76Ypt6Mrgl+eculhsZ8IoGH1KzMqByeuO2pjsK2b16Ki8"
#define HASHED "RUT+dxD8TrO76XP9hzCZCX9oOtwQX26IVN5K7SWjGBfEs7Z6hW31yZN7jmv9prp2d2sNotjdaDNlorEUt5bp322/vPClnqIr4Ak="
#define LEGACY "RWT+dxD8TrO76U2xH0fKlvq63TQ2BgAS4miEwZ0CYfxhVYA1TYx97QUZY73aHa4pKadW5u74eWQBaaqGlb0yhW0JJIebLUMKnwQ="

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	char clean[sizeof(((struct error *)0)->text)];
	struct error err;

	if (text == NULL)
		abort();
	if (minisign_verify(KEY, text, LIST, strlen(LIST), &err) == 0) {
		if (strstr(text, HASHED) == NULL && strstr(text, LEGACY) == NULL)
			abort();
		if (strstr(text, "trusted comment: of 2026-11-24") == NULL)
			abort();
	} else if (strcmp(clean_text(clean, sizeof(clean), err.text, strlen(err.text)), err.text) != 0) {
		abort();
	}
	free(text);
	return 0;
}
