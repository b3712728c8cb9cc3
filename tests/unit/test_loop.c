/* The event loop. */
#include "test_daemon.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/loop.h"

struct reuse {
	struct loop *loop;
	int first[2], second[2], third[2];
	int called_for_third;
};

static void third_ready(void *ctx, short revents)
{
	struct reuse *r = ctx;

	(void)revents;
	r->called_for_third++;
}

static void never(void *ctx, short revents)
{
	(void)ctx;
	(void)revents;
	fail_msg("what is not watched any more was called");
}

/* Ends the watch of the second, whose end poll has reported already, and gives its number to a new socket. */
static void first_ready(void *ctx, short revents)
{
	struct reuse *r = ctx;
	int number = r->second[0];

	(void)revents;
	loop_unwatch(r->loop, r->first[0]);
	loop_unwatch(r->loop, number);
	assert_int_equal(dup2(r->third[0], number), number);
	assert_int_equal(loop_watch(r->loop, number, POLLIN, third_ready, r), 0);
}

static void stop(void *ctx)
{
	loop_stop(ctx);
}

static void a_number_that_is_used_again(void **state)
{
	struct reuse r = { .loop = loop_new() };

	(void)state;
	assert_non_null(r.loop);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, r.first), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, r.second), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, r.third), 0);
	close(r.first[1]);
	close(r.second[1]);
	assert_int_equal(loop_watch(r.loop, r.first[0], POLLIN, first_ready, &r), 0);
	assert_int_equal(loop_watch(r.loop, r.second[0], POLLIN, never, &r), 0);
	assert_true(loop_after(r.loop, 50, stop, r.loop) != 0);
	assert_int_equal(loop_run(r.loop), 0);
	assert_int_equal(r.called_for_third, 0);

	/* And it is heard once there is something. */
	assert_int_equal(write(r.third[1], "x", 1), 1);
	assert_true(loop_after(r.loop, 50, stop, r.loop) != 0);
	assert_int_equal(loop_run(r.loop), 0);
	assert_true(r.called_for_third > 0);
	close(r.first[0]);
	close(r.second[0]);
	close(r.third[0]);
	close(r.third[1]);
	loop_free(r.loop);
}

int test_loop(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_that_is_used_again),
	};

	return cmocka_run_group_tests_name("daemon: the event loop", tests, NULL, NULL);
}
