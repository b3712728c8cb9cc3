#include "ctl/init_draft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"
#include "core/prefix.h"

static const struct {
	uint16_t port;
	const char *kind;
} known_ports[] = {
	{ 22, "bastion" },       { 443, "https" },     { 1433, "database" },       { 1521, "database" },
	{ 3306, "database" },    { 5432, "database" }, { 6379, "database" },       { 6443, "kubernetes-api" },
	{ 8200, "secret-store" }, { 8443, "https" },   { 9418, "git" },            { 16443, "kubernetes-api" },
	{ 27017, "database" },
};

const char *draft_kind(uint16_t port)
{
	for (size_t i = 0; i < sizeof(known_ports) / sizeof(known_ports[0]); i++)
		if (known_ports[i].port == port)
			return known_ports[i].kind;
	return NULL;
}

void draft_free(struct draft *d)
{
	for (size_t i = 0; i < d->count; i++)
		free(d->endpoints[i].addresses);
	d->count = 0;
}

static bool name_taken(const struct draft *d, const char *name)
{
	for (size_t i = 0; i < d->count; i++)
		if (strcmp(d->endpoints[i].name, name) == 0)
			return true;
	return false;
}

/* "database", "database-2", ... */
static void make_name(const struct draft *d, const char *kind, char name[NAME_MAX_LENGTH + 1])
{
	snprintf(name, NAME_MAX_LENGTH + 1, "%s", kind);
	for (unsigned n = 2; name_taken(d, name); n++)
		snprintf(name, NAME_MAX_LENGTH + 1, "%s-%u", kind, n);
}

/* `name` NULL: one is made of the kind.  `addresses` is taken over, also on failure. */
static int add(struct draft *d, const char *name, uint16_t port, char *addresses, struct error *err)
{
	const char *kind = draft_kind(port);
	struct draft_endpoint *e = &d->endpoints[d->count];

	if (addresses == NULL)
		return error_set(err, "no memory");
	if (d->count == DRAFT_ENDPOINTS_MAX) {
		free(addresses);
		return error_set(err, "these are more than %d endpoints; add the others to the file", DRAFT_ENDPOINTS_MAX);
	}
	e->kind = kind == NULL ? "other" : kind;
	e->addresses = addresses;
	e->port = port;
	if (name != NULL)
		snprintf(e->name, sizeof(e->name), "%s", name);
	else
		make_name(d, kind == NULL ? "endpoint" : kind, e->name);
	d->count++;
	return 0;
}

/* --- what a person named */

static int bad_word(const char *word, const char *what, struct error *err)
{
	return error_set(err, "'%s': %s; expected [NAME=]ADDRESS:PORT such as 203.0.113.10:6443, prod-api=203.0.113.10:6443 "
	                      "or [2001:db8::10]:6443", word, what);
}

/* The address of "ADDRESS:PORT" or "[ADDRESS]:PORT", and the port; `text` is changed. */
static const char *split(char *text, const char **port)
{
	char *colon = strrchr(text, ':');

	if (colon == NULL || (text[0] == '[' && (colon == text || colon[-1] != ']')) ||
	    (text[0] != '[' && memchr(text, ':', (size_t)(colon - text)) != NULL))
		return NULL;
	*port = colon + 1;
	*colon = '\0';
	if (text[0] != '[')
		return text;
	colon[-1] = '\0';
	return text + 1;
}

static char *yaml_address(const char *text)
{
	char *out;

	return asprintf(&out, strchr(text, ':') != NULL ? "\"%s\"" : "%s", text) == -1 ? NULL : out;
}

static int add_split(struct draft *d, const char *word, const char *name, char *text, struct error *err)
{
	struct prefix prefix;
	const char *port_text = "", *address = split(text, &port_text);
	uint16_t port;

	if (address == NULL)
		return bad_word(word, "there is no port", err);
	if (prefix_parse(&prefix, address, strlen(address)) != PREFIX_OK)
		return bad_word(word, "its address is none", err);
	if (number_parse_port(&port, port_text) == -1 || port == 0)
		return bad_word(word, "its port is no number from 1 to 65535", err);
	if (name != NULL && (!name_valid(name) || name_taken(d, name)))
		return bad_word(word, name_valid(name) ? "the name is taken" : "its name may hold letters, digits, '.', '_' and '-', "
		                                                               "begins with a letter and is not longer than 48", err);
	return add(d, name, port, yaml_address(address), err);
}

int draft_add_word(struct draft *d, const char *word, struct error *err)
{
	char *copy = strdup(word), *equals;
	int result;

	if (copy == NULL)
		return error_set(err, "no memory");
	equals = strchr(copy, '=');
	if (equals != NULL)
		*equals = '\0';
	result = add_split(d, word, equals == NULL ? NULL : copy, equals == NULL ? copy : equals + 1, err);
	free(copy);
	return result;
}

/* --- what listens here */

