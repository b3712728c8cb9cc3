/* What libyaml says of a text that is no YAML, in the words of this configuration. */
#ifndef HALLOWD_CONFIG_YAML_ERROR_H
#define HALLOWD_CONFIG_YAML_ERROR_H

#include <stddef.h>
#include <yaml.h>

#include "config/complaint.h"

/* Complains about the error that the parser stopped at.  `text` is what it was given.  0, or -1 where the error is
 * a lack of memory. */
int yaml_error_complain(const yaml_parser_t *parser, const char *text, size_t len, struct complaints *complaints);

#endif
