/* Presets: published lists of others, of which hallowd knows the address and the form.  rules/presets/NAME.yaml:
 *
 *   url: URL            required; one address, so that an answer is whole or is none
 *   format: FORMAT      required
 *   select: TEXT        as in an origin
 *   guard: {min_prefix4: N, min_prefix6: N}   where the publisher's prefixes are wider than the guards' defaults
 *
 * with '# source:', '# date:' and '# note:' lines in front, as in a built-in list. */
#ifndef HALLOWD_CONFIG_PRESET_H
#define HALLOWD_CONFIG_PRESET_H

#include "config/reader.h"

/* Reads the preset that o->preset names, and fills in what `origin`, the node of o, leaves out.  What is wrong with the
 * file is complained about at `at`. */
void preset_apply(struct reader *r, struct place at, const struct node *origin, struct origin_config *o);

#endif
