/* The section `audit`: how much is recorded, and for how long it is kept. */
#include <net/if.h>
#include <stdlib.h>
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
	struct observe_config *o = into;
	char text[SHOWN_MAX];
	const char *name;

	(void)f;
	if (!value_scalar(r, value, "the name of a network interface", &name))
		return;
	if (strlen(name) >= IFNAMSIZ || strpbrk(name, "/: \t\n") != NULL || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0) {
		complain(r->complaints, value->at, "%s cannot be the name of a network interface; expected such as "
		         "eth1", shown(name, text));
		return;
	}
	o->interface = strdup(name);
	if (o->interface == NULL)
		r->complaints->out_of_memory = true;
}

static const struct field observe_fields[] = {
	{ KEY("interface", take_interface), .required = true },
	{ KEY("filter", take_text), FIELD(struct observe_config, filter) },
};

SHAPE(observe_shape, "an observed interface", observe_fields);

static void free_observed(struct observe_config *o)
{
	free(o->interface);
	free(o->filter);
}

static bool is_observed(const struct audit_config *a, const char *interface)
{
	for (size_t i = 0; i < a->observe_count; i++)
		if (strcmp(a->observe[i].interface, interface) == 0)
			return true;
	return false;
}

static void add_observed(struct reader *r, struct audit_config *a, struct observe_config *o)
{
	struct observe_config *grown = reallocarray(a->observe, a->observe_count + 1, sizeof(*grown));

	if (grown != NULL)
		a->observe = grown;
	if (o->filter == NULL)
		o->filter = strdup("");
	if (grown == NULL || o->filter == NULL) {
		r->complaints->out_of_memory = true;
		free_observed(o);
	} else {
		grown[a->observe_count++] = *o;
	}
}

static void take_observed(struct reader *r, const struct node *n, void *ctx)
{
	struct audit_config *a = ctx;
	struct observe_config o = { NULL, NULL };

	if (take_mapping(r, &observe_shape, n->at, n, &o) && o.interface != NULL && !is_observed(a, o.interface) &&
	    a->observe_count < OBSERVE_MAX) {
		add_observed(r, a, &o);
		return;
	}
	if (o.interface != NULL && is_observed(a, o.interface))
		complain(r->complaints, n->at, "interface %s is observed already; expected one filter for it, such as "
		         "'tcp port 6443 or tcp port 5432'", o.interface);
	else if (o.interface != NULL && a->observe_count == OBSERVE_MAX)
		complain(r->complaints, n->at, "these are too many interfaces; expected at most %d", OBSERVE_MAX);
	free_observed(&o);
}

static void take_observe(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	(void)f;
	value_each(r, value, "at least one interface", take_observed, into);
}

static const struct field evidence_fields[] = {
	{ KEY("packets", take_number), FIELD(struct audit_config, evidence_packets), .min = 1, .max = 1000, .required = true },
	{ KEY("size", take_size), FIELD(struct audit_config, evidence_size), .min = 65536, .max = (uint64_t)1 << 40,
	  .required = true },
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
	{ KEY("observe", take_observe) },
	{ KEY("evidence", take_nested), .shape = &evidence_shape },
};

SHAPE(audit_shape, "audit", audit_fields);

void audit_defaults(struct audit_config *a)
{
	a->retention = (int64_t)400 * DAY;
	a->denied_log_rate = 1000;
	a->denied_set_size = 65536;
	a->nflog_group = 4848;
}

void audit_free(struct audit_config *a)
{
	for (size_t i = 0; i < a->observe_count; i++)
		free_observed(&a->observe[i]);
	free(a->observe);
	free(a->signing_key.name);
	free(a->previous_key.name);
}

void take_audit(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct config *c = into;

	(void)f;
	take_mapping(r, &audit_shape, value->at, value, &c->audit);
}
