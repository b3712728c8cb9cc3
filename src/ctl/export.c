#include "export/export.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/number.h"
#include "ctl/answer.h"
#include "ctl/ctl.h"

#define FILE_MODE 0640
#define CURSOR_SIZE_MAX 64

enum { FROM, TO, SINCE_ID, CURSOR, OUTPUT, ENDS, AGGREGATES, NO_HEADER };

static const struct verb_option options[] = {
	[FROM] = { "from", "T", "at or after this time: 2026-11-01, 2026-11-01T10:00:00Z, today, -24h" },
	[TO] = { "to", "T", "before this time" },
	[SINCE_ID] = { "since-id", "ID", "only rows behind this id: where the last run ended; 0 for all" },
	[CURSOR] = { "cursor", "FILE", "the same, read from FILE, and where the next run begins written there" },
	[OUTPUT] = { "output", "FILE", "write there, whole or not at all" },
	[ENDS] = { "ends", NULL, "how connections ended, a row for each, in place of how they began" },
	[AGGREGATES] = { "aggregates", NULL, "the denied attempts that were counted together, in place of connections" },
	[NO_HEADER] = { "no-header", NULL, "csv without the line of column names" },
	{ NULL, NULL, NULL },
};

static volatile sig_atomic_t interrupted;

static void note_signal(int sig)
{
	interrupted = sig;
}

/* So that a half-written file does not stay.  A second signal ends it at once. */
static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = note_signal, .sa_flags = (int)SA_RESETHAND };

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
}

static const struct export_format *format_of(enum output format)
{
	switch (format) {
	case OUTPUT_JSONL:
		return &export_jsonl;
	case OUTPUT_OCSF:
		return &export_ocsf;
	case OUTPUT_ECS:
		return &export_ecs;
	case OUTPUT_JSON:
		return &export_json;
	case OUTPUT_TEXT: /* where no format is asked for */
	case OUTPUT_CSV:
	case OUTPUT_HTML:
	case OUTPUT_MARKDOWN:
		break;
	}
	return &export_csv;
}

/* The first run has no cursor yet, and begins with the first row. */
static int read_cursor(int64_t *id, const char *name)
{
	struct buffer text = BUFFER_INIT;
	struct error err;
	char *line;
	int code = 0;

	*id = 0;
	if (file_read(AT_FDCWD, name, CURSOR_SIZE_MAX, &text, &err) == -1) {
		if (errno != ENOENT)
			code = ctl_fail(EXIT_FAILED, "%s", err.text);
	} else {
		line = (char *)(uintptr_t)buffer_str(&text);
		if (line != NULL)
			line[strcspn(line, "\n")] = '\0';
		if (line == NULL || number_parse_i64(id, line) == -1)
			code = ctl_fail(EXIT_FAILED, "%s holds no cursor; expected the number that an earlier export wrote there, or "
			                "no file at all to begin with the first row", name);
	}
	buffer_free(&text);
	return code;
}

static int write_cursor(const char *name, int64_t id)
{
	struct error err;
	char text[32];
	int len = snprintf(text, sizeof(text), "%" PRId64 "\n", id);

	if (file_write_atomic(AT_FDCWD, name, FILE_MODE, text, (size_t)len, &err) == 0)
		return EXIT_DONE;
	return ctl_fail(EXIT_FAILED, "%s; the next export will bring these rows again", err.text);
}

static int parse_begin(struct export_request *q, const struct arguments *args)
{
	q->since_id = -1;
	if (args->option[CURSOR] != NULL && (args->option[SINCE_ID] != NULL || args->option[TO] != NULL))
		return ctl_fail(EXIT_USAGE, "--cursor goes with neither --since-id nor --to: it is where the next run begins");
	if (args->option[CURSOR] != NULL)
		return read_cursor(&q->since_id, args->option[CURSOR]);
	if (args->option[SINCE_ID] != NULL && number_parse_i64(&q->since_id, args->option[SINCE_ID]) == -1)
		return ctl_fail(EXIT_USAGE, "--since-id '%s' is no id; expected a number from 0, as the column id has it",
		                args->option[SINCE_ID]);
	return 0;
}

static int parse(struct export_request *q, const struct arguments *args)
{
	int code = 0;

	*q = (struct export_request){ .from = INT64_MIN, .to = INT64_MAX };
	if (args->option[AGGREGATES] != NULL && args->option[ENDS] != NULL)
		return ctl_fail(EXIT_USAGE, "--ends and --aggregates are streams of their own; export them one by one");
	if (args->option[AGGREGATES] != NULL)
		q->stream = EXPORT_AGGREGATES;
	if (args->option[ENDS] != NULL)
		q->stream = EXPORT_ENDS;
	if (args->option[FROM] != NULL)
		code = ctl_time(&q->from, "from", args->option[FROM]);
	if (code == 0 && args->option[TO] != NULL)
		code = ctl_time(&q->to, "to", args->option[TO]);
	if (code == 0 && q->from >= q->to)
		return ctl_fail(EXIT_USAGE, "--from is not before --to");
	return code == 0 ? parse_begin(q, args) : code;
}

