/* Public keys and checkpoints where hallowd keeps them, and as they are given on the command line. */
#ifndef HALLOWD_CTL_KEYS_H
#define HALLOWD_CTL_KEYS_H

#include "ctl/ctl.h"
#include "integrity/note.h"

struct keys {
	struct note_key *all; /* owned */
	size_t count;
};

void keys_free(struct keys *k); /* makes it empty; a zeroed struct is empty */

/* A key as text, or a file with one a line.  0, or the exit code when the error was printed. */
int keys_given(struct keys *k, const char *text_or_file);

/* Those that hallowd keeps; none is as good.  0, or the exit code when the error was printed. */
int keys_kept(struct keys *k, const char *state_dir);

/* A file with a note, to its end.  0, or the exit code when the error was printed. */
int note_read(const char *path, struct buffer *note);

/* state_dir/checkpoint: 1 with *note and its *path, 0 where there is none, or -1 when the error was printed. */
int note_kept(const char *state_dir, struct buffer *note, char path[PATH_MAX]);

#endif
