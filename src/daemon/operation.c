#include "daemon/operation.h"

#include <stdlib.h>

struct operation {
	operation_run *run;
	void *ctx;
	struct operation *next;
};

int operation_submit(struct daemon *d, operation_run *run, void *ctx)
{
	struct operation *op = calloc(1, sizeof(*op)), **at = &d->operations;

	if (op == NULL)
		return -1;
	op->run = run;
	op->ctx = ctx;
	while (*at != NULL)
		at = &(*at)->next;
	*at = op;
	if (d->operations == op)
		op->run(d, op->ctx);
	return 0;
}

void operation_end(struct daemon *d)
{
	struct operation *op = d->operations;

	d->operations = op->next;
	free(op);
	if (d->operations != NULL)
		d->operations->run(d, d->operations->ctx);
}
