/* Asking hallowd: through its socket where it runs, else by running its program once. */
#ifndef HALLOWD_CTL_DAEMON_H
#define HALLOWD_CTL_DAEMON_H

#include <jansson.h>

#include "ctl/ctl.h"

struct answer {
	int exit;        /* of the contract */
	char *error;     /* NULL for none */
	json_t *result;  /* NULL for none */
};

/* Asks and waits.  0 with *a (answer_free); -1 where there was no answer.  The configuration is loaded already. */
int daemon_ask(struct ctl *ctl, const char *const *words, size_t count, struct answer *a, struct error *err);
void answer_free(struct answer *a);

/* Whether one runs.  The configuration is loaded already. */
bool daemon_runs(struct ctl *ctl);

/* Lets a running daemon write out all that happened so far.  Where none runs, there is nothing to do; where it does not
 * answer, a line on standard error says that the last moments may be missing. */
void daemon_sync(struct ctl *ctl);

/* Prints the result for people. */
typedef void answer_show(struct ctl *ctl, const json_t *result);

/* Prints the result: as JSON, or through `show`. */
void answer_present(struct ctl *ctl, const json_t *result, answer_show *show);

/* The whole of most verbs: loads the configuration, asks, prints the error that came back, and the result.  A result
 * that is not of `type` is an error.  Returns the exit code. */
int daemon_ask_and_show(struct ctl *ctl, const char *const *words, size_t count, json_type type, answer_show *show);

/* The same without showing: *result is NULL where there is none, else the caller's (json_decref). */
int daemon_ask_result(struct ctl *ctl, const char *const *words, size_t count, json_type type, json_t **result);

#endif
