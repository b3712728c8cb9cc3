#include "report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/paths.h"
#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/report_files.h"
#include "ctl/report_integrity.h"
#include "report/framework.h"
#include "report/plain.h"

#define DEFAULT_PERIOD (INT64_C(30) * 24 * 3600 * US_PER_SECOND)
#define REVIEW_PERIOD (INT64_C(183) * 24 * 3600 * US_PER_SECOND) /* six months */

#define CONTROLS "controls" /* the folder, of what ships and beside the configuration */

enum { FROM, TO, OUTPUT, REVIEW, MONTHLY, VERIFY, CONTROLS_FOLDER };

static const struct verb_option options[] = {
	[FROM] = { "from", "T", "start of the period (30 days before its end): 2026-11-01, 2026-11-01T10:00:00Z, -7d" },
	[TO] = { "to", "T", "end of the period, not part of it (now)" },
	[OUTPUT] = { "output", "FILE", "write there, whole or not at all; for csv it may be a folder, DIR/ is made, or a .zip" },
	[REVIEW] = { "review", NULL, "the form for the six-monthly review of the rules, over the last six months" },
	[MONTHLY] = { "monthly", NULL, "for cron: json, csv and html of each month that is over and not written yet" },
	[VERIFY] = { "verify", NULL, "read each row again for it, also of a long log" },
	[CONTROLS_FOLDER] = { "controls", "DIR", "more frameworks of controls: each *.yaml in it" },
	{ NULL, NULL, NULL },
};

static report_render *renderer(enum output format, bool review)
{
	switch (format) {
	case OUTPUT_JSON:
		return review ? review_json : report_json;
	case OUTPUT_CSV:
		return report_csv;
	case OUTPUT_HTML:
		return review ? review_html : report_html;
	case OUTPUT_MARKDOWN:
		return review ? review_markdown : report_markdown;
	case OUTPUT_TEXT:
	case OUTPUT_JSONL:
	case OUTPUT_OCSF:
	case OUTPUT_ECS:
		break;
	}
	return review ? review_text : report_text;
}

/* A name that ends with '/' means a folder, which is made where there is none. */
static int is_folder(const char *name, bool *is, struct error *err)
{
	size_t len = strlen(name);
	struct stat st;

	if (len > 1 && name[len - 1] == '/' && mkdir(name, 0750) == -1 && errno != EEXIST)
		return error_errno(err, errno, "cannot make folder %s", name);
	*is = stat(name, &st) == 0 && S_ISDIR(st.st_mode);
	return 0;
}

static bool is_zip(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && strcmp(name + len - 4, ".zip") == 0;
}

static int write_report(const struct ctl *ctl, const struct report *r, const struct arguments *args, struct error *err)
{
	report_render *render = renderer(ctl->format, args->option[REVIEW] != NULL);
	const char *output = args->option[OUTPUT];
	bool folder = false;

	if (output == NULL) {
		answer_begin();
		return render(r, stdout) == 0 ? 0 : error_errno(err, errno, "the report is not complete");
	}
	if (is_folder(output, &folder, err) == -1)
		return -1;
	if (!folder && !is_zip(output))
		return report_write_file(r, render, AT_FDCWD, output, err);
	if (ctl->format == OUTPUT_CSV)
		return folder ? report_csv_folder(r, output, err) : report_csv_zip(r, output, err);
	return error_set(err, "%s is a %s; only -o csv writes several files", output, folder ? "folder" : "zip");
}

/* The end of the period is now unless it was given: after the daemon has written out what it held. */
static int parse_period(struct report_request *request, const struct arguments *args)
{
	int code = 0;

	request->to = time_now();
	if (args->option[TO] != NULL)
		code = ctl_time(&request->to, "to", args->option[TO]);
	request->from = request->to - (args->option[REVIEW] != NULL ? REVIEW_PERIOD : DEFAULT_PERIOD);
	if (code == 0 && args->option[FROM] != NULL)
		code = ctl_time(&request->from, "from", args->option[FROM]);
	if (code == 0 && request->from >= request->to)
		code = ctl_fail(EXIT_USAGE, "--from is not before --to");
	return code;
}

/* --- controls: what ships, then the folder beside the configuration, then the one that was asked for */

static int load_shipped(struct frameworks *f, struct buffer *errors)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%s/%s", path_rules(), CONTROLS);
	return frameworks_load(f, folder, errors);
}

static int load_beside(struct frameworks *f, const char *config_path, struct buffer *errors)
{
	const char *slash = strrchr(config_path, '/');
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%.*s%s", slash == NULL ? 0 : (int)(slash - config_path) + 1, config_path, CONTROLS);
	return access(folder, F_OK) == -1 ? 0 : frameworks_load(f, folder, errors);
}

static int load_controls(const struct ctl *ctl, struct frameworks *f, const struct arguments *args)
{
	struct buffer errors = BUFFER_INIT;
	const char *folder = args->option[CONTROLS_FOLDER], *text;
	int status = load_shipped(f, &errors);

	if (load_beside(f, ctl->config_path, &errors) == -1)
		status = -1;
	if (folder != NULL && frameworks_load(f, folder, &errors) == -1)
		status = -1;
	if (status == -1) {
		text = buffer_str(&errors);
		ctl_complain("", text != NULL ? text : "out of memory");
	}
	buffer_free(&errors);
	return status == 0 ? 0 : EXIT_USAGE;
}

/* --- the report */

