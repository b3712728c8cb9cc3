#include "core/log.h"
#include "fetch/fetch.h"

int main(void)
{
	struct error err;

	log_open("hallowd-fetch", LOG_LEVEL_INFO);
	if (fetch_run(CHILD_SOCKET_FD, FETCH_BODY_FD, &err) == 0)
		return 0;
	log_error("%s", err.text);
	return 1;
}
