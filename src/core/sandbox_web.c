#include <signal.h>
#include <unistd.h>

#include "core/sandbox.h"
#include "core/sandbox_calls.h"

int sandbox_web_child(const char *program, uint64_t memory_bytes, uint64_t cpu_seconds, struct error *err)
{
	static char *no_environment[] = { NULL };

	if (sandbox_child(err) == -1)
		return -1;
	/* Proxies, a key log, another resolver (LOCALDOMAIN, RES_OPTIONS, HOSTALIASES): nothing of the environment has a say in
	 * whom it asks, or what a name means. */
	environ = no_environment;
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return error_set(err, "ignoring SIGPIPE");
	if (sandbox_restrict(SANDBOX_WEB, true, err) == -1 || sandbox_limits(memory_bytes, cpu_seconds, err) == -1)
		return -1;
	return sandbox_calls(program, err);
}
