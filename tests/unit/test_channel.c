/* A channel to another program, whose end the test holds. */
#include "test_daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/channel.h"

#define LONGEST 100
#define MUCH (4u << 20) /* more than a socket takes at once */

struct talk {
	struct loop *loop;
	struct channel channel;
	int other;
	unsigned heard;      /* messages */
	uint64_t last;       /* the sequence number of the last one */
	unsigned closed, garbled;
	unsigned leave_after; /* messages; 0: never */
};

static bool hear(void *ctx, struct message *m)
{
	struct talk *t = ctx;

	t->heard++;
	t->last = m->seq;
	if (t->heard != t->leave_after)
		return true;
	channel_close(&t->channel);
	return false;
}

static void hear_end(void *ctx, bool garbled)
{
	struct talk *t = ctx;

	assert_int_equal(t->channel.sock, -1);
	t->closed++;
	t->garbled += garbled;
}

static void begin(struct talk *t)
{
	int pair[2];

	*t = (struct talk){ .loop = loop_new() };
	assert_non_null(t->loop);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	t->other = pair[1];
	t->channel = (struct channel){ .loop = t->loop, .max = LONGEST, .message = hear, .closed = hear_end, .ctx = t,
		                       .sock = -1 };
	assert_int_equal(channel_open(&t->channel, pair[0]), 0);
}

static void end(struct talk *t)
{
	channel_close(&t->channel);
	if (t->other != -1)
		close(t->other);
	loop_free(t->loop);
}

static void stop(void *ctx)
{
	loop_stop(ctx);
}

/* What is ready now is done, and a little more time passes. */
static void turn(struct talk *t)
{
	assert_true(loop_after(t->loop, 20, stop, t->loop) != 0);
	assert_int_equal(loop_run(t->loop), 0);
}

static void add_message(struct buffer *b, uint64_t seq, size_t len)
{
	static const unsigned char zeros[LONGEST + 1];
	struct message_writer w;

	message_begin(&w, b, MSG_EVENT, seq);
	put_bytes(&w, zeros, len);
	assert_int_equal(message_end(&w), 0);
}

static void write_all(int fd, const void *data, size_t len)
{
	assert_int_equal(write(fd, data, len), (ssize_t)len);
}

static void messages_arrive_however_they_are_cut(void **state)
{
	struct buffer b = BUFFER_INIT;
	struct talk t;

	(void)state;
	begin(&t);
	add_message(&b, 1, 0);
	add_message(&b, 2, LONGEST - 4);
	for (size_t i = 0; i < b.len; i++) {
		write_all(t.other, b.data + i, 1);
		if (i % 20 == 0)
			turn(&t);
	}
	turn(&t);
	assert_int_equal(t.heard, 2);
	write_all(t.other, b.data, b.len);
	turn(&t);
	assert_int_equal(t.heard, 4);
	assert_int_equal(t.last, 2);
	assert_int_equal(t.closed, 0);
	buffer_free(&b);
	end(&t);
}

static void what_is_no_message_closes_it(void **state)
{
	struct buffer b = BUFFER_INIT;
	struct talk t;

	(void)state;
	begin(&t);
	add_message(&b, 1, 0);
	assert_int_equal(buffer_add(&b, "GET / HTTP/1.0\r\n\r\n", 18), 0);
	write_all(t.other, b.data, b.len);
	turn(&t);
	assert_int_equal(t.heard, 1);
	assert_int_equal(t.garbled, 1);
	end(&t);

	begin(&t);
	b.len = 0;
	add_message(&b, 1, LONGEST - 3); /* with its length, one byte more than it may */
	write_all(t.other, b.data, b.len);
	turn(&t);
	assert_int_equal(t.heard, 0);
	assert_int_equal(t.garbled, 1);
	buffer_free(&b);
	end(&t);
}

