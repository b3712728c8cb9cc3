/* One verb that somebody asked for, through the control socket or with --once, and its answer: a line of JSON,
 * {"exit": code, "error": null or text, "result": value}. */
#ifndef HALLOWD_DAEMON_REQUEST_H
#define HALLOWD_DAEMON_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "daemon/daemon.h"
#include "daemon/session.h"

/* `line` ends in a newline and is lent. */
typedef void request_answered(void *ctx, const char *line, size_t len);

struct request {
	struct daemon *d;
	char **words; /* owned copies */
	size_t count;
	char user[64];   /* who asks, for the audit log */
	bool may_change; /* root or the daemon's own user */
	struct session session; /* of who asks; not known where --force was given */
	int64_t confirm; /* reload: seconds, 0 for good */
	bool plan_refresh, plan_nft; /* plan: of a refresh, not of a reload; as nft would list it */
	request_answered *answered;
	void *ctx;
};

/* Copies the words.  `uid` is whose request it is.  NULL with errno ENOMEM. */
struct request *request_new(struct daemon *d, char *const *words, size_t count, uid_t uid, request_answered *answered,
                            void *ctx);

/* Answers and frees.  `result` is taken over, and may be NULL. */
void request_answer(struct request *r, int exit_code, json_t *result);
void request_answer_and_warn(struct request *r, int exit_code, const char *warning, json_t *result);
void request_fail(struct request *r, int exit_code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Runs the verb; it is answered at once or later. */
void verb_run(struct request *r);

/* Whether the verb changes anything: then it needs the lock and the recorder. */
bool verb_changes(const char *name);

#endif
