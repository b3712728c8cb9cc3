/* Logged packets, whole, odd and broken; log prefixes; sequence numbers. */
#include "test_record.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* Decodes from memory of just this size, so that a read behind it is seen. */
static int decode(struct packet *p, const unsigned char *message, size_t len, void **memory)
{
	*memory = malloc(len);
	assert_non_null(*memory);
	memcpy(*memory, message, len);
	return packet_decode(p, *memory);
}

static void check(const struct logged *l)
{
	unsigned char out[256];
	char text[ADDRESS_TEXT_MAX];
	struct packet p;
	void *memory;

	assert_int_equal(decode(&p, out, logged_packet(out, l), &memory), 0);
	assert_true(p.readable);
	assert_int_equal(p.protocol, l->protocol);
	assert_string_equal(address_format(&p.source, text), l->source);
	assert_string_equal(address_format(&p.destination, text), l->destination);
	assert_int_equal(p.source_port, l->source_port);
	assert_int_equal(p.destination_port, l->destination_port);
	assert_int_equal(p.prefix_len, strlen(l->prefix));
	assert_memory_equal(p.prefix, l->prefix, p.prefix_len);
	assert_int_equal(p.time, l->time == 0 ? TIME_UNKNOWN : l->time);
	assert_true(p.numbered);
	assert_int_equal(p.seq, l->seq);
	free(memory);
}

static void each_field_is_read(void **state)
{
	(void)state;
	check(&(struct logged){ "h:d:web", "192.0.2.1", "203.0.113.10", 1, 65535, IPPROTO_TCP, DAY + 123456, 0 });
	check(&(struct logged){ "h:a:web:a", "255.255.255.255", "0.0.0.0", 65535, 0, IPPROTO_UDP, 0, UINT32_MAX });
	check(&(struct logged){ "", "2001:db8::1", "2001:db8::2", 40000, 443, IPPROTO_SCTP, 1, 7 });
	check(&(struct logged){ "h:d:web", "::1", "ffff::", 53, 53, IPPROTO_TCP, DAY, 8 });
}

/* A payload that begins with an IPv6 header whose next header is `first`, and `rest` behind it. */
static void read_ip6(struct packet *p, uint8_t first, const unsigned char *rest, size_t len)
{
	unsigned char payload[256] = { 0x60 }, out[512];
	void *memory;

	payload[6] = first;
	payload[8] = 0x20;
	payload[24] = 0x20;
	memcpy(payload + 40, rest, len);
	assert_int_equal(decode(p, out, logged_raw(out, "h:d:web", payload, 40 + len, DAY, 0), &memory), 0);
	free(memory);
	assert_true(p->readable);
}

static void extension_headers_are_passed(void **state)
{
	struct packet p;

	(void)state;
	read_ip6(&p, 0, (const unsigned char[]){ 60, 0, 0, 0, 0, 0, 0, 0, 6, 1, 0, 0,  0, 0,
	                                         0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 22, 1, 187 },
	         28);
	assert_int_equal(p.protocol, IPPROTO_TCP);
	assert_int_equal(p.source_port, 22);
	assert_int_equal(p.destination_port, 443);
	read_ip6(&p, 51, (const unsigned char[]){ 17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 53, 0, 54 }, 16);
	assert_int_equal(p.protocol, IPPROTO_UDP);
	assert_int_equal(p.destination_port, 54);
	/* the first fragment has the ports, a later one only the protocol */
	read_ip6(&p, 44, (const unsigned char[]){ 6, 0, 0, 1, 0, 0, 0, 9, 0, 22, 1, 187 }, 12);
	assert_int_equal(p.destination_port, 443);
	read_ip6(&p, 44, (const unsigned char[]){ 6, 0, 0, 9, 0, 0, 0, 9, 0, 22, 1, 187 }, 12);
	assert_int_equal(p.protocol, IPPROTO_TCP);
	assert_int_equal(p.destination_port, PORT_UNKNOWN);
	/* cut off inside, or one that claims more than there is */
	read_ip6(&p, 43, (const unsigned char[]){ 6, 0, 0, 0 }, 4);
	assert_int_equal(p.protocol, 43);
	assert_int_equal(p.destination_port, PORT_UNKNOWN);
	read_ip6(&p, 43, (const unsigned char[]){ 6, 255, 0, 0, 0, 0, 0, 0 }, 8);
	assert_int_equal(p.protocol, 43);
	read_ip6(&p, 6, (const unsigned char[]){ 0, 22, 1 }, 3);
	assert_int_equal(p.protocol, IPPROTO_TCP);
	assert_int_equal(p.source_port, PORT_UNKNOWN);
	read_ip6(&p, 58, (const unsigned char[]){ 128, 0, 0, 0, 0, 0, 0, 0 }, 8);
	assert_int_equal(p.protocol, 58);
	assert_int_equal(p.source_port, PORT_UNKNOWN);
}

