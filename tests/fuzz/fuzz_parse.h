/* What is tried with every input that a fuzzer makes up for hallowd-parse. */
#ifndef HALLOWD_TESTS_FUZZ_PARSE_H
#define HALLOWD_TESTS_FUZZ_PARSE_H

#include <stddef.h>
#include <stdint.h>

#include "core/parse_message.h"

/* libFuzzer's entry point, one for each target. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Parses the bytes and aborts unless the result is one that hallowd can rely on.  Always 0. */
int fuzz_parse(enum list_format format, const char *select, const uint8_t *data, size_t size);

#endif
