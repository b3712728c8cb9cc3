#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/number.h"
#include "ctl/ctl.h"
#include "ctl/log_query.h"
#include "ctl/log_show.h"
#include "report/query.h"

#define FOLLOW_MS 200

enum { SINCE, UNTIL, ENDPOINT, VERDICT, SOURCE, LIMIT, FOLLOW };

static const struct verb_option options[] = {
	[SINCE] = { "since", "T", "at or after this time: 2026-11-01, 2026-11-01T10:00:00Z, today, -24h" },
	[UNTIL] = { "until", "T", "before this time" },
	[ENDPOINT] = { "endpoint", "NAME", "only to this endpoint" },
	[VERDICT] = { "verdict", "V", "only allow, or only deny" },
	[SOURCE] = { "source", "CIDR", "only from these addresses" },
	[LIMIT] = { "limit", "N", "the newest N; with --follow: end after N" },
	[FOLLOW] = { "follow", NULL, "go on with what happens from now on (or from --since on) until interrupted" },
	{ NULL, NULL, NULL },
};

static int parse_period(struct log_filter *f, const struct arguments *args)
{
	int code = 0;

	f->since = INT64_MIN;
	f->until = INT64_MAX;
	if (args->option[SINCE] != NULL)
		code = ctl_time(&f->since, "since", args->option[SINCE]);
	if (code == 0 && args->option[UNTIL] != NULL)
		code = ctl_time(&f->until, "until", args->option[UNTIL]);
	if (code == 0 && f->since >= f->until)
		return ctl_fail(EXIT_USAGE, "--since is not before --until");
	if (code == 0 && args->option[FOLLOW] != NULL && args->option[UNTIL] != NULL)
		return ctl_fail(EXIT_USAGE, "--follow and --until do not go together");
	return code;
}

static int parse_source(struct log_filter *f, const char *text)
{
	enum prefix_parse result;

	if (text == NULL)
		return 0;
	result = prefix_parse(&f->source, text, strlen(text));
	/* 192.0.2.7/24 can only mean one thing here. */
	if (result != PREFIX_OK && result != PREFIX_HOST_BITS && result != PREFIX_MAPPED)
		return ctl_fail(EXIT_USAGE, "--source '%s': %s; expected an address or a prefix, as 192.0.2.0/24 or "
		                "2001:db8::/32", text, prefix_parse_text(result));
	f->by_source = true;
	return 0;
}

static int parse_limit(int64_t *limit, const char *text)
{
	*limit = 0;
	if (text == NULL || (number_parse_i64(limit, text) == 0 && *limit > 0))
		return 0;
	return ctl_fail(EXIT_USAGE, "--limit '%s' is no number above 0", text);
}

static int parse(struct log_filter *f, int64_t *limit, const struct arguments *args)
{
	int code;

	memset(f, 0, sizeof(*f));
	f->endpoint = args->option[ENDPOINT];
	f->verdict = args->option[VERDICT];
	if (f->verdict != NULL && strcmp(f->verdict, "allow") != 0 && strcmp(f->verdict, "deny") != 0)
		return ctl_fail(EXIT_USAGE, "--verdict '%s' is none; expected allow or deny", f->verdict);
	if ((code = parse_period(f, args)) != 0 || (code = parse_source(f, args->option[SOURCE])) != 0)
		return code;
	return parse_limit(limit, args->option[LIMIT]);
}

/* A name that nobody knows is more likely a mistake than an endpoint to which nobody came. */
static int check_endpoint(const struct config *c, sqlite3 *db, const char *name)
{
	const char **names;
	struct error err;
	size_t i;
	int known;

	if (name == NULL)
		return 0;
	known = log_knows_endpoint(db, name, &err);
	if (known == -1)
		return ctl_fail(EXIT_FAILED, "%s", err.text);
	names = calloc(c->endpoint_count + 1, sizeof(*names));
	if (names == NULL)
		return ctl_fail(EXIT_FAILED, "out of memory");
	for (i = 0; i < c->endpoint_count; i++) {
		names[i] = c->endpoints[i].name;
		known |= strcmp(names[i], name) == 0;
	}
	if (!known)
		ctl_unknown("endpoint", name, names, c->endpoint_count);
	free(names);
	return known ? 0 : EXIT_USAGE;
}

