/* Plain scalars of YAML by the core schema (YAML 1.2.2, 10.3.2). */
#ifndef HALLOWD_PARSE_YAML_SCALAR_H
#define HALLOWD_PARSE_YAML_SCALAR_H

#include <stddef.h>

#include <jv.h>

/* null, true or false, a number, or else a string.  `text` is NUL-terminated at `len`. */
jv yaml_scalar_resolve(const char *text, size_t len);

#endif
