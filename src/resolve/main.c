#include "core/fetch_message.h"
#include "core/log.h"
#include "resolve/resolve.h"

int main(void)
{
	struct error err;

	log_open("hallowd-resolve", LOG_LEVEL_INFO);
	if (resolve_run(CHILD_SOCKET_FD, &err) == 0)
		return 0;
	log_error("%s", err.text);
	return 1;
}
