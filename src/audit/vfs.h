/* SQLite opens a file by its absolute path, which the recorder may not be able to walk: state_dir's parents may be
 * closed to its user.  This VFS is the ordinary one, except that a name stays as it is: relative to the working
 * directory. */
#ifndef HALLOWD_AUDIT_VFS_H
#define HALLOWD_AUDIT_VFS_H

#define RELATIVE_VFS "hallowd-relative"

int relative_vfs_register(void); /* SQLITE_OK or an error; more than once does no harm */

#endif
