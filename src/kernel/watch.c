#include "kernel/watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/attrs.h"
#include "kernel/state.h"

#define MESSAGE_ROOM 65536
#define READS_MAX 4096        /* of one call: a program that changes things without end must not keep us here */
#define RECEIVE_BUFFER (1 << 20)
#define TABLE_ATTR 1          /* NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE ...: all are the first */

struct kernel_watch {
	struct mnl_socket *socket;
	uint32_t ours;            /* netlink port that our own transactions come from */
	struct kernel_drift now;  /* of the transaction whose generation has not been told yet */
};

/* How a kind of message is told, and which attribute holds the name. */
static const struct {
	uint16_t type;
	uint16_t name_attr;
	const char *text;
} kinds[] = {
	{ NFT_MSG_NEWTABLE, TABLE_ATTR, "table made or changed:" },
	{ NFT_MSG_DELTABLE, TABLE_ATTR, "table removed:" },
	{ NFT_MSG_NEWCHAIN, NFTA_CHAIN_NAME, "chain made or changed:" },
	{ NFT_MSG_DELCHAIN, NFTA_CHAIN_NAME, "chain removed:" },
	{ NFT_MSG_NEWRULE, NFTA_RULE_CHAIN, "rule added to chain" },
	{ NFT_MSG_DELRULE, NFTA_RULE_CHAIN, "rule removed from chain" },
	{ NFT_MSG_NEWSET, NFTA_SET_NAME, "set made:" },
	{ NFT_MSG_DELSET, NFTA_SET_NAME, "set removed:" },
	{ NFT_MSG_NEWSETELEM, NFTA_SET_ELEM_LIST_SET, "elements added to set" },
	{ NFT_MSG_DELSETELEM, NFTA_SET_ELEM_LIST_SET, "elements removed from set" },
	{ NFT_MSG_NEWOBJ, NFTA_OBJ_NAME, "object made:" },
	{ NFT_MSG_DELOBJ, NFTA_OBJ_NAME, "object removed:" },
};

int kernel_watch_open(struct kernel_watch **out, const struct kernel *k, struct error *err)
{
	struct kernel_watch *w = calloc(1, sizeof(*w));
	int room = RECEIVE_BUFFER, group = NFNLGRP_NFTABLES;

	if (w == NULL)
		return error_errno(err, ENOMEM, "watching nf_tables");
	w->ours = k->nl.port;
	w->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (w->socket == NULL || mnl_socket_bind(w->socket, 0, MNL_SOCKET_AUTOPID) != 0 ||
	    mnl_socket_setsockopt(w->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) != 0) {
		error_errno(err, errno, "watching nf_tables for changes by others");
		kernel_watch_close(w);
		return -1;
	}
	/* A smaller buffer only means that more changes come as "something changed". */
	(void)!setsockopt(mnl_socket_get_fd(w->socket), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	*out = w;
	return 0;
}

void kernel_watch_close(struct kernel_watch *w)
{
	if (w == NULL)
		return;
	if (w->socket != NULL)
		mnl_socket_close(w->socket);
	free(w);
}

int kernel_watch_fd(const struct kernel_watch *w)
{
	return mnl_socket_get_fd(w->socket);
}

static const char *text_attr(const struct nlmsghdr *nlh, uint16_t type)
{
	struct attrs in = attrs_of_message(nlh, sizeof(struct nfgenmsg));
	const struct nlattr *attr;

	while ((attr = attrs_next(&in)) != NULL)
		if (mnl_attr_get_type(attr) == type && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
			return mnl_attr_get_str(attr);
	return NULL;
}

static bool touches_ours(const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const char *table;

	if (nlh->nlmsg_len < mnl_nlmsg_size(sizeof(*nfg)) || nfg->nfgen_family != NFPROTO_INET)
		return false;
	table = text_attr(nlh, TABLE_ATTR);
	return table != NULL && strcmp(table, KERNEL_TABLE) == 0;
}

/* Each thing once; what does not fit is left out. */
static void add_what(struct kernel_drift *d, const char *what)
{
	size_t len = strlen(d->what);

	d->any = true;
	if (strstr(d->what, what) == NULL && len + strlen(what) + 3 < sizeof(d->what))
		snprintf(d->what + len, sizeof(d->what) - len, "%s%s", len == 0 ? "" : ", ", what);
}

static void note_part(struct kernel_watch *w, const struct nlmsghdr *nlh, uint16_t type)
{
	char what[256];

	if (!touches_ours(nlh))
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].type == type) {
			const char *name = text_attr(nlh, kinds[i].name_attr);

			snprintf(what, sizeof(what), "%s %.200s", kinds[i].text, name == NULL ? "?" : name);
			add_what(&w->now, what);
			return;
		}
	add_what(&w->now, "something changed");
}

/* The transaction is over, and this says whose it was. */
static void note_generation(struct kernel_watch *w, const struct nlmsghdr *nlh, struct kernel_drift *drift)
{
	struct attrs in = attrs_of_message(nlh, sizeof(struct nfgenmsg));
	const char *process = text_attr(nlh, NFTA_GEN_PROC_NAME);
	const struct nlattr *attr;

	if (w->now.any && !drift->any) {
		*drift = w->now;
		snprintf(drift->process, sizeof(drift->process), "%s", process == NULL ? "" : process);
		while ((attr = attrs_next(&in)) != NULL)
			if (mnl_attr_get_type(attr) == NFTA_GEN_PROC_PID && mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
				drift->pid = ntohl(mnl_attr_get_u32(attr));
	} else if (w->now.any) {
		add_what(drift, w->now.what);
	}
	w->now = (struct kernel_drift){ .any = false };
}

static void take_messages(struct kernel_watch *w, const char *bytes, int left, struct kernel_drift *drift)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)bytes;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		uint16_t type = nlh->nlmsg_type & 0xff;

		if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || nlh->nlmsg_pid == w->ours)
			continue;
		if (type == NFT_MSG_NEWGEN)
			note_generation(w, nlh, drift);
		else
			note_part(w, nlh, type);
	}
}

void kernel_watch_read(struct kernel_watch *w, struct kernel_drift *drift)
{
	char bytes[MESSAGE_ROOM] __attribute__((aligned(8)));

	*drift = (struct kernel_drift){ .any = false };
	for (int i = 0; i < READS_MAX; i++) {
		ssize_t n = recv(mnl_socket_get_fd(w->socket), bytes, sizeof(bytes), MSG_DONTWAIT);

		if (n >= 0)
			take_messages(w, bytes, (int)n, drift);
		else if (errno == ENOBUFS)
			add_what(drift, "more changes than could be told");
		else if (errno != EINTR)
			return;
	}
}
