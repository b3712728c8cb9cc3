#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "config/sections.h"
#include "config/value.h"
#include "core/control.h"
#include "core/file.h"

#define DEFAULT_RUN_DIR "/run/hallowd"

static void take_version(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	char text[SHOWN_MAX];
	const char *version;

	(void)f;
	(void)into;
	if (value_scalar(r, value, "1", &version) && strcmp(version, "1") != 0)
		complain(r->complaints, value->at, "version %s of the configuration is not known to this hallowd; "
		         "expected 1", shown(version, text));
}

/* The control socket's path has to fit into an address (unix(7)). */
static void take_run_dir(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - sizeof("/" CONTROL_SOCKET);
	const char *path;

	if (!value_path(r, value, &path))
		return;
	if (strlen(path) > most)
		complain(r->complaints, value->at, "the path is too long for a socket in that folder; expected at "
		         "most %zu characters", most);
	else
		take_path(r, f, value, into);
}

static const struct field root_fields[] = {
	{ KEY("version", take_version), .required = true },
	{ KEY("state_dir", take_path), FIELD(struct config, state_dir) },
	{ KEY("run_dir", take_run_dir), FIELD(struct config, run_dir) },
	{ KEY("lists", take_lists) },
	{ KEY("endpoints", take_endpoints) },
	{ KEY("secrets", take_secrets) },
	{ KEY("grants", take_grants) },
	{ KEY("audit", take_audit) },
	{ KEY("kernel", take_kernel) },
	{ KEY("agents", take_agents) },
	{ KEY("notify", take_notify) },
	{ KEY("metrics", take_metrics) },
};

SHAPE(root_shape, "the configuration", root_fields);

/* An empty file has no bytes to keep, and malloc(0) may give NULL. */
static void keep_text(struct reader *r, const void *data, size_t len)
{
	r->config->text = malloc(len + 1);
	if (r->config->text == NULL) {
		r->complaints->out_of_memory = true;
		return;
	}
	memcpy(r->config->text, data, len);
	r->config->text_len = len;
}

/* What was kept until everything was read. */
static void free_parts(struct reader *r)
{
	free_agent_parts(r);
	for (size_t i = 0; i < r->address_list_count; i++)
		free(r->address_lists[i].name);
	free(r->address_lists);
	free(r->destinations);
	r->destinations = NULL;
	r->address_lists = NULL;
}

static void read_root(struct reader *r, const struct node *root, const char *path)
{
	struct config *c = r->config;

	r->lists = node_get(root, "lists");
	r->endpoints = node_get(root, "endpoints");
	r->agents = node_get(root, "agents");
	reader_set_text(r, &c->path, path);
	reader_set_text(r, &c->state_dir, CONFIG_DEFAULT_STATE_DIR);
	reader_set_text(r, &c->run_dir, DEFAULT_RUN_DIR);
	audit_defaults(&c->audit);
	grants_defaults(&c->grants);
	kernel_defaults(&c->kernel);
	notify_defaults(&c->notify);
	take_mapping(r, &root_shape, (struct place){ 1, 1 }, root, c);
	check_secret_stores(r, root);
	let_agents_in(r);
	make_address_lists(r);
	free_parts(r);
}

int config_parse(const char *path, const void *data, size_t len, struct config **c, struct buffer *errors)
{
	struct complaints complaints = COMPLAINTS_INIT;
	struct reader r = { .complaints = &complaints, .config = calloc(1, sizeof(struct config)) };
	struct node *root = tree_parse(data, len, &complaints);
	int result = -1;

	if (r.config == NULL)
		complaints.out_of_memory = true;
	else if (root != NULL)
		read_root(&r, root, path);
	if (r.config != NULL)
		keep_text(&r, data, len);
	node_free(root);
	if (complaints.total == 0 && !complaints.out_of_memory) {
		*c = r.config;
		r.config = NULL;
		result = 0;
	} else {
		complaints_write(&complaints, path, errors);
	}
	config_free(r.config);
	complaints_free(&complaints);
	return result;
}

static void explain_read_error(const char *path, int errnum, struct buffer *errors)
{
	if (errnum == EFBIG)
		buffer_printf(errors, "%s: the file is too large; the most is %zu bytes\n", path, TREE_SIZE_MAX);
	else
		buffer_printf(errors, "%s: cannot be read: %s%s\n", path, strerror(errnum),
		              errnum == ENOENT ? "; 'hallowctl init' writes a first one" : "");
}

int config_load(const char *path, struct config **c, struct buffer *errors)
{
	struct buffer data = BUFFER_INIT;
	int result = -1;

	if (file_read(AT_FDCWD, path, TREE_SIZE_MAX, &data, NULL) != 0)
		explain_read_error(path, errno, errors);
	else
		result = config_parse(path, data.data, data.len, c, errors);
	buffer_free(&data);
	return result;
}

static void free_origin(struct origin_config *o)
{
	free(o->name);
	free(o->where);
	free(o->shown);
	free(o->preset);
	free(o->signed_by);
	free(o->signature);
	free(o->select);
	free(o->proxy);
	free(o->ca_file);
	free(o->pinned_key);
	free(o->client_certificate);
	free(o->client_key.name);
	free(o->token.name);
	for (size_t i = 0; i < o->header_count; i++) {
		free(o->headers[i].name);
		free(o->headers[i].value.name);
	}
	free(o->headers);
}

static void free_origins(struct list_config *l)
{
	for (size_t i = 0; i < l->origin_count; i++)
		free_origin(&l->origins[i]);
	free(l->origins);
}

static void free_lists(struct config *c)
{
	for (size_t i = 0; i < c->list_count; i++) {
		free(c->lists[i].name);
		free_origins(&c->lists[i]);
		prefix_set_free(&c->lists[i].entries);
	}
	free(c->lists);
}

static void free_agents(struct config *c)
{
	for (size_t i = 0; i < c->agent_count; i++)
		policy_agent_free(&c->agents[i]);
	free(c->agents);
}

static void free_endpoints(struct config *c)
{
	for (size_t i = 0; i < c->endpoint_count; i++)
		policy_endpoint_free(&c->endpoints[i]);
	free(c->endpoints);
}

void config_free(struct config *c)
{
	if (c == NULL)
		return;
	free_lists(c);
	free_endpoints(c);
	notify_free(&c->notify);
	free_agents(c);
	audit_free(&c->audit);
	free(c->path);
	free(c->text);
	free(c->state_dir);
	free(c->run_dir);
	free(c);
}

const struct list_config *config_find_list(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->list_count; i++)
		if (strcmp(c->lists[i].name, name) == 0)
			return &c->lists[i];
	return NULL;
}
