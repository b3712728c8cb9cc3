#include "audit/vfs.h"

#include <sqlite3.h>
#include <string.h>

static int full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
	size_t len = strlen(name);

	(void)vfs;
	if (len >= (size_t)size)
		return SQLITE_CANTOPEN;
	memcpy(out, name, len + 1);
	return SQLITE_OK;
}

int relative_vfs_register(void)
{
	static sqlite3_vfs relative;
	sqlite3_vfs *unix_vfs;

	if (sqlite3_vfs_find(RELATIVE_VFS) != NULL)
		return SQLITE_OK;
	unix_vfs = sqlite3_vfs_find("unix");
	if (unix_vfs == NULL)
		return SQLITE_ERROR;
	/* Its functions find their own data through pAppData, which is copied with the rest. */
	relative = *unix_vfs;
	relative.zName = RELATIVE_VFS;
	relative.pNext = NULL;
	relative.xFullPathname = full_pathname;
	return sqlite3_vfs_register(&relative, 0);
}
