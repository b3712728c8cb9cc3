/* `hallowctl plan`: what a reload or a refresh would come to, worked out with everything that they do but the doing. */
#ifndef HALLOWD_DAEMON_PLAN_H
#define HALLOWD_DAEMON_PLAN_H

#include "daemon/request.h"

/* Answers {changes, table_made, lists, endpoints {added, changed, removed}, details, refresh, warnings, cut}, at once or
 * when the origins have answered:
 *   details  endpoint_change.h
 *   refresh  of --refresh: what would become of each list, as `refresh` answers
 *   cut      impact.h: [{endpoints, sources, except}]; hallowctl, which may read the audit log, tells who of these came
 * With --nft {nft: text}: the ruleset that it would come to.
 *
 * As `reload` does, it asks the origins of lists of which nothing is known or whose configuration changed, where whoever
 * asks might reload; with --refresh, those of the lists that are named, or of all, for the configuration in force. */
void plan_run(struct request *r);

#endif
