/* The section `audit`: how much is recorded, and for how long it is kept. */
#include <net/if.h>
#include <string.h>

#include "config/sections.h"
#include "config/value.h"

#define DAY (24 * 3600)

enum on_failure { FAILURE_CONTINUE, FAILURE_DENY };

static const struct choice failures[] = {
	{ "continue", FAILURE_CONTINUE }, { "deny", FAILURE_DENY }, { NULL, 0 }
};

static void take_on_failure(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct audit_config *a = into;
	unsigned choice;

	(void)f;
	if (value_choice(r, value, failures, &choice))
		a->deny_unrecorded = choice == FAILURE_DENY;
}

/* As the kernel names network interfaces (dev_valid_name). */
static void take_interface(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	char text[SHOWN_MAX];
	const char *name;

	(void)f;
	(void)into;
	if (!value_scalar(r, value, "the name of a network interface", &name))
		return;
	if (strlen(name) >= IFNAMSIZ || strpbrk(name, "/: \t\n") != NULL || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		complain(r->complaints, value->at, "%s cannot be the name of a network interface; expected such as "
		         "eth1", shown(name, text));
}

static const struct field observe_fields[] = {
	{ KEY("interface", take_interface), .required = true },
	{ KEY("filter", take_text) },
};

SHAPE(observe_shape, "an observed interface", observe_fields);

static void take_observed(struct reader *r, const struct node *n, void *ctx)
{
	(void)ctx;
	take_mapping(r, &observe_shape, n->at, n, NULL);
}

static void take_observe(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	(void)f;
	(void)into;
	value_each(r, value, "at least one interface", take_observed, NULL);
}

static const struct field evidence_fields[] = {
	{ KEY("packets", take_number), .min = 1, .max = 1000, .required = true },
	{ KEY("size", take_size), .min = 65536, .max = (uint64_t)1 << 40, .required = true },
};

SHAPE(evidence_shape, "the evidence", evidence_fields);

static const struct field audit_fields[] = {
	{ KEY("retention", take_duration), FIELD(struct audit_config, retention), .max = (uint64_t)36500 * DAY },
	{ KEY("max_size", take_size), FIELD(struct audit_config, max_size), .min = 16 << 20, .max = (uint64_t)1 << 50 },
	{ KEY("on_failure", take_on_failure) },
	{ KEY("denied_log_rate", take_number), FIELD(struct audit_config, denied_log_rate), .min = 1, .max = 1000000 },
	{ KEY("denied_set_size", take_number), FIELD(struct audit_config, denied_set_size), .min = 1, .max = 16777216 },
	{ KEY("nflog_group", take_number), FIELD(struct audit_config, nflog_group), .min = 1, .max = UINT16_MAX },
	{ KEY("signing_key", take_reference), FIELD(struct audit_config, signing_key) },
	{ KEY("previous_key", take_reference), FIELD(struct audit_config, previous_key) },
	{ KEY("observe", take_observe), .unsupported = true },
	{ KEY("evidence", take_nested), .shape = &evidence_shape, .unsupported = true },
};

SHAPE(audit_shape, "audit", audit_fields);

void audit_defaults(struct audit_config *a)
{
	a->retention = (int64_t)400 * DAY;
	a->denied_log_rate = 1000;
	a->denied_set_size = 65536;
	a->nflog_group = 4848;
}

void take_audit(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct config *c = into;

	(void)f;
	take_mapping(r, &audit_shape, value->at, value, &c->audit);
}
