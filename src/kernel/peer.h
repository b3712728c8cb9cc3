/* Who is behind a netlink port, for error messages. */
#ifndef HALLOWD_KERNEL_PEER_H
#define HALLOWD_KERNEL_PEER_H

#include <stdint.h>

#define PEER_MAX 64

/* "hallowd (process 17)": the process that has the NETLINK_NETFILTER socket with that port open; of several, the first.
 * "netlink port 17" where it cannot be found out, as without the right to look into other processes.  Returns out. */
const char *peer_name(uint32_t port, char out[PEER_MAX]);

#endif
