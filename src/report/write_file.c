#include "core/file.h"
#include "report/report.h"

struct rendering {
	const struct report *report;
	report_render *render;
};

static int fill(FILE *out, const void *ctx)
{
	const struct rendering *r = ctx;

	return r->render(r->report, out);
}

int report_write_file(const struct report *r, report_render *render, int folder, const char *name, struct error *err)
{
	const struct rendering rendering = { r, render };

	return file_write_filled(folder, name, REPORT_FILE_MODE, fill, &rendering, err);
}
