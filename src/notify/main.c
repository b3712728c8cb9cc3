/* hallowd-notify: see notify.h.  Started by hallowd only. */
#include "core/fetch_message.h"
#include "core/log.h"
#include "notify/notify.h"

int main(void)
{
	struct error err;

	log_open("hallowd-notify", LOG_LEVEL_INFO);
	if (notify_run(CHILD_SOCKET_FD, &err) == 0)
		return 0;
	log_error("%s", err.text);
	return 1;
}
