/* What is on this host: its addresses, who listens, other firewalls.  Read from the kernel and from files that the
 * other firewalls keep; nothing is changed. */
#ifndef HALLOWD_CTL_HOST_H
#define HALLOWD_CTL_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"
#include "core/buffer.h"
#include "core/error.h"

/* A TCP port that somebody listens on, at an address that others can reach. */
struct host_listener {
	uint16_t port;
	struct address *addresses; /* owned; sorted: those of the host where the socket listens on all */
	size_t address_count;
};

#define HOST_FIREWALLS_MAX 8

struct host {
	struct address *addresses; /* owned; sorted; neither loopback nor link-local */
	size_t address_count;
	struct host_listener *listeners; /* owned; sorted by port */
	size_t listener_count;
	const char *firewalls[HOST_FIREWALLS_MAX]; /* static names of those that are switched on */
	size_t firewall_count;
};

/* 0 with *h (host_free), or -1 with *err. */
int host_read(struct host *h, struct error *err);
void host_free(struct host *h); /* makes it empty; a zeroed struct is empty */

/* Whether it is one of the host's addresses. */
bool host_has(const struct host *h, const struct address *a);

/* Takes the text of /proc/net/tcp or tcp6 (proc(5)) into h->listeners: host_read's inner part, for tests.  h->addresses
 * is filled in already.  0, or -1 with errno ENOMEM; lines that are not understood are passed over. */
int host_take_sockets(struct host *h, const char *text, sa_family_t family);

#endif
