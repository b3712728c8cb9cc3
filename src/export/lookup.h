/* What rows refer to by number: decisions and targets.  Looked up once and kept in a table of a fixed size, so that
 * memory does not grow where an endpoint is a large network of many ports. */
#ifndef HALLOWD_EXPORT_LOOKUP_H
#define HALLOWD_EXPORT_LOOKUP_H

#include "export/export.h"

struct decision {
	int64_t id;
	char *endpoint, *reason, *list, *revision;
	bool allowed, one_revision, seen_only;
};

struct target {
	int64_t id;
	struct address address;
	char text[ADDRESS_TEXT_MAX];
	int port, protocol; /* port: EXPORT_UNKNOWN where it is not known */
	char protocol_text[12];
};

struct lookup;

/* 0 with *lookup (lookup_free), or -1. */
int lookup_open(struct lookup **lookup, sqlite3 *db, struct error *err);
void lookup_free(struct lookup *lookup);

/* NULL with *err.  Good until the next call of the same function. */
const struct decision *lookup_decision(struct lookup *lookup, int64_t id, struct error *err);
const struct target *lookup_target(struct lookup *lookup, int64_t id, struct error *err);

#endif
