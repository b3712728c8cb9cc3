#include <stdlib.h>

#include "core/audit_message.h"
#include "core/fetch_message.h"
#include "core/log.h"
#include "record/record.h"

int main(void)
{
	const struct sources sources = { .nflog = RECORD_NFLOG_FD, .conntrack = RECORD_CONNTRACK_FD };
	struct error err;

	log_open("hallowd-record", LOG_LEVEL_INFO);
	if (record_confine(&err) == -1) {
		log_error("%s", err.text);
		return EXIT_FAILURE;
	}
	return record_run(CHILD_SOCKET_FD, &sources) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
