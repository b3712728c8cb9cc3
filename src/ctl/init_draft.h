/* A first configuration while it is being made, and its text. */
#ifndef HALLOWD_CTL_INIT_DRAFT_H
#define HALLOWD_CTL_INIT_DRAFT_H

#include "core/policy.h"
#include "ctl/host.h"

#define DRAFT_ENDPOINTS_MAX 64

struct draft_endpoint {
	char name[NAME_MAX_LENGTH + 1];
	const char *kind;  /* static */
	char *addresses;   /* as YAML: "[203.0.113.10, \"2001:db8::10\"]"; owned */
	uint16_t port;
};

struct draft {
	struct draft_endpoint endpoints[DRAFT_ENDPOINTS_MAX];
	size_t count;
	const char *terraform; /* a state file, or `terraform output -json`; NULL for none; borrowed */
	bool is_state;         /* it is a state file */
	const char *preset;    /* one more published list; NULL for none; borrowed */
	const char *admin;     /* the address from which the person has logged in; NULL where it is not known; borrowed */
};

void draft_free(struct draft *d); /* makes it empty; a zeroed struct is empty */

/* What usually listens on a port: "kubernetes-api" for 6443; NULL where nothing is known of it. */
const char *draft_kind(uint16_t port);

/* Adds an endpoint for what a person named: "[NAME=]ADDRESS:PORT", IPv6 as "[ADDRESS]:PORT"; ADDRESS may be a prefix.
 * 0, or -1 with *err. */
int draft_add_word(struct draft *d, const char *word, struct error *err);

/* The same for what listens on this host. */
int draft_add_listener(struct draft *d, const struct host_listener *l, struct error *err);

/* Appends the configuration, with comments.  `host` and `when` are for its first line.  0, or -1 with errno ENOMEM. */
int draft_write(const struct draft *d, const char *host, const char *when, struct buffer *out);

#endif
