#include "ctl/ctl.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit.h"
#include "config/suggest.h"
#include "ctl/answer.h"
#include "ctl/daemon.h"
#include "ctl/usage.h"
#include "report/plain.h"

static struct buffer complaints; /* all that was said on standard error, without the prefixes */

void ctl_complain(const char *prefix, const char *lines)
{
	fflush(stdout); /* so that one who reads both sees them in the order in which they were said */
	plain_write_lines(stderr, prefix, lines);
	buffer_printf(&complaints, "%s%s", complaints.len > 0 ? "\n" : "", lines);
	while (complaints.len > 0 && complaints.data[complaints.len - 1] == '\n')
		complaints.len--;
}

int ctl_fail(int code, const char *fmt, ...)
{
	struct error e;
	va_list ap;

	va_start(ap, fmt);
	error_vset(&e, fmt, ap);
	va_end(ap);
	ctl_complain("hallowctl: ", e.text);
	return code;
}

/* What hallowd keeps of the configuration that it took up last.  A mistake in the file changes nothing of what is in force,
 * so it shall not hide it either. */
static bool take_kept(struct ctl *ctl)
{
	char state_dir[PATH_MAX], path[PATH_MAX];
	struct buffer errors = BUFFER_INIT;

	config_state_dir(ctl->config_path, state_dir);
	ctl->outdated = (size_t)snprintf(path, sizeof(path), "%s/" CONFIG_KEPT_FOLDER "/" CONFIG_KEPT_GOOD, state_dir) <
	                        sizeof(path) && config_load(path, &ctl->config, &errors) == 0;
	buffer_free(&errors);
	return ctl->outdated;
}

int ctl_config(struct ctl *ctl)
{
	struct buffer errors = BUFFER_INIT;
	const char *text;

	if (ctl->config != NULL || config_load(ctl->config_path, &ctl->config, &errors) == 0) {
		buffer_free(&errors);
		return 0;
	}
	text = buffer_str(&errors);
	ctl_complain("", text != NULL && *text != '\0' ? text : "out of memory");
	buffer_free(&errors);
	if (!ctl->looks || !take_kept(ctl))
		return EXIT_USAGE;
	ctl_complain("hallowctl: ", "what follows is by the configuration that was good last, and is in force");
	return 0;
}

int ctl_audit(struct ctl *ctl, sqlite3 **db)
{
	struct error err;
	int code = ctl_config(ctl);

	if (code != 0)
		return code;
	daemon_sync(ctl);
	if (audit_open_reader(db, ctl->config->state_dir, &err) == 0)
		return 0;
	if (errno == ENOENT)
		return ctl_fail(EXIT_FAILED, "there is no audit log in %s yet; hallowd makes it when it first runs",
		                ctl->config->state_dir);
	return ctl_fail(EXIT_FAILED, "%s", err.text);
}

int ctl_unknown(const char *what, const char *name, const char *const *names, size_t count)
{
	char near[SUGGEST_TEXT_MAX];
	struct suggestion s;
	size_t i;

	suggest_begin(&s, name);
	for (i = 0; i < count; i++)
		suggest_consider(&s, names[i]);
	return ctl_fail(EXIT_USAGE, "there is no %s '%s'%s", what, name, suggest_text(&s, near));
}

void ctl_print_table(const struct table *t, const char *indent)
{
	if (table_print(t, stdout, indent) == -1)
		ctl_fail(0, "out of memory: part of a table is missing");
}

int ctl_time(time_us *t, const char *name, const char *text)
{
	if (time_parse(t, text, time_now()) == 0)
		return 0;
	return ctl_fail(EXIT_USAGE,
	                "--%s '%s' is no time; expected a date or a time (2026-11-01, 2026-11-01T10:00:00Z), "
	                "today, yesterday, now, or how long ago (-24h)",
	                name, text);
}

static bool wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == '\0');
}

/* What could not be written was not said. */
static int close_output(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	return ctl_fail(code > EXIT_FAILED ? code : EXIT_FAILED, "cannot write to standard output: %s",
	                strerror(errno));
}

/* Who asked for JSON gets one value, also where there is nothing but an error. */
static void print_failure(int code)
{
	const char *text = complaints.data != NULL ? (const char *)complaints.data : "";
	json_t *error = json_stringn(text, complaints.len), *all;

	all = json_pack("{s:o, s:i}", "error",
	                error != NULL ? error : json_string("(not UTF-8; it is on standard error)"), "exit", code);
	answer_print(all);
	json_decref(all);
}

int ctl_main(const struct verb *const *verbs, int argc, char **argv)
{
	struct ctl ctl = { .config_path = CONFIG_DEFAULT_PATH, .colour = wants_colour() };
	struct arguments args = { .count = 0 };
	const struct verb *verb;
	const char *format = NULL;
	int next, code;

	code = usage_parse_global(&ctl, verbs, argc, argv, &next, &format);
	if (code != -1)
		return close_output(code);
	verb = usage_find_verb(verbs, argv[next]);
	code = verb == NULL ? EXIT_USAGE : usage_parse_verb(&ctl, verb, argc - next, argv + next, &args, &format);
	if (code == -1)
		code = usage_set_format(&ctl, verb, format);
	if (code == -1) {
		ctl.looks = verb->looks;
		code = verb->run(&ctl, &args);
	}
	if (ctl.outdated && code < EXIT_USAGE)
		code = EXIT_USAGE;
	config_free(ctl.config);
	if (code != EXIT_DONE && format != NULL && strcmp(format, "json") == 0 && !answer_begun())
		print_failure(code);
	buffer_free(&complaints);
	return close_output(code);
}
