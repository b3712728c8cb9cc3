/* Feeds bytes to hallowd-record as if the kernel had logged them: a datagram of netlink messages, each a packet with
 * its prefix.  The addresses and ports in it are a stranger's. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "record/log_prefix.h"
#include "record/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_port(int32_t port)
{
	if (port != PORT_UNKNOWN && (port < 0 || port > UINT16_MAX))
		abort();
}

static void check(const struct packet *p)
{
	if (p->prefix_len > 0 && memchr(p->prefix, '\0', p->prefix_len) != NULL)
		abort();
	if (!p->readable)
		return;
	if ((p->source.family != AF_INET && p->source.family != AF_INET6) || p->source.family != p->destination.family)
		abort();
	check_port(p->source_port);
	check_port(p->destination_port);
	if ((p->source_port == PORT_UNKNOWN) != (p->destination_port == PORT_UNKNOWN))
		abort();
}

static void check_prefix(struct log_prefixes *prefixes, const struct packet *p)
{
	uint16_t number = log_prefix_number(prefixes, p->prefix, p->prefix_len);
	const struct log_prefix *prefix;
	bool names_list;

	if (number == LOG_PREFIX_NONE)
		return;
	prefix = &prefixes->all[number];
	names_list = prefix->kind == LOG_KIND_ALLOW || prefix->kind == LOG_KIND_GRANT;
	if (prefix->endpoint[0] == '\0' || (prefix->list[0] != '\0') != names_list ||
	    log_prefix_number(prefixes, p->prefix, p->prefix_len) != number)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct log_prefixes prefixes = { 0 };
	/* Of just this size, so that a read behind it is seen. */
	void *datagram = malloc(size == 0 ? 1 : size);
	const struct nlmsghdr *message;
	size_t offset = 0;
	struct packet p;

	if (datagram == NULL)
		return 0;
	memcpy(datagram, data, size);
	while ((message = packet_message(datagram, size, &offset)) != NULL) {
		if (packet_decode(&p, message) == -1)
			continue;
		check(&p);
		check_prefix(&prefixes, &p);
	}
	log_prefixes_free(&prefixes);
	free(datagram);
	return 0;
}
