#include "report/framework.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/reader.h"
#include "config/suggest.h"
#include "config/value.h"
#include "core/file.h"

static void control_free(struct control *c)
{
	free(c->id);
	free(c->title);
	free(c->beyond);
}

static void framework_free(struct framework *f)
{
	for (size_t i = 0; i < f->control_count; i++)
		control_free(&f->controls[i]);
	free(f->controls);
	free(f->name);
	free(f->path);
	*f = (struct framework){ .name = NULL };
}

void frameworks_free(struct frameworks *f)
{
	for (size_t i = 0; i < f->count; i++)
		framework_free(&f->all[i]);
	free(f->all);
	*f = (struct frameworks)FRAMEWORKS_INIT;
}

/* --- one file */

static void complain_of_check(struct reader *r, const struct node *value)
{
	char near[SUGGEST_TEXT_MAX], wrong[SHOWN_MAX];
	struct suggestion s;

	suggest_begin(&s, value->text);
	for (unsigned i = 0; i < CHECK_COUNT; i++)
		suggest_consider(&s, check_name((enum check)i));
	complain(r->complaints, value->at, "there is no check %s; rules/README.md lists them%s", shown(value->text, wrong),
	         suggest_text(&s, near));
}

static void take_check(struct reader *r, const struct node *item, void *into)
{
	struct control *c = into;
	enum check check;
	const char *name;

	if (!value_scalar(r, item, "the name of a check", &name))
		return;
	if (check_parse(&check, name) == -1)
		complain_of_check(r, item);
	else if (c->check_count == CHECK_COUNT)
		complain(r->complaints, item->at, "this control names a check twice");
	else
		c->checks[c->check_count++] = check;
}

/* [] says that the log shows nothing of the control. */
static void take_checks(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	(void)f;
	if (value->kind == NODE_SEQUENCE && value->count == 0)
		return;
	value_each(r, value, "names of checks", take_check, into);
}

static const struct field control_fields[] = {
	{ KEY("id", take_text), FIELD(struct control, id), .required = true },
	{ KEY("title", take_text), FIELD(struct control, title), .required = true },
	{ KEY("checks", take_checks), .required = true },
	{ KEY("beyond", take_text), FIELD(struct control, beyond) },
};

SHAPE(control_shape, "a control", control_fields);

static bool add_control(struct framework *f, const struct control *c)
{
	struct control *grown = reallocarray(f->controls, f->control_count + 1, sizeof(*grown));

	if (grown == NULL)
		return false;
	f->controls = grown;
	grown[f->control_count++] = *c;
	return true;
}

static void check_control(struct reader *r, const struct framework *f, const struct control *c, const struct node *item)
{
	if (c->id == NULL || c->title == NULL)
		return;
	if (c->check_count == 0 && c->beyond == NULL)
		complain(r->complaints, item->at, "control %s has no checks; expected 'beyond', which says what shows it", c->id);
	for (size_t i = 0; i < f->control_count; i++)
		if (f->controls[i].id != NULL && strcmp(f->controls[i].id, c->id) == 0)
			complain(r->complaints, item->at, "control %s stands twice in this framework", c->id);
}

static void take_control(struct reader *r, const struct node *item, void *into)
{
	struct framework *f = into;
	struct control c = { .id = NULL };

	if (item->kind == NODE_REFUSED || !take_mapping(r, &control_shape, item->at, item, &c)) {
		control_free(&c);
		return;
	}
	check_control(r, f, &c, item);
	if (!add_control(f, &c)) {
		r->complaints->out_of_memory = true;
		control_free(&c);
	}
}

static void take_controls(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	(void)f;
	value_each(r, value, "controls", take_control, into);
}

static const struct field framework_fields[] = {
	{ KEY("framework", take_text), FIELD(struct framework, name), .required = true },
	{ KEY("controls", take_controls), .required = true },
};

SHAPE(framework_shape, "a framework of controls", framework_fields);

static int write_complaints(struct complaints *complaints, const char *path, struct buffer *errors)
{
	int status = 0;

	if (complaints->total > 0) {
		complaints_write(complaints, path, errors);
		status = -1;
	} else if (complaints->out_of_memory) {
		buffer_printf(errors, "%s: out of memory\n", path);
		status = -1;
	}
	complaints_free(complaints);
	return status;
}

static int read_file(struct framework *f, const char *path, struct buffer *errors)
{
	struct complaints complaints = COMPLAINTS_INIT;
	struct reader r = { .complaints = &complaints };
	struct buffer data = BUFFER_INIT;
	struct node *root;
	struct error err;

	if (file_read(AT_FDCWD, path, TREE_SIZE_MAX, &data, &err) == -1) {
		buffer_printf(errors, "%s\n", err.text);
		return -1;
	}
	root = tree_parse((const char *)data.data, data.len, &complaints);
	buffer_free(&data);
	if (root != NULL)
		take_mapping(&r, &framework_shape, (struct place){ 1, 1 }, root, f);
	node_free(root);
	f->path = strdup(path);
	for (size_t i = 0; i < f->control_count; i++)
		if (f->controls[i].beyond == NULL && (f->controls[i].beyond = strdup("")) == NULL)
			complaints.out_of_memory = true;
	if (f->path == NULL)
		complaints.out_of_memory = true;
	return write_complaints(&complaints, path, errors);
}

/* --- a folder */

static int add_framework(struct frameworks *all, struct framework *f, struct buffer *errors)
{
	struct framework *grown;

	for (size_t i = 0; i < all->count; i++) {
		if (strcmp(all->all[i].name, f->name) == 0) {
			framework_free(&all->all[i]);
			all->all[i] = *f;
			return 0;
		}
	}
	grown = reallocarray(all->all, all->count + 1, sizeof(*grown));
	if (grown == NULL) {
		buffer_printf(errors, "%s: out of memory\n", f->path);
		framework_free(f);
		return -1;
	}
	all->all = grown;
	grown[all->count++] = *f;
	return 0;
}

static int is_yaml(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".yaml") == 0;
}

static int load_file(struct frameworks *all, const char *folder, const char *name, struct buffer *errors)
{
	struct framework f = { .name = NULL };
	char *path;
	int status;

	if (asprintf(&path, "%s/%s", folder, name) == -1) {
		buffer_printf(errors, "%s: out of memory\n", name);
		return -1;
	}
	status = read_file(&f, path, errors);
	if (status == 0)
		status = add_framework(all, &f, errors);
	else
		framework_free(&f);
	free(path);
	return status;
}

int frameworks_load(struct frameworks *f, const char *folder, struct buffer *errors)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_yaml, alphasort), status = 0, i;

	if (count == -1) {
		buffer_printf(errors, "%s: the folder with the frameworks of controls cannot be read: %s\n", folder,
		              strerror(errno));
		return -1;
	}
	for (i = 0; i < count; i++) {
		if (load_file(f, folder, entries[i]->d_name, errors) == -1)
			status = -1;
		free(entries[i]);
	}
	free(entries);
	return status;
}
