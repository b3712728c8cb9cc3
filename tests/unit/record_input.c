#include "record_input.h"

#include <arpa/inet.h>
#include <endian.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "audit/verify.h"

static size_t aligned(size_t len)
{
	return (len + MNL_ALIGNTO - 1) / MNL_ALIGNTO * MNL_ALIGNTO;
}

static void put_attribute(unsigned char *out, size_t *len, uint16_t type, const void *data, size_t size)
{
	struct nlattr attr = { (uint16_t)(sizeof(attr) + size), type };

	memcpy(out + *len, &attr, sizeof(attr));
	memcpy(out + *len + sizeof(attr), data, size);
	memset(out + *len + sizeof(attr) + size, 0, aligned(size) - size);
	*len += sizeof(attr) + aligned(size);
}

size_t logged_raw(unsigned char *out, const char *prefix, const void *payload, size_t len, time_us time, uint32_t seq)
{
	struct nlmsghdr head = { .nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET };
	struct nfgenmsg family = { .nfgen_family = AF_INET };
	struct nfulnl_msg_packet_timestamp t = { htobe64((uint64_t)(time / US_PER_SECOND)),
		                                     htobe64((uint64_t)(time % US_PER_SECOND)) };
	size_t at = sizeof(head) + sizeof(family);

	put_attribute(out, &at, NFULA_PREFIX, prefix, strlen(prefix) + 1);
	if (time != 0)
		put_attribute(out, &at, NFULA_TIMESTAMP, &t, sizeof(t));
	put_attribute(out, &at, NFULA_PAYLOAD, payload, len);
	seq = htonl(seq);
	put_attribute(out, &at, NFULA_SEQ, &seq, sizeof(seq));
	head.nlmsg_len = (uint32_t)at;
	memcpy(out, &head, sizeof(head));
	memcpy(out + sizeof(head), &family, sizeof(family));
	return at;
}

size_t logged_packet(unsigned char *out, const struct logged *l)
{
	unsigned char ip[64] = { 0x45 };
	struct address source, destination;
	size_t header = 20;

	assert_int_equal(address_parse(&source, l->source), 0);
	assert_int_equal(address_parse(&destination, l->destination), 0);
	if (source.family == AF_INET6) {
		header = 40;
		ip[0] = 0x60;
		ip[6] = l->protocol;
		memcpy(ip + 8, source.bytes, 16);
		memcpy(ip + 24, destination.bytes, 16);
	} else {
		ip[9] = l->protocol;
		memcpy(ip + 12, source.bytes, 4);
		memcpy(ip + 16, destination.bytes, 4);
	}
	ip[header] = (unsigned char)(l->source_port >> 8);
	ip[header + 1] = (unsigned char)l->source_port;
	ip[header + 2] = (unsigned char)(l->destination_port >> 8);
	ip[header + 3] = (unsigned char)l->destination_port;
	return logged_raw(out, l->prefix, ip, header + 20, l->time, l->seq);
}

/* --- the rig */

static void open_recorder(struct rig *g)
{
	struct error err = { "" };

	if (recorder_init(&g->r, &(struct sources){ .nflog = g->socket, .conntrack = g->ends }, &err) == -1)
		fail_msg("%s", err.text);
}

int rig_setup(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));
	int pair[2], ends[2];

	if (g == NULL)
		return -1;
	strcpy(g->folder, "/tmp/test_record.XXXXXX");
	g->home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->home == -1 || mkdtemp(g->folder) == NULL || chdir(g->folder) == -1 ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) == -1 ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == -1)
		return -1;
	g->kernel = pair[0];
	g->socket = pair[1];
	g->kernel_ends = ends[0];
	g->ends = ends[1];
	g->now_ms = 1000000;
	*state = g;
	open_recorder(g);
	return 0;
}

