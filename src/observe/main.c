/* hallowd-observe: see observe.h.  Started by hallowd only, once for each interface. */
#include "core/fetch_message.h"
#include "core/log.h"
#include "core/observe_message.h"
#include "observe/observe.h"

int main(void)
{
	struct error err;

	log_open("hallowd-observe", LOG_LEVEL_NOTICE);
	if (observe_run(CHILD_SOCKET_FD, OBSERVE_PACKET_FD, &err) == 0)
		return 0;
	log_error("%s", err.text);
	return 1;
}
