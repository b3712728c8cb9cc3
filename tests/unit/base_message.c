#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"
#include "core/message.h"
#include "core/sandbox_asan.h"

/* A message whose payload lies in a block of just its size, so that AddressSanitizer sees a read beyond it. */
static unsigned char *payload_copy(const void *data, size_t len, struct message *m)
{
	unsigned char *copy = malloc(len > 0 ? len : 1);

	if (len > 0)
		memcpy(copy, data, len);
	*m = (struct message){ MSG_EVENT, 0, copy, copy + len, false };
	return copy;
}

/* --- fields */

static void fields_come_back(void **state)
{
	struct buffer b = BUFFER_INIT;
	struct message_writer w;
	struct message m;
	struct address a4 = { AF_INET, { 192, 0, 2, 1 } }, a6 = { AF_INET6, { 0x20, 1, 0xd, 0xb8, [15] = 9 } }, a;
	size_t used, len;
	char *s;

	(void)state;
	message_begin(&w, &b, MSG_ACK, UINT64_MAX);
	put_u8(&w, 200);
	put_u32(&w, UINT32_MAX);
	put_u64(&w, UINT64_MAX - 1);
	put_i64(&w, INT64_MIN);
	put_string(&w, "text");
	put_string(&w, NULL);
	put_bytes(&w, "\0\1", 2);
	put_address(&w, &a4);
	put_address(&w, &a6);
	put_count(&w, 1);
	put_u8(&w, 3);
	assert_int_equal(message_end(&w), 0);
	assert_int_equal(message_next(&b, 1000, &m, &used), 1);
	assert_int_equal(used, b.len);
	assert_int_equal(m.type, MSG_ACK);
	assert_true(m.seq == UINT64_MAX);
	assert_int_equal(get_u8(&m), 200);
	assert_true(get_u32(&m) == UINT32_MAX);
	assert_true(get_u64(&m) == UINT64_MAX - 1);
	assert_true(get_i64(&m) == INT64_MIN);
	s = get_string(&m);
	assert_string_equal(s, "text");
	free(s);
	s = get_string(&m);
	assert_string_equal(s, "");
	free(s);
	assert_memory_equal(get_bytes(&m, &len), "\0\1", 2);
	assert_int_equal(len, 2);
	get_address(&m, &a);
	assert_memory_equal(&a, &a4, sizeof(a));
	get_address(&m, &a);
	assert_memory_equal(&a, &a6, sizeof(a));
	assert_int_equal(get_count(&m, 1), 1);
	assert_false(message_done(&m));
	assert_int_equal(get_choice(&m, 3), 3);
	assert_true(message_done(&m));
	buffer_free(&b);
}

static void bad_sticks(void **state)
{
	struct message m;
	unsigned char *payload = payload_copy("\1\1\0\0\0\4\4\4\4\4\4\4\4\4", 14, &m);
	struct prefix_set set = PREFIX_SET_INIT;
	struct address a;
	size_t len;
	char *s;

	(void)state;
	assert_int_equal(get_choice(&m, 0), 0);
	assert_true(m.bad);
	assert_int_equal(get_u8(&m), 0);
	assert_int_equal(get_u32(&m), 0);
	assert_int_equal(get_u64(&m), 0);
	assert_int_equal(get_i64(&m), 0);
	assert_int_equal(get_count(&m, 1), 0);
	assert_non_null(get_bytes(&m, &len));
	assert_int_equal(len, 0);
	s = get_string(&m);
	assert_string_equal(s, "");
	free(s);
	get_address(&m, &a);
	assert_int_equal(get_prefix_set(&m, &set), -1);
	m.at = m.end;
	assert_false(message_done(&m));
	free(payload);
}

static bool string_is_bad(const void *data, size_t len)
{
	struct message m;
	unsigned char *payload = payload_copy(data, len, &m);
	char *s = get_string(&m);
	bool bad = m.bad && strcmp(s, "") == 0;

	free(s);
	free(payload);
	return bad;
}

