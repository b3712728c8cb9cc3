#include "test_kernel.h"

#include <ctype.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buffer.h"

int lab_new(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNET) != 0 || lab_run("ip link set lo up") != 0 ? -1 : 0;
}

void lab_need(void)
{
	if (lab_new(NULL) == 0)
		return;
	printf("1..0 # SKIP no network namespace of its own (needs root, and `ip` of iproute2)\n");
	exit(77);
}

const char *lab_own_name(void)
{
	static char name[32];

	return prctl(PR_GET_NAME, name) == 0 ? name : "";
}

int lab_run(const char *command)
{
	char line[4096];

	fflush(NULL);
	snprintf(line, sizeof(line), "{ %s ; } >/dev/null 2>&1", command);
	return system(line);
}

const char *lab_output(const char *command)
{
	static struct buffer text = BUFFER_INIT;
	char bytes[4096];
	size_t n;
	FILE *f;

	fflush(NULL);
	text.len = 0;
	f = popen(command, "r");
	assert_non_null(f);
	while ((n = fread(bytes, 1, sizeof(bytes), f)) != 0)
		assert_int_equal(buffer_add(&text, bytes, n), 0);
	if (pclose(f) != 0)
		fail_msg("%s: failed", command);
	return buffer_str(&text);
}

bool lab_has_nft(void)
{
	return lab_run("command -v nft") == 0;
}

static char *copy(const char *text)
{
	char *s = strdup(text);

	assert_non_null(s);
	return s;
}

/* The words of a line, cut apart at `separator`. */
static size_t split(char *line, const char *separator, char *words[], size_t most)
{
	size_t count = 0;

	for (char *rest = line, *word; (word = strsep(&rest, separator)) != NULL;)
		if (word[0] != '\0') {
			assert_true(count < most);
			words[count++] = word;
		}
	return count;
}

static void parse_list(struct policy *p, char *const words[], size_t count)
{
	struct policy_list *l;
	struct range r;

	p->lists = reallocarray(p->lists, p->list_count + 1, sizeof(*p->lists));
	assert_non_null(p->lists);
	l = &p->lists[p->list_count++];
	*l = (struct policy_list){ .name = copy(words[1]), .revision = 1 };
	for (size_t i = 2; i < count; i++) {
		if (range_parse(&r, words[i], strlen(words[i])) > PREFIX_HOST_BITS)
			fail_msg("\"%s\" is no prefix", words[i]);
		assert_int_equal(prefix_set_add_range(&l->set, &r), 0);
	}
	prefix_set_normalize(&l->set);
}

static void parse_ports(struct policy_endpoint *e, char *text)
{
	char *words[16];
	size_t count = split(text, ",", words, 16);

	e->ports = calloc(count, sizeof(*e->ports));
	assert_non_null(e->ports);
	for (size_t i = 0; i < count; i++) {
		unsigned first, last;

		if (sscanf(words[i], "%u-%u", &first, &last) == 1)
			last = first;
		e->ports[e->port_count++] = (struct port_range){ (uint16_t)first, (uint16_t)last };
	}
}

static void parse_addresses(struct policy_endpoint *e, char *text)
{
	char *words[64];
	size_t count = split(text, ",", words, 64);

	e->addresses = calloc(count, sizeof(*e->addresses));
	assert_non_null(e->addresses);
	for (size_t i = 0; i < count; i++) {
		struct prefix *a = &e->addresses[e->address_count++];

		assert_int_equal(prefix_parse(a, words[i], strlen(words[i])), PREFIX_OK);
	}
}

static void parse_allowed(struct policy *p, struct policy_endpoint *e, char *text)
{
	char *words[64];
	size_t count = strcmp(text, "-") == 0 ? 0 : split(text, ",", words, 64);

	e->lists = calloc(count + 1, sizeof(*e->lists));
	assert_non_null(e->lists);
	for (size_t i = 0; i < count; i++) {
		const struct policy_list *l = policy_find_list(p, words[i]);

		if (l == NULL)
			fail_msg("no list %s", words[i]);
		e->lists[e->list_count++] = (size_t)(l - p->lists);
	}
}

static void parse_endpoint(struct policy *p, char *const words[], size_t count)
{
	struct policy_endpoint *e;

	assert_true(count >= 6);
	p->endpoints = reallocarray(p->endpoints, p->endpoint_count + 1, sizeof(*p->endpoints));
	assert_non_null(p->endpoints);
	e = &p->endpoints[p->endpoint_count++];
	*e = (struct policy_endpoint){ .name = copy(words[1]), .kind = copy("other"), .owner = copy(""),
	                               .reason = copy("") };
	assert_int_equal(protocol_parse(&e->protocol, words[2]), 0);
	parse_ports(e, words[3]);
	parse_addresses(e, words[4]);
	parse_allowed(p, e, words[5]);
	for (size_t i = 6; i < count; i++) {
		if (strcmp(words[i], "observe") == 0)
			e->mode = MODE_OBSERVE;
		if (strcmp(words[i], "reject") == 0)
			e->deny_with = DENY_REJECT;
	}
}

/* A list of addresses with commas between them; its index. */
static size_t add_list(struct policy *p, const char *mark, const char *name, char *addresses)
{
	char *words[64], full[128];
	size_t count;

	snprintf(full, sizeof(full), "%s%s", mark, name);
	words[1] = full;
	count = split(addresses, ",", words + 2, 60);
	parse_list(p, words, count + 2);
	return p->list_count - 1;
}

