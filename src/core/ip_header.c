#include "core/ip_header.h"

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

static void transport(struct ip_header *p, const uint8_t *at, size_t len)
{
	p->transport = at;
	p->transport_len = len;
	if (!has_ports(p->protocol) || len < PORTS_SIZE)
		return;
	p->source_port = at[0] << 8 | at[1];
	p->destination_port = at[2] << 8 | at[3];
}

static void set_addresses(struct ip_header *p, sa_family_t family, const uint8_t *source)
{
	unsigned size = address_size(family);

	p->source.family = p->destination.family = family;
	memcpy(p->source.bytes, source, size);
	memcpy(p->destination.bytes, source + size, size);
}

static bool ip4(struct ip_header *p, const uint8_t *at, size_t len)
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

static bool ip6(struct ip_header *p, const uint8_t *at, size_t len)
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

int ip_header_read(struct ip_header *h, const void *data, size_t len)
{
	const uint8_t *at = data;

	*h = (struct ip_header){ .source_port = PORT_UNKNOWN, .destination_port = PORT_UNKNOWN };
	if (len == 0)
		return -1;
	if (at[0] >> 4 == 4)
		return ip4(h, at, len) ? 0 : -1;
	return at[0] >> 4 == 6 && ip6(h, at, len) ? 0 : -1;
}
