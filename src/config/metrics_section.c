/* The section `metrics`: where metrics are served over HTTP. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "config/sections.h"
#include "config/value.h"

static bool is_loopback(const struct address *a)
{
	static const uint8_t six[16] = { [15] = 1 };

	return a->family == AF_INET ? a->bytes[0] == 127 : memcmp(a->bytes, six, sizeof(six)) == 0;
}

/* "ADDRESS:PORT" or "[ADDRESS]:PORT". */
static bool parse_listen(const char *text, struct metrics_config *m)
{
	const char *colon = strrchr(text, ':'), *end = colon;
	uint64_t port;

	if (colon == NULL || !digits_parse(colon + 1, strlen(colon + 1), UINT16_MAX, &port) || port == 0)
		return false;
	if (text[0] == '[' && end[-1] == ']') {
		text++;
		end--;
	} else if (memchr(text, ':', (size_t)(colon - text)) != NULL) {
		return false;
	}
	if (address_parse_bytes(&m->address, text, (size_t)(end - text)) == -1)
		return false;
	m->port = (uint16_t)port;
	return true;
}

/* What others could read here tells them whom to wait for; whoever wants it elsewhere has a proxy with a password. */
static void take_listen(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct metrics_config *m = into;
	char text[SHOWN_MAX];
	const char *listen;

	(void)f;
	if (!value_scalar(r, value, "an address and a port such as 127.0.0.1:9478", &listen))
		return;
	if (!parse_listen(listen, m))
		complain(r->complaints, value->at, "%s is no address with a port; expected such as 127.0.0.1:9478 or [::1]:9478",
		         shown(listen, text));
	else if (!is_loopback(&m->address))
		complain(r->complaints, value->at, "%s is not on loopback, and metrics are for this host only; expected such as "
		         "127.0.0.1:9478", shown(listen, text));
}

static const struct field metrics_fields[] = {
	{ KEY("listen", take_listen), .required = true },
};

SHAPE(metrics_shape, "metrics", metrics_fields);

void take_metrics(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct config *c = into;

	(void)f;
	take_mapping(r, &metrics_shape, value->at, value, &c->metrics);
}
