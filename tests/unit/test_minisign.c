/* Signatures that the real minisign 0.11 made (minisign -S -W, and -S -l for the legacy form), and each of their bytes
 * changed. */
#include "parse_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parse/minisign.h"

#define LIST "192.0.2.0/24\n"
#define KEY "RWT+dxD8TrO76Ypt6Mrgl+eculhsZ8IoGH1KzMqByeuO2pjsK2b16Ki8"
#define OTHER_KEY "RWSCCLcvfVWRP4m7KhEQ7Ekj81xrE3NLSueSAU/y8KoNty/X6//dz2wT"
#define UNTRUSTED "untrusted comment: signature from minisign secret key\n"
#define PART "RUT+dxD8TrO76XP9hzCZCX9oOtwQX26IVN5K7SWjGBfEs7Z6hW31yZN7jmv9prp2d2sNotjdaDNlorEUt5bp322/vPClnqIr4Ak=\n"
#define TRUSTED "trusted comment: of 2026-11-24\n"
#define GLOBAL "o4F5pCoy7k91w1SCYkXGX2ex/wKkUWte7Or/eowlX5T/vibU2/Gnxb+zLGo2E/NGEG+rppI30W13FqGSp8O3Bg==\n"
#define LEGACY_PART "RWT+dxD8TrO76U2xH0fKlvq63TQ2BgAS4miEwZ0CYfxhVYA1TYx97QUZY73aHa4pKadW5u74eWQBaaqGlb0yhW0JJIebLUMKnwQ=\n"
#define LEGACY_GLOBAL "pRh6FZWBb1uMpiR2XEjI+R40NodGm9AFvuYgb9zaUTMX7RuHMOGvQM1jh7e4BYda5FK+Jy1VU9jaSoc+Q37DDQ==\n"

#define HASHED UNTRUSTED PART TRUSTED GLOBAL
#define LEGACY UNTRUSTED LEGACY_PART TRUSTED LEGACY_GLOBAL

static void good(void **state)
{
	static const struct {
		const char *keys, *signature;
	} cases[] = {
		{ KEY, HASHED },
		{ KEY, LEGACY },
		{ OTHER_KEY " " KEY, HASHED },
		{ KEY " " OTHER_KEY, HASHED },
		/* Nobody has signed the first comment. */
		{ KEY, "untrusted comment: whatever\n" PART TRUSTED GLOBAL },
		{ KEY, "untrusted comment: x\r\n" "RUT+dxD8TrO76XP9hzCZCX9oOtwQX26IVN5K7SWjGBfEs7Z6hW31yZN7jmv9prp2d2sNotjd"
		       "aDNlorEUt5bp322/vPClnqIr4Ak=\r\ntrusted comment: of 2026-11-24\r\n" GLOBAL },
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (minisign_verify(cases[i].keys, cases[i].signature, LIST, strlen(LIST), &err) != 0)
			fail_msg("%zu: %s", i, err.text);
}

static void bad(void **state)
{
	static const struct {
		const char *keys, *signature, *list, *error;
	} cases[] = {
		{ KEY, "", LIST, "has a signature that is none of minisign's*" },
		{ KEY, "<html><title>404</title>\n", LIST, "has a signature that is none of minisign's*" },
		{ KEY, UNTRUSTED, LIST, "has a signature that is damaged in line 2" },
		{ KEY, UNTRUSTED PART, LIST, "has a signature without a trusted comment in line 3" },
		{ KEY, UNTRUSTED PART GLOBAL, LIST, "has a signature without a trusted comment in line 3" },
		{ KEY, UNTRUSTED PART TRUSTED, LIST, "has a signature that is damaged in line 4" },
		{ KEY, UNTRUSTED GLOBAL TRUSTED GLOBAL, LIST, "has a signature that is damaged in line 2" },
		{ KEY, HASHED "x\n", LIST, "has a signature with more than four lines" },
		{ OTHER_KEY, HASHED, LIST, "is signed by key E9BBB34EFC1077FE, which is none of signed_by" },
		{ "RWxx", HASHED, LIST, "cannot be verified: 'RWxx' in signed_by is no minisign public key" },
		{ KEY, HASHED, "192.0.3.0/24\n", "is not what key E9BBB34EFC1077FE has signed*" },
		{ KEY, HASHED, "192.0.2.0/24", "is not what key E9BBB34EFC1077FE has signed*" },
		{ KEY, HASHED, "", "is not what key E9BBB34EFC1077FE has signed*" },
		{ KEY, LEGACY, "192.0.2.0/24", "is not what key E9BBB34EFC1077FE has signed*" },
		/* The parts of two signatures, each good. */
		{ KEY, UNTRUSTED PART TRUSTED LEGACY_GLOBAL, LIST, "has a signature of which the trusted comment*" },
		{ KEY, UNTRUSTED PART "trusted comment: of 2026-11-25\n" GLOBAL, LIST,
		  "has a signature of which the trusted comment was changed" },
		{ KEY, UNTRUSTED PART "trusted comment: \n" GLOBAL, LIST,
		  "has a signature of which the trusted comment was changed" },
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strcspn(cases[i].error, "*");

		assert_int_equal(minisign_verify(cases[i].keys, cases[i].signature, cases[i].list, strlen(cases[i].list),
		                                 &err), -1);
		if (strncmp(err.text, cases[i].error, len) != 0)
			assert_string_equal(err.text, cases[i].error);
	}
}

/* Whatever byte is changed behind the untrusted comment, of either form, it verifies no more. */
static void every_byte(void **state)
{
	static const char *const signatures[] = { HASHED, LEGACY };
	struct error err;

	(void)state;
	for (size_t s = 0; s < 2; s++) {
		char *copy = strdup(signatures[s]);

		assert_non_null(copy);
		/* The last newline may be any end of a line. */
		for (size_t i = strlen(UNTRUSTED); i + 1 < strlen(copy); i++) {
			copy[i] ^= 1;
			if (minisign_verify(KEY, copy, LIST, strlen(LIST), &err) == 0)
				fail_msg("form %zu verifies with byte %zu changed", s, i);
			copy[i] ^= 1;
		}
		assert_int_equal(minisign_verify(KEY, copy, LIST, strlen(LIST), &err), 0);
		free(copy);
	}
}

int test_minisign(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
		cmocka_unit_test(every_byte),
	};

	return cmocka_run_group_tests_name("minisign", tests, NULL, NULL);
}
