#include "capture/recent_packets.h"

void recent_packets_free(struct recent_packets *r)
{
	first_packets_free(&r->now);
	first_packets_free(&r->before);
	*r = (struct recent_packets){ .since_ms = 0 };
}

int recent_packets_see(struct recent_packets *r, const struct ip_header *h, int64_t now_ms)
{
	int first;

	if (r->now.count >= RECENT_MOST || now_ms - r->since_ms >= RECENT_MS) {
		first_packets_free(&r->before);
		r->before = r->now;
		r->now = (struct first_packets){ .keys = NULL };
		r->since_ms = now_ms;
	}
	first = first_packets_see(&r->now, h);
	return first == 1 && first_packets_saw(&r->before, h) ? 0 : first;
}