/* Whatever a test did through the recorder, its tree is whole. */
static void verify_log(struct rig *g)
{
	struct verify_request request = { .keys = NULL };
	struct verify_result result;
	struct error err;

	if (g->tampered || g->r.store.db == NULL)
		return;
	store_rollback(&g->r.store);
	if (audit_verify(g->r.store.db, &request, &result, &err) == -1)
		fail_msg("verify: %s", err.text);
	if (!result.ok)
		fail_msg("verify: %s: %s", result.row, result.what);
}

int rig_teardown(void **state)
{
	struct rig *g = *state;
	char command[128];

	verify_log(g);
	recorder_free(&g->r);
	close(g->kernel);
	close(g->socket);
	close(g->kernel_ends);
	close(g->ends);
	if (fchdir(g->home) == -1)
		return -1;
	close(g->home);
	snprintf(command, sizeof(command), "rm -rf %s", g->folder);
	free(g);
	return system(command);
}

void rig_restart(struct rig *g)
{
	store_rollback(&g->r.store);
	recorder_free(&g->r);
	open_recorder(g);
}

/* One direction: addresses and ports, as ctnetlink nests them. */
static void put_tuple(unsigned char *out, size_t *len, uint16_t type, const struct tracked *t, bool reply)
{
	unsigned char inner[256], ip[64], proto[64];
	size_t inner_len = 0, ip_len = 0, proto_len = 0;
	uint16_t source = htons((uint16_t)(reply ? 443 : 50000 + t->which));
	uint16_t destination = htons((uint16_t)(reply ? 50000 + t->which : 443));
	uint8_t number = IPPROTO_TCP;
	uint32_t client = htonl(0xc0000201 + t->which), server = inet_addr("203.0.113.10");

	put_attribute(ip, &ip_len, CTA_IP_V4_SRC, reply ? &server : &client, 4);
	put_attribute(ip, &ip_len, CTA_IP_V4_DST, reply ? &client : &server, 4);
	put_attribute(proto, &proto_len, CTA_PROTO_NUM, &number, 1);
	put_attribute(proto, &proto_len, CTA_PROTO_SRC_PORT, &source, 2);
	put_attribute(proto, &proto_len, CTA_PROTO_DST_PORT, &destination, 2);
	put_attribute(inner, &inner_len, CTA_TUPLE_IP | NLA_F_NESTED, ip, ip_len);
	put_attribute(inner, &inner_len, CTA_TUPLE_PROTO | NLA_F_NESTED, proto, proto_len);
	put_attribute(out, len, type | NLA_F_NESTED, inner, inner_len);
}

static void put_numbers(unsigned char *out, size_t *len, uint16_t type, uint16_t first, uint64_t a, uint64_t b)
{
	unsigned char inner[64];
	size_t inner_len = 0;
	uint64_t big[2] = { htobe64(a), htobe64(b) };

	put_attribute(inner, &inner_len, first, &big[0], 8);
	if (b != 0)
		put_attribute(inner, &inner_len, (uint16_t)(first + 1), &big[1], 8);
	put_attribute(out, len, type | NLA_F_NESTED, inner, inner_len);
}

void rig_tell(struct rig *g, const struct tracked *t)
{
	struct nlmsghdr head = { .nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 |
		                                              (t->dump != 0 ? IPCTNL_MSG_CT_NEW : IPCTNL_MSG_CT_DELETE)),
		                     .nlmsg_flags = t->dump != 0 ? NLM_F_MULTI : 0, .nlmsg_seq = t->dump };
	struct nfgenmsg family = { .nfgen_family = AF_INET };
	unsigned char out[1024] = { 0 };
	size_t len = sizeof(head) + sizeof(family);

	put_tuple(out, &len, CTA_TUPLE_ORIG, t, false);
	put_tuple(out, &len, CTA_TUPLE_REPLY, t, true);
	if (t->packets_in > 0) {
		put_numbers(out, &len, CTA_COUNTERS_ORIG, CTA_COUNTERS_PACKETS, t->packets_in, t->bytes_in);
		put_numbers(out, &len, CTA_COUNTERS_REPLY, CTA_COUNTERS_PACKETS, t->packets_out, t->bytes_out);
	}
	if (t->start != 0)
		put_numbers(out, &len, CTA_TIMESTAMP, CTA_TIMESTAMP_START, (uint64_t)t->start * 1000, (uint64_t)t->stop * 1000);
	head.nlmsg_len = (uint32_t)len;
	memcpy(out, &head, sizeof(head));
	memcpy(out + sizeof(head), &family, sizeof(family));
	assert_int_equal(send(g->kernel_ends, out, len, 0), len);
}

