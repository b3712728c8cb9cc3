/* The section `grants`: how much a person may let in for a time. */
#include "config/sections.h"
#include "config/value.h"

#define HOUR 3600
#define DAY (24 * HOUR)

static const struct field grants_fields[] = {
	{ KEY("max_duration", take_duration), FIELD(struct grants_config, max_duration), .min = 1, .max = 31 * DAY },
	{ KEY("max_active", take_number), FIELD(struct grants_config, max_active), .max = 1024 },
	{ KEY("min_prefix4", take_number), FIELD(struct grants_config, min_prefix4), .min = 8, .max = 32 },
	{ KEY("min_prefix6", take_number), FIELD(struct grants_config, min_prefix6), .min = 16, .max = 128 },
};

SHAPE(grants_shape, "grants", grants_fields);

void grants_defaults(struct grants_config *g)
{
	*g = (struct grants_config){ .max_duration = 8 * HOUR, .max_active = 32, .min_prefix4 = 32, .min_prefix6 = 128 };
}

void take_grants(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct config *c = into;

	(void)f;
	take_mapping(r, &grants_shape, value->at, value, &c->grants);
}
