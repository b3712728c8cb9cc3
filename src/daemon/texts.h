/* A list of lines for a person: the reasons of a decision, the problems of a host. */
#ifndef HALLOWD_DAEMON_TEXTS_H
#define HALLOWD_DAEMON_TEXTS_H

#include <stdbool.h>
#include <stddef.h>

struct texts {
	char **items; /* owned */
	size_t count;
};

#define TEXTS_INIT { NULL, 0 }

/* 0, or -1 with errno ENOMEM. */
int texts_add(struct texts *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int texts_copy(struct texts *to, const struct texts *from); /* `to` is replaced */
bool texts_equal(const struct texts *a, const struct texts *b);
void texts_free(struct texts *t); /* and makes it empty */

#endif
