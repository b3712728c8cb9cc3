/* RFC 4180: CRLF, quotes where they are needed.  Control characters are escaped as in text, so no cell holds a line
 * end. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "report/plain.h"
#include "report/report.h"

/* Spreadsheets run a cell that starts like this; an apostrophe in front makes it text. */
static bool is_formula(const char *text)
{
	return *text != '\0' && strchr("=+-@", *text) != NULL;
}

static void add_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void add_text(FILE *out, const char *text, char end)
{
	struct buffer b = BUFFER_INIT;
	const char *plain;

	if (is_formula(text))
		buffer_add(&b, "'", 1);
	if (plain_add(&b, text) == -1 || (plain = buffer_str(&b)) == NULL)
		plain = "(out of memory)";
	if (strpbrk(plain, ",\"") != NULL)
		add_quoted(out, plain);
	else
		fputs(plain, out);
	fputs(end == '\n' ? "\r\n" : ",", out);
	buffer_free(&b);
}

static void add_number(FILE *out, uint64_t n, char end)
{
	fprintf(out, "%" PRIu64 "%s", n, end == '\n' ? "\r\n" : ",");
}

int report_csv(const struct report *r, FILE *out)
{
	size_t i, j;

	fputs("endpoint,source,allowed,observed,denied,aggregated,list,first,last\r\n", out);
	for (i = 0; i < r->endpoint_count; i++) {
		const struct report_endpoint *e = &r->endpoints[i];

		for (j = 0; j < e->source_count; j++) {
			const struct report_source *s = &e->sources[j];

			add_text(out, e->name, ',');
			add_text(out, s->source, ',');
			add_number(out, s->allowed, ',');
			add_number(out, s->observed, ',');
			add_number(out, s->denied, ',');
			add_number(out, s->aggregated, ',');
			add_text(out, s->list, ',');
			add_text(out, s->first, ',');
			add_text(out, s->last, '\n');
		}
	}
	return 0;
}

static int endpoints_csv(const struct report *r, FILE *out)
{
	size_t i;

	fputs("endpoint,kind,mode,allowed,denied,aggregated,lost,counted,coverage_percent\r\n", out);
	for (i = 0; i < r->endpoint_count; i++) {
		const struct report_endpoint *e = &r->endpoints[i];
		struct report_count total = report_total(e);

		add_text(out, e->name, ',');
		add_text(out, e->kind, ',');
		add_text(out, e->mode, ',');
		add_number(out, e->allow.recorded, ',');
		add_number(out, e->deny.recorded, ',');
		add_number(out, total.aggregated, ',');
		add_number(out, total.lost, ',');
		add_number(out, total.counted, ',');
		if (e->seen)
			fprintf(out, "%.4f", e->coverage_percent);
		fputs("\r\n", out);
	}
	return 0;
}

static int changes_csv(const struct report *r, FILE *out)
{
	size_t i;

	fputs("list,revision,time,added,removed,origins,decided_by,reason\r\n", out);
	for (i = 0; i < r->change_count; i++) {
		const struct report_change *c = &r->changes[i];

		add_text(out, c->list, ',');
		add_number(out, c->revision, ',');
		add_text(out, c->time, ',');
		add_text(out, c->added, ',');
		add_text(out, c->removed, ',');
		add_text(out, c->origins, ',');
		add_text(out, c->decided_by, ',');
		add_text(out, c->reason, '\n');
	}
	return 0;
}

static int events_csv(const struct report *r, FILE *out)
{
	size_t i;

	fputs("time,kind,subject,decision,detail\r\n", out);
	for (i = 0; i < r->event_count; i++) {
		const struct report_event *e = &r->events[i];

		add_text(out, e->time, ',');
		add_text(out, e->kind, ',');
		add_text(out, e->subject, ',');
		add_text(out, e->is_decision ? "yes" : "no", ',');
		add_text(out, e->detail, '\n');
	}
	return 0;
}

static int losses_csv(const struct report *r, FILE *out)
{
	size_t i;

	fputs("endpoint,verdict,from,to,lost\r\n", out);
	for (i = 0; i < r->loss_count; i++) {
		const struct report_loss *l = &r->losses[i];

		add_text(out, l->endpoint, ',');
		add_text(out, l->verdict, ',');
		add_text(out, l->from, ',');
		add_text(out, l->to, ',');
		add_number(out, l->lost, '\n');
	}
	return 0;
}

static int write_table(const struct report *r, report_render *render, int folder, const char *name, struct error *err)
{
	char *data = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&data, &len);
	int status;

	if (out == NULL)
		return error_errno(err, errno, "%s", name);
	status = render(r, out);
	if (fclose(out) != 0 || status == -1)
		status = error_errno(err, ENOMEM, "%s", name);
	else
		status = file_write_atomic(folder, name, REPORT_FILE_MODE, data, len, err);
	free(data);
	return status;
}

int report_csv_folder(const struct report *r, const char *folder, struct error *err)
{
	static const struct {
		const char *name;
		report_render *render;
	} tables[] = {
		{ "endpoints.csv", endpoints_csv }, { "sources.csv", report_csv }, { "list_changes.csv", changes_csv },
		{ "events.csv", events_csv }, { "losses.csv", losses_csv },
	};
	int dirfd, status = 0;
	size_t i;

	dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd == -1)
		return error_errno(err, errno, "cannot write to folder '%s'", folder);
	for (i = 0; i < sizeof(tables) / sizeof(*tables) && status == 0; i++)
		status = write_table(r, tables[i].render, dirfd, tables[i].name, err);
	close(dirfd);
	if (status == -1)
		error_prefix(err, "%s", folder);
	return status;
}
