/* A first configuration from what is on the host. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "core/file.h"
#include "core/number.h"
#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/init_draft.h"
#include "ctl/session.h"
#include "report/plain.h"

#define TERRAFORM_MAX (64u << 20)
#define LINE_MAX_LENGTH 4096

enum { OUTPUT, TERRAFORM, PRESET, FORCE, YES };

static const struct verb_option options[] = {
	[OUTPUT] = { "output", "FILE", "write there; '-' prints it (the file that -c names)" },
	[TERRAFORM] = { "terraform", "FILE", "a Terraform state, or 'terraform output -json', as the second publisher" },
	[PRESET] = { "preset", "NAME", "one more published list, such as cloudflare; hallowd.yaml(5) names them" },
	[FORCE] = { "force", NULL, "replace a file that is there" },
	[YES] = { "yes", NULL, "ask nothing" },
	{ NULL, NULL, NULL },
};

/* --- questions */

static bool asks(const struct ctl *ctl, const struct arguments *args)
{
	return args->option[YES] == NULL && args->count == 0 && ctl->format == OUTPUT_TEXT && isatty(STDIN_FILENO) &&
	       isatty(STDERR_FILENO);
}

/* An empty answer, and the end of the input, are the first of the two. */
static bool ask_yes_no(const char *question, bool yes_first)
{
	char line[16];

	fprintf(stderr, "%s [%s] ", question, yes_first ? "Y/n" : "y/N");
	if (fgets(line, sizeof(line), stdin) == NULL || line[0] == '\n')
		return yes_first;
	return line[0] == 'y' || line[0] == 'Y';
}

static void show_listener(const struct host_listener *l, char *text, size_t size)
{
	char address[ADDRESS_TEXT_MAX];
	const char *kind = draft_kind(l->port);

	snprintf(text, size, "Port %u at %s%s is listened on%s%s%s.  Protect it?", l->port,
	         address_format(&l->addresses[0], address), l->address_count > 1 ? " and others" : "",
	         kind != NULL ? " (" : "", kind != NULL ? kind : "", kind != NULL ? ")" : "");
}

/* --- what goes into the draft */

/* ssh is how people get in to repair what went wrong: it is protected only where somebody says so. */
static bool worth_protecting(const struct host_listener *l)
{
	return l->port != 22 && draft_kind(l->port) != NULL;
}

static int take_listeners(struct draft *d, const struct host *h, bool ask, struct error *err)
{
	for (size_t i = 0; i < h->listener_count; i++) {
		const struct host_listener *l = &h->listeners[i];
		bool wanted = worth_protecting(l);
		char question[160];

		if (ask) {
			show_listener(l, question, sizeof(question));
			wanted = ask_yes_no(question, wanted);
		}
		if (wanted && draft_add_listener(d, l, err) == -1)
			return -1;
	}
	return 0;
}

static int take_words(struct draft *d, const struct arguments *args, struct error *err)
{
	for (size_t i = 0; i < args->count; i++)
		if (draft_add_word(d, args->words[i], err) == -1)
			return -1;
	return 0;
}

/* A state file has "resources"; what `terraform output -json` prints has the name of the output. */
static int take_terraform(struct draft *d, const char *path, struct error *err)
{
	struct buffer text = BUFFER_INIT;
	json_error_t why;
	json_t *json;

	if (path[0] != '/')
		return error_set(err, "--terraform '%s' is no absolute path, which hallowd needs", path);
	if (file_read(AT_FDCWD, path, TERRAFORM_MAX, &text, err) == -1)
		return -1;
	json = json_loadb((const char *)text.data, text.len, 0, &why);
	buffer_free(&text);
	if (json == NULL)
		return error_set(err, "%s, line %d: this is no JSON (%s); expected a Terraform state or 'terraform output -json'",
		                 path, why.line, why.text);
	d->is_state = json_is_array(json_object_get(json, "resources"));
	if (!d->is_state && json_object_get(json, "humanitec_source_ip_ranges") == NULL) {
		json_decref(json);
		return error_set(err, "%s has neither 'resources' nor an output 'humanitec_source_ip_ranges'; expected a Terraform "
		                      "state or 'terraform output -json' (contrib/terraform has the snippet)", path);
	}
	json_decref(json);
	d->terraform = path;
	return 0;
}

/* "--session=PEER PORT LOCAL PORT" */
static void take_session(struct draft *d, char word[SESSION_WORD_MAX])
{
	const char *words[1];
	char *peer;

	if (session_words(words, word, NULL) == 0)
		return;
	peer = strchr(word, '=') + 1;
	peer[strcspn(peer, " %")] = '\0';
	d->admin = peer;
}