/* All rows to `fd`.  0, or -1 with *err. */
static int write_rows(struct export_reader *reader, const struct export_format *format, enum export_stream stream,
                      bool header, int fd, struct error *err)
{
	static struct sink out;
	struct export_row row;
	int got = 0;

	out.fd = fd;
	if (header && format->begin != NULL)
		format->begin(&out, stream);
	while (out.failed == 0 && interrupted == 0 && (got = export_reader_next(reader, &row, err)) == 1)
		if (format->row(&out, &row) == -1)
			return error_errno(err, errno, "the export is not complete");
	if (got == -1)
		return -1;
	if (interrupted != 0)
		return error_set(err, "interrupted; the export is not complete");
	if (format->end != NULL)
		format->end(&out, stream);
	return sink_finish(&out) == 0 ? 0 : error_errno(err, errno, "the export is not complete");
}

static int write_file(struct export_reader *reader, const struct export_format *format, enum export_stream stream,
                      bool header, const char *name, struct error *err)
{
	struct file_draft draft;

	if (file_draft_begin(&draft, AT_FDCWD, name, err) == -1)
		return -1;
	if (write_rows(reader, format, stream, header, draft.fd, err) == -1) {
		file_draft_drop(&draft);
		return -1;
	}
	return file_draft_commit(&draft, FILE_MODE, err);
}

/* Only when all that was exported has left this process. */
static int tell_cursor(const struct export_reader *reader, const struct arguments *args)
{
	int64_t cursor = export_reader_cursor(reader);

	if (args->option[CURSOR] != NULL)
		return write_cursor(args->option[CURSOR], cursor);
	if (args->option[SINCE_ID] != NULL && args->option[TO] == NULL)
		fprintf(stderr, "next: --since-id %" PRId64 "\n", cursor);
	return EXIT_DONE;
}

static int export_rows(struct ctl *ctl, sqlite3 *db, const struct export_request *q, const struct arguments *args)
{
	const struct export_format *format = format_of(ctl->format);
	bool header = args->option[NO_HEADER] == NULL || format != &export_csv;
	const char *name = args->option[OUTPUT];
	struct export_reader *reader;
	struct error err;
	int status;

	if (export_reader_open(&reader, db, q, &err) == -1)
		return ctl_fail(EXIT_FAILED, "%s", err.text);
	if (name == NULL)
		answer_begin();
	status = name != NULL ? write_file(reader, format, q->stream, header, name, &err) :
	                        write_rows(reader, format, q->stream, header, STDOUT_FILENO, &err);
	status = status == 0 ? tell_cursor(reader, args) : ctl_fail(EXIT_FAILED, "%s", err.text);
	export_reader_close(reader);
	return status;
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	static char host[256];
	struct export_request request;
	sqlite3 *db;
	int code = parse(&request, args);

	if (code != 0 || (code = ctl_audit(ctl, &db)) != 0)
		return code;
	gethostname(host, sizeof(host) - 1);
	export_set_host(host);
	if (args->option[OUTPUT] != NULL)
		catch_signals();
	code = export_rows(ctl, db, &request, args);
	sqlite3_close(db);
	return code;
}

const struct verb verb_export = {
	.name = "export",
	.words = "",
	.summary = "rows for other systems",
	.about = "Writes the recorded connections for other systems, in order of their ids, as many as there are:\n"
	         "  csv    the columns of the view connections, as in RFC 4180\n"
	         "  jsonl  the same, one JSON object a line; json: all in one array\n"
	         "  ocsf   Open Cybersecurity Schema Framework 1.3.0, Network Activity (class 4001), one a line\n"
	         "  ecs    Elastic Common Schema 8.11, one a line\n"
	         "With --since-id or --cursor each run brings just the rows that came after the one before.  What is\n"
	         "not known yet of a connection when it is exported comes with --ends, which has a cursor of its own.\n",
	.examples = "  hallowctl export --from 2026-10-01 --to 2026-11-01 -o csv --output october.csv\n"
	            "  hallowctl export -o ecs --cursor /var/lib/siem/hallowd.cursor >>/var/lib/siem/hallowd.ndjson\n"
	            "  hallowctl export -o ocsf --since-id 1793534400000000 | jq -c 'select(.action_id == 2)'\n"
	            "  hallowctl export --aggregates -o jsonl --from -24h\n",
	.formats = "csv, jsonl, json, ocsf, ecs",
	.options = options,
	.looks = true,
	.run = run,
};
