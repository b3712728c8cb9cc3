/* Our end of a stream socket to another program: messages (core/message.h) come in, and bytes go out as the socket takes
 * them.  Nothing here waits. */
#ifndef HALLOWD_DAEMON_CHANNEL_H
#define HALLOWD_DAEMON_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"
#include "core/message.h"
#include "daemon/loop.h"

/* A message that came; it is lent.  True for more of them; false where this closed the channel or freed it, which then is
 * not touched any more. */
typedef bool channel_message(void *ctx, struct message *m);

/* The other end was closed, or (`garbled`) sent what is no message or a longer one than it may.  The channel is closed
 * already, and may be opened again or freed. */
typedef void channel_closed(void *ctx, bool garbled);

struct channel {
	struct loop *loop;        /* borrowed */
	size_t max;               /* bytes of a message's payload that comes in */
	channel_message *message;
	channel_closed *closed;
	void *ctx;
	int sock;                 /* -1: closed */
	struct buffer in, out;    /* what goes out is added to `out` by whoever speaks, who then calls channel_send */
};

/* Takes `sock` over, which is non-blocking; the fields above `sock` are set.  What is in `out` already is sent first.
 * 0, or -1 with errno ENOMEM: then it is closed again. */
int channel_open(struct channel *c, int sock);

/* Sends what the socket takes of `out` now, and the rest when it takes more.  What was sent is overwritten, since it may
 * be a secret; what nobody reads any more is dropped.  Where the channel is closed, nothing happens. */
void channel_send(struct channel *c);

/* Reads what has come, for a program that has ended: these are its last words.  False where `message` was. */
bool channel_drain(struct channel *c);

/* Closes the socket and drops what has not been sent or read; also where it is closed.  Calls nobody. */
void channel_close(struct channel *c);

#endif