int draft_add_listener(struct draft *d, const struct host_listener *l, struct error *err)
{
	struct buffer text = BUFFER_INIT;
	char address[ADDRESS_TEXT_MAX], *copy = NULL;
	int result = buffer_printf(&text, "[");

	for (size_t i = 0; i < l->address_count && result == 0; i++) {
		const char *quote = l->addresses[i].family == AF_INET6 ? "\"" : "";

		result = buffer_printf(&text, "%s%s%s%s", i > 0 ? ", " : "", quote, address_format(&l->addresses[i], address),
		                       quote);
	}
	if (result == 0 && buffer_printf(&text, "]") == 0 && buffer_str(&text) != NULL)
		copy = strdup((const char *)text.data);
	buffer_free(&text);
	return add(d, NULL, l->port, copy, err);
}

/* --- the text */

static const char head[] =
	"# Written by 'hallowctl init' on %s, %s.  hallowd.yaml(5) explains each key.\n"
	"#\n"
	"# Every endpoint is in mode observe: nothing is denied yet, and what would be is recorded.\n"
	"#   hallowctl check && hallowctl plan       is this file good, and what would it change\n"
	"#   hallowctl report                        after a day or more: what enforcing would cut off\n"
	"# Then change 'observe' to 'enforce', endpoint by endpoint, and  hallowctl reload --confirm 5m\n"
	"\n"
	"version: 1\n";

static const char lists_head[] =
	"\n"
	"lists:\n"
	"  # Humanitec's source addresses.  The documentation names 6, the Terraform provider 12; an address is let in only when\n"
	"  # all origins name it.  'agree: any' would let in what any of them names.\n"
	"  humanitec:\n"
	"    origins:\n"
	"      docs: {builtin: humanitec}                    # shipped with hallowd: what the documentation names\n";

static const char select_state[] =
	".resources[] | select(.type == \"humanitec_source_ip_ranges\") | .instances[].attributes.cidr_blocks[]";
static const char select_output[] = ".humanitec_source_ip_ranges.value[]";

/* A text in single quotes, as YAML has them. */
static int write_quoted(struct buffer *out, const char *text)
{
	int result = buffer_add(out, "'", 1);

	for (; *text != '\0' && result == 0; text++)
		result = buffer_add(out, *text == '\'' ? "''" : text, *text == '\'' ? 2 : 1);
	return result == 0 ? buffer_add(out, "'", 1) : -1;
}

static int write_provider(const struct draft *d, struct buffer *out)
{
	if (d->terraform == NULL)
		return buffer_printf(out, "      provider: {builtin: humanitec-provider}       # what the Terraform provider names; "
		                          "better is your own state: --terraform\n");
	if (buffer_printf(out, "      provider:                                     # taken up whenever the file is replaced\n"
	                       "        file: ") == -1 || write_quoted(out, d->terraform) == -1)
		return -1;
	return buffer_printf(out, "\n        format: json\n        select: '%s'\n", d->is_state ? select_state : select_output);
}

static int write_lists(const struct draft *d, struct buffer *out)
{
	if (buffer_printf(out, "%s", lists_head) == -1 || write_provider(d, out) == -1 ||
	    buffer_printf(out, "    agree: all\n    refresh: 6h\n") == -1)
		return -1;
	if (d->preset != NULL &&
	    buffer_printf(out, "  %s:\n    origins:\n      published: {preset: %s}\n", d->preset, d->preset) == -1)
		return -1;
	if (d->admin == NULL)
		return 0;
	return buffer_printf(out, "  # Your own way in, for ssh to this host: the address from which you are logged in.  Add your "
	                          "colleagues'.\n  admins:\n    entries: [%s%s%s]\n", strchr(d->admin, ':') ? "\"" : "",
	                     d->admin, strchr(d->admin, ':') ? "\"" : "");
}

static int write_endpoint(const struct draft *d, const struct draft_endpoint *e, struct buffer *out)
{
	bool ssh = e->port == 22 && d->admin != NULL;

	return buffer_printf(out,
	                     "%s  %s:\n    kind: %s\n    address: %s\n    port: %u\n    allow: [humanitec%s%s%s]\n"
	                     "    mode: observe\n"
	                     "    # reason: why it may be reached, and owner: who answers for it; for the rule review\n",
	                     e == d->endpoints ? "" : "\n", e->name, e->kind, e->addresses, e->port, d->preset != NULL ? ", " : "",
	                     d->preset != NULL ? d->preset : "", ssh ? ", admins" : "");
}

int draft_write(const struct draft *d, const char *host, const char *when, struct buffer *out)
{
	if (buffer_printf(out, head, host, when) == -1 ||
	    write_lists(d, out) == -1 ||
	    buffer_printf(out, "\nendpoints:\n") == -1)
		return -1;
	for (size_t i = 0; i < d->count; i++)
		if (write_endpoint(d, &d->endpoints[i], out) == -1)
			return -1;
	return buffer_printf(out, "\naudit:\n  retention: 400d                                 # PCI DSS 10.5.1 wants a year\n");
}