/* The names of the configured lists, as struct policy_endpoint refers to them.  NULL without memory. */
static const char **list_names(const struct config *c)
{
	const char **names = calloc(c->list_count + 1, sizeof(*names));

	for (size_t i = 0; names != NULL && i < c->list_count; i++)
		names[i] = c->lists[i].name;
	return names;
}

/* Into the folder of --output, or state_dir/reports. */
static int make_months(const struct ctl *ctl, sqlite3 *db, const struct report_request *request,
                       const struct arguments *args)
{
	char folder[PATH_MAX];
	struct error err;

	snprintf(folder, sizeof(folder), "%s/%s", ctl->config->state_dir, REPORTS_FOLDER);
	if (report_write_months(db, request, args->option[OUTPUT] != NULL ? args->option[OUTPUT] : folder, &err) == -1)
		return ctl_fail(EXIT_FAILED, "%s", err.text);
	return EXIT_DONE;
}

static int make_report(struct ctl *ctl, sqlite3 *db, const struct report_request *request, const struct arguments *args)
{
	struct report *r;
	struct error err;
	int status;

	if (report_read(db, request, &r, &err) == -1)
		return ctl_fail(EXIT_FAILED, "%s", err.text);
	status = write_report(ctl, r, args, &err);
	report_free(r);
	return status == 0 ? EXIT_DONE : ctl_fail(EXIT_FAILED, "%s", err.text);
}

static int report_period(struct ctl *ctl, sqlite3 *db, struct report_request *request, const struct arguments *args)
{
	const char **names = list_names(ctl->config);
	int code;

	if (names == NULL)
		return ctl_fail(EXIT_FAILED, "out of memory");
	request->endpoints = ctl->config->endpoints;
	request->endpoint_count = ctl->config->endpoint_count;
	request->list_names = names;
	request->retention = ctl->config->audit.retention;
	request->secrets_own = ctl->config->secrets.mode == SECRETS_OWN && !ctl->config->secrets.orchestrator_writes;
	code = args->option[MONTHLY] != NULL ? make_months(ctl, db, request, args) : make_report(ctl, db, request, args);
	free(names);
	return code;
}

/* What does not go together. */
static int check_options(const struct ctl *ctl, const struct arguments *args)
{
	bool review = args->option[REVIEW] != NULL, monthly = args->option[MONTHLY] != NULL;

	if (review && ctl->format == OUTPUT_CSV)
		return ctl_fail(EXIT_USAGE, "report --review does not write 'csv'; it writes text, json, html, markdown");
	if (monthly && (review || args->option[FROM] != NULL || args->option[TO] != NULL || ctl->format != OUTPUT_TEXT))
		return ctl_fail(EXIT_USAGE, "report --monthly knows its periods and formats; only --output FOLDER and --controls "
		                            "go with it");
	return 0;
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	char host[256] = "";
	struct frameworks frameworks = FRAMEWORKS_INIT;
	struct report_integrity integrity = { .ok = -1 };
	struct report_request request = { .host = host, .frameworks = &frameworks, .integrity = &integrity };
	sqlite3 *db;
	int code = check_options(ctl, args);

	if (code == 0)
		code = parse_period(&request, args);
	if (code == 0)
		code = load_controls(ctl, &frameworks, args);
	if (code == 0 && (code = ctl_audit(ctl, &db)) == 0) {
		gethostname(host, sizeof(host) - 1);
		code = parse_period(&request, args);
		if (code == 0)
			code = report_verify(ctl, db, args->option[VERIFY] != NULL, &integrity);
		if (code == 0)
			code = report_period(ctl, db, &request, args);
		if (code == 0 && integrity.ok == 0)
			code = ctl_fail(EXIT_NOT_VERIFIED, "the audit log does not verify: %s",
			                integrity.problem != NULL ? integrity.problem : "");
		report_integrity_free(&integrity);
		sqlite3_close(db);
	}
	frameworks_free(&frameworks);
	return code;
}

const struct verb verb_report = {
	.name = "report",
	.words = "",
	.summary = "the compliance report",
	.about = "Reports a period from the audit log: what was protected and for how much of the time, with each gap\n"
	         "explained; who came, by which list, and who was denied; changes of lists with their evidence, decisions\n"
	         "of people, break-glass grants, drift, losses; and what the log shows of the controls of PCI DSS, SOC 2,\n"
	         "ISO/IEC 27001, NIST SP 800-53 and the CIS Controls.  The numbers are those of the kernel:\n"
	         "counted = recorded + aggregated + lost, and they are the same in each format.\n"
	         "-o html is one file that needs no other and no network: for auditors, and to print.\n"
	         "-o csv prints the connections by endpoint and source; into a folder or a zip it writes a file for each table.\n"
	         "--monthly is for cron and timers: it writes each month that is over once, and never again.\n"
	         "--review prints the form for the six-monthly review of the rules: each with its reason, owner and use.\n",
	.examples = "  hallowctl report\n"
	            "  hallowctl report -o html --from 2026-10-01 --to 2026-11-01 --output october.html\n"
	            "  hallowctl report -o csv --from 2026-10-01 --to 2026-11-01 --output october/\n"
	            "  hallowctl report -o json | jq '.controls[] | select(.met == false) | {framework, id, evidence}'\n"
	            "  hallowctl report --monthly --output /srv/reports\n"
	            "  hallowctl report --review -o html --output review.html\n",
	.formats = "text, json, csv, html, markdown, md",
	.options = options,
	.looks = true,
	.run = run,
};
