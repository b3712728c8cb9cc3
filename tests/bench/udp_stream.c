/* udp_stream DESTINATION PORT FLOWS COUNT [SOURCES]
 *
 * Sends COUNT small UDP datagrams to one address, round and round from FLOWS sockets, as fast as it can.  With SOURCES, a file
 * with an address of this host a line, each socket has one of them, and each datagram comes from another socket.  Over veth the packets
 * are carried through the next host by the sender's own system calls, so its CPU time is that of the whole path.  Prints sent=,
 * rate= (packets for each second of CPU time, which other load on the machine changes little). */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BURST 64
#define FLOWS_MAX 1024

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The next line of `sources`, or any address where that is NULL. */
static struct sockaddr_in next_source(FILE *sources)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	char line[64];

	if (sources == NULL)
		return from;
	if (fgets(line, sizeof(line), sources) == NULL) {
		rewind(sources);
		if (fgets(line, sizeof(line), sources) == NULL)
			die("udp_stream: sources");
	}
	line[strcspn(line, "\n")] = '\0';
	if (inet_pton(AF_INET, line, &from.sin_addr) != 1)
		die(line);
	return from;
}

static int flow_open(const struct sockaddr_in *to, FILE *sources)
{
	struct sockaddr_in from = next_source(sources);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd == -1 || bind(fd, (const struct sockaddr *)&from, sizeof(from)) == -1 || connect(fd, (const struct sockaddr *)to, sizeof(*to)) == -1)
		die("udp_stream: socket");
	return fd;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct mmsghdr burst[BURST];
	char payload[] = "0123456789abcdef";
	struct iovec part = { payload, sizeof(payload) - 1 };
	unsigned long flows, count, sent = 0;
	unsigned at_once = argc == 6 ? 1 : BURST;
	FILE *sources = argc == 6 ? fopen(argv[5], "r") : NULL;
	int fds[FLOWS_MAX];
	double begin, took;

	if (argc < 5 || argc > 6 || (argc == 6 && sources == NULL) || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 || (flows = strtoul(argv[3], NULL, 10)) < 1 ||
	    flows > FLOWS_MAX) {
		fprintf(stderr, "usage: udp_stream DESTINATION PORT FLOWS COUNT [SOURCES]\n");
		return 2;
	}
	to.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	count = strtoul(argv[4], NULL, 10);
	memset(burst, 0, sizeof(burst));
	for (size_t i = 0; i < BURST; i++) {
		burst[i].msg_hdr.msg_iov = &part;
		burst[i].msg_hdr.msg_iovlen = 1;
	}
	for (unsigned long i = 0; i < flows; i++)
		fds[i] = flow_open(&to, sources);
	begin = cpu_seconds();
	for (unsigned long turn = 0; sent < count; turn++) {
		int n = sendmmsg(fds[turn % flows], burst, at_once, 0);

		if (n == -1 && errno != ECONNREFUSED)
			die("udp_stream: send");
		sent += n > 0 ? (unsigned long)n : 0;
	}
	took = cpu_seconds() - begin;
	printf("sent=%lu rate=%.0f\n", sent, (double)sent / took);
	return 0;
}
