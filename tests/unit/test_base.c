/* Unit tests of what every program stands on: src/core but for prefixes and policy, and src/keep. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"

int in_child(int (*body)(void *), void *ctx)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body(ctx));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc == 2 && strcmp(argv[1], "print-paths") == 0)
		return print_paths();
	if (argc == 2 && strcmp(argv[1], "after-exec") == 0)
		return after_exec();
	failed += run_text_tests();
	failed += run_file_tests();
	failed += run_message_tests();
	failed += run_codec_tests();
	failed += run_sandbox_tests();
	failed += run_calls_tests();
	failed += run_paths_tests();
	failed += run_keep_tests();
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
