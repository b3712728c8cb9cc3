/* RFC 4180: CRLF, quotes where they are needed.  Control characters are escaped as in text, so no cell holds a line
 * end. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/checks.h"
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

static void add_time(FILE *out, time_us t, char end)
{
	char text[TIME_TEXT_MAX];

	add_text(out, time_format(t, 0, text), end);
}

static int endpoints_csv(const struct report *r, FILE *out)
{
	size_t i;

	fputs("endpoint,kind,mode,allowed,denied,aggregated,lost,counted,coverage_percent,orchestrator_allowed,would_deny,"
	      "place,lists,way,owner,reason,rows_allowed,rows_denied,rows_aggregated\r\n",
	      out);
	for (i = 0; i < r->endpoint_count; i++) {
		const struct report_endpoint *e = &r->endpoints[i];
		struct report_count total = report_total(e);
		uint64_t sources;

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
		fputc(',', out);
		if (e->is_secret_store)
			fprintf(out, "%" PRIu64, e->orchestrator_allowed);
		fputc(',', out);
		add_number(out, report_would_deny(e, &sources), ',');
		add_text(out, e->place, ',');
		add_text(out, e->lists, ',');
		add_text(out, e->way, ',');
		add_text(out, e->owner, ',');
		add_text(out, e->reason, ',');
		add_number(out, e->rows.allowed, ',');
		add_number(out, e->rows.denied, ',');
		add_number(out, e->rows.aggregated, '\n');
	}
	return 0;
}

static int days_csv(const struct report *r, FILE *out)
{
	fputs("endpoint,from,allowed,denied,aggregated,lost\r\n", out);
	for (size_t i = 0; i < r->endpoint_count; i++) {
		for (size_t j = 0; r->endpoints[i].slots != NULL && j < r->slot_count; j++) {
			const struct report_slot *s = &r->endpoints[i].slots[j];

			if (s->allowed == 0 && s->denied == 0 && s->aggregated == 0 && s->lost == 0)
				continue;
			add_text(out, r->endpoints[i].name, ',');
			add_time(out, report_slot_start(r, j), ',');
			add_number(out, s->allowed, ',');
			add_number(out, s->denied, ',');
			add_number(out, s->aggregated, ',');
			add_number(out, s->lost, '\n');
		}
	}
	return 0;
}

static int gaps_csv(const struct report *r, FILE *out)
{
	fputs("endpoint,from,to,kind,explained,why\r\n", out);
	for (size_t i = 0; i < r->gap_count; i++) {
		const struct report_gap *g = &r->gaps[i];

		add_text(out, r->endpoints[g->endpoint].name, ',');
		add_time(out, g->from, ',');
		add_time(out, g->to, ',');
		add_text(out, g->kind == GAP_UNPROTECTED ? "unprotected" : g->kind == GAP_BEFORE ? "before" : "after", ',');
		add_text(out, g->explained ? "yes" : "no", ',');
		add_text(out, g->why, '\n');
	}
	return 0;
}

static int floods_csv(const struct report *r, FILE *out)
{
	fputs("endpoint,from,to,sources,attempts\r\n", out);
	for (size_t i = 0; i < r->flood_count; i++) {
		add_text(out, r->floods[i].endpoint, ',');
		add_time(out, r->floods[i].from, ',');
		add_time(out, r->floods[i].to, ',');
		add_number(out, r->floods[i].sources, ',');
		add_number(out, r->floods[i].attempts, '\n');
	}
	return 0;
}

static int disagreements_csv(const struct report *r, FILE *out)
{
	fputs("list,first,last,refreshes,what\r\n", out);
	for (size_t i = 0; i < r->disagreement_count; i++) {
		add_text(out, r->disagreements[i].list, ',');
		add_text(out, r->disagreements[i].first, ',');
		add_text(out, r->disagreements[i].last, ',');
		add_number(out, r->disagreements[i].refreshes, ',');
		add_text(out, r->disagreements[i].what, '\n');
	}
	return 0;
}

static int grants_csv(const struct report *r, FILE *out)
{
	fputs("id,source,endpoint,from,until,ended,how,by,connections,reason\r\n", out);
	for (size_t i = 0; i < r->grant_count; i++) {
		const struct report_grant *g = &r->grants[i];

		add_number(out, g->id, ',');
		add_text(out, g->source, ',');
		add_text(out, g->endpoint, ',');
		add_text(out, g->from, ',');
		add_text(out, g->until, ',');
		add_text(out, g->ended, ',');
		add_text(out, g->how, ',');
		add_text(out, g->by, ',');
		add_number(out, g->connections, ',');
		add_text(out, g->reason, '\n');
	}
	return 0;
}

static int controls_csv(const struct report *r, FILE *out)
{
	fputs("framework,id,title,status,evidence\r\n", out);
	for (size_t i = 0; i < r->control_count; i++) {
		add_text(out, r->controls[i].framework, ',');
		add_text(out, r->controls[i].id, ',');
		add_text(out, r->controls[i].title, ',');
		add_text(out, report_status_text(r->controls[i].status), ',');
		add_text(out, r->controls[i].evidence, '\n');
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

const struct csv_table csv_tables[] = {
	{ "endpoints.csv", endpoints_csv },         { "days.csv", days_csv },
	{ "sources.csv", report_csv },              { "gaps.csv", gaps_csv },
	{ "floods.csv", floods_csv },               { "list_changes.csv", changes_csv },
	{ "disagreements.csv", disagreements_csv }, { "grants.csv", grants_csv },
	{ "events.csv", events_csv },               { "losses.csv", losses_csv },
	{ "controls.csv", controls_csv },
};
const size_t csv_table_count = sizeof(csv_tables) / sizeof(*csv_tables);

int report_csv_folder(const struct report *r, const char *folder, struct error *err)
{
	int dirfd, status = 0;

	dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd == -1)
		return error_errno(err, errno, "cannot write to folder '%s'", folder);
	for (size_t i = 0; i < csv_table_count && status == 0; i++)
		status = report_write_file(r, csv_tables[i].render, dirfd, csv_tables[i].name, err);
	close(dirfd);
	if (status == -1)
		error_prefix(err, "%s", folder);
	return status;
}