static void what_the_socket_does_not_take_goes_later(void **state)
{
	unsigned char *much = calloc(1, MUCH), *got = malloc(MUCH);
	size_t len = 0;
	struct talk t;

	(void)state;
	assert_true(much != NULL && got != NULL);
	for (size_t i = 0; i < MUCH; i++)
		much[i] = (unsigned char)(i * 7 + i / 251);
	begin(&t);
	assert_int_equal(buffer_add(&t.channel.out, much, MUCH), 0);
	channel_send(&t.channel);
	assert_true(t.channel.out.len > 0);
	while (len < MUCH) {
		ssize_t n = read(t.other, got + len, MUCH - len);

		if (n > 0)
			len += (size_t)n;
		else
			turn(&t);
	}
	assert_memory_equal(got, much, MUCH);
	turn(&t);
	assert_null(t.channel.out.data); /* overwritten, and freed */
	free(much);
	free(got);
	end(&t);
}

/* It is not asked for ever whether it takes more now. */
static void what_nobody_reads_is_dropped(void **state)
{
	struct buffer b = BUFFER_INIT;
	struct talk t;

	(void)state;
	begin(&t);
	assert_int_equal(shutdown(t.other, SHUT_RD), 0);
	assert_int_equal(buffer_add(&t.channel.out, "secret", 6), 0);
	channel_send(&t.channel);
	assert_null(t.channel.out.data);
	add_message(&b, 7, 0);
	write_all(t.other, b.data, b.len);
	turn(&t);
	assert_int_equal(t.last, 7);
	assert_int_equal(t.closed, 0);
	buffer_free(&b);
	end(&t);
}

static void the_end_is_heard_once_and_after_the_last_message(void **state)
{
	struct buffer b = BUFFER_INIT;
	struct talk t;

	(void)state;
	begin(&t);
	add_message(&b, 1, 0);
	add_message(&b, 2, 0);
	write_all(t.other, b.data, b.len);
	close(t.other);
	t.other = -1;
	turn(&t);
	turn(&t);
	assert_int_equal(t.heard, 2);
	assert_int_equal(t.closed, 1);
	assert_int_equal(t.garbled, 0);
	channel_send(&t.channel); /* nothing */
	buffer_free(&b);
	end(&t);
}

static void whoever_has_heard_enough_leaves(void **state)
{
	struct buffer b = BUFFER_INIT;
	struct talk t;

	(void)state;
	begin(&t);
	t.leave_after = 2;
	for (uint64_t i = 1; i <= 3; i++)
		add_message(&b, i, 0);
	write_all(t.other, b.data, b.len);
	turn(&t);
	assert_int_equal(t.heard, 2);
	assert_int_equal(t.closed, 0);
	buffer_free(&b);
	end(&t);
}

/* Also where somebody else still holds the other end. */
static void last_words_are_read_to_their_end(void **state)
{
	struct buffer b = BUFFER_INIT;
	struct talk t;

	(void)state;
	begin(&t);
	for (uint64_t i = 1; i <= 1000; i++)
		add_message(&b, i, LONGEST - 4);
	assert_int_equal(send(t.other, b.data, b.len, 0), (ssize_t)b.len);
	assert_true(channel_drain(&t.channel));
	assert_int_equal(t.heard, 1000);
	assert_int_equal(t.closed, 0);
	t.leave_after = 1001;
	write_all(t.other, b.data, 2 * b.len / 1000);
	assert_false(channel_drain(&t.channel));
	assert_int_equal(t.heard, 1001);
	assert_true(channel_drain(&t.channel)); /* closed */
	buffer_free(&b);
	end(&t);
}

int test_channel(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_arrive_however_they_are_cut),
		cmocka_unit_test(what_is_no_message_closes_it),
		cmocka_unit_test(what_the_socket_does_not_take_goes_later),
		cmocka_unit_test(what_nobody_reads_is_dropped),
		cmocka_unit_test(the_end_is_heard_once_and_after_the_last_message),
		cmocka_unit_test(whoever_has_heard_enough_leaves),
		cmocka_unit_test(last_words_are_read_to_their_end),
	};

	return cmocka_run_group_tests_name("daemon: channels", tests, NULL, NULL);
}
