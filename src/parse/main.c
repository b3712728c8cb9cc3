#include <unistd.h>

#include "core/fetch_message.h"
#include "core/log.h"
#include "parse/parse.h"

int main(void)
{
	struct error err;

	log_open("hallowd-parse", LOG_LEVEL_INFO);
	if (parse_run(CHILD_SOCKET_FD, STDIN_FILENO, &err) == 0)
		return 0;
	log_error("%s", err.text);
	return 1;
}