static void strings_are_bounded(void **state)
{
	struct message m;
	unsigned char *payload;

	(void)state;
	assert_false(string_is_bad("\2\0\0\0ab", 6));
	assert_true(string_is_bad("\3\0\0\0ab", 6));
	assert_true(string_is_bad("\xff\xff\xff\xff" "ab", 6));
	assert_true(string_is_bad("\2\0\0\0a\0", 6));
	assert_true(string_is_bad("\0\0\0", 3));
	payload = payload_copy("\2\0\0\0ab", 6, &m);
	fail_allocation(0);
	assert_null(get_string(&m));
	fail_allocation(-1);
	assert_true(m.bad);
	free(payload);
}

/* A count that claims more than is left is bad before anything is allocated for it. */
static void counts_are_bounded_by_what_is_left(void **state)
{
	struct message m;
	unsigned char *payload = payload_copy("\2\0\0\0abcdef", 10, &m);

	(void)state;
	assert_int_equal(get_count(&m, 3), 2);
	m.at -= 4;
	assert_int_equal(get_count(&m, 4), 0);
	assert_true(m.bad);
	free(payload);
}

static void addresses_have_a_family(void **state)
{
	struct message m;
	struct address a;
	unsigned char *payload = payload_copy("\5\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20", 17, &m);

	(void)state;
	get_address(&m, &a);
	assert_true(m.bad);
	free(payload);
}

/* --- prefix sets */

/* Encodes ranges just as given and reads them back. */
static int read_back(const struct range4 *v4, size_t v4_count, const struct range6 *v6, size_t v6_count,
                     struct prefix_set *got)
{
	struct prefix_set raw = { (struct range4 *)(uintptr_t)v4, v4_count, v4_count, (struct range6 *)(uintptr_t)v6,
	                          v6_count, v6_count };
	struct buffer b = BUFFER_INIT;
	struct message_writer w;
	struct message m;
	unsigned char *payload;
	int result;

	message_begin(&w, &b, MSG_EVENT, 0);
	put_prefix_set(&w, &raw);
	assert_int_equal(message_end(&w), 0);
	payload = payload_copy(b.data + MESSAGE_HEADER_SIZE, b.len - MESSAGE_HEADER_SIZE, &m);
	result = get_prefix_set(&m, got);
	assert_int_equal(result == 0, message_done(&m));
	free(payload);
	buffer_free(&b);
	return result;
}

static bool accepts4(const struct range4 *v4, size_t count)
{
	struct prefix_set got = PREFIX_SET_INIT;
	bool ok = read_back(v4, count, NULL, 0, &got) == 0;

	if (ok)
		assert_memory_equal(got.v4, v4, count * sizeof(*v4));
	assert_int_equal(got.v4_count, ok ? count : 0);
	prefix_set_free(&got);
	return ok;
}

static bool accepts6(const struct range6 *v6, size_t count)
{
	struct prefix_set got = PREFIX_SET_INIT;
	bool ok = read_back(NULL, 0, v6, count, &got) == 0;

	if (ok)
		assert_memory_equal(got.v6, v6, count * sizeof(*v6));
	assert_int_equal(got.v6_count, ok ? count : 0);
	prefix_set_free(&got);
	return ok;
}

#define MAX64 UINT64_MAX
#define ACCEPTS4(...) accepts4((const struct range4[]){ __VA_ARGS__ }, \
                               sizeof((const struct range4[]){ __VA_ARGS__ }) / sizeof(struct range4))
#define ACCEPTS6(...) accepts6((const struct range6[]){ __VA_ARGS__ }, \
                               sizeof((const struct range6[]){ __VA_ARGS__ }) / sizeof(struct range6))

static void ipv4_sets_arrive_normalized_or_not_at_all(void **state)
{
	(void)state;
	assert_true(ACCEPTS4({ 0, UINT32_MAX }));
	assert_true(ACCEPTS4({ 0, 0 }, { 2, 2 }, { UINT32_MAX, UINT32_MAX }));
	assert_false(ACCEPTS4({ 1, 0 }));                            /* ends before it begins */
	assert_false(ACCEPTS4({ 5, 6 }, { 1, 2 }));                  /* out of order */
	assert_false(ACCEPTS4({ 1, 2 }, { 2, 3 }));                  /* overlap */
	assert_false(ACCEPTS4({ 1, 2 }, { 3, 4 }));                  /* adjacent */
	assert_false(ACCEPTS4({ 1, 2 }, { 1, 2 }));                  /* twice */
	assert_false(ACCEPTS4({ 9, UINT32_MAX }, { 0, 1 }));         /* the end plus one is not zero */
	assert_false(ACCEPTS4({ 9, UINT32_MAX }, { UINT32_MAX, UINT32_MAX }));
}

