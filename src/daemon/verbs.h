/* The verbs of the control socket and of --once, each in the file of its subject; verbs.c has the table, and verb_run
 * (request.h), which looks at the options, at how many words there are, and at who may ask. */
#ifndef HALLOWD_DAEMON_VERBS_H
#define HALLOWD_DAEMON_VERBS_H

#include "daemon/lists.h"
#include "daemon/operation.h"
#include "daemon/request.h"

/* Each answers the request, which frees it, at once or later. */
typedef void verb_function(struct request *r);

/* verbs_look.c: what changes nothing */
verb_function verb_status, verb_lists, verb_explain, verb_explain_all, verb_plan;

/* verbs_list.c */
verb_function verb_refresh, verb_approve, verb_reject, verb_rollback, verb_unpin;

/* verbs_policy.c */
verb_function verb_reload, verb_confirm, verb_teardown;

/* verbs_grant.c */
verb_function verb_grant, verb_revoke, verb_grants;

/* verbs_log.c */
verb_function verb_sync, verb_checkpoint, verb_rotate_key;

/* The named list; NULL where there is none: then the request is answered. */
struct list_state *verb_named_list(struct request *r, const char *name);

/* Whether each word behind the verb is a list that has origins to ask; false: the request is answered. */
bool verb_lists_have_origins(struct request *r);

/* Runs `run` with the request as one operation; where memory lacks, the request is answered. */
void verb_submit(struct request *r, operation_run *run);

#endif
