/* hallowd-parse: turns the bytes of one origin into sorted, merged prefixes, without privileges, network or files. */
#ifndef HALLOWD_PARSE_PARSE_H
#define HALLOWD_PARSE_PARSE_H

#include <stddef.h>

#include "core/error.h"
#include "core/parse_message.h"

/* Judges `len` bytes.  Fills in *r (parse_result_free) but for `bytes` and `sha256`, which are about the whole input:
 * ok with at least one good row, its set normalized, or not ok with `error` (without memory for that, NULL). */
void parse_bytes(const struct parse_request *q, const char *data, size_t len, struct parse_result *r);

/* The program.  Gives up every privilege, takes one request from the socket, reads input_fd from its start to its end,
 * sends one result.  0, or -1 with *err where there was no request that it could answer.
 *
 * When `select` or a library uses up PARSE_CPU_SECONDS of processor time or PARSE_MEMORY bytes, the result says so.
 * A process that dies without a result (a crash, the hard limit one second later) has failed just as well. */
#define PARSE_MEMORY (UINT64_C(512) << 20)
#define PARSE_CPU_SECONDS 20
int parse_confine(struct error *err); /* the first half of parse_run: gives up what it may */
int parse_run(int socket_fd, int input_fd, struct error *err);

#endif
