#include "record/mirrored.h"

#include <string.h>

static int decision_of(struct store *s, const struct audit_mirrored *m, int64_t *decision)
{
	struct decision_text text = {
		.verdict = m->denied ? VERDICT_DENY : VERDICT_ALLOW,
		.reason = m->reason,
		.list = m->list,
		.revision = m->revision,
		.single = *m->revision != '\0' && strchr(m->revision, ',') == NULL,
		.via = VIA_MIRROR,
	};

	return store_endpoint(s, m->endpoint, &text.endpoint) == -1 ? -1 : store_decision(s, &text, decision);
}

static int write_one(struct store *s, const struct audit_mirrored *m)
{
	const struct row row = {
		.time = m->time,
		.source = m->source,
		.destination = m->destination,
		.source_port = m->source_port,
		.destination_port = m->destination_port,
		.protocol = m->protocol,
	};
	int64_t decision, target;

	if (decision_of(s, m, &decision) == -1 ||
	    store_target(s, &m->destination, m->destination_port, m->protocol, &target) == -1)
		return -1;
	return store_connection(s, &row, decision, target);
}

int mirrored_write(struct store *s, const struct audit_mirrored_batch *b)
{
	for (size_t i = 0; i < b->count; i++)
		if (write_one(s, &b->rows[i]) == -1)
			return -1;
	return 0;
}
