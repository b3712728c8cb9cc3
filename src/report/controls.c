/* From findings to controls. */
#include <stdlib.h>
#include <string.h>

#include "report/framework.h"
#include "report/read.h"

/* A claim is only as good as the weakest of what it stands on. */
static enum report_status status_of(const struct report *r, const struct control *c)
{
	enum report_status status = c->check_count == 0 ? STATUS_NOT_COVERED : STATUS_MET;

	for (size_t i = 0; i < c->check_count; i++) {
		enum report_status one = r->findings[c->checks[i]].status;

		if (one == STATUS_NOT_MET)
			return STATUS_NOT_MET;
		if (one == STATUS_NOT_COVERED)
			status = STATUS_NOT_COVERED;
	}
	return status;
}

static int write_evidence(const struct report *r, const struct control *c, struct buffer *b)
{
	for (size_t i = 0; i < c->check_count; i++)
		if (buffer_printf(b, "%s%s", b->len > 0 ? " " : "", r->findings[c->checks[i]].evidence) == -1)
			return -1;
	if (*c->beyond == '\0')
		return 0;
	return buffer_printf(b, "%sNot shown by this log: %s%s", b->len > 0 ? " " : "", c->beyond,
	                     c->beyond[strlen(c->beyond) - 1] == '.' ? "" : ".");
}

static int fill_in(struct report *r, struct report_control *to, const char *framework, const struct control *c,
                   struct error *err)
{
	struct buffer b = BUFFER_INIT;
	int status;

	to->status = status_of(r, c);
	to->checks = calloc(c->check_count + 1, sizeof(*to->checks));
	if (to->checks == NULL)
		return report_no_memory(err);
	for (size_t i = 0; i < c->check_count; i++)
		to->checks[i] = check_name(c->checks[i]);
	to->check_count = c->check_count;
	status = write_evidence(r, c, &b) == -1 || buffer_str(&b) == NULL ? report_no_memory(err) :
	                                                                   report_copy(&to->evidence, buffer_str(&b), err);
	buffer_free(&b);
	if (status == -1 || report_copy(&to->framework, framework, err) == -1 || report_copy(&to->id, c->id, err) == -1)
		return -1;
	return report_copy(&to->title, c->title, err);
}

int report_map_controls(struct report *r, const struct frameworks *frameworks, struct error *err)
{
	for (size_t i = 0; i < frameworks->count; i++) {
		const struct framework *f = &frameworks->all[i];

		for (size_t j = 0; j < f->control_count; j++) {
			struct report_control *grown = report_grow(r->controls, &r->control_count, sizeof(*grown), err);

			if (grown == NULL)
				return -1;
			r->controls = grown;
			if (fill_in(r, &grown[r->control_count - 1], f->name, &f->controls[j], err) == -1)
				return -1;
		}
	}
	return 0;
}