/* Shows the rows with after < id <= upto.  0, or -1 with *err. */
static int show_rows(sqlite3 *db, const struct log_filter *f, int64_t after, int64_t upto, int64_t newest, size_t most,
                     struct log_show *show, struct error *err)
{
	struct log_query q;
	sqlite3_stmt *row;
	int rc;

	if (log_query_open(&q, db, f, after, upto, newest, err) == -1)
		return -1;
	while ((rc = log_query_next(&q, &row, err)) == 1) {
		log_show_row(show, row);
		if (most > 0 && show->rows == most) {
			rc = 0;
			break;
		}
	}
	log_query_close(&q);
	return rc;
}

static int show_past(sqlite3 *db, const struct log_filter *f, int64_t limit, struct log_show *show, struct error *err)
{
	uint64_t more;

	if (show_rows(db, f, 0, INT64_MAX, limit, 0, show, err) == -1)
		return -1;
	log_show_end(show);
	if (show->json)
		return 0;
	if (log_aggregated(db, f, &more, err) == -1)
		return -1;
	fflush(stdout);
	if (more > 0)
		fprintf(stderr, "and %" PRIu64 " denied attempts that were counted, not recorded one by one\n",
		        more);
	return 0;
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	return sigprocmask(SIG_BLOCK, &set, NULL) == -1 ? -1 : signalfd(-1, &set, SFD_CLOEXEC);
}

/* Shows what has come since *seen.  Ids grow with each commit, so none comes later below the newest. */
static int show_new(sqlite3 *db, const struct log_filter *f, int64_t limit, int64_t *seen, struct log_show *show,
                    struct error *err)
{
	int64_t upto;

	if (log_newest(db, &upto, err) == -1)
		return -1;
	if (upto > *seen && show_rows(db, f, *seen, upto, 0, (size_t)limit, show, err) == -1)
		return -1;
	*seen = upto;
	log_show_flush(show);
	fflush(stdout);
	return 0;
}

/* Until a signal, until whoever reads has gone, or until `limit` rows were shown. */
static int follow(sqlite3 *db, const struct log_filter *f, int64_t limit, struct log_show *show, struct error *err)
{
	struct pollfd p[] = { { .fd = open_signals(), .events = POLLIN }, { .fd = STDOUT_FILENO } };
	int64_t seen = 0;
	int status = 0;

	if (p[0].fd == -1)
		return error_errno(err, errno, "cannot wait for signals");
	if (f->since == INT64_MIN)
		status = log_newest(db, &seen, err);
	while (status == 0) {
		status = show_new(db, f, limit, &seen, show, err);
		if ((limit > 0 && (int64_t)show->rows >= limit) || poll(p, 2, FOLLOW_MS) > 0)
			break;
	}
	close(p[0].fd);
	return status;
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	static struct log_show show;
	struct log_filter f;
	struct error err;
	int64_t limit = 0;
	sqlite3 *db;
	int code = parse(&f, &limit, args);

	if (code != 0 || (code = ctl_audit(ctl, &db)) != 0)
		return code;
	code = check_endpoint(ctl->config, db, f.endpoint);
	if (code == 0) {
		show.json = ctl->format == OUTPUT_JSON;
		show.colour = ctl->colour;
		show.follow = args->option[FOLLOW] != NULL;
		log_show_begin(&show);
		if ((show.follow ? follow : show_past)(db, &f, limit, &show, &err) == -1)
			code = ctl_fail(EXIT_FAILED, "%s", err.text);
	}
	sqlite3_close(db);
	return code;
}

const struct verb verb_log = {
	.name = "log",
	.words = "",
	.summary = "recorded connections",
	.about = "Shows the connections of the audit log in the order in which they were recorded: each new one that\n"
	         "was allowed, and each denied attempt that was recorded on its own.\n",
	.examples = "  hallowctl log --since -1h --verdict deny\n"
	            "  hallowctl log --endpoint prod-api --source 2001:db8:1::/48 --limit 20\n"
	            "  hallowctl log --follow -o json | jq -r .source\n",
	.formats = "text, json",
	.options = options,
	.looks = true,
	.run = run,
};