static void ipv6_sets_arrive_normalized_or_not_at_all(void **state)
{
	(void)state;
	assert_true(ACCEPTS6({ { 0, 0 }, { MAX64, MAX64 } }));
	assert_true(ACCEPTS6({ { 0, 0 }, { 0, 0 } }, { { 0, 2 }, { 1, 0 } }, { { MAX64, MAX64 }, { MAX64, MAX64 } }));
	assert_true(ACCEPTS6({ { 0, 0 }, { 0, MAX64 } }, { { 1, 1 }, { 1, 1 } }));
	assert_false(ACCEPTS6({ { 0, 0 }, { 0, MAX64 } }, { { 1, 0 }, { 1, 1 } })); /* adjacent across the halves */
	assert_false(ACCEPTS6({ { 1, 0 }, { 0, 9 } }));
	assert_false(ACCEPTS6({ { 0, 9 }, { 0, 8 } }));
	assert_false(ACCEPTS6({ { 5, 0 }, { 6, 0 } }, { { 1, 0 }, { 2, 0 } }));
	assert_false(ACCEPTS6({ { 0, 1 }, { 0, 2 } }, { { 0, 2 }, { 0, 3 } }));
	assert_false(ACCEPTS6({ { 0, 1 }, { 0, 2 } }, { { 0, 3 }, { 0, 4 } }));
	assert_false(ACCEPTS6({ { 9, 0 }, { MAX64, MAX64 } }, { { 0, 0 }, { 0, 1 } }));
	assert_false(ACCEPTS6({ { 9, 0 }, { MAX64, MAX64 } }, { { MAX64, MAX64 }, { MAX64, MAX64 } }));
}

static void a_set_replaces_what_was_there(void **state)
{
	struct prefix_set set = PREFIX_SET_INIT;
	const struct range4 v4 = { 7, 9 };
	const struct range6 v6 = { { 7, 7 }, { 8, 8 } };

	(void)state;
	assert_int_equal(prefix_set_add_range4(&set, 1, 2), 0);
	assert_int_equal(read_back(&v4, 1, &v6, 1, &set), 0);
	assert_int_equal(set.v4_count, 1);
	assert_int_equal(set.v6_count, 1);
	assert_int_equal(set.v4[0].first, 7);
	assert_int_equal(read_back(NULL, 0, NULL, 0, &set), 0);
	assert_true(prefix_set_empty(&set));
	prefix_set_free(&set);
}

static void sets_that_claim_too_much_are_bad(void **state)
{
	struct prefix_set set = PREFIX_SET_INIT;
	struct message m;
	long before = allocations();
	unsigned char *payload = payload_copy("\xff\xff\xff\xff\0\0\0\0\1\0\0\0\2\0\0\0", 16, &m);

	(void)state;
	fail_allocation(0); /* so that an attempt would be noticed as another errno */
	errno = 0;
	assert_int_equal(get_prefix_set(&m, &set), -1);
	assert_int_equal(errno, 0);
	fail_allocation(-1);
	free(payload);
	assert_int_equal(allocations(), before);
}

/* --- framing */

static void add_number(struct buffer *b, enum message_type type, uint64_t v)
{
	struct message_writer w;

	message_begin(&w, b, type, v);
	put_u64(&w, v);
	assert_int_equal(message_end(&w), 0);
}

