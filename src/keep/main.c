/* hallowd-keep: see keep.h.  Started by hallowd only. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/log.h"
#include "core/sandbox.h"
#include "core/sandbox_calls.h"
#include "keep/keep.h"

int main(void)
{
	struct error err;
	uid_t owner = getuid();

	log_open("hallowd-keep", LOG_LEVEL_NOTICE);
	if (chdir("/") != 0 || close_range(KEEP_RUN_DIR_FD + 1, UINT_MAX, 0) != 0)
		error_errno(&err, errno, "cannot let go of what was inherited");
	else if (sandbox_child(&err) == 0 && sandbox_restrict(SANDBOX_NO_FILES, false, &err) == 0 &&
	         sandbox_calls("hallowd-keep", &err) == 0 &&
	         keep_run(KEEP_LISTEN_FD, KEEP_RUN_DIR_FD, owner, &err) == 0)
		return EXIT_SUCCESS;
	log_error("%s", err.text);
	return EXIT_FAILURE;
}
