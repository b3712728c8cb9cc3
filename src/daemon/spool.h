/* The spool: messages for the audit log that the recorder has not yet committed, in memory and in state_dir/spool, so that
 * no event of enforcement is missing, whoever dies when.
 *
 * The file is a marker, MSG_ACK with the last sequence number that was committed, and behind it the messages since, in the
 * framing of core/message.h.  A tail that was cut off by a crash is dropped when it is read again. */
#ifndef HALLOWD_DAEMON_SPOOL_H
#define HALLOWD_DAEMON_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/error.h"

struct spool; /* opaque */

struct spooled {
	uint64_t seq;
	struct buffer bytes; /* one whole message */
};

/* Opens or makes state_dir/spool and reads what waits in it.  0 with *s, or -1 with *err. */
int spool_open(int state_fd, struct spool **s, struct error *err);
void spool_close(struct spool *s); /* the file stays; NULL is passed by */

/* The number that the next message must carry. */
uint64_t spool_next(const struct spool *s);

/* Adds the message with number spool_next; its bytes are taken over.  It is kept in memory also where the file cannot be
 * written (then -1 with *err), up to 64 MiB in all; what is beyond is dropped and counted. */
int spool_add(struct spool *s, struct buffer *message, struct error *err);

/* All up to `seq` are committed. */
void spool_acked(struct spool *s, uint64_t seq);

/* The recorder's last committed number, told when it starts.  A spool that was made anew counts on from there. */
void spool_recorder_has(struct spool *s, uint64_t seq);

/* What waits, oldest first. */
const struct spooled *spool_waiting(const struct spool *s, size_t *count);

uint64_t spool_dropped(const struct spool *s); /* messages of this run that found no room */
bool spool_file_good(const struct spool *s); /* the last write to the file succeeded */

#endif