static void messages_come_out_one_by_one(void **state)
{
	struct buffer all = BUFFER_INIT, in = BUFFER_INIT;
	struct message m;
	size_t used;
	uint64_t seen = 0;

	(void)state;
	add_number(&all, MSG_SYNC, 1);
	add_number(&all, MSG_ACK, 2);
	add_number(&all, MSG_STOP, 3);
	for (size_t i = 0; i < all.len; i++) {
		int result;

		buffer_add(&in, all.data + i, 1);
		result = message_next(&in, 8, &m, &used);
		assert_int_equal(result, in.len == MESSAGE_HEADER_SIZE + 8);
		if (result == 1) {
			assert_true(m.seq == ++seen);
			assert_true(get_u64(&m) == seen);
			assert_true(message_done(&m));
			buffer_consume(&in, used);
		}
	}
	assert_int_equal(seen, 3);
	assert_int_equal(in.len, 0);
	buffer_free(&all);
	buffer_free(&in);
}

/* Changes one byte of a header. */
static int next_with(size_t at, unsigned char value, size_t max)
{
	struct buffer b = BUFFER_INIT;
	struct message m;
	size_t used;
	int result;

	add_number(&b, MSG_SYNC, 1);
	b.data[at] = value;
	errno = 0;
	result = message_next(&b, max, &m, &used);
	assert_int_equal(errno, result < 0 ? EBADMSG : 0);
	buffer_free(&b);
	return result;
}

static void headers_are_checked(void **state)
{
	(void)state;
	assert_int_equal(next_with(0, 8, 8), 1);
	assert_int_equal(next_with(0, 8, 7), -1);
	assert_int_equal(next_with(0, 9, 9), 0);
	assert_int_equal(next_with(3, 0x80, MESSAGE_MAX_LIST), -1);
	assert_int_equal(next_with(4, 0, 8), -1);
	assert_int_equal(next_with(4, MSG_FETCH_REQUEST, 8), 1);
	assert_int_equal(next_with(4, MSG_TYPE_END - 1, 8), 1);
	assert_int_equal(next_with(4, MSG_TYPE_END, 8), -1);
	assert_int_equal(next_with(5, 1, 8), -1);
	assert_int_equal(next_with(6, 1, 8), -1);
	assert_int_equal(next_with(7, 1, 8), -1);
}

static void a_writer_without_memory_leaves_the_buffer(void **state)
{
	char text[3000];
	bool done = false;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (long n = 0; !done; n++) {
		struct buffer b = BUFFER_INIT;
		struct message_writer w;

		assert_int_equal(buffer_add(&b, "before", 6), 0);
		fail_allocation(n);
		message_begin(&w, &b, MSG_EVENT, 1);
		put_string(&w, text);
		put_string(&w, text);
		errno = 0;
		done = message_end(&w) == 0;
		fail_allocation(-1);
		if (!done) {
			assert_int_equal(errno, ENOMEM);
			assert_int_equal(b.len, 6);
			assert_memory_equal(b.data, "before", 6);
		} else {
			assert_int_equal(b.len, 6 + MESSAGE_HEADER_SIZE + 2 * (4 + 2999));
			assert_true(n > 1);
		}
		buffer_free(&b);
	}
}

static void a_count_beyond_32_bits_is_an_error(void **state)
{
	struct buffer b = BUFFER_INIT;
	struct message_writer w;

	(void)state;
	message_begin(&w, &b, MSG_EVENT, 1);
	put_count(&w, (size_t)UINT32_MAX + 1);
	assert_int_equal(message_end(&w), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(b.len, 0);
	buffer_free(&b);
}

/* --- over a socket */

static void send_and_receive(void **state)
{
	const size_t len = 3u << 20;
	struct buffer out = BUFFER_INIT, in = BUFFER_INIT;
	struct message_writer w;
	struct message m;
	struct error err;
	int fds[2], status;
	size_t got;
	char *data = calloc(1, len);
	pid_t pid;

	(void)state;
	memset(data, 'd', len);
	message_begin(&w, &out, MSG_REVISION, 5);
	put_bytes(&w, data, len);
	assert_int_equal(message_end(&w), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		_exit(message_send(fds[1], &out, &err) != 0 || message_send(fds[1], &out, &err) != 0);
	}
	close(fds[1]);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(message_receive(fds[0], MESSAGE_MAX_LIST, &in, &m, &err), 1);
		assert_int_equal(m.type, MSG_REVISION);
		assert_memory_equal(get_bytes(&m, &got), data, len);
		assert_int_equal(got, len);
		assert_true(message_done(&m));
	}
	assert_int_equal(message_receive(fds[0], MESSAGE_MAX_LIST, &in, &m, &err), 0);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	free(data);
	buffer_free(&out);
	buffer_free(&in);
}