static void read_ip4(struct packet *p, const unsigned char *payload, size_t len)
{
	unsigned char out[512];
	void *memory;

	assert_int_equal(decode(p, out, logged_raw(out, "h:d:web", payload, len, DAY, 0), &memory), 0);
	free(memory);
}

static void ip4_headers_of_every_length(void **state)
{
	unsigned char payload[80] = { 0 };
	struct packet p;

	(void)state;
	payload[9] = IPPROTO_TCP;
	for (unsigned words = 0; words < 16; words++) {
		memset(payload + 20, 0xee, 60);
		payload[0] = (unsigned char)(0x40 | words);
		if (words >= 5) {
			payload[words * 4 + 3] = 99;
			payload[words * 4 + 2] = 0;
		}
		for (size_t len = 1; len <= sizeof(payload); len++) {
			read_ip4(&p, payload, len);
			assert_int_equal(p.readable, words >= 5 && len >= 20);
			if (p.readable)
				assert_int_equal(p.destination_port, len >= words * 4 + 4 ? 99 : PORT_UNKNOWN);
		}
	}
	payload[0] = 0x45;
	payload[7] = 1; /* a later fragment */
	read_ip4(&p, payload, 80);
	assert_true(p.readable);
	assert_int_equal(p.destination_port, PORT_UNKNOWN);
	payload[0] = 0x75;
	read_ip4(&p, payload, 80);
	assert_false(p.readable);
}

static void what_is_cut_or_wrong_is_never_read_past(void **state)
{
	const struct logged l = { "h:a:web:a", "2001:db8::1", "2001:db8::2", 1, 2, IPPROTO_TCP, DAY, 1 };
	unsigned char whole[256];
	size_t len = logged_packet(whole, &l);
	struct nlmsghdr head;
	struct packet p;
	void *memory;

	(void)state;
	for (size_t cut = sizeof(head); cut < len; cut++) {
		memcpy(&head, whole, sizeof(head));
		head.nlmsg_len = (uint32_t)cut;
		memcpy(whole, &head, sizeof(head));
		decode(&p, whole, cut, &memory);
		free(memory);
	}
	logged_packet(whole, &l);
	srand(1);
	for (int i = 0; i < 200000; i++) {
		unsigned char changed[256];

		memcpy(changed, whole, len);
		for (int n = rand() % 4; n >= 0; n--)
			changed[sizeof(head) + (size_t)rand() % (len - sizeof(head))] = (unsigned char)rand();
		decode(&p, changed, len, &memory);
		free(memory);
	}
	memcpy(&head, whole, sizeof(head));
	head.nlmsg_type = 0;
	memcpy(whole, &head, sizeof(head));
	assert_int_equal(decode(&p, whole, len, &memory), -1);
	free(memory);
}

static void a_prefix_says_who_decided_what(void **state)
{
	static const char *const wrong[] = { "", "h:", "h:a:", "h:a:web", "h:a::a", "h:a:web:", "h:d:", "h:d:web:a",
		                                 "h:o:web:a", "h:x:web", "h:g:", "h:g:web", "h:g:web:",
		                                 "H:d:web", " h:d:web", "other" };
	struct log_prefixes p = { 0 };
	uint16_t number;
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(log_prefix_number(&p, wrong[i], strlen(wrong[i])), LOG_PREFIX_NONE);
	number = log_prefix_number(&p, "h:a:web:office-2", 16);
	assert_int_equal(p.all[number].kind, LOG_KIND_ALLOW);
	assert_string_equal(p.all[number].endpoint, "web");
	assert_string_equal(p.all[number].list, "office-2");
	number = log_prefix_number(&p, "h:o:web", 7);
	assert_int_equal(p.all[number].kind, LOG_KIND_OBSERVE);
	number = log_prefix_number(&p, "h:g:web:17", 10);
	assert_int_equal(p.all[number].kind, LOG_KIND_GRANT);
	assert_string_equal(p.all[number].endpoint, "web");
	assert_string_equal(p.all[number].list, "17");
	for (int i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "h:d:endpoint-%d", i);
		assert_int_equal(log_prefix_number(&p, text, strlen(text)), i + 3);
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "h:d:endpoint-%d", i);
		number = log_prefix_number(&p, text, strlen(text));
		assert_int_equal(number, i + 3);
		assert_string_equal(p.all[number].endpoint, text + 4);
	}
	log_prefixes_free(&p);
}

