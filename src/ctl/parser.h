/* A file of a person's, read by hallowd-parse as an origin's answer is. */
#ifndef HALLOWD_CTL_PARSER_H
#define HALLOWD_CTL_PARSER_H

#include "core/error.h"
#include "core/parse_message.h"

/* 0 with *r (parse_result_free; r->ok says whether it is a list), or -1 with *err. */
int parser_ask(const char *file, const struct parse_request *q, struct parse_result *r, struct error *err);

#endif
