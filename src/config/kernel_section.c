/* The section `kernel`: how the table is kept in the kernel. */
#include "config/sections.h"
#include "config/value.h"

static const struct field kernel_fields[] = {
	{ KEY("owner", take_truth), FIELD(struct kernel_config, owner) },
};

SHAPE(kernel_shape, "kernel", kernel_fields);

void kernel_defaults(struct kernel_config *k)
{
	k->owner = true;
}

void take_kernel(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct config *c = into;

	(void)f;
	take_mapping(r, &kernel_shape, value->at, value, &c->kernel);
}
