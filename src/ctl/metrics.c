/* What hallowd counts, for monitoring. */
#include <fcntl.h>
#include <stdio.h>

#include "core/file.h"
#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/status.h"
#include "metrics/metrics.h"

enum { PROMETHEUS, OUTPUT };

static const struct verb_option options[] = {
	[PROMETHEUS] = { "prometheus", NULL, "the older text, which node_exporter and promtool read" },
	[OUTPUT] = { "output", "FILE", "write there, whole or not at all" },
	{ NULL, NULL, NULL },
};

struct metrics_text {
	const json_t *status;
	enum metrics_form form;
};

static int fill(FILE *out, const void *ctx)
{
	const struct metrics_text *text = ctx;

	return metrics_write(out, text->status, text->form);
}

static int write_file(const json_t *status, enum metrics_form form, const char *path)
{
	const struct metrics_text text = { status, form };
	struct error err;

	if (file_write_filled(AT_FDCWD, path, 0644, fill, &text, &err) == 0)
		return EXIT_DONE;
	return ctl_fail(EXIT_FAILED, "%s", err.text);
}

/* The state of hallowd is what the metrics are about, so it is no failure of theirs. */
static int run(struct ctl *ctl, const struct arguments *args)
{
	bool prometheus = args->option[PROMETHEUS] != NULL, json = ctl->format == OUTPUT_JSON;
	enum metrics_form form = prometheus ? METRICS_PROMETHEUS : json ? METRICS_JSON : METRICS_OPENMETRICS;
	json_t *status;
	int code;

	if (prometheus && json)
		return ctl_fail(EXIT_USAGE, "--prometheus is a text; it does not go with -o json");
	code = status_result(ctl, &status);
	if (status == NULL)
		return code;
	if (args->option[OUTPUT] == NULL)
		answer_begin();
	if (args->option[OUTPUT] != NULL)
		code = write_file(status, form, args->option[OUTPUT]);
	else
		code = metrics_write(stdout, status, form) == 0 ? EXIT_DONE : EXIT_FAILED;
	json_decref(status);
	return code;
}

const struct verb verb_metrics = {
	.name = "metrics",
	.words = "",
	.summary = "what is counted, for monitoring (OpenMetrics)",
	.about = "Prints metrics as OpenMetrics text; --prometheus prints the older text format with the same names, which\n"
	         "node_exporter's textfile collector wants.  With 'metrics: {listen: 127.0.0.1:9478}' in the configuration\n"
	         "hallowd serves both over HTTP as well.  The exit status is 0 also where something is wrong with hallowd:\n"
	         "that is in the metrics.\n",
	.examples = "  hallowctl metrics | grep hallowd_enforcing\n"
	            "  hallowctl metrics --prometheus --output /var/lib/prometheus/node-exporter/hallowd.prom\n",
	.formats = "text, json",
	.options = options,
	.looks = true,
	.run = run,
};
