/* A gate, which is where the test runs, and a client host beside it, joined by a veth pair. */
#ifndef HALLOWD_TEST_KERNEL_HOSTS_H
#define HALLOWD_TEST_KERNEL_HOSTS_H

#include "test_kernel.h"

#include <sys/socket.h>

#define GATE4 "10.99.0.1"
#define GATE6 "fd99::1"
#define LISTED4 "10.99.0.2"
#define LISTED6 "fd99::2"
#define STRANGER4 "10.99.0.3"
#define STRANGER6 "fd99::3"
#define LIMIT_MS 5000

struct hosts {
	struct kernel *k;
	struct policy policy;
	int gate, client; /* network namespaces */
	int nflog;        /* group 5 */
};

extern struct hosts hosts;

/* Fixtures of each test: the two hosts, the kernel's socket and the log. */
int hosts_up(void **state);
int hosts_down(void **state);

/* Puts a policy in force, which then is hosts.policy. */
void replace_policy(const char *lines);

uint64_t counted(const char *endpoint, enum counter_kind kind);

/* Waits until the counter has that value; it must not pass it. */
void wait_counted(const char *endpoint, enum counter_kind kind, uint64_t expected);

/* Packets in the log with that prefix, since the log was last forgotten. */
size_t logged(const char *prefix);
void forget_logged(void);

/* Waits until there are so many; there must not be more. */
void wait_logged(const char *prefix, size_t expected);

/* Non-blocking sockets in a namespace. */
int socket_at(int netns, int type, const char *host, uint16_t port);
int server_at(int netns, const char *host, uint16_t port);
int connecting(int netns, const char *from, uint16_t from_port, const char *to, uint16_t port);
int must_connect(int netns, const char *from, uint16_t from_port, const char *to, uint16_t port);
void send_udp(int fd, const char *to, uint16_t port);
bool ready(int fd, short events, int ms);
int connect_error(int fd); /* SO_ERROR */

/* An address for connect(2); its length. */
socklen_t make_address(struct sockaddr_storage *out, const char *host, uint16_t port);

#endif
