#include "kernel/epoch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel/read.h"
#include "kernel/state.h"
#include "kernel/table.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define NETNS "/proc/self/ns/net"

int epoch_read_host(char out[EPOCH_HOST_MAX], struct error *err)
{
	char boot[40] = "";
	struct stat st;
	FILE *f = fopen(BOOT_ID, "re");

	if (f == NULL)
		return error_errno(err, errno, "reading " BOOT_ID);
	if (fgets(boot, sizeof(boot), f) == NULL)
		boot[0] = '\0';
	fclose(f);
	boot[strcspn(boot, "\n")] = '\0';
	if (boot[0] == '\0')
		return error_set(err, "reading " BOOT_ID ": it is empty");
	if (stat(NETNS, &st) != 0)
		return error_errno(err, errno, "reading " NETNS);
	snprintf(out, EPOCH_HOST_MAX, "%s:%ju", boot, (uintmax_t)st.st_ino);
	return 0;
}

int kernel_state(struct kernel *k, struct kernel_state *state, struct error *err)
{
	struct model table = { 0 };
	bool base = false;

	memset(state, 0, sizeof(*state));
	if (read_table(&k->nl, &table) != 0 || (table.present && read_base_chain(&k->nl, &base) != 0)) {
		if (errno == EPERM)
			return error_set(err, "reading the kernel's ruleset: not permitted; " TABLE_RIGHT);
		return error_errno(err, errno, "reading the kernel's ruleset");
	}
	if (!table.present)
		return 0;
	state->present = base && !(table.flags & NFT_TABLE_F_DORMANT);
	state->owned = table.flags & TABLE_OWNER;
	state->persistent = table.flags & TABLE_PERSIST;
	state->handle = table.handle;
	snprintf(state->epoch, sizeof(state->epoch), "%s:%" PRIu64, k->host, table.handle);
	return 0;
}
