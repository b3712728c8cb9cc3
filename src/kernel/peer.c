#include "kernel/peer.h"

#include <dirent.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKETS "/proc/net/netlink" /* sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode */

/* The inode of the socket, 0 where there is none. */
static unsigned long find_inode(uint32_t port)
{
	FILE *f = fopen(SOCKETS, "re");
	unsigned long inode = 0, found;
	unsigned protocol, number;
	char line[256];

	if (f == NULL)
		return 0;
	while (inode == 0 && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%*s %u %u %*s %*s %*s %*s %*s %*s %lu", &protocol, &number, &found) == 3 &&
		    protocol == NETLINK_NETFILTER && number == port)
			inode = found;
	fclose(f);
	return inode;
}

static bool has_open(const char *process, const char *wanted)
{
	char path[300], target[64];
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", process);
	dir = opendir(path);
	if (dir == NULL)
		return false;
	while (!found && (entry = readdir(dir)) != NULL) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = '\0';
		found = strcmp(target, wanted) == 0;
	}
	closedir(dir);
	return found;
}

static void read_name(const char *process, char out[32])
{
	char path[64];
	FILE *f;

	out[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%.20s/comm", process);
	f = fopen(path, "re");
	if (f == NULL)
		return;
	if (fgets(out, 32, f) == NULL)
		out[0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	fclose(f);
}

const char *peer_name(uint32_t port, char out[PEER_MAX])
{
	unsigned long inode = find_inode(port);
	const struct dirent *entry;
	char wanted[64], name[32];
	DIR *proc;

	snprintf(out, PEER_MAX, "netlink port %u", port);
	proc = inode != 0 ? opendir("/proc") : NULL;
	if (proc == NULL)
		return out;
	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	while ((entry = readdir(proc)) != NULL) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !has_open(entry->d_name, wanted))
			continue;
		read_name(entry->d_name, name);
		snprintf(out, PEER_MAX, "%s (process %.20s)", name, entry->d_name);
		break;
	}
	closedir(proc);
	return out;
}