/* Sends the first `len` bytes of what is given, closes, and receives. */
static int receive_part(const void *data, size_t len, struct error *err)
{
	struct buffer in = BUFFER_INIT;
	struct message m;
	int fds[2], result;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(write(fds[1], data, len), len);
	close(fds[1]);
	result = message_receive(fds[0], 8, &in, &m, err);
	close(fds[0]);
	buffer_free(&in);
	return result;
}

static void receive_tells_a_message_that_is_cut_off(void **state)
{
	struct buffer b = BUFFER_INIT;
	struct error err;

	(void)state;
	add_number(&b, MSG_SYNC, 1);
	assert_int_equal(receive_part(b.data, 0, &err), 0);
	assert_int_equal(receive_part(b.data, b.len, &err), 1);
	for (size_t len = 1; len < b.len; len++) {
		assert_int_equal(receive_part(b.data, len, &err), -1);
		assert_string_equal(err.text, "the connection ended in the middle of a message");
	}
	b.data[0] = 9; /* longer than max */
	assert_int_equal(receive_part(b.data, b.len, &err), -1);
	assert_string_equal(err.text, "what arrived is no message, or is longer than 8 bytes");
	buffer_free(&b);
}

/* A header that claims 200 MB costs no more than what has arrived. */
static int receive_huge_claim(void *ctx)
{
	const struct rlimit little = { 64u << 20, 64u << 20 };
	struct buffer b = BUFFER_INIT, in = BUFFER_INIT;
	struct message m;
	struct error err;
	int fds[2];

	(void)ctx;
	CHILD_CHECK(BUILT_WITH_ASAN || setrlimit(RLIMIT_AS, &little) == 0);
	add_number(&b, MSG_SYNC, 1);
	b.data[3] = 12; /* 12 << 24 */
	CHILD_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	CHILD_CHECK(write(fds[1], b.data, b.len) == (ssize_t)b.len && close(fds[1]) == 0);
	CHILD_CHECK(message_receive(fds[0], MESSAGE_MAX_LIST, &in, &m, &err) == -1);
	CHILD_CHECK(strcmp(err.text, "the connection ended in the middle of a message") == 0);
	CHILD_CHECK(in.cap <= 4u << 20);
	return 0;
}

static void receive_allocates_as_data_arrives(void **state)
{
	(void)state;
	assert_int_equal(in_child(receive_huge_claim, NULL), 0);
}

static void send_to_nobody_is_an_error_and_no_signal(void **state)
{
	struct buffer b = BUFFER_INIT;
	struct error err;
	int fds[2];

	(void)state;
	add_number(&b, MSG_SYNC, 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	close(fds[1]);
	assert_int_equal(message_send(fds[0], &b, &err), -1);
	assert_string_equal(err.text, "cannot send a message: Broken pipe");
	close(fds[0]);
	buffer_free(&b);
}

int run_message_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_come_back),
		cmocka_unit_test(bad_sticks),
		cmocka_unit_test(strings_are_bounded),
		cmocka_unit_test(counts_are_bounded_by_what_is_left),
		cmocka_unit_test(addresses_have_a_family),
		cmocka_unit_test(ipv4_sets_arrive_normalized_or_not_at_all),
		cmocka_unit_test(ipv6_sets_arrive_normalized_or_not_at_all),
		cmocka_unit_test(a_set_replaces_what_was_there),
		cmocka_unit_test(sets_that_claim_too_much_are_bad),
		cmocka_unit_test(messages_come_out_one_by_one),
		cmocka_unit_test(headers_are_checked),
		cmocka_unit_test(a_writer_without_memory_leaves_the_buffer),
		cmocka_unit_test(a_count_beyond_32_bits_is_an_error),
		cmocka_unit_test(send_and_receive),
		cmocka_unit_test(receive_tells_a_message_that_is_cut_off),
		cmocka_unit_test(receive_allocates_as_data_arrives),
		cmocka_unit_test(send_to_nobody_is_an_error_and_no_signal),
	};

	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
