/* publisher.py on loopback in its several shapes, and fetches from it by the real hallowd-fetch. */
#ifndef HALLOWD_TESTS_FETCH_LAB_H
#define HALLOWD_TESTS_FETCH_LAB_H

#include "child.h"
#include "core/fetch_message.h"

/* The body of most of its good answers. */
#define LIST "# a list\n192.0.2.0/24\n198.51.100.7\n2001:db8::/32\n"
#define MAX_BYTES 100000

/* HTTP on 127.0.0.1 and ::1; HTTPS on 127.0.0.1 with a good certificate, one for another name, one that is over;
 * and with a good one for clients that show theirs. */
enum server_name { PLAIN, PLAIN6, TLS, TLS_OTHER, TLS_EXPIRED, TLS_CLIENT, SERVERS };

struct fetch_lab {
	char folder[64];
	struct child process[SERVERS];
	unsigned port[SERVERS]; /* 0: this host cannot run it */
};

extern struct fetch_lab lab;
extern const char *const fetch_program[];

/* Set-up and tear-down of a group of tests. */
int start_lab(void **state);
int stop_lab(void **state);

void make_url(char *out, size_t size, enum server_name which, const char *path);

/* The CA file that trusts the server TLS. */
const char *good_ca(void);

/* What a request may have otherwise than usual; the strings may be NULL. */
struct wish {
	const char *ca_file, *etag, *last_modified;
	const char *proxy, *pinned_key, *certificate_file, *key_file, *token;
	const char *header, *header_value; /* one of them */
	uint32_t connect_ms, first_byte_ms, total_ms;
	uint64_t max_bytes;
};

void send_request(const struct child *c, const char *url, const struct wish *w);

struct fetched {
	struct fetch_result result;
	struct buffer body;
};

/* One run of hallowd-fetch, which must end well whatever it has to tell. */
void fetch(const char *url, const struct wish *w, struct fetched *f);
void forget(struct fetched *f);

/* Fetches, and fails unless the whole list came. */
void expect_list(enum server_name which, const char *path, const struct wish *w);

/* Fetches, and fails unless that failed as it should: `error` is the message, or its start where it ends in '*'. */
void expect_failure(enum server_name which, const char *path, const struct wish *w, const char *error);

char *copy(const char *text); /* strdup of it, or of "" */

#endif
