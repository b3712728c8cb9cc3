/* Keys of an origin that say how its URL is asked: headers, proxy, pinned key, client certificate. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/sections.h"
#include "config/value.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* What hallowd-fetch sets itself, and what would change where a message ends. */
static bool header_reserved(const char *name)
{
	static const char *const reserved[] = {
		"Accept-Encoding", "Connection", "Content-Length", "Expect", "Host", "If-Match", "If-Modified-Since",
		"If-None-Match", "If-Range", "If-Unmodified-Since", "Keep-Alive", "Proxy-Authorization",
		"Proxy-Connection", "Range", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
	};

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strcasecmp(name, reserved[i]) == 0)
			return true;
	return false;
}

static bool take_header_name(struct reader *r, const struct node *key)
{
	if (key->kind != NODE_SCALAR)
		return false;
	if (key->text[0] == '\0' || key->text[strspn(key->text, LETTERS "0123456789-_")] != '\0') {
		complain(r->complaints, key->at, "this is no header name; expected letters, digits, '-' and '_'");
		return false;
	}
	if (header_reserved(key->text)) {
		complain(r->complaints, key->at, "the header %s is hallowd's own to set; remove it", key->text);
		return false;
	}
	return true;
}

static void take_header(struct reader *r, const struct node *key, const struct node *value, struct origin_config *o)
{
	struct origin_header *header = &o->headers[o->header_count];

	if (take_header_name(r, key))
		reader_set_text(r, &header->name, key->text);
	value_reference(r, value, &header->value);
	o->header_count++;
}

void take_headers(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct origin_config *o = into;

	(void)f;
	if (value->kind == NODE_REFUSED)
		return;
	if (value->kind != NODE_MAPPING) {
		complain(r->complaints, value->at, "expected a mapping of header names to references, such as "
		         "{X-Api-Key: {file: /etc/hallowd/api.key}}");
		return;
	}
	if (node_pairs(value) > ORIGIN_HEADERS_MAX) {
		complain(r->complaints, value->at, "too many headers; the most is %d", ORIGIN_HEADERS_MAX);
		return;
	}
	o->headers = calloc(node_pairs(value) + 1, sizeof(o->headers[0]));
	if (o->headers == NULL) {
		r->complaints->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < node_pairs(value); i++)
		take_header(r, node_key(value, i), node_value(value, i), o);
}

void take_proxy(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct origin_config *o = into;
	const char *url;

	(void)f;
	if (value_url(r, value, &url))
		reader_set_text(r, &o->proxy, url);
}

bool base64_valid(const char *text, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t span = strspn(text, digits);

	return strlen(text) == len && span + strspn(text + span, "=") == len && len - span <= 2;
}

/* SHA-256 of a public key, as curl's --pinnedpubkey has it: 32 bytes in base64. */
void take_pinned_key(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	static const char expected[] = "sha256// and the base64 of a key's SHA-256";
	struct origin_config *o = into;
	const char *text;

	(void)f;
	if (!value_scalar(r, value, expected, &text))
		return;
	if (strncmp(text, "sha256//", 8) != 0 || !base64_valid(text + 8, 44))
		complain(r->complaints, value->at, "this is no pinned key; expected %s", expected);
	else
		reader_set_text(r, &o->pinned_key, text);
}

/* Without TLS there is no certificate to show or to check. */
static void refuse_without_tls(struct reader *r, const struct node *origin)
{
	static const char *const keys[] = { "ca_file", "pinned_key", "client_certificate", "client_key" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct node *idle = node_get(origin, keys[i]);

		if (idle != NULL)
			complain(r->complaints, idle->at, "'%s' has no meaning with http://; expected an https:// URL, or "
			         "no '%s'", keys[i], keys[i]);
	}
}

static void refuse_one_without_other(struct reader *r, const struct node *origin, const char *one, const char *other)
{
	const struct node *value = node_get(origin, one);

	if (value != NULL && node_get(origin, other) == NULL)
		complain(r->complaints, value->at, "'%s' needs '%s'; expected both, or neither", one, other);
}

void check_web_keys(struct reader *r, const struct origin_config *o, const struct node *origin)
{
	const struct node *headers = node_get(origin, "headers");

	if (strncasecmp(o->where, "http:", 5) == 0)
		refuse_without_tls(r, origin);
	refuse_one_without_other(r, origin, "client_certificate", "client_key");
	refuse_one_without_other(r, origin, "client_key", "client_certificate");
	for (size_t i = 0; o->token.kind != SECRET_NONE && i < o->header_count; i++)
		if (o->headers[i].name != NULL && strcasecmp(o->headers[i].name, "Authorization") == 0)
			complain(r->complaints, headers->at, "'token' and the header Authorization are one and the same; "
			         "remove one of them");
}