static void parse_agent(struct policy *p, char *const words[], size_t count)
{
	char *reached[16];
	size_t reach_count = strcmp(words[5], "-") == 0 ? 0 : split(words[5], ",", reached, 16);
	struct policy_agent *a;

	assert_true(count >= 6);
	p->agents = reallocarray(p->agents, p->agent_count + 1, sizeof(*p->agents));
	assert_non_null(p->agents);
	a = &p->agents[p->agent_count++];
	*a = (struct policy_agent){ .name = copy(words[1]), .network = copy("n"), .tunnel_host = copy(words[3]),
	                            .owner = copy(""), .reason = copy(""), .seen_within = 600 };
	a->own = add_list(p, "@", words[1], words[2]);
	a->tunnel = add_list(p, TUNNEL_LIST, words[1], words[3]);
	a->tunnel_port = (uint16_t)atoi(words[4]);
	a->reach = calloc(reach_count + 1, sizeof(*a->reach));
	assert_non_null(a->reach);
	for (size_t i = 0; i < reach_count; i++) {
		const struct policy_endpoint *named = policy_find_endpoint(p, reached[i]);
		struct policy_endpoint *e = named == NULL ? NULL : &p->endpoints[named - p->endpoints];

		if (e == NULL)
			fail_msg("no endpoint %s", reached[i]);
		a->reach[a->reach_count++] = (size_t)(e - p->endpoints);
		e->lists = reallocarray(e->lists, e->list_count + 1, sizeof(*e->lists));
		assert_non_null(e->lists);
		e->lists[e->list_count++] = a->own;
	}
	for (size_t i = 6; i < count; i++) {
		if (strcmp(words[i], "observe") == 0)
			a->mode = MODE_OBSERVE;
		if (strcmp(words[i], "reject") == 0)
			a->deny_with = DENY_REJECT;
		if (strcmp(words[i], "resolvers") == 0 && i + 1 < count) {
			a->has_resolvers = true;
			a->resolvers = add_list(p, RESOLVERS_LIST, words[1], words[++i]);
		}
	}
}

struct policy make_policy(const char *lines)
{
	struct policy p = { .limits = { .nflog_group = 5, .denied_log_rate = 1000, .denied_set_size = 1024 } };
	char *text = copy(lines), *words[64];
	unsigned group, rate, size;

	for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL;) {
		if (sscanf(line, "limits %u %u %u", &group, &rate, &size) == 3) {
			p.limits = (struct policy_limits){ (uint16_t)group, rate, size, false };
			continue;
		}
		size_t count = split(line, " \t", words, 64);
		if (count == 0)
			continue;
		if (strcmp(words[0], "list") == 0)
			parse_list(&p, words, count);
		else if (strcmp(words[0], "agent") == 0)
			parse_agent(&p, words, count);
		else
			parse_endpoint(&p, words, count);
	}
	free(text);
	return p;
}

struct kernel *open_kernel(void)
{
	struct kernel *k = NULL;
	struct error err = { "" };

	if (kernel_open(&k, -1, &err) != 0)
		fail_msg("%s", err.text);
	return k;
}

void must_apply(struct kernel *k, const struct policy *p, struct kernel_change *c)
{
	struct error err = { "" };

	if (kernel_apply(k, p, c, &err) != 0)
		fail_msg("%s", err.text);
}

void must_plan(struct kernel *k, const struct policy *p, struct kernel_change *c)
{
	struct error err = { "" };

	if (kernel_plan(k, p, c, &err) != 0)
		fail_msg("%s", err.text);
}

void apply_lines(struct kernel *k, const char *lines)
{
	struct policy p = make_policy(lines);
	struct kernel_change c;

	must_apply(k, &p, &c);
	kernel_change_free(&c);
	policy_free(&p);
}

static void assert_nothing_planned(struct kernel *k, const struct policy *p, const char *what)
{
	struct kernel_change c;

	must_plan(k, p, &c);
	if (c.any || c.list_count != 0 || c.added_count != 0 || c.changed_count != 0 || c.removed_count != 0)
		fail_msg("%s: a plan has %zu messages; lists: %zu, added: %zu, changed: %s, removed: %zu", what,
		         c.messages, c.list_count, c.added_count, names_text(c.changed, c.changed_count), c.removed_count);
	kernel_change_free(&c);
}

void assert_in_force(struct kernel *k, const struct policy *p)
{
	struct kernel *other = open_kernel();
	struct kernel_state st;
	struct error err;

	assert_int_equal(kernel_state(k, &st, &err), 0);
	if (!st.persistent)
		kernel_without_owner(other);
	assert_nothing_planned(k, p, "as remembered");
	kernel_forget(k);
	assert_nothing_planned(k, p, "read anew");
	assert_nothing_planned(other, p, "read by another socket");
	kernel_close(other);
}

const char *names_text(char *const *names, size_t count)
{
	static char text[4096];

	text[0] = '\0';
	for (size_t i = 0; i < count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i == 0 ? "" : ",", names[i]);
	return text;
}

static int append_prefix(void *ctx, const struct prefix *p)
{
	char *text = ctx, one[PREFIX_TEXT_MAX];

	snprintf(text + strlen(text), 4096 - strlen(text), "%s%s", text[0] == '\0' ? "" : ",", prefix_format(p, one));
	return 0;
}

const char *set_text(const struct prefix_set *s)
{
	static char texts[4][4096];
	static unsigned next;
	char *text = texts[next++ % 4];

	text[0] = '\0';
	prefix_set_each(s, append_prefix, text);
	return text;
}

int main(void)
{
	lab_need();
	return run_apply_tests() + run_owner_tests() + run_packet_tests() + run_agent_tests() + run_random_tests() + run_fault_tests() != 0;
}
