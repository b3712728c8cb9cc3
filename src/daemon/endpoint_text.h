/* An endpoint in words. */
#ifndef HALLOWD_DAEMON_ENDPOINT_TEXT_H
#define HALLOWD_DAEMON_ENDPOINT_TEXT_H

#include "core/buffer.h"
#include "core/policy.h"

/* Each appends; 0, or -1 with errno ENOMEM. */
int endpoint_addresses_text(struct buffer *out, const struct policy_endpoint *e); /* "203.0.113.10, 2001:db8::/64" */
int endpoint_ports_text(struct buffer *out, const struct policy_endpoint *e);     /* "443, 8000-8010" */

/* "203.0.113.10, 2001:db8::/64 port 443, 8000-8010 tcp"; the caller's to free.  NULL with errno ENOMEM. */
char *endpoint_where_text(const struct policy_endpoint *e);

/* "10.20.0.5 to agent.humanitec.io port 22 tcp, network eu-private"; likewise. */
char *agent_where_text(const struct policy *p, const struct policy_agent *a);

const char *endpoint_mode_text(const struct policy_endpoint *e); /* "enforce", "observe" */

#endif
