#include "report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "ctl/ctl.h"

#define DEFAULT_PERIOD (INT64_C(30) * 24 * 3600 * US_PER_SECOND)

enum { FROM, TO, OUTPUT };

static const struct verb_option options[] = {
	[FROM] = { "from", "T", "start of the period (30 days before its end): 2026-11-01, 2026-11-01T10:00:00Z, -7d" },
	[TO] = { "to", "T", "end of the period, not part of it (now)" },
	[OUTPUT] = { "output", "FILE", "write there, whole or not at all; for csv it may be a folder" },
	{ NULL, NULL, NULL },
};

static report_render *renderer(enum output format)
{
	switch (format) {
	case OUTPUT_JSON:
		return report_json;
	case OUTPUT_CSV:
		return report_csv;
	case OUTPUT_TEXT:
		break;
	}
	return report_text;
}

static int write_file(const struct report *r, report_render *render, const char *name, struct error *err)
{
	char *data = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&data, &len);
	int status;

	if (out == NULL)
		return error_errno(err, errno, "cannot write %s", name);
	status = render(r, out);
	if (fclose(out) != 0 || status == -1)
		status = error_errno(err, ENOMEM, "cannot write %s", name);
	else
		status = file_write_atomic(AT_FDCWD, name, REPORT_FILE_MODE, data, len, err);
	free(data);
	return status;
}

static bool is_folder(const char *name)
{
	struct stat st;

	return stat(name, &st) == 0 && S_ISDIR(st.st_mode);
}

static int write_report(const struct ctl *ctl, const struct report *r, const char *output, struct error *err)
{
	report_render *render = renderer(ctl->format);

	if (output == NULL)
		return render(r, stdout) == 0 ? 0 : error_errno(err, errno, "the report is not complete");
	if (!is_folder(output))
		return write_file(r, render, output, err);
	if (ctl->format == OUTPUT_CSV)
		return report_csv_folder(r, output, err);
	return error_set(err, "%s is a folder; only -o csv writes several files", output);
}

/* The end of the period is now unless it was given: after the daemon has written out what it held. */
static int parse_period(struct report_request *request, const struct arguments *args)
{
	int code = 0;

	request->to = time_now();
	if (args->option[TO] != NULL)
		code = ctl_time(&request->to, "to", args->option[TO]);
	request->from = request->to - DEFAULT_PERIOD;
	if (code == 0 && args->option[FROM] != NULL)
		code = ctl_time(&request->from, "from", args->option[FROM]);
	if (code == 0 && request->from >= request->to)
		code = ctl_fail(EXIT_USAGE, "--from is not before --to");
	return code;
}

static int make_report(struct ctl *ctl, sqlite3 *db, const struct report_request *request, const char *output)
{
	struct report *r;
	struct error err;
	int status;

	if (report_read(db, request, &r, &err) == -1)
		return ctl_fail(EXIT_FAILED, "%s", err.text);
	status = write_report(ctl, r, output, &err);
	report_free(r);
	return status == 0 ? EXIT_DONE : ctl_fail(EXIT_FAILED, "%s", err.text);
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	char host[256] = "";
	struct report_request request = { .host = host };
	sqlite3 *db;
	int code = parse_period(&request, args);

	if (code != 0 || (code = ctl_audit(ctl, &db)) != 0)
		return code;
	gethostname(host, sizeof(host) - 1);
	request.endpoints = ctl->config->endpoints;
	request.endpoint_count = ctl->config->endpoint_count;
	code = parse_period(&request, args);
	if (code == 0)
		code = make_report(ctl, db, &request, args->option[OUTPUT]);
	sqlite3_close(db);
	return code;
}

const struct verb verb_report = {
	.name = "report",
	.words = "",
	.summary = "the compliance report",
	.about = "Reports a period from the audit log: for each endpoint what was allowed, denied, aggregated and\n"
	         "lost, and how much of the time it was protected; who came, by which list; changes of lists,\n"
	         "decisions of people, events, losses.  The numbers are those of the kernel:\n"
	         "counted = recorded + aggregated + lost.\n"
	         "-o csv prints the connections by endpoint and source; into a folder it writes endpoints, sources,\n"
	         "list changes, events and losses as files of their own.\n",
	.examples = "  hallowctl report\n"
	            "  hallowctl report --from 2026-10-01 --to 2026-11-01 --output october.txt\n"
	            "  mkdir october && hallowctl report --from 2026-10-01 --to 2026-11-01 -o csv --output october\n"
	            "  hallowctl report -o json | jq '.endpoints[] | {name, denied, lost}'\n",
	.formats = "text, json, csv",
	.options = options,
	.run = run,
};
