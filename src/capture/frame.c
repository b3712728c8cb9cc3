#include "capture/frame.h"

#include <pcap/dlt.h>

#define ETHERTYPE_IP4 0x0800
#define ETHERTYPE_IP6 0x86dd
#define TAG_MOST 8
#define TAG_SIZE 4
#define RAW_IN_FILES 101 /* LINKTYPE_RAW, where a file's number was not translated */

/* Where each link type has what follows it. */
static const struct link {
	int type;
	uint8_t header; /* bytes in front of the packet */
	int8_t type_at; /* of the ethertype in it; -1: the packet itself says what it is */
} links[] = {
	{ DLT_EN10MB, 14, 12 }, { DLT_LINUX_SLL, 16, 14 }, { DLT_LINUX_SLL2, 20, 0 }, { DLT_RAW, 0, -1 },
	{ RAW_IN_FILES, 0, -1 }, { DLT_IPV4, 0, -1 }, { DLT_IPV6, 0, -1 }, { DLT_NULL, 4, -1 }, { DLT_LOOP, 4, -1 },
};

static const struct link *find(int type)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (links[i].type == type)
			return &links[i];
	return NULL;
}

bool frame_link_known(int link)
{
	return find(link) != NULL;
}

static unsigned two_bytes(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* 802.1Q, 802.1ad, and what came before that. */
static bool is_tag(unsigned ethertype)
{
	return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

int frame_ip(int link, const uint8_t *data, size_t len, const uint8_t **ip, size_t *ip_len)
{
	const struct link *l = find(link);
	unsigned ethertype;

	if (l == NULL || len <= l->header)
		return -1;
	ethertype = l->type_at == -1 ? 0 : two_bytes(data + l->type_at);
	data += l->header;
	len -= l->header;
	for (int tags = 0; is_tag(ethertype) && tags < TAG_MOST && len > TAG_SIZE; tags++) {
		ethertype = two_bytes(data + 2);
		data += TAG_SIZE;
		len -= TAG_SIZE;
	}
	if (l->type_at != -1 && ethertype != ETHERTYPE_IP4 && ethertype != ETHERTYPE_IP6)
		return -1;
	*ip = data;
	*ip_len = len;
	return 0;
}
