#include "ctl/earlier_logs.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/time_text.h"
#include "integrity/note.h"

#define PREFIX "checkpoint."

static int is_kept(const struct dirent *e)
{
	return strncmp(e->d_name, PREFIX, sizeof(PREFIX) - 1) == 0;
}

static json_t *read_one(int folder, const char *state_dir, const char *name)
{
	json_t *log = json_pack("{s:s++}", "file", state_dir, "/", name);
	struct buffer note = BUFFER_INIT;
	char time[TIME_TEXT_MAX];
	struct checkpoint c;
	struct error err;

	if (log != NULL && file_read(folder, name, NOTE_MAX, &note, &err) == 0 &&
	    checkpoint_parse(&c, (const char *)note.data, note.len, &err) == 0) {
		json_object_set_new(log, "rows", json_integer((json_int_t)c.size));
		json_object_set_new(log, "time", json_string(time_format(c.time, 0, time)));
	}
	buffer_free(&note);
	return log;
}

json_t *earlier_logs(const char *state_dir)
{
	int folder = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **names = NULL;
	int count = folder == -1 ? 0 : scandirat(folder, ".", &names, is_kept, alphasort);
	json_t *all = json_array();

	for (int i = 0; i < count; i++) {
		json_array_append_new(all, read_one(folder, state_dir, names[i]->d_name));
		free(names[i]);
	}
	free(names);
	if (folder != -1)
		close(folder);
	return all;
}
