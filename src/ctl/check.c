#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "capture/filter.h"
#include "core/number.h"
#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "report/plain.h"

/* {"ok": ..., "errors": [one text for each line]} */
static void print_json(bool ok, char *lines)
{
	json_t *errors = json_array(), *all;
	char *line;

	while ((line = strsep(&lines, "\n")) != NULL) {
		json_t *text = *line != '\0' ? json_string(line) : NULL;

		if (*line != '\0')
			json_array_append_new(errors, text != NULL ? text : json_string("(a line that is not UTF-8)"));
	}
	all = json_pack("{s:b, s:o}", "ok", ok, "errors", errors);
	answer_print(all);
	json_decref(all);
}

static void print_good(const struct ctl *ctl)
{
	const struct config *c = ctl->config;
	struct buffer doubts = BUFFER_INIT;

	plain_print(stdout, "%s is good: %zu list%s, %zu endpoint%s", ctl->config_path, c->list_count,
	            number_plural(c->list_count), c->endpoint_count, number_plural(c->endpoint_count));
	if (c->agent_count > 0)
		printf(", %zu agent%s", c->agent_count, number_plural(c->agent_count));
	putchar('\n');
	if (config_doubts(c, &doubts) == 0 && buffer_str(&doubts) != NULL && doubts.len > 0)
		plain_write_lines(stderr, "warning: ", buffer_str(&doubts));
	buffer_free(&doubts);
}

/* What only hallowctl can tell, since hallowd does without libpcap: whether filters are filters. */
static bool filters_good(const struct ctl *ctl, struct buffer *errors)
{
	const struct audit_config *a = &ctl->config->audit;
	struct bpf_program program;
	bool good = true;
	struct error err;

	for (size_t i = 0; i < a->observe_count; i++) {
		if (filter_compile(&program, a->observe[i].filter, DLT_EN10MB, &err) == 0) {
			pcap_freecode(&program);
			continue;
		}
		good = false;
		buffer_printf(errors, "%s: audit.observe, interface %s: %s\n", ctl->config_path, a->observe[i].interface, err.text);
	}
	return good;
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	struct buffer errors = BUFFER_INIT;
	const char *text;
	bool ok;

	(void)args;
	ok = config_load(ctl->config_path, &ctl->config, &errors) == 0 && filters_good(ctl, &errors);
	text = buffer_str(&errors);
	if (text == NULL) {
		buffer_free(&errors);
		return ctl_fail(EXIT_FAILED, "out of memory");
	}
	if (ctl->format == OUTPUT_JSON)
		print_json(ok, (char *)errors.data);
	else if (ok)
		print_good(ctl);
	else
		plain_write_lines(stderr, "", text);
	buffer_free(&errors);
	return ok ? EXIT_DONE : EXIT_USAGE;
}

const struct verb verb_check = {
	.name = "check",
	.words = "",
	.summary = "is the configuration good",
	.about = "Reads the configuration and tells every error in it: file, line, column, what was expected.\n"
	         "Changes nothing and asks nobody; needs no running hallowd.\n",
	.examples = "  hallowctl check\n"
	            "  hallowctl -c new.yaml check && mv new.yaml /etc/hallowd/hallowd.yaml && hallowctl reload\n",
	.formats = "text, json",
	.run = run,
};