/* --- sequence numbers */

static void take(struct nflog *n, struct log_prefixes *prefixes, uint32_t seq)
{
	const struct logged l = { "h:d:web", "192.0.2.1", "192.0.2.2", 1, 2, IPPROTO_TCP, DAY, seq };
	unsigned char out[256];
	size_t len = logged_packet(out, &l);

	assert_int_equal(nflog_take(n, prefixes, out, len), 0);
}

static void gaps_are_what_was_lost(void **state)
{
	struct rig *g = *state;
	struct nflog *n = &g->r.nflog;

	take(n, &g->r.prefixes, 3); /* the first three, on a new socket */
	assert_int_equal(n->lost, 3);
	take(n, &g->r.prefixes, 4);
	take(n, &g->r.prefixes, 10);
	assert_int_equal(n->lost, 8);
	take(n, &g->r.prefixes, 0); /* bound anew */
	take(n, &g->r.prefixes, 1);
	assert_int_equal(n->lost, 8);
	n->last_seq = UINT32_MAX - 1; /* round and on */
	take(n, &g->r.prefixes, UINT32_MAX);
	take(n, &g->r.prefixes, 0);
	take(n, &g->r.prefixes, 2);
	assert_int_equal(n->lost, 9);
	assert_int_equal(n->count, 8);
	/* what is not ours and what cannot be read is numbered too */
	unsigned char out[256], nothing[4] = { 0 };
	size_t len = logged_raw(out, "other", nothing, 4, DAY, 3);

	assert_int_equal(nflog_take(n, &g->r.prefixes, out, len), 0);
	len = logged_raw(out, "h:d:web", nothing, 4, DAY, 4);
	assert_int_equal(nflog_take(n, &g->r.prefixes, out, len), 0);
	take(n, &g->r.prefixes, 5);
	assert_int_equal(n->lost, 9);
	assert_int_equal(n->foreign, 1);
	assert_int_equal(n->unreadable, 1);
	assert_int_equal(n->count, 9);
	/* another socket begins from 0, this one where it was */
	nflog_continue(n, n->socket + 1, 1000, 0);
	assert_int_equal(n->last_seq, 5);
	nflog_continue(n, n->socket, 7, 2);
	take(n, &g->r.prefixes, 9);
	assert_int_equal(n->lost, 10);
	assert_int_equal(n->unreported, 3);
}

static void a_datagram_of_many_is_read_whole(void **state)
{
	struct rig *g = *state;
	unsigned char out[8192];
	size_t len = 0;

	for (uint32_t i = 0; i < 40; i++) {
		const char *prefix = i % 2 == 0 ? "h:d:web" : "h:a:web:a";
		const struct logged l = { prefix, "192.0.2.1", "192.0.2.2", (uint16_t)i, 2, IPPROTO_TCP, DAY, i };

		len += (logged_packet(out + len, &l) + 3) & ~(size_t)3;
	}
	assert_int_equal(nflog_take(&g->r.nflog, &g->r.prefixes, out, len - 7), 0); /* the last is cut off */
	assert_int_equal(g->r.nflog.count, 39);
	assert_int_equal(g->r.nflog.rows[38].source_port, 38);
}

int run_packet_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_is_read),
		cmocka_unit_test(extension_headers_are_passed),
		cmocka_unit_test(ip4_headers_of_every_length),
		cmocka_unit_test(what_is_cut_or_wrong_is_never_read_past),
		cmocka_unit_test(a_prefix_says_who_decided_what),
		IN_RIG(gaps_are_what_was_lost),
		IN_RIG(a_datagram_of_many_is_read_whole),
	};

	return cmocka_run_group_tests_name("packets", tests, NULL, NULL);
}
