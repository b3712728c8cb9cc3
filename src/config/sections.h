/* The sections of the file, each read into r->config.  Defaults are set before; free frees what a section
 * holds, and not the struct. */
#ifndef HALLOWD_CONFIG_SECTIONS_H
#define HALLOWD_CONFIG_SECTIONS_H

#include "config/reader.h"

/* For the table of the root's keys. */
field_take take_lists, take_endpoints, take_audit;       /* lists.c, endpoints.c, audit_section.c */
field_take take_secrets, take_grants, take_kernel;       /* secrets.c, grants_section.c, kernel_section.c */
field_take take_agents;                                  /* agents.c */
field_take take_notify;                                  /* notify_section.c */
field_take take_metrics;                                 /* metrics_section.c */

void audit_defaults(struct audit_config *a);             /* audit_section.c */
void audit_free(struct audit_config *a);
void grants_defaults(struct grants_config *g);           /* grants_section.c */
void kernel_defaults(struct kernel_config *k);           /* kernel_section.c */
void notify_defaults(struct notify_config *n);           /* notify_section.c */
void notify_free(struct notify_config *n);

/* origins.c: the value of `origins`, into a struct list_config. */
field_take take_origins;
void origin_defaults(struct reader *r, struct origin_config *o); /* all but name, kind and where it is */

/* web.c: keys of an origin with a URL, into a struct origin_config, and which of them go together. */
field_take take_headers, take_proxy, take_pinned_key;
void check_web_keys(struct reader *r, const struct origin_config *o, const struct node *origin);
bool base64_valid(const char *text, size_t len); /* just `len` characters, two '=' at most at the end */

/* signed.c: `signed_by`, and where the signature is once the list's place is known. */
field_take take_signed_by;
void settle_signature(struct reader *r, struct origin_config *o, const struct node *origin);

/* overlap.c: complains about each endpoint that holds an address, protocol and port of an earlier one. */
void refuse_overlaps(struct reader *r);

/* secrets.c: refuses published lists and agents in the `allow` of secret stores that are to be kept from the
 * orchestrator, and such secret stores in the `reach` of agents. */
void check_secret_stores(struct reader *r, const struct node *root);

/* endpoints.c: the value of `kind`, into a struct policy_endpoint. */
field_take take_endpoint_kind;

/* address_lists.c: 0 with the index in config->lists that "@NAME" will have, or -1 where nothing has that name.
 * derived_list: the same for a list that is not named in the file; -1 only where memory lacks, which is noted.
 * make_address_lists makes those lists, once everything is read and right. */
int address_list(struct reader *r, const struct node *n, size_t *list);
int derived_list(struct reader *r, enum address_list_kind kind, size_t index, const char *name, unsigned line,
                 size_t *list);
void make_address_lists(struct reader *r);

/* agents.c: the list of where an agent's tunnel ends. */
void tunnel_list(struct reader *r, struct list_config *list, const struct agent_parts *parts);

/* agents.c: an endpoint that an agent may reach allows it; and what the reader kept of agents goes. */
void let_agents_in(struct reader *r);
void free_agent_parts(struct reader *r);

/* Walks a section of names: checks that each is one, calls `read` with its index among those that are not refused. */
typedef void named_read(struct reader *r, size_t index, const struct node *name, const struct node *value, void *ctx);
bool section_each(struct reader *r, const struct node *section, const char *what, named_read *read, void *ctx);

/* How many names section_each walks; 0 where it is NULL or no mapping. */
size_t section_count(const struct node *section);

/* 0 with the index that section_each gives to this name, or -1. */
int section_find(const struct node *section, const char *name, size_t *index);

#endif
