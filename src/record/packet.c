#include "record/packet.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <string.h>

static void payload(struct packet *p, const void *at, size_t len)
{
	struct ip_header h;

	p->payload = at;
	p->payload_len = len;
	if (ip_header_read(&h, at, len) == -1)
		return;
	p->readable = true;
	p->protocol = h.protocol;
	p->source = h.source;
	p->destination = h.destination;
	p->source_port = h.source_port;
	p->destination_port = h.destination_port;
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
	size_t len = attr->nla_len - sizeof(*attr);

	switch (attr->nla_type & NLA_TYPE_MASK) {
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

static size_t aligned(size_t len)
{
	return (len + MNL_ALIGNTO - 1) / MNL_ALIGNTO * MNL_ALIGNTO;
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
	*offset += aligned(message->nlmsg_len);
	return message;
}

/* The attribute at *at, which then is behind it; NULL where no whole one is there.  A packet has ten, most of them of
 * no interest: with libmnl's functions, three calls into a library for each, reading it takes four times as long. */
static const struct nlattr *next_attribute(const char **at, const char *end)
{
	const struct nlattr *attr = (const void *)*at;
	size_t left = (size_t)(end - *at), step;

	if (left < sizeof(*attr) || attr->nla_len < sizeof(*attr) || attr->nla_len > left)
		return NULL;
	step = aligned(attr->nla_len);
	*at += step < left ? step : left;
	return attr;
}

int packet_decode(struct packet *p, const struct nlmsghdr *message)
{
	const size_t head = sizeof(*message) + sizeof(struct nfgenmsg);
	const char *at = (const char *)message, *end = at + message->nlmsg_len;
	const struct nlattr *attr;

	*p = (struct packet){ .time = TIME_UNKNOWN, .prefix = "" };
	p->source_port = p->destination_port = PORT_UNKNOWN;
	if (message->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) ||
	    message->nlmsg_len < head)
		return -1;
	at += head;
	while ((attr = next_attribute(&at, end)) != NULL)
		attribute(p, attr);
	return 0;
}
