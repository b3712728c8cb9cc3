/* Presets of endpoints: external secret stores that the orchestrator's Operator works with.  rules/endpoints/NAME.yaml:
 *   kind: secret-store
 *   port: 443            # as in an endpoint
 *   names: [HOST, ...]   # under which clients look for it, for people
 * The addresses are the reader's own: of the store, or of the private link to it. */
#ifndef HALLOWD_CONFIG_ENDPOINT_PRESET_H
#define HALLOWD_CONFIG_ENDPOINT_PRESET_H

#include "config/reader.h"

/* Fills in what `endpoint`, the node of e, leaves to its `preset`; nothing where it has none. */
void endpoint_preset_apply(struct reader *r, const struct node *endpoint, struct policy_endpoint *e);

#endif
