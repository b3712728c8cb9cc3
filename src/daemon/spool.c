#include "daemon/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/audit_message.h"
#include "core/file.h"
#include "core/log.h"

#define SPOOL_FILE "spool"
#define SPOOL_MAX (64u << 20)
#define SEQ_OFFSET 8 /* of the sequence in a header, see core/message.h */

struct spool {
	int fd;
	bool made_anew;    /* in this run, and no recorder has said yet where it is */
	bool file_good;
	uint64_t last;     /* the highest number given */
	uint64_t acked;
	uint64_t dropped;
	size_t bytes;      /* of what waits */
	struct spooled *waiting;
	size_t count, cap;
};

static int remember(struct spool *s, uint64_t seq, struct buffer *message)
{
	if (s->count == s->cap) {
		size_t cap = s->cap == 0 ? 16 : s->cap * 2;
		struct spooled *bigger = reallocarray(s->waiting, cap, sizeof(*bigger));

		if (bigger == NULL)
			return -1;
		s->waiting = bigger;
		s->cap = cap;
	}
	s->waiting[s->count++] = (struct spooled){ seq, *message };
	s->bytes += message->len;
	*message = (struct buffer)BUFFER_INIT;
	return 0;
}

static int write_marker(struct spool *s)
{
	struct buffer out = BUFFER_INIT;
	struct audit_ack ack = { .seq = s->acked };
	int result = -1;

	if (audit_ack_encode(&out, &ack) == 0 && pwrite(s->fd, out.data, out.len, 0) == (ssize_t)out.len &&
	    ftruncate(s->fd, (off_t)out.len) == 0 && lseek(s->fd, 0, SEEK_END) != -1)
		result = fdatasync(s->fd);
	buffer_free(&out);
	return result;
}

/* The marker and every message again, for when numbers have changed or the file's tail is no good. */
static int write_file(struct spool *s)
{
	if (write_marker(s) == -1)
		return -1;
	for (size_t i = 0; i < s->count; i++)
		if (write_all(s->fd, s->waiting[i].bytes.data, s->waiting[i].bytes.len) == -1)
			return -1;
	return fdatasync(s->fd);
}

/* Takes the messages of the file; stops at the first that is not whole. */
static int read_messages(struct spool *s, struct buffer *in)
{
	struct message m;
	struct audit_ack ack;
	size_t used;

	if (message_next(in, MESSAGE_MAX_LIST, &m, &used) != 1 || m.type != MSG_ACK || audit_ack_decode(&m, &ack) == -1)
		return in->len == 0 ? 0 : -1;
	s->made_anew = false;
	s->acked = s->last = ack.seq;
	buffer_consume(in, used);
	while (message_next(in, MESSAGE_MAX_LIST, &m, &used) == 1) {
		struct buffer copy = BUFFER_INIT;

		if (m.seq > s->acked && (m.seq != s->last + 1 || buffer_add(&copy, in->data, used) == -1 ||
		                         remember(s, m.seq, &copy) == -1))
			return -1;
		if (m.seq > s->last)
			s->last = m.seq;
		buffer_consume(in, used);
	}
	return in->len == 0 ? 0 : -1;
}

int spool_open(int state_fd, struct spool **out, struct error *err)
{
	struct spool *s = calloc(1, sizeof(*s));
	struct buffer in = BUFFER_INIT;

	if (s == NULL)
		return error_errno(err, ENOMEM, "the spool");
	s->made_anew = s->file_good = true;
	s->fd = openat(state_fd, SPOOL_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->fd == -1) {
		error_errno(err, errno, "the spool file in state_dir cannot be opened");
		goto fail;
	}
	if (file_read_fd(s->fd, SPOOL_FILE, (size_t)SPOOL_MAX + MESSAGE_MAX_LIST, &in, err) == -1)
		goto fail;
	if (read_messages(s, &in) == -1)
		log_warning("the end of the spool file was damaged, as a crash leaves it; %zu messages of it are whole and kept",
		            s->count);
	buffer_free(&in);
	if (write_file(s) == -1) {
		error_errno(err, errno, "the spool file in state_dir cannot be written");
		goto fail;
	}
	*out = s;
	return 0;
fail:
	buffer_free(&in);
	spool_close(s);
	return -1;
}

void spool_close(struct spool *s)
{
	if (s == NULL)
		return;
	if (s->fd != -1)
		close(s->fd);
	for (size_t i = 0; i < s->count; i++)
		buffer_free(&s->waiting[i].bytes);
	free(s->waiting);
	free(s);
}

uint64_t spool_next(const struct spool *s)
{
	return s->last + 1;
}

int spool_add(struct spool *s, struct buffer *message, struct error *err)
{
	off_t before = lseek(s->fd, 0, SEEK_END);

	if (s->bytes + message->len > SPOOL_MAX && s->count > 0) {
		s->dropped++;
		buffer_free(message);
		return error_set(err, "the audit log has not taken anything for so long that the spool is full; an event is lost");
	}
	if (write_all(s->fd, message->data, message->len) == -1 || fdatasync(s->fd) == -1) {
		error_errno(err, errno, "the spool file in state_dir cannot be written; the event is kept in memory only");
		s->file_good = false;
		/* Half a message would hide what comes behind it. */
		if (before == -1 || ftruncate(s->fd, before) == -1)
			log_warning("the spool file could not be cut back: %s", strerror(errno));
	} else {
		s->file_good = true;
	}
	if (remember(s, s->last + 1, message) == -1) {
		s->dropped++;
		buffer_free(message);
		return error_errno(err, ENOMEM, "an event is lost");
	}
	s->last++;
	return s->file_good ? 0 : -1;
}

void spool_acked(struct spool *s, uint64_t seq)
{
	size_t gone = 0;

	while (gone < s->count && s->waiting[gone].seq <= seq) {
		s->bytes -= s->waiting[gone].bytes.len;
		buffer_free(&s->waiting[gone++].bytes);
	}
	if (gone == 0)
		return;
	s->count -= gone;
	memmove(s->waiting, s->waiting + gone, s->count * sizeof(*s->waiting));
	s->acked = seq > s->last ? s->last : seq;
	/* Where some still wait, the file keeps all: what is committed already is passed by when it is read again, by the
	 * recorder. */
	if (s->count == 0 && write_marker(s) == -1)
		s->file_good = false;
}

void spool_recorder_has(struct spool *s, uint64_t seq)
{
	uint64_t next = seq;

	if (!s->made_anew) {
		spool_acked(s, seq);
		return;
	}
	s->made_anew = false;
	for (size_t i = 0; i < s->count; i++) {
		s->waiting[i].seq = ++next;
		memcpy(s->waiting[i].bytes.data + SEQ_OFFSET, &next, sizeof(next));
	}
	s->acked = seq;
	s->last = next;
	if (write_file(s) == -1)
		s->file_good = false;
}

const struct spooled *spool_waiting(const struct spool *s, size_t *count)
{
	*count = s->count;
	return s->waiting;
}

uint64_t spool_dropped(const struct spool *s)
{
	return s->dropped;
}

bool spool_file_good(const struct spool *s)
{
	return s->file_good;
}
