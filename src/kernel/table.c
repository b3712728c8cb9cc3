#include "kernel/table.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "kernel/put.h"

bool table_flags_fit(uint32_t have, uint32_t want)
{
	if ((have ^ want) & TABLE_PERSIST)
		return false;
	return !(have & TABLE_OWNER) || want & TABLE_OWNER;
}

int table_best_flags(struct netlink *nl, uint32_t *flags, struct error *err)
{
	struct batch b = { .bytes = BUFFER_INIT };
	struct error said;
	char name[64];
	int rc = -1;

	snprintf(name, sizeof(name), "hallowd-probe-%ld", (long)getpid());
	if (batch_begin(&b, nl->seq, NULL) == 0 && put_table(&b, name, TABLE_OWNER | TABLE_PERSIST) == 0 &&
	    batch_end(&b, false) == 0)
		rc = netlink_commit(nl, &b, &said);
	else
		error_errno(&said, errno, "asking the kernel for table flags");
	batch_free(&b);
	if (rc == 0)
		*flags = TABLE_OWNER | TABLE_PERSIST;
	else if (errno == EOPNOTSUPP || errno == EINVAL)
		*flags = 0;
	else if (errno == EPERM)
		return error_set(err, "changing the kernel's ruleset: not permitted; " TABLE_RIGHT);
	else
		return error_set(err, "%s", said.text);
	return 0;
}
