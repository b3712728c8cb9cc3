#include "daemon/confine.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/paths.h"
#include "core/sandbox.h"
#include "core/sandbox_calls.h"

/* --- giving up */

static int restrict_self(const struct daemon *d, struct error *err)
{
	char folder[PATH_MAX];
	struct sandbox_daemon_files files = { d->state_fd, d->run_fd, folder };
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path_program("hallowd-parse"));
	slash = strrchr(folder, '/');
	if (slash != NULL)
		*slash = '\0';
	if (sandbox_restrict_daemon(&files, err) == -1)
		return -1;
	return sandbox_calls("hallowd", err);
}

static void child_refused(void *ctx, const char *program, int call_number)
{
	struct daemon *d = ctx;
	const char *call = sandbox_call_name(call_number);

	log_error("%s made the system call %s, which its sandbox refuses; it was ended.  A defect, or somebody took it over",
	          program, call);
	if (d->recorder != NULL)
		recorder_event(d->recorder, "refused", program, json_pack("{s:s, s:b}", "call", call, "ended", 1));
}

int confine(struct daemon *d, struct error *err)
{
	reaper_on_refused(d->reaper, child_refused, d);
	if (geteuid() != 0) /* no_new_privs comes first, without which the kernel restricts nobody */
		return sandbox_keep_net_admin(err) == -1 ? -1 : restrict_self(d, err);
	if (sandbox_has_sys_admin()) {
		if (restrict_self(d, err) == -1)
			return -1;
	} else {
		log_notice("root without CAP_SYS_ADMIN: hallowd's own files and system calls are not restricted; its children's are");
	}
	return sandbox_keep_net_admin(err);
}

/* --- telling */

void confine_tell_refused(struct daemon *d)
{
	int number;

	while ((number = sandbox_next_refused()) != -1)
		recorder_event(d->recorder, "refused", "hallowd",
		               json_pack("{s:s, s:b}", "call", sandbox_call_name(number), "ended", 0));
}

json_t *confine_status(struct daemon *d, struct texts *problems)
{
	bool has_filters = sandbox_kernel_has_filters();

	(void)d;
	if (sandbox_calls_are_off())
		texts_add(problems, "the sandbox is open: " SANDBOX_SWITCH " is off, so no system call is refused");
	return json_pack("{s:i, s:b, s:b}", "landlock", sandbox_landlock_abi(), "kernel_filters", has_filters, "system_calls",
	                 has_filters && !sandbox_calls_are_off());
}
