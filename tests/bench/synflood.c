/* synflood INTERFACE GATEWAY-MAC SOURCE/16 TARGET PORT RATE COUNT
 *
 * Sends COUNT TCP SYNs out of an interface, RATE a second (0: as many as it can), each from a source drawn at random
 * (but the same in each run) from the 65,536 addresses of a network "A.B", with source ports that go round.  For
 * links inside namespaces of a benchmark's own: it refuses an interface that is not one end of a veth pair.  Prints
 * sent=, seconds=, rate=. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BURST 64

struct frame {
	struct ether_header ether;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

struct flood {
	int fd;
	struct frame template;
	uint32_t network; /* host byte order */
	uint64_t random;
	unsigned long sent;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "synflood: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* xorshift64 */
static uint32_t draw(struct flood *f)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return (uint32_t)(f->random >> 32);
}

static uint32_t add_words(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *at = data;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	return sum;
}

static uint16_t checksum(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void require_veth(int fd, const char *interface)
{
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (void *)&driver };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (ioctl(fd, SIOCETHTOOL, &request) == -1)
		die(interface);
	if (strcmp(driver.driver, "veth") != 0) {
		fprintf(stderr, "synflood: %s is no veth interface but %s; this is for a lab's own"
		                " links\n", interface, driver.driver);
		exit(EXIT_FAILURE);
	}
}

static void open_link(struct flood *f, const char *interface)
{
	struct sockaddr_ll link = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	int on = 1;

	f->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_IP));
	if (f->fd == -1)
		die("packet socket");
	require_veth(f->fd, interface);
	link.sll_ifindex = (int)if_nametoindex(interface);
	if (bind(f->fd, (struct sockaddr *)&link, sizeof(link)) == -1)
		die(interface);
	setsockopt(f->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
}

static void make_template(struct flood *f, const char *mac, const char *network, const char *target, const char *port)
{
	struct frame *t = &f->template;
	unsigned octet[6], a, b;

	if (sscanf(mac, "%x:%x:%x:%x:%x:%x", &octet[0], &octet[1], &octet[2], &octet[3], &octet[4], &octet[5]) != 6 ||
	    sscanf(network, "%u.%u", &a, &b) != 2 || inet_pton(AF_INET, target, &t->ip.daddr) != 1) {
		errno = EINVAL;
		die("arguments");
	}
	for (int i = 0; i < 6; i++)
		t->ether.ether_dhost[i] = (uint8_t)octet[i];
	t->ether.ether_shost[0] = 2;
	t->ether.ether_type = htons(ETH_P_IP);
	t->ip.version = 4;
	t->ip.ihl = 5;
	t->ip.tot_len = htons(sizeof(t->ip) + sizeof(t->tcp));
	t->ip.ttl = 64;
	t->ip.protocol = IPPROTO_TCP;
	t->tcp.dest = htons((uint16_t)atoi(port));
	t->tcp.doff = sizeof(t->tcp) / 4;
	t->tcp.syn = 1;
	t->tcp.window = htons(64240);
	f->network = a << 24 | b << 16;
}

static void next_frame(struct flood *f, struct frame *frame, unsigned long number)
{
	uint32_t pseudo = IPPROTO_TCP + sizeof(frame->tcp);

	*frame = f->template;
	frame->ip.saddr = htonl(f->network | (draw(f) & 0xffff));
	frame->ip.check = checksum(add_words(&frame->ip, sizeof(frame->ip), 0));
	frame->tcp.source = htons((uint16_t)(1024 + number % 64000));
	frame->tcp.seq = htonl((uint32_t)number);
	frame->tcp.check = checksum(add_words(&frame->tcp, sizeof(frame->tcp), add_words(&frame->ip.saddr, 8, pseudo)));
}

static void send_burst(struct flood *f, unsigned long count)
{
	static struct frame frames[BURST];
	struct mmsghdr messages[BURST];
	struct iovec parts[BURST];
	unsigned n = count < BURST ? (unsigned)count : BURST, done = 0;
	int rc;

	memset(messages, 0, sizeof(messages));
	for (unsigned i = 0; i < n; i++) {
		next_frame(f, &frames[i], f->sent + i);
		parts[i] = (struct iovec){ &frames[i], sizeof(frames[i]) };
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (done < n) {
		rc = sendmmsg(f->fd, messages + done, n - done, 0);
		if (rc == -1 && errno != ENOBUFS && errno != EINTR)
			die("sending");
		if (rc > 0)
			done += (unsigned)rc;
	}
	f->sent += n;
}

/* Waits until this many are due. */
static void pace(const struct flood *f, double began, double rate)
{
	double ahead = rate > 0 ? began + (double)f->sent / rate - now() : 0;
	struct timespec pause = { (time_t)ahead, (long)((ahead - (double)(time_t)ahead) * 1e9) };

	if (ahead > 0)
		nanosleep(&pause, NULL);
}

int main(int argc, char **argv)
{
	struct flood f = { .random = 88172645463325252 };
	unsigned long count;
	double rate, began, seconds;

	if (argc != 8) {
		fprintf(stderr, "usage: synflood INTERFACE GATEWAY-MAC A.B TARGET PORT RATE COUNT\n");
		return EXIT_FAILURE;
	}
	rate = atof(argv[6]);
	count = strtoul(argv[7], NULL, 10);
	open_link(&f, argv[1]);
	make_template(&f, argv[2], argv[3], argv[4], argv[5]);
	began = now();
	while (f.sent < count) {
		send_burst(&f, count - f.sent);
		pace(&f, began, rate);
	}
	seconds = now() - began;
	printf("sent=%lu seconds=%.3f rate=%.0f\n", f.sent, seconds, (double)f.sent / seconds);
	close(f.fd);
	return EXIT_SUCCESS;
}
