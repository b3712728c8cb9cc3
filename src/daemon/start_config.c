#include "daemon/start_config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"

const char *config_source_text(enum config_source source)
{
	static const char *const texts[] = { "file", "unconfirmed", "last-good" };

	return texts[source];
}

/* -1 where there is no such folder yet. */
static int open_state(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* What was not confirmed in time is not taken up again until the file changes, or somebody says reload. */
static enum config_source choose(struct daemon *d, int state_fd, const struct config *file)
{
	const struct tried *t = &d->tried;

	if (t->state == TRIED_WAITING)
		return !d->boot && t->until_ms > time_boot_ms() ? CONFIG_UNCONFIRMED : CONFIG_LAST_GOOD;
	if (t->state == TRIED_LEFT && file != NULL && kept_config_is_tried(state_fd, file))
		return CONFIG_LAST_GOOD;
	return file == NULL && d->boot ? CONFIG_LAST_GOOD : CONFIG_FILE;
}

static void tell_choice(const struct daemon *d, const struct buffer *file_errors)
{
	if (d->config_source == CONFIG_UNCONFIRMED)
		log_warning("the configuration that waits to be confirmed is in force; 'hallowctl confirm' keeps it");
	else if (file_errors->len > 0)
		log_error("the configuration has errors, so the one that was last good is taken up: %.*s",
		          (int)file_errors->len, (const char *)file_errors->data);
	else
		log_error("what %s says was not confirmed in time, so the configuration before it is taken up; 'hallowctl "
		          "reload' takes up the file", d->config_path);
}

/* Puts the kept configuration in the place of *c. */
static int take_kept(struct daemon *d, int state_fd, struct config **c, const struct buffer *file_errors,
                     struct buffer *errors)
{
	struct config *kept;
	int found = d->config_source == CONFIG_UNCONFIRMED ? kept_config_load_tried(state_fd, &kept, errors)
	                                                   : kept_config_load_good(state_fd, &kept, errors);

	if (found == -1)
		return -1;
	if (kept == NULL) {
		buffer_printf(errors, "%.*s%sno configuration that was good is kept in state_dir", (int)file_errors->len,
		              (const char *)file_errors->data, file_errors->len > 0 ? "\n" : "");
		return -1;
	}
	tell_choice(d, file_errors);
	config_free(*c);
	*c = kept;
	return 0;
}

int start_config(struct daemon *d, struct config **c, struct buffer *errors)
{
	struct buffer file_errors = BUFFER_INIT;
	char state_dir[PATH_MAX];
	struct error err;
	int state_fd, result = 0;

	*c = NULL;
	if (config_load(d->config_path, c, &file_errors) == 0) {
		state_fd = open_state((*c)->state_dir);
	} else {
		config_state_dir(d->config_path, state_dir);
		state_fd = open_state(state_dir);
	}
	if (state_fd != -1 && tried_load(state_fd, &d->tried, &err) == -1)
		log_error("whether a configuration waits to be confirmed is not known: %s", err.text);
	d->config_source = state_fd == -1 ? CONFIG_FILE : choose(d, state_fd, *c);
	if (d->config_source != CONFIG_FILE)
		result = take_kept(d, state_fd, c, &file_errors, errors);
	else if (*c == NULL)
		result = -1;
	if (result == -1 && errors->len == 0)
		buffer_add(errors, file_errors.data, file_errors.len);
	if (result == -1) {
		config_free(*c);
		*c = NULL;
	}
	if (state_fd != -1)
		close(state_fd);
	buffer_free(&file_errors);
	return result;
}
