/* Secrets: looked up where the configuration says when they are needed, and forgotten right after. */
#ifndef HALLOWD_DAEMON_SECRET_H
#define HALLOWD_DAEMON_SECRET_H

#include "config/config.h"
#include "core/error.h"

#define SECRET_MAX (64 * 1024) /* bytes */

/* Looks it up now, whatever it was before:
 *   file         the whole regular file without its last newline
 *   environment  the variable of hallowd's own environment
 *   credential   the file of this name in $CREDENTIALS_DIRECTORY (systemd.exec(5), "Credentials"), as for `file`
 * 0 with *value, which secret_free ends; -1 with *err, which names the reference and nothing of the value: it is not
 * there, empty, longer than SECRET_MAX, or has a zero byte in it. */
int secret_resolve(const struct secret_reference *reference, char **value, struct error *err);

/* The same for a file that is no secret but goes along with one, such as a certificate.  At most `max` bytes. */
int secret_read_file(const char *path, size_t max, char **value, struct error *err);

/* Overwrites and frees; NULL is passed by. */
void secret_free(char *value);

#endif
