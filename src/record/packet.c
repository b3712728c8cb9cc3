#include "record/packet.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <netinet/in.h>
#include <string.h>

#define IP4_HEADER 20
#define IP6_HEADER 40
#define FRAGMENT_OFFSET 0x1fff /* of the field in the IPv4 header, RFC 791 */
#define FRAGMENT6_OFFSET 0xfff8 /* of the one in the fragment header, RFC 8200 */
#define EXTENSION_LEAST 8
#define PORTS_SIZE 4

/* IPv6 extension headers that netinet/in.h does not name: RFC 7401, RFC 5533. */
#define HEADER_HIP 139
#define HEADER_SHIM6 140

#ifndef IPPROTO_UDPLITE
#define IPPROTO_UDPLITE 136
#endif

static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP ||
	       protocol == IPPROTO_UDPLITE;
}

static void transport(struct packet *p, const uint8_t *at, size_t len)
{
	if (!has_ports(p->protocol) || len < PORTS_SIZE)
		return;
	p->source_port = at[0] << 8 | at[1];
	p->destination_port = at[2] << 8 | at[3];
}

static void set_addresses(struct packet *p, sa_family_t family, const uint8_t *source)
{
	unsigned size = address_size(family);

	p->source.family = p->destination.family = family;
	memcpy(p->source.bytes, source, size);
	memcpy(p->destination.bytes, source + size, size);
}

static bool ip4(struct packet *p, const uint8_t *at, size_t len)
{
	size_t header = (size_t)(at[0] & 15) * 4;

	if (len < IP4_HEADER || header < IP4_HEADER)
		return false;
	p->protocol = at[9];
	set_addresses(p, AF_INET, at + 12);
	if (((at[6] << 8 | at[7]) & FRAGMENT_OFFSET) == 0 && len >= header)
		transport(p, at + header, len - header);
	return true;
}

/* The length of an extension header, 0 where it is none that another follows. */
static size_t extension(uint8_t header, const uint8_t *at)
{
	switch (header) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_MH:
	case HEADER_HIP:
	case HEADER_SHIM6:
		return ((size_t)at[1] + 1) * 8;
	case IPPROTO_AH:
		return ((size_t)at[1] + 2) * 4;
	case IPPROTO_FRAGMENT:
		return 8;
	default:
		return 0;
	}
}

static bool ip6(struct packet *p, const uint8_t *at, size_t len)
{
	bool later_fragment = false;
	uint8_t header;
	size_t size;

	if (len < IP6_HEADER)
		return false;
	set_addresses(p, AF_INET6, at + 8);
	header = at[6];
	at += IP6_HEADER;
	len -= IP6_HEADER;
	while (!later_fragment && len >= EXTENSION_LEAST && (size = extension(header, at)) != 0 && size <= len) {
		later_fragment = header == IPPROTO_FRAGMENT && ((at[2] << 8 | at[3]) & FRAGMENT6_OFFSET) != 0;
		header = at[0];
		at += size;
		len -= size;
	}
	p->protocol = header;
	if (!later_fragment)
		transport(p, at, len);
	return true;
}

static void payload(struct packet *p, const uint8_t *at, size_t len)
{
	if (len == 0)
		return;
	if (at[0] >> 4 == 4)
		p->readable = ip4(p, at, len);
	else if (at[0] >> 4 == 6)
		p->readable = ip6(p, at, len);
}

static void timestamp(struct packet *p, const struct nlattr *attr)
{
	struct nfulnl_msg_packet_timestamp t;

	if (mnl_attr_get_payload_len(attr) < sizeof(t))
		return;
	memcpy(&t, mnl_attr_get_payload(attr), sizeof(t));
	if (be64toh(t.sec) < UINT32_MAX && be64toh(t.usec) < US_PER_SECOND)
		p->time = (time_us)be64toh(t.sec) * US_PER_SECOND + (time_us)be64toh(t.usec);
}

static void attribute(struct packet *p, const struct nlattr *attr)
{
	size_t len = mnl_attr_get_payload_len(attr);

	switch (mnl_attr_get_type(attr)) {
	case NFULA_TIMESTAMP:
		timestamp(p, attr);
		break;
	case NFULA_PREFIX:
		p->prefix = mnl_attr_get_payload(attr);
		p->prefix_len = strnlen(p->prefix, len);
		break;
	case NFULA_SEQ:
		p->numbered = len >= sizeof(uint32_t);
		if (p->numbered)
			p->seq = ntohl(mnl_attr_get_u32(attr));
		break;
	case NFULA_PAYLOAD:
		payload(p, mnl_attr_get_payload(attr), len);
		break;
	}
}

/* mnl_nlmsg_ok takes a length beyond INT_MAX for a negative one, and so for one that fits. */
const struct nlmsghdr *packet_message(const void *data, size_t len, size_t *offset)
{
	const struct nlmsghdr *message;
	size_t left = len - *offset;

	if (*offset >= len || left < sizeof(*message))
		return NULL;
	message = (const void *)((const char *)data + *offset);
	if (message->nlmsg_len < sizeof(*message) || message->nlmsg_len > left)
		return NULL;
	*offset += ((size_t)message->nlmsg_len + MNL_ALIGNTO - 1) / MNL_ALIGNTO * MNL_ALIGNTO;
	return message;
}

int packet_decode(struct packet *p, const struct nlmsghdr *message)
{
	const char *end = (const char *)message + message->nlmsg_len;
	const struct nlattr *attr;

	*p = (struct packet){ .time = TIME_UNKNOWN, .prefix = "" };
	p->source_port = p->destination_port = PORT_UNKNOWN;
	if (message->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(struct nfgenmsg))
		return -1;
	/* mnl_attr_for_each would go on to the padding behind the message. */
	for (attr = mnl_nlmsg_get_payload_offset(message, sizeof(struct nfgenmsg));
	     mnl_attr_ok(attr, (int)(end - (const char *)attr)); attr = mnl_attr_next(attr))
		attribute(p, attr);
	return 0;
}
