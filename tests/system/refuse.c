/* Preloaded into hallowd: the kernel has no memory for a transaction, as many times as the file that REFUSE names says.
 * There is no way to have the real kernel say so on demand. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

typedef ssize_t send_function(int, const void *, size_t, int, const struct sockaddr *, socklen_t);

static int take_one(void)
{
	const char *path = getenv("REFUSE");
	FILE *f = path == NULL ? NULL : fopen(path, "r+e");
	int left = 0;

	if (f == NULL)
		return 0;
	if (fscanf(f, "%d", &left) == 1 && left > 0) {
		rewind(f);
		fprintf(f, "%-8d\n", left - 1);
	}
	fclose(f);
	return left > 0;
}

ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
{
	send_function *real = (send_function *)dlsym(RTLD_NEXT, "sendto");
	const struct nlmsghdr *nlh = data;

	if (to_len >= sizeof(to->sa_family) && to->sa_family == AF_NETLINK && len >= sizeof(*nlh) &&
	    nlh->nlmsg_type == NFNL_MSG_BATCH_BEGIN && take_one()) {
		errno = ENOMEM;
		return -1;
	}
	return real(fd, data, len, flags, to, to_len);
}