/* --- writing */

/* The text is tried as a configuration, so that what is written can be taken up.  0, or an exit code. */
static int try_out(const struct ctl *ctl, const struct buffer *text)
{
	struct buffer errors = BUFFER_INIT;
	struct config *c;
	const char *lines;

	if (config_parse(ctl->config_path, text->data, text->len, &c, &errors) == 0) {
		config_free(c);
		return 0;
	}
	lines = buffer_str(&errors);
	ctl_complain("", lines == NULL ? "out of memory" : lines);
	buffer_free(&errors);
	return ctl_fail(EXIT_USAGE, "nothing was written: the configuration would have the errors above; name other endpoints "
	                            "or lists");
}

/* /etc/hallowd may not be there yet; nothing above it is made. */
static void make_folder(const char *path)
{
	char *folder = strdup(path), *slash = folder == NULL ? NULL : strrchr(folder, '/');

	if (slash != NULL && slash > folder) {
		*slash = '\0';
		mkdir(folder, 0755);
	}
	free(folder);
}

static int write_out(const char *path, const struct buffer *text, bool force)
{
	struct error err;

	if (strcmp(path, "-") == 0) {
		fwrite(text->data, 1, text->len, stdout);
		return 0;
	}
	if (!force && access(path, F_OK) == 0)
		return ctl_fail(EXIT_FAILED, "%s is there already and was left as it is; --output FILE writes another, --force "
		                             "replaces it", path);
	make_folder(path);
	if (file_write_atomic(AT_FDCWD, path, 0644, text->data, text->len, &err) == -1)
		return ctl_fail(EXIT_FAILED, "%s", err.text);
	return 0;
}

/* --- what was found, and what comes next */

static json_t *found_json(const struct host *h, const struct draft *d)
{
	json_t *listening = json_array(), *addresses = json_array(), *firewalls = json_array();
	char text[ADDRESS_TEXT_MAX];

	for (size_t i = 0; i < h->address_count; i++)
		json_array_append_new(addresses, json_string(address_format(&h->addresses[i], text)));
	for (size_t i = 0; i < h->listener_count; i++) {
		const char *kind = draft_kind(h->listeners[i].port);
		json_t *at = json_array();

		for (size_t k = 0; k < h->listeners[i].address_count; k++)
			json_array_append_new(at, json_string(address_format(&h->listeners[i].addresses[k], text)));
		json_array_append_new(listening, json_pack("{s:i, s:o, s:o}", "port", (int)h->listeners[i].port, "addresses", at,
		                                           "kind", kind == NULL ? json_null() : json_string(kind)));
	}
	for (size_t i = 0; i < h->firewall_count; i++)
		json_array_append_new(firewalls, json_string(h->firewalls[i]));
	return json_pack("{s:o, s:o, s:o, s:o}", "addresses", addresses, "listening", listening, "firewalls", firewalls,
	                 "session", d->admin == NULL ? json_null() : json_string(d->admin));
}

static const char *const next_steps[] = {
	"hallowctl check", "hallowctl plan", "hallowctl doctor", "systemctl enable --now hallowd", "hallowctl report",
};
#define STEPS (sizeof(next_steps) / sizeof(next_steps[0]))

static void print_json(const struct host *h, const struct draft *d, const char *path)
{
	json_t *endpoints = json_array(), *next = json_array(), *all;

	for (size_t i = 0; i < d->count; i++)
		json_array_append_new(endpoints, json_pack("{s:s, s:s, s:i}", "name", d->endpoints[i].name, "kind",
		                                           d->endpoints[i].kind, "port", (int)d->endpoints[i].port));
	for (size_t i = 0; i < STEPS; i++)
		json_array_append_new(next, json_string(next_steps[i]));
	all = json_pack("{s:s, s:o, s:o, s:o}", "file", path, "endpoints", endpoints, "found", found_json(h, d), "next", next);
	answer_print(all);
	json_decref(all);
}

static void print_firewalls(FILE *out, const struct host *h)
{
	if (h->firewall_count == 0)
		return;
	fputs("Other firewalls here: ", out);
	for (size_t i = 0; i < h->firewall_count; i++)
		fprintf(out, "%s%s", i > 0 ? ", " : "", h->firewalls[i]);
	fputs(".  hallowd leaves them alone; what they drop stays dropped, and 'hallowctl status' names it.\n", out);
}

