/* The kernel's own share of bringing a list into an nf_tables interval set, and of taking some of it out again: what no
 * program can be faster than.  No rules, no read-back, nothing but netlink messages that were built beforehand.
 *
 *   nftset_floor FILE PERCENT
 *
 * FILE has one IPv4 address a line, ascending, no two of them adjacent.  The set is `inet floor s` of the network namespace
 * that it runs in (type ipv4_addr, flags interval), which must be there and be empty.  Prints
 * "n=N load_s=S delete_s=S rss_kib=N", the second for a batch that removes PERCENT of them. */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define TABLE "floor"
#define SET "s"
#define PER_MESSAGE 600 /* intervals; a nest ends at 64 KiB */
#define MESSAGE_ROOM 65536

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint32_t *read_addresses(const char *name, size_t *count)
{
	FILE *f = fopen(name, "r");
	uint32_t *list = NULL;
	size_t n = 0, room = 0;
	char line[64];

	if (f == NULL)
		fail(name);
	while (fgets(line, sizeof line, f) != NULL) {
		struct in_addr a;

		line[strcspn(line, "\n")] = '\0';
		if (inet_pton(AF_INET, line, &a) != 1)
			continue;
		if (n == room) {
			room = room ? 2 * room : 1024;
			list = realloc(list, room * sizeof *list);
			if (list == NULL)
				fail("realloc");
		}
		list[n++] = ntohl(a.s_addr);
	}
	fclose(f);
	*count = n;
	return list;
}

static struct nlmsghdr *put_header(char *at, uint16_t type, uint16_t flags, uint16_t res_id, uint8_t family)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(at);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof *g);

	h->nlmsg_type = type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	g->res_id = htons(res_id);
	return h;
}

static void put_bound(struct nlmsghdr *h, uint32_t address, int end)
{
	struct nlattr *element = mnl_attr_nest_start(h, NFTA_LIST_ELEM), *key;
	uint32_t wire = htonl(address);

	if (end)
		mnl_attr_put_u32(h, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_INTERVAL_END));
	key = mnl_attr_nest_start(h, NFTA_SET_ELEM_KEY);
	mnl_attr_put(h, NFTA_DATA_VALUE, sizeof wire, &wire);
	mnl_attr_nest_end(h, key);
	mnl_attr_nest_end(h, element);
}

/* A batch with every `step`th address. */
static char *build(const uint32_t *list, size_t count, size_t step, int type, size_t *size)
{
	size_t messages = count / step / PER_MESSAGE + 1, i = 0;
	char *batch = malloc((messages + 1) * MESSAGE_ROOM), *at = batch;

	if (batch == NULL)
		fail("malloc");
	at += put_header(at, NFNL_MSG_BATCH_BEGIN, 0, NFNL_SUBSYS_NFTABLES, AF_UNSPEC)->nlmsg_len;
	while (i < count) {
		struct nlmsghdr *h = put_header(at, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
		                                type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0, 0, NFPROTO_INET);
		struct nlattr *nest;

		mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, TABLE);
		mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, SET);
		nest = mnl_attr_nest_start(h, NFTA_SET_ELEM_LIST_ELEMENTS);
		for (int k = 0; k < PER_MESSAGE && i < count; k++, i += step) {
			put_bound(h, list[i], 0);
			put_bound(h, list[i] + 1, 1);
		}
		mnl_attr_nest_end(h, nest);
		at = mnl_nlmsg_get_payload_tail(h);
	}
	at += put_header(at, NFNL_MSG_BATCH_END, NLM_F_ACK, NFNL_SUBSYS_NFTABLES, AF_UNSPEC)->nlmsg_len;
	*size = (size_t)(at - batch);
	return batch;
}

/* Seconds that the kernel took; ends the program when it refused. */
static double commit(struct mnl_socket *nl, const char *batch, size_t size)
{
	int room = (int)size + MESSAGE_ROOM;
	char answer[8192];
	double begin, end;
	ssize_t n;

	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
	begin = seconds();
	if (mnl_socket_sendto(nl, batch, size) < 0)
		fail("send");
	end = seconds();
	n = mnl_socket_recvfrom(nl, answer, sizeof answer);
	if (n < 0 || mnl_cb_run(answer, (size_t)n, 0, mnl_socket_get_portid(nl), NULL, NULL) < 0)
		fail("the kernel refused the batch");
	return end - begin;
}

int main(int argc, char **argv)
{
	uint32_t *list;
	size_t count, load_size, delete_size, percent;
	char *load, *delete;
	struct mnl_socket *nl;
	struct rusage usage;
	double load_s, delete_s;

	if (argc != 3 || (percent = strtoul(argv[2], NULL, 10)) < 1 || percent > 100) {
		fprintf(stderr, "usage: nftset_floor FILE PERCENT\n");
		return 2;
	}
	list = read_addresses(argv[1], &count);
	load = build(list, count, 1, NFT_MSG_NEWSETELEM, &load_size);
	delete = build(list, count, 100 / percent, NFT_MSG_DELSETELEM, &delete_size);
	nl = mnl_socket_open(NETLINK_NETFILTER);
	if (nl == NULL || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		fail("netlink");
	load_s = commit(nl, load, load_size);
	delete_s = commit(nl, delete, delete_size);
	getrusage(RUSAGE_SELF, &usage);
	printf("n=%zu load_s=%.6f delete_s=%.6f rss_kib=%ld\n", count, load_s, delete_s, usage.ru_maxrss);
	mnl_socket_close(nl);
	free(delete);
	free(load);
	free(list);
	return 0;
}
