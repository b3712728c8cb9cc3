#include "audit/pcapng.h"

#include <stdbool.h>
#include <string.h>

#define BLOCK_SECTION 0x0a0d0d0au
#define BLOCK_INTERFACE 1u
#define BLOCK_PACKET 6u
#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define LINK_RAW 101u /* LINKTYPE_RAW: IPv4 or IPv6, as the first four bits say */
#define OPTION_END 0u
#define OPTION_COMMENT 1u

#define FRAME 12u         /* of each block: type, length, and the length again */
#define SECTION 28u
#define INTERFACE 20u
#define PACKET_HEAD 20u   /* interface, time in two halves, length here and on the wire */
#define BLOCK_MAX 131072u /* none of ours is longer */

static uint32_t padded(uint32_t len)
{
	return (len + 3) & ~3u;
}

static uint32_t options_size(const struct pcapng_packet *p)
{
	return p->comment[0] == '\0' ? 0 : 4 + padded((uint32_t)strlen(p->comment)) + 4;
}

size_t pcapng_size(const struct pcapng_packet *p)
{
	return FRAME + PACKET_HEAD + padded(p->len) + options_size(p);
}

static void put(struct buffer *b, const void *bytes, uint32_t len)
{
	memcpy(b->data + b->len, bytes, len);
	b->len += len;
	memset(b->data + b->len, 0, padded(len) - len);
	b->len += padded(len) - len;
}

static void put_u32(struct buffer *b, uint32_t value)
{
	put(b, &value, sizeof(value));
}

static void put_halves(struct buffer *b, uint32_t first, uint32_t second)
{
	const uint16_t both[2] = { (uint16_t)first, (uint16_t)second };

	put(b, both, sizeof(both));
}

int pcapng_begin(struct buffer *out, uint32_t longest)
{
	if (buffer_reserve(out, SECTION + INTERFACE) == -1)
		return -1;
	put_u32(out, BLOCK_SECTION);
	put_u32(out, SECTION);
	put_u32(out, BYTE_ORDER_MAGIC);
	put_halves(out, 1, 0); /* version */
	put_u32(out, UINT32_MAX); /* how long the section is, is not said */
	put_u32(out, UINT32_MAX);
	put_u32(out, SECTION);
	put_u32(out, BLOCK_INTERFACE);
	put_u32(out, INTERFACE);
	put_halves(out, LINK_RAW, 0);
	put_u32(out, longest);
	put_u32(out, INTERFACE);
	return 0;
}

int pcapng_add(struct buffer *out, const struct pcapng_packet *p)
{
	uint32_t size = (uint32_t)pcapng_size(p);

	if (buffer_reserve(out, size) == -1)
		return -1;
	put_u32(out, BLOCK_PACKET);
	put_u32(out, size);
	put_u32(out, 0); /* the interface */
	put_u32(out, (uint32_t)((uint64_t)p->time >> 32));
	put_u32(out, (uint32_t)p->time);
	put_u32(out, p->len);
	put_u32(out, p->original);
	put(out, p->data, p->len);
	if (p->comment[0] != '\0') {
		put_halves(out, OPTION_COMMENT, (uint32_t)strlen(p->comment));
		put(out, p->comment, (uint32_t)strlen(p->comment));
		put_halves(out, OPTION_END, 0);
	}
	put_u32(out, size);
	return 0;
}

/* --- reading */

static uint32_t u32_at(const unsigned char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint16_t u16_at(const unsigned char *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static bool read_comment(struct pcapng_packet *p, const unsigned char *at, size_t left)
{
	while (left >= 4 && u16_at(at) != OPTION_END) {
		uint32_t len = u16_at(at + 2), room = padded(len);

		if (room > left - 4)
			return false;
		if (u16_at(at) == OPTION_COMMENT && len < sizeof(p->comment)) {
			memcpy(p->comment, at + 4, len);
			p->comment[len] = '\0';
		}
		at += 4 + room;
		left -= 4 + room;
	}
	return true;
}

static bool read_packet(struct pcapng_packet *p, const unsigned char *body, size_t len)
{
	if (len < PACKET_HEAD)
		return false;
	*p = (struct pcapng_packet){
		.time = (time_us)((uint64_t)u32_at(body + 4) << 32 | u32_at(body + 8)),
		.data = body + PACKET_HEAD,
		.len = u32_at(body + 12),
		.original = u32_at(body + 16),
	};
	if (p->len > len - PACKET_HEAD || padded(p->len) > len - PACKET_HEAD)
		return false;
	return read_comment(p, p->data + padded(p->len), len - PACKET_HEAD - padded(p->len));
}

/* A block's type, its body in `block` without the length behind it.  1, 0, -1. */
static int read_block(FILE *f, struct buffer *block, uint32_t *type)
{
	unsigned char head[8];
	size_t got = fread(head, 1, sizeof(head), f);
	uint32_t size;

	if (got == 0 && !ferror(f))
		return 0;
	if (got != sizeof(head))
		return -1;
	*type = u32_at(head);
	size = u32_at(head + 4);
	block->len = 0;
	if (size < FRAME || size > BLOCK_MAX || size % 4 != 0 || buffer_reserve(block, size - 8) == -1 ||
	    fread(block->data, 1, size - 8, f) != size - 8 || u32_at(block->data + size - FRAME) != size)
		return -1;
	block->len = size - FRAME;
	return 1;
}

int pcapng_next(FILE *f, struct buffer *block, struct pcapng_packet *p)
{
	uint32_t type;
	int got;

	while ((got = read_block(f, block, &type)) == 1) {
		if (type == BLOCK_PACKET)
			return read_packet(p, block->data, block->len) ? 1 : -1;
		if (type == BLOCK_SECTION && (block->len < 4 || u32_at(block->data) != BYTE_ORDER_MAGIC))
			return -1;
		if (type != BLOCK_SECTION && type != BLOCK_INTERFACE)
			return -1;
	}
	return got;
}