static void print_text(const struct host *h, const struct draft *d, const char *path)
{
	FILE *out = strcmp(path, "-") == 0 ? stderr : stdout;

	if (out == stdout)
		plain_print(out, "%s was written: ", path);
	fprintf(out, "%zu endpoint%s, in mode observe:\n", d->count, number_plural(d->count));
	for (size_t i = 0; i < d->count; i++) {
		fprintf(out, "  %s (%s) port %u at ", d->endpoints[i].name, d->endpoints[i].kind, d->endpoints[i].port);
		plain_print(out, "%s\n", d->endpoints[i].addresses);
	}
	print_firewalls(out, h);
	if (d->admin != NULL)
		plain_print(out, "You are logged in from %s: the list 'admins' has it.\n", d->admin);
	fputs("\nNext:\n"
	      "  hallowctl check && hallowctl plan       is it good, and what would it change\n"
	      "  hallowctl doctor                        is this host fit for it\n"
	      "  systemctl enable --now hallowd          observe: nothing is denied yet\n"
	      "  hallowctl report                        after a day: what enforcing would cut off\n"
	      "Then 'mode: enforce' in the file, and  hallowctl reload --confirm 5m\n", out);
}

/* --- the verb */

static int fill(struct ctl *ctl, const struct arguments *args, const struct host *h, struct draft *d)
{
	struct error err;

	if (args->option[TERRAFORM] != NULL && take_terraform(d, args->option[TERRAFORM], &err) == -1)
		return ctl_fail(EXIT_USAGE, "%s", err.text);
	d->preset = args->option[PRESET];
	if (args->count > 0 && take_words(d, args, &err) == -1)
		return ctl_fail(EXIT_USAGE, "%s", err.text);
	if (args->count == 0 && take_listeners(d, h, asks(ctl, args), &err) == -1)
		return ctl_fail(EXIT_FAILED, "%s", err.text);
	if (d->count == 0)
		return ctl_fail(EXIT_USAGE, "nothing to protect was %s; name it as clients dial it, also what is behind this host: "
		                            "hallowctl init prod-api=203.0.113.10:6443", asks(ctl, args) ? "chosen" : "found here");
	return 0;
}

static int make(struct ctl *ctl, const struct arguments *args, const struct host *h, struct draft *d)
{
	const char *path = args->option[OUTPUT] != NULL ? args->option[OUTPUT] : ctl->config_path;
	char host[256] = "", when[TIME_TEXT_MAX];
	struct buffer text = BUFFER_INIT;
	int code = fill(ctl, args, h, d);

	if (code != 0)
		return code;
	gethostname(host, sizeof(host) - 1);
	if (draft_write(d, host, time_format(time_now(), 0, when), &text) == -1)
		code = ctl_fail(EXIT_FAILED, "out of memory");
	if (code == 0)
		code = try_out(ctl, &text);
	if (code == 0)
		code = write_out(path, &text, args->option[FORCE] != NULL);
	buffer_free(&text);
	if (code != 0)
		return code;
	if (ctl->format == OUTPUT_JSON)
		print_json(h, d, path);
	else
		print_text(h, d, path);
	return EXIT_DONE;
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	struct draft d = { .count = 0 };
	char session[SESSION_WORD_MAX];
	struct error err;
	struct host h;
	int code;

	if (ctl->format == OUTPUT_JSON && args->option[OUTPUT] != NULL && strcmp(args->option[OUTPUT], "-") == 0)
		return ctl_fail(EXIT_USAGE, "--output - and -o json cannot both be printed; name a file");
	if (host_read(&h, &err) == -1)
		return ctl_fail(EXIT_FAILED, "%s", err.text);
	take_session(&d, session);
	code = make(ctl, args, &h, &d);
	draft_free(&d);
	host_free(&h);
	return code;
}

const struct verb verb_init = {
	.name = "init",
	.words = "[[NAME=]ADDRESS:PORT...]",
	.max = DRAFT_ENDPOINTS_MAX,
	.summary = "a first configuration, from what is on this host",
	.about = "Looks at this host (addresses, who listens, other firewalls, from where you are logged in), and writes a\n"
	         "configuration with comments, every endpoint in mode observe: nothing is denied until you change that.\n"
	         "On a terminal it asks what to protect.  Endpoints that are named are taken instead, also those behind\n"
	         "this host; IPv6 as [ADDRESS]:PORT.  A file that is there is left as it is.\n",
	.examples = "  hallowctl init\n"
	            "  hallowctl init prod-api=203.0.113.10:6443 orders-db=203.0.113.20:5432\n"
	            "  hallowctl init --terraform /etc/hallowd/terraform.tfstate --output - 203.0.113.10:6443\n",
	.formats = "text, json",
	.options = options,
	.run = run,
};