uint32_t rig_dump(struct rig *g)
{
	const struct reached reached = { g->now_ms, 0 };

	g->now_ms += DUMP_INTERVAL_MS;
	return recorder_rest(&g->r, &reached, true, g->now_ms);
}

void rig_dump_ends(struct rig *g, uint32_t number, int refusal)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
	} m = { { .nlmsg_len = sizeof(m), .nlmsg_type = refusal == 0 ? NLMSG_DONE : NLMSG_ERROR, .nlmsg_seq = number },
		    { .error = -refusal } };

	assert_int_equal(send(g->kernel_ends, &m, sizeof(m), 0), sizeof(m));
}

void rig_log(struct rig *g, const char *prefix, time_us time, unsigned count)
{
	unsigned char out[256];
	char source[ADDRESS_TEXT_MAX];

	for (unsigned i = 0; i < count; i++) {
		uint16_t port = (uint16_t)(50000 + i);
		struct logged l = { prefix, source, "203.0.113.10", port, 443, IPPROTO_TCP, time + i * 1000, g->seq++ };
		size_t len;

		snprintf(source, sizeof(source), "192.0.2.%u", 1 + i % 250);
		len = logged_packet(out, &l);
		assert_int_equal(send(g->kernel, out, len, 0), (ssize_t)len);
		if (i % 5 == 4) { /* a pair of sockets holds few datagrams */
			struct error err;
			bool drained;

			assert_int_equal(nflog_drain(&g->r.nflog, &g->r.prefixes, &drained, &err), 0);
		}
	}
}

void rig_lose(struct rig *g, unsigned count)
{
	g->seq += count;
}

void rig_take(struct rig *g, struct buffer *b)
{
	struct error err = { "" };
	struct message m;
	size_t used;

	assert_int_equal(message_next(b, MESSAGE_MAX_LIST, &m, &used), 1);
	if (recorder_take(&g->r, &m, b->data, used, g->now_ms, &err) == -1)
		fail_msg("%s", err.text);
	buffer_free(b);
}

static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

void rig_event(struct rig *g, uint64_t seq, const char *kind)
{
	struct audit_event e = { DAY, text(kind), text("subject"), text("{\"a\":1}") };
	struct buffer b = BUFFER_INIT;

	assert_int_equal(audit_event_encode(&b, seq, &e), 0);
	rig_take(g, &b);
}

void rig_revision(struct rig *g, const char *list, uint64_t revision, time_us time)
{
	char *none = text("[]");
	struct audit_revision r = { text(list), revision, time, 1, none, none, none, text("guards"), text("") };
	struct buffer b = BUFFER_INIT;

	assert_int_equal(audit_revision_encode(&b, ++g->message, &r), 0);
	rig_take(g, &b);
}

void rig_policy_of(struct rig *g, const char *epoch, time_us time, bool continued,
                   struct audit_policy_endpoint *endpoints, size_t count)
{
	struct audit_policy p = { time, text(epoch), continued, 0, 0, 0, 0, endpoints, count };
	struct buffer b = BUFFER_INIT;

	assert_int_equal(audit_policy_encode(&b, &p), 0);
	rig_take(g, &b);
}

