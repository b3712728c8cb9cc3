/* A VFS over the ordinary one that fails where a test wants it to: in the n-th read, write, sync or truncation of the files
 * of a database.  While it is installed, audit_open_writer gets it. */
#ifndef HALLOWD_TESTS_UNIT_FAULT_VFS_H
#define HALLOWD_TESTS_UNIT_FAULT_VFS_H

#include <stdbool.h>

#define FAULT_WRITE 1u    /* half of the bytes are written */
#define FAULT_SYNC 2u
#define FAULT_TRUNCATE 4u
#define FAULT_READ 8u     /* nothing is read */

struct fault {
	unsigned kinds; /* of calls that are counted */
	int code;       /* SQLite's, that the call gives */
	unsigned at;    /* the first call that fails, from 1; 0: none */
	bool lasts;     /* so do all after it, as on a full disk */
};

/* No connection to the database may be open.  SQLITE_OK or an error. */
int fault_vfs_install(void);
int fault_vfs_remove(void);

/* From now on, instead of what was planned before; counts calls anew. */
void fault_plan(struct fault fault);
void fault_lift(void);     /* nothing fails any more */
unsigned fault_hits(void); /* calls that failed since fault_plan */

#endif
