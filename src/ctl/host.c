#include "ctl/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"

#define STATE_LISTEN 0x0a /* TCP_LISTEN, linux/tcp_states.h */
#define TABLE_MAX (64u << 20)

void host_free(struct host *h)
{
	for (size_t i = 0; i < h->listener_count; i++)
		free(h->listeners[i].addresses);
	free(h->listeners);
	free(h->addresses);
	*h = (struct host){ .addresses = NULL };
}

/* --- sorted addresses */

static int insert(struct address **all, size_t *count, const struct address *a)
{
	struct address *grown;
	size_t at = 0;

	while (at < *count && address_compare(&(*all)[at], a) < 0)
		at++;
	if (at < *count && address_compare(&(*all)[at], a) == 0)
		return 0;
	grown = reallocarray(*all, *count + 1, sizeof(**all));
	if (grown == NULL)
		return -1;
	*all = grown;
	memmove(&grown[at + 1], &grown[at], (*count - at) * sizeof(*grown));
	grown[at] = *a;
	(*count)++;
	return 0;
}

bool host_has(const struct host *h, const struct address *a)
{
	for (size_t i = 0; i < h->address_count; i++)
		if (address_compare(&h->addresses[i], a) == 0)
			return true;
	return false;
}

/* --- the host's addresses */

/* Nobody outside reaches these, or only with the name of an interface. */
static bool is_local_only(const struct address *a)
{
	static const uint8_t loopback6[16] = { [15] = 1 };

	if (a->family == AF_INET)
		return a->bytes[0] == 127 || (a->bytes[0] == 169 && a->bytes[1] == 254);
	return memcmp(a->bytes, loopback6, 16) == 0 || (a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80);
}