void rig_policy(struct rig *g, const char *epoch, time_us time, bool continued, uint64_t a, uint64_t b)
{
	struct audit_policy_list lists[2];
	struct audit_policy_endpoint e = {
		.name = text("web"),
		.kind = text("https"),
		.mode = text("enforce"),
		.where = text("x"),
		.owner = text(""),
		.reason = text(""),
		.state = COVERAGE_ENFORCED,
		.lists = lists,
	};

	if (a != 0)
		lists[e.list_count++] = (struct audit_policy_list){ text("a"), a };
	if (b != 0)
		lists[e.list_count++] = (struct audit_policy_list){ text("b"), b };
	rig_policy_of(g, epoch, time, continued, &e, 1);
}

void rig_reading(struct rig *g, const char *epoch, time_us time, struct counters c, uint64_t denied_packets)
{
	struct audit_counter counters[] = {
		{ text("web"), COUNTER_ALLOW, c.allow, 11 },
		{ text("web"), COUNTER_DENY, c.deny, 12 },
		{ text("web"), COUNTER_OVER, c.over, 13 },
	};
	struct audit_denied denied = {
		.endpoint = text("web"),
		.protocol = IPPROTO_TCP,
		.port = 443,
		.packets = denied_packets,
	};
	struct audit_reading r = { time, text(epoch), counters, 3, &denied, denied_packets > 0 ? 1 : 0 };
	struct buffer b = BUFFER_INIT;

	assert_int_equal(address_parse(&denied.source, "198.51.100.9"), 0);
	assert_int_equal(address_parse(&denied.destination, "203.0.113.10"), 0);
	assert_int_equal(audit_reading_encode(&b, &r), 0);
	g->drained = time + SECONDS(1) / 2;
	rig_take(g, &b);
}

int rig_try(struct rig *g)
{
	struct reached reached;
	struct error err = { "" };
	bool drained;

	assert_int_equal(recorder_drain(&g->r, g->now_ms, &drained, &reached, &err), 0);
	assert_true(drained);
	reached.time = g->drained;
	return recorder_commit(&g->r, &reached, g->now_ms);
}

static void commit(struct rig *g)
{
	if (rig_try(g) == -1)
		fail_msg("%s", g->r.store.err.text);
}

void rig_commit(struct rig *g)
{
	commit(g);
}

void rig_sign(struct rig *g, const struct note_signer *signer, struct buffer *note)
{
	const struct tree *tree = &g->r.store.tree;
	struct checkpoint c = { .size = tree->edge.size, .time = DAY, .commits = tree->commits };

	snprintf(c.origin, sizeof(c.origin), "%s/%s", signer->key.name, tree->log);
	merkle_root(&tree->edge, &c.root);
	open_rows_sum(tree->open.hashes, &c.open);
	assert_int_equal(checkpoint_encode(&c, note), 0);
	assert_int_equal(note_sign(note, signer), 0);
}

void rig_settle(struct rig *g)
{
	g->now_ms += 10 * SETTLE_MS;
	commit(g);
	assert_int_equal(g->r.reading_count, 0);
}

void rig_expect(struct rig *g, const char *sql, const char *expected)
{
	sqlite3_stmt *stmt;
	char found[1024] = "";

	if (sqlite3_prepare_v2(g->r.store.db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(g->r.store.db));
	if (sqlite3_step(stmt) == SQLITE_ROW)
		for (int i = 0; i < sqlite3_column_count(stmt); i++) {
			const char *column = (const char *)sqlite3_column_text(stmt, i);
			size_t len = strlen(found);

			snprintf(found + len, sizeof(found) - len, "%s%s", i == 0 ? "" : "|", column == NULL ? "" : column);
		}
	sqlite3_finalize(stmt);
	if (strcmp(found, expected) != 0)
		fail_msg("%s\n  gives    %s\n  expected %s", sql, found, expected);
}

void rig_run(struct rig *g, const char *sql)
{
	if (sqlite3_exec(g->r.store.db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(g->r.store.db));
	g->tampered = true;
}
