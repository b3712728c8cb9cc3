/* Frames of a capture: whatever their bytes are, what is read of them lies in them, and a packet that is seen again begins
 * nothing.  The first byte chooses the link type. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "capture/first_packets.h"
#include "capture/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int links[] = { 1, 113, 276, 12, 101, 228, 229, 0, 108, 105 };
	struct first_packets firsts = { 0 };
	struct ip_header h;
	const uint8_t *ip;
	uint8_t *frame;
	size_t len;
	int link;

	if (size == 0)
		return 0;
	link = links[data[0] % (sizeof(links) / sizeof(links[0]))];
	frame = malloc(size == 1 ? 1 : size - 1); /* of just this size, so that a read behind it is seen */
	if (frame == NULL)
		abort();
	memcpy(frame, data + 1, size - 1);
	if (frame_ip(link, frame, size - 1, &ip, &len) == 0) {
		if (!frame_link_known(link) || len == 0 || ip < frame || ip + len != frame + size - 1)
			abort();
		if (ip_header_read(&h, ip, len) == 0) {
			if (h.transport != NULL && (h.transport < ip || h.transport + h.transport_len > ip + len))
				abort();
			first_packets_see(&firsts, &h);
			if (first_packets_see(&firsts, &h) != 0)
				abort();
		}
	}
	first_packets_free(&firsts);
	free(frame);
	return 0;
}
