/* nflog_naive: the least that a recorder of logged packets can do and still have rows in SQLite.  No index, no names,
 * no counts, no restart: one thread reads the NFLOG socket and inserts eight columns, 10,000 rows a transaction.
 * What hallowd-record is measured against.
 *
 * Started like it: CHILD_SOCKET_FD, whose end of file ends it once nothing waits any more; RECORD_NFLOG_FD; the
 * working directory for naive.db.  Prints events= and lost= (gaps in the sequence). */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "core/audit_message.h"
#include "core/fetch_message.h"

#define ROWS 10000

struct naive {
	sqlite3 *db;
	sqlite3_stmt *insert;
	unsigned long events, lost;
	unsigned waiting; /* rows in the open transaction */
	uint32_t last;
};

static void run(struct naive *n, const char *sql)
{
	if (sqlite3_exec(n->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return;
	fprintf(stderr, "nflog_naive: %s\n", sqlite3_errmsg(n->db));
	exit(EXIT_FAILURE);
}

static void commit(struct naive *n)
{
	if (n->waiting > 0)
		run(n, "COMMIT");
	n->waiting = 0;
}

static void insert(struct naive *n, const char *prefix, const struct iphdr *ip)
{
	const struct tcphdr *tcp = (const void *)((const char *)ip + ip->ihl * 4);
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (n->waiting++ == 0)
		run(n, "BEGIN");
	sqlite3_bind_int64(n->insert, 1, t.tv_sec * 1000000 + t.tv_nsec / 1000);
	sqlite3_bind_int(n->insert, 2, prefix[2] == 'a');
	sqlite3_bind_int(n->insert, 3, 1);
	sqlite3_bind_blob(n->insert, 4, &ip->saddr, 4, SQLITE_STATIC);
	sqlite3_bind_blob(n->insert, 5, &ip->daddr, 4, SQLITE_STATIC);
	sqlite3_bind_int(n->insert, 6, ip->protocol);
	sqlite3_bind_int(n->insert, 7, ntohs(tcp->source));
	sqlite3_bind_int(n->insert, 8, ntohs(tcp->dest));
	if (sqlite3_step(n->insert) != SQLITE_DONE)
		run(n, "not to be inserted");
	sqlite3_reset(n->insert);
	if (n->waiting == ROWS)
		commit(n);
}

static int take(const struct nlmsghdr *message, void *ctx)
{
	struct naive *n = ctx;
	const struct iphdr *ip = NULL;
	const struct nlattr *attr;
	const char *prefix = "h:?";
	uint32_t seq = n->last + 1;

	for (attr = mnl_nlmsg_get_payload_offset(message, sizeof(struct nfgenmsg));
	     mnl_attr_ok(attr, (int)((const char *)message + message->nlmsg_len - (const char *)attr));
	     attr = mnl_attr_next(attr)) {
		switch (mnl_attr_get_type(attr)) {
		case NFULA_PAYLOAD:
			ip = mnl_attr_get_payload(attr);
			break;
		case NFULA_PREFIX:
			prefix = mnl_attr_get_str(attr);
			break;
		case NFULA_SEQ:
			seq = ntohl(mnl_attr_get_u32(attr));
			break;
		}
	}
	n->lost += (uint32_t)(seq - n->last - 1);
	n->last = seq;
	n->events++;
	if (ip != NULL)
		insert(n, prefix, ip);
	return MNL_CB_OK;
}

/* Whether there was anything. */
static int drain(struct naive *n)
{
	static char buffer[1 << 18];
	ssize_t len;
	int any = 0;

	while ((len = recv(RECORD_NFLOG_FD, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0 || (len == -1 && errno == ENOBUFS)) {
		if (len > 0)
			mnl_cb_run(buffer, (size_t)len, 0, 0, take, n);
		any = 1;
	}
	return any;
}

int main(void)
{
	struct naive n = { .last = UINT32_MAX };
	struct pollfd fds[2] = { { .fd = RECORD_NFLOG_FD, .events = POLLIN }, { .fd = CHILD_SOCKET_FD, .events = POLLIN } };
	bool ending = false;

	if (sqlite3_open("naive.db", &n.db) != SQLITE_OK)
		return EXIT_FAILURE;
	run(&n, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE c (t, v, e, s, d, p, sp, dp)");
	sqlite3_prepare_v2(n.db, "INSERT INTO c VALUES (?, ?, ?, ?, ?, ?, ?, ?)", -1, &n.insert, NULL);
	for (;;) {
		/* At the end, once more for what the kernel still holds back. */
		int waiting = poll(fds, ending ? 1 : 2, 300);

		if (!drain(&n)) {
			commit(&n);
			if (ending && waiting == 0)
				break;
		}
		ending = ending || fds[1].revents != 0;
	}
	sqlite3_finalize(n.insert);
	sqlite3_close(n.db);
	printf("events=%lu lost=%lu\n", n.events, n.lost);
	return EXIT_SUCCESS;
}
