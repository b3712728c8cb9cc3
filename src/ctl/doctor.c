#include "ctl/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/answer.h"
#include "report/plain.h"
#include "report/table.h"

#define TEXT_MAX 1024

enum { NO_SELF_TEST };

static const struct verb_option options[] = {
	[NO_SELF_TEST] = { "no-self-test", NULL, "leave out the self-test, which takes a few seconds" },
	{ NULL, NULL, NULL },
};

/* --- findings */

static void show(const struct doctor *d, enum health state, const char *check, const char *text, const char *remedy)
{
	static const char *const words[] = { "good", "note", "bad " };
	static const enum style styles[] = { STYLE_GOOD, STYLE_HEADER, STYLE_BAD };

	if (d->ctl->format != OUTPUT_TEXT)
		return;
	printf("%s%s%s  ", style_on(styles[state], d->ctl->colour), words[state], style_off(styles[state], d->ctl->colour));
	plain_print(stdout, "%s: %s", check, text);
	if (remedy != NULL)
		plain_print(stdout, "\n      -> %s", remedy);
	putchar('\n');
	fflush(stdout);
}

__attribute__((format(printf, 5, 0)))
static void add(struct doctor *d, enum health state, const char *check, const char *remedy, const char *fmt, va_list ap)
{
	static const char *const words[] = { "good", "note", "bad" };
	struct buffer plain = BUFFER_INIT;
	char text[TEXT_MAX];
	json_t *finding;

	vsnprintf(text, sizeof(text), fmt, ap);
	show(d, state, check, text, remedy);
	/* Also what is not UTF-8 has to go into JSON. */
	if (plain_add(&plain, text) == -1 || buffer_str(&plain) == NULL)
		d->no_memory = true;
	finding = json_pack("{s:s, s:s, s:s, s:o}", "check", check, "state", words[state], "text",
	                    plain.data == NULL ? "" : (const char *)plain.data, "remedy",
	                    remedy == NULL ? json_null() : json_string(remedy));
	if (json_array_append_new(d->findings, finding) == -1)
		d->no_memory = true;
	buffer_free(&plain);
}

void doctor_good(struct doctor *d, const char *check, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, HEALTH_GOOD, check, NULL, fmt, ap);
	va_end(ap);
}

void doctor_note(struct doctor *d, const char *check, const char *remedy, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, HEALTH_NOTE, check, remedy, fmt, ap);
	va_end(ap);
}

void doctor_bad(struct doctor *d, int code, const char *check, const char *remedy, const char *fmt, ...)
{
	va_list ap;

	d->code = code > d->code ? code : d->code;
	va_start(ap, fmt);
	add(d, HEALTH_BAD, check, remedy, fmt, ap);
	va_end(ap);
}

/* --- the verb */

/* NULL where it is not good; then the findings say so, an error each. */
static const struct config *check_file(struct doctor *d)
{
	struct buffer errors = BUFFER_INIT;
	char *lines, *rest, *line;

	if (config_load(d->ctl->config_path, &d->ctl->config, &errors) == 0) {
		doctor_good(d, "configuration", "%s is good", d->ctl->config_path);
		buffer_free(&errors);
		return d->ctl->config;
	}
	lines = rest = buffer_str(&errors) == NULL ? NULL : (char *)errors.data;
	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0')
			doctor_bad(d, EXIT_USAGE, "configuration", "correct it, then: hallowctl check",
			           "%s", line);
	if (lines == NULL)
		d->no_memory = true;
	buffer_free(&errors);
	return NULL;
}

static void print_json(const struct doctor *d)
{
	json_t *all = json_pack("{s:b, s:O}", "ok", d->code == EXIT_DONE, "findings", d->findings);

	answer_print(all);
	json_decref(all);
}

static void print_sum(const struct doctor *d)
{
	size_t i, bad = 0, notes = 0;
	json_t *finding;

	json_array_foreach(d->findings, i, finding) {
		bad += strcmp(answer_text(finding, "state"), "bad") == 0;
		notes += strcmp(answer_text(finding, "state"), "note") == 0;
	}
	printf("\n%zu checked: %zu bad, %zu to know of\n", json_array_size(d->findings), bad, notes);
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	struct doctor d = { .ctl = ctl, .findings = json_array() };
	const struct config *c;

	doctor_host(&d);
	c = check_file(&d);
	if (c != NULL) {
		doctor_config(&d, c);
		doctor_daemon(&d);
	}
	if (args->option[NO_SELF_TEST] == NULL)
		doctor_self_test(&d);
	if (ctl->format == OUTPUT_JSON)
		print_json(&d);
	else
		print_sum(&d);
	json_decref(d.findings);
	host_free(&d.host);
	return d.no_memory ? ctl_fail(EXIT_FAILED, "out of memory: findings are missing") : d.code;
}

const struct verb verb_doctor = {
	.name = "doctor",
	.words = "",
	.summary = "what is wrong with this host, and what to do",
	.about = "Checks this host: hallowd's programs and user, the kernel, its settings, the clock, the disk, permissions,\n"
	         "the configuration, other firewalls, how hallowd is started, and what a running hallowd says; then\n"
	         "hallowd itself, with real connections in a network namespace of its own.  Each finding has its remedy.\n"
	         "Changes nothing; most checks need root.\n",
	.examples = "  hallowctl doctor\n"
	            "  hallowctl doctor -o json | jq -r '.findings[] | select(.state == \"bad\") | .text, .remedy'\n",
	.formats = "text, json",
	.options = options,
	.run = run,
};
