#include "fetch/body.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/file.h"

#define GZIP_ONLY 16 /* added to windowBits: zlib.h, inflateInit2 */

int body_begin(struct body *b, int fd, uint64_t max, struct error *err)
{
	*b = (struct body) { .fd = fd, .max = max, .complete = true };
	if (ftruncate(fd, 0) == -1 || lseek(fd, 0, SEEK_SET) == -1)
		return error_errno(err, errno, "emptying the file for the body");
	return 0;
}

int body_set_coding(struct body *b, const char *coding, struct error *err)
{
	if (coding[0] == '\0' || strcasecmp(coding, "identity") == 0)
		return 0;
	if (strcasecmp(coding, "gzip") != 0 && strcasecmp(coding, "x-gzip") != 0)
		return error_set(err, "the server's answer has a content coding other than gzip, "
		                 "which it was not asked for");
	if (inflateInit2(&b->stream, MAX_WBITS + GZIP_ONLY) != Z_OK)
		return error_set(err, "no memory to decompress the answer");
	b->gzip = true;
	return 0;
}

static int too_large(const struct body *b, struct error *err)
{
	return error_set(err, "is larger than %" PRIu64 " bytes", b->max);
}

static int write_out(struct body *b, const void *data, size_t len, struct error *err)
{
	if (len > b->max - b->written)
		return too_large(b, err);
	if (write_all(b->fd, data, len) == -1)
		return error_errno(err, errno, "writing the body");
	b->written += len;
	return 0;
}

/* One step of zlib's; a further member may follow a complete one (RFC 1952, 2.2). */
static int inflate_step(struct body *b, struct error *err)
{
	unsigned char out[16384];
	int ret;

	if (b->complete) {
		inflateReset(&b->stream);
		b->complete = false;
	}
	b->stream.next_out = out;
	b->stream.avail_out = sizeof(out);
	ret = inflate(&b->stream, Z_NO_FLUSH);
	if (ret == Z_MEM_ERROR)
		return error_set(err, "no memory to decompress the answer");
	if (ret != Z_OK && ret != Z_STREAM_END && ret != Z_BUF_ERROR)
		return error_set(err, "the answer is damaged: it should be gzip, and is not");
	b->complete = ret == Z_STREAM_END;
	return write_out(b, out, sizeof(out) - b->stream.avail_out, err);
}

int body_add(struct body *b, const void *data, size_t len, struct error *err)
{
	unsigned char in[16384];

	if (len > b->max - b->arrived)
		return too_large(b, err);
	b->arrived += len;
	if (!b->gzip)
		return write_out(b, data, len, err);
	while (len > 0) {
		size_t part = len < sizeof(in) ? len : sizeof(in);

		memcpy(in, data, part);
		data = (const char *)data + part;
		len -= part;
		b->stream.next_in = in;
		b->stream.avail_in = (uInt)part;
		do {
			if (inflate_step(b, err) == -1)
				return -1;
		} while (b->stream.avail_in > 0 || (b->stream.avail_out == 0 && !b->complete));
	}
	return 0;
}

int body_end(struct body *b, struct error *err)
{
	if (b->gzip && !b->complete)
		return error_set(err, "the answer was cut off: its gzip stream has no end");
	return 0;
}

void body_free(struct body *b)
{
	if (b->gzip)
		inflateEnd(&b->stream);
	b->gzip = false;
}

void body_discard(int fd)
{
	if (ftruncate(fd, 0) == 0)
		(void)lseek(fd, 0, SEEK_SET);
}
