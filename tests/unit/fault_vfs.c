#include "fault_vfs.h"

#include <sqlite3.h>
#include <stddef.h>
#include <string.h>

#include "audit/vfs.h"

static struct fault plan;
static unsigned calls, hits;

struct faulty_file {
	sqlite3_file base;
	sqlite3_file *real; /* behind this struct */
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs fault_vfs;

static sqlite3_file *real(sqlite3_file *file)
{
	return ((struct faulty_file *)file)->real;
}

static bool is_due(unsigned kind)
{
	if ((plan.kinds & kind) == 0 || plan.at == 0)
		return false;
	calls++;
	if (calls < plan.at || (calls > plan.at && !plan.lasts))
		return false;
	hits++;
	return true;
}

/* --- what may fail */

static int file_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 at)
{
	if (!is_due(FAULT_WRITE))
		return real(file)->pMethods->xWrite(real(file), data, len, at);
	real(file)->pMethods->xWrite(real(file), data, len / 2, at);
	return plan.code;
}

static int file_read(sqlite3_file *file, void *data, int len, sqlite3_int64 at)
{
	return is_due(FAULT_READ) ? plan.code : real(file)->pMethods->xRead(real(file), data, len, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return is_due(FAULT_TRUNCATE) ? plan.code : real(file)->pMethods->xTruncate(real(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
	return is_due(FAULT_SYNC) ? plan.code : real(file)->pMethods->xSync(real(file), flags);
}

/* --- what does not */

static int file_close(sqlite3_file *file)
{
	return real(file)->pMethods->xClose(real(file));
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return real(file)->pMethods->xFileSize(real(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
	return real(file)->pMethods->xLock(real(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
	return real(file)->pMethods->xUnlock(real(file), level);
}

static int file_check_lock(sqlite3_file *file, int *locked)
{
	return real(file)->pMethods->xCheckReservedLock(real(file), locked);
}

static int file_control(sqlite3_file *file, int what, void *argument)
{
	return real(file)->pMethods->xFileControl(real(file), what, argument);
}

static int file_sector_size(sqlite3_file *file)
{
	return real(file)->pMethods->xSectorSize(real(file));
}

static int file_characteristics(sqlite3_file *file)
{
	return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
	return real(file)->pMethods->xShmMap(real(file), page, size, extend, out);
}

static int file_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
	real(file)->pMethods->xShmBarrier(real(file));
}

static int file_shm_unmap(sqlite3_file *file, int delete)
{
	return real(file)->pMethods->xShmUnmap(real(file), delete);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2, /* without the third version's mapped reads */
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_check_lock,
	.xFileControl = file_control,
	.xSectorSize = file_sector_size,
	.xDeviceCharacteristics = file_characteristics,
	.xShmMap = file_shm_map,
	.xShmLock = file_shm_lock,
	.xShmBarrier = file_shm_barrier,
	.xShmUnmap = file_shm_unmap,
};

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	struct faulty_file *f = (struct faulty_file *)file;
	int rc;

	(void)vfs;
	f->base.pMethods = NULL;
	f->real = (sqlite3_file *)(f + 1);
	memset(f->real, 0, (size_t)real_vfs->szOsFile);
	rc = real_vfs->xOpen(real_vfs, name, f->real, flags, out_flags);
	if (f->real->pMethods != NULL)
		f->base.pMethods = &methods;
	return rc;
}

/* SQLite finds the newest of those that have one name. */
int fault_vfs_install(void)
{
	int rc = relative_vfs_register();

	if (rc != SQLITE_OK || sqlite3_vfs_find(RELATIVE_VFS) == &fault_vfs)
		return rc;
	real_vfs = sqlite3_vfs_find(RELATIVE_VFS);
	fault_vfs = *real_vfs;
	fault_vfs.pNext = NULL;
	fault_vfs.szOsFile = (int)sizeof(struct faulty_file) + real_vfs->szOsFile;
	fault_vfs.xOpen = open_file;
	return sqlite3_vfs_register(&fault_vfs, 0);
}

int fault_vfs_remove(void)
{
	return sqlite3_vfs_unregister(&fault_vfs);
}

void fault_plan(struct fault fault)
{
	plan = fault;
	calls = hits = 0;
}

void fault_lift(void)
{
	plan.at = 0;
}

unsigned fault_hits(void)
{
	return hits;
}