static bool from_sockaddr(struct address *a, const struct sockaddr *sa)
{
	memset(a, 0, sizeof(*a));
	if (sa == NULL || (sa->sa_family != AF_INET && sa->sa_family != AF_INET6))
		return false;
	a->family = sa->sa_family;
	if (sa->sa_family == AF_INET)
		memcpy(a->bytes, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	else
		memcpy(a->bytes, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	return true;
}

static int read_addresses(struct host *h, struct error *err)
{
	struct ifaddrs *all, *i;
	int result = 0;

	if (getifaddrs(&all) == -1)
		return error_errno(err, errno, "the addresses of this host cannot be read");
	for (i = all; i != NULL && result == 0; i = i->ifa_next) {
		struct address a;

		if ((i->ifa_flags & IFF_UP) != 0 && from_sockaddr(&a, i->ifa_addr) && !is_local_only(&a))
			result = insert(&h->addresses, &h->address_count, &a);
	}
	freeifaddrs(all);
	return result == 0 ? 0 : error_errno(err, ENOMEM, "the addresses of this host");
}

/* --- who listens */

static struct host_listener *listener(struct host *h, uint16_t port)
{
	struct host_listener *grown;
	size_t at = 0;

	while (at < h->listener_count && h->listeners[at].port < port)
		at++;
	if (at < h->listener_count && h->listeners[at].port == port)
		return &h->listeners[at];
	grown = reallocarray(h->listeners, h->listener_count + 1, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	h->listeners = grown;
	memmove(&grown[at + 1], &grown[at], (h->listener_count - at) * sizeof(*grown));
	grown[at] = (struct host_listener){ .port = port };
	h->listener_count++;
	return &grown[at];
}

static bool is_any(const struct address *a)
{
	static const uint8_t zeros[16];

	return memcmp(a->bytes, zeros, address_size(a->family)) == 0;
}

/* A socket on all addresses of IPv6 takes IPv4 as well, unless it was told not to, which the table does not show: then
 * what is said of IPv4 protects a port that nobody listens on, which does no harm. */
static int add_all(struct host *h, uint16_t port, sa_family_t family)
{
	for (size_t i = 0; i < h->address_count; i++) {
		struct host_listener *l;

		if (family == AF_INET && h->addresses[i].family != AF_INET)
			continue;
		l = listener(h, port);
		if (l == NULL || insert(&l->addresses, &l->address_count, &h->addresses[i]) == -1)
			return -1;
	}
	return 0;
}

static int add_socket(struct host *h, const struct address *a, uint16_t port)
{
	struct host_listener *l;

	if (is_any(a))
		return add_all(h, port, a->family);
	if (is_local_only(a))
		return 0;
	l = listener(h, port);
	return l == NULL ? -1 : insert(&l->addresses, &l->address_count, a);
}

/* The kernel prints each four bytes of an address as one number of its own byte order. */
static bool read_address(struct address *a, const char *hex, sa_family_t family)
{
	char word[9] = "";

	memset(a, 0, sizeof(*a));
	a->family = family;
	if (strlen(hex) != 2 * address_size(family))
		return false;
	for (unsigned i = 0; i < address_size(family); i += 4) {
		uint32_t value;

		memcpy(word, hex + (size_t)i * 2, 8);
		value = (uint32_t)strtoul(word, NULL, 16);
		memcpy(&a->bytes[i], &value, 4);
	}
	return true;
}

int host_take_sockets(struct host *h, const char *text, sa_family_t family)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char local[33];
	unsigned port, state;

	for (; text != NULL; text = strchr(text, '\n')) {
		struct address a;

		text += *text == '\n';
		if (sscanf(text, " %*u: %32[0-9A-Fa-f]:%4x %*[0-9A-Fa-f]:%*x %2x", local, &port, &state) != 3 ||
		    state != STATE_LISTEN || !read_address(&a, local, family))
			continue;
		if (family == AF_INET6 && memcmp(a.bytes, mapped, sizeof(mapped)) == 0) {
			a.family = AF_INET;
			memmove(a.bytes, a.bytes + 12, 4);
			memset(a.bytes + 4, 0, 12);
		}
		if (add_socket(h, &a, (uint16_t)port) == -1) {
			errno = ENOMEM;
			return -1;
		}
	}
	return 0;
}

static int read_sockets(struct host *h, const char *path, sa_family_t family, struct error *err)
{
	struct buffer text = BUFFER_INIT;
	const char *lines;
	int result = 0;

	if (file_read(AT_FDCWD, path, TABLE_MAX, &text, err) == -1)
		return errno == ENOENT ? 0 : -1; /* a kernel without IPv6 */
	lines = buffer_str(&text);
	if (lines == NULL || host_take_sockets(h, lines, family) == -1)
		result = error_errno(err, ENOMEM, "%s", path);
	buffer_free(&text);
	return result;
}

/* --- other firewalls */

static bool file_says(const char *path, const char *line)
{
	struct buffer text = BUFFER_INIT;
	bool said = false;

	if (file_read(AT_FDCWD, path, 1u << 20, &text, NULL) == 0 && buffer_str(&text) != NULL)
		said = *line == '\0' ? text.len > 0 : strstr((const char *)text.data, line) != NULL;
	buffer_free(&text);
	return said;
}

static void read_firewalls(struct host *h)
{
	const struct {
		const char *name;
		bool on;
	} all[] = {
		{ "firewalld", access("/run/firewalld/firewalld.pid", F_OK) == 0 || access("/run/firewalld.pid", F_OK) == 0 },
		{ "ufw", file_says("/etc/ufw/ufw.conf", "\nENABLED=yes") },
		{ "nftables.service", access("/etc/systemd/system/sysinit.target.wants/nftables.service", F_OK) == 0 },
		{ "Docker", access("/run/docker.sock", F_OK) == 0 },
		{ "iptables-legacy", file_says("/proc/net/ip_tables_names", "") || file_says("/proc/net/ip6_tables_names", "") },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].on)
			h->firewalls[h->firewall_count++] = all[i].name;
}

int host_read(struct host *h, struct error *err)
{
	*h = (struct host){ .addresses = NULL };
	if (read_addresses(h, err) == -1 || read_sockets(h, "/proc/net/tcp", AF_INET, err) == -1 ||
	    read_sockets(h, "/proc/net/tcp6", AF_INET6, err) == -1) {
		host_free(h);
		return -1;
	}
	read_firewalls(h);
	return 0;
}
