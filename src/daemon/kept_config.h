/* Configurations that hallowd keeps for itself, below state_dir/config:
 *   good.yaml   the last one that was in force and is not in doubt: written at each good start, reload and confirm
 *   tried.yaml  one that was put in force for a time (reload --confirm)
 *   tried       what became of it, as headers of core/list_file.h
 *
 * The folder belongs to hallowd alone (mode 0700): what stands in it decides who is let in. */
#ifndef HALLOWD_DAEMON_KEPT_CONFIG_H
#define HALLOWD_DAEMON_KEPT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "core/time_text.h"

enum tried_state {
	TRIED_NONE,
	TRIED_WAITING, /* in force until `until_ms`, unless it is confirmed */
	TRIED_LEFT     /* it was not confirmed in time, and the one before is in force again */
};

struct tried {
	enum tried_state state;
	char by[64];
	time_us since;
	int64_t until_ms; /* CLOCK_BOOTTIME; 0 where the host was booted since */
};


/* 0, or -1 with *err. */
int kept_config_save_good(int state_fd, const struct config *c, struct error *err);

/* NULL *c where there is none.  0, or -1 with the errors, one a line. */
int kept_config_load_good(int state_fd, struct config **c, struct buffer *errors);
int kept_config_load_tried(int state_fd, struct config **c, struct buffer *errors);

/* Whether the configuration is, byte for byte, the one that was tried. */
bool kept_config_is_tried(int state_fd, const struct config *c);

/* `c` may be NULL: the text that is there stays.  0, or -1 with *err. */
int tried_save(int state_fd, const struct tried *t, const struct config *c, struct error *err);
int tried_load(int state_fd, struct tried *t, struct error *err); /* TRIED_NONE where there is none */
void tried_forget(int state_fd);

#endif
