#include "daemon/session.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"

static int parse_address(struct address *a, char *text)
{
	/* The zone of a link-local address: fe80::1%eth0. */
	text[strcspn(text, "%")] = '\0';
	return address_parse(a, text);
}

int session_parse(struct session *s, const char *text, struct error *err)
{
	char *copy = strdup(text), *rest = NULL, *part[4];
	uint16_t peer_port;
	bool good = copy != NULL;

	*s = (struct session){ .known = false };
	if (strncmp(text, "UNKNOWN ", 8) == 0) { /* sshd's own word, where its connection is no socket */
		free(copy);
		return 0;
	}
	for (size_t i = 0; good && i < 4; i++) {
		part[i] = strtok_r(i == 0 ? copy : NULL, " ", &rest);
		good = part[i] != NULL;
	}
	good = good && strtok_r(NULL, " ", &rest) == NULL && parse_address(&s->peer, part[0]) == 0 &&
	       number_parse_port(&peer_port, part[1]) == 0 && parse_address(&s->local, part[2]) == 0 &&
	       number_parse_port(&s->local_port, part[3]) == 0;
	free(copy);
	if (!good)
		return error_set(err, "the session '%s' is not understood; expected ADDRESS PORT ADDRESS PORT as SSH_CONNECTION "
		                      "has it; --force goes on without it", text);
	s->known = true;
	return 0;
}

int session_check(const struct session *s, const struct policy *now, const struct policy *next, struct error *err)
{
	struct policy_answer before = { .verdict = ANSWER_UNMATCHED }, after;
	char peer[ADDRESS_TEXT_MAX], local[ADDRESS_TEXT_MAX];

	if (s == NULL || !s->known)
		return 0;
	if (now != NULL)
		policy_explain(now, &s->peer, &s->local, IPPROTO_TCP, s->local_port, &before);
	policy_explain(next, &s->peer, &s->local, IPPROTO_TCP, s->local_port, &after);
	if (before.verdict == ANSWER_DENY || after.verdict != ANSWER_DENY)
		return 0;
	return error_set(err, "this would cut your own connection, from %s to %s port %u: %s would deny it; nothing "
	                      "was changed, and --force does it all the same", address_format(&s->peer, peer),
	                 address_format(&s->local, local), (unsigned)s->local_port,
	                 policy_decider(&after));
}
