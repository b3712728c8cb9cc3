/* hallowd-metrics: see metrics.h.  Started by hallowd only. */
#include "core/fetch_message.h"
#include "core/log.h"
#include "metrics/metrics.h"

int main(void)
{
	struct error err;

	log_open("hallowd-metrics", LOG_LEVEL_NOTICE);
	if (metrics_serve(CHILD_SOCKET_FD, CHILD_SOCKET_FD + 1, &err) == 0)
		return 0;
	log_error("%s", err.text);
	return 1;
}
