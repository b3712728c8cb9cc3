#include "daemon/origin_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/fetch_message.h"
#include "daemon/secret.h"

#define CA_MAX (512 * 1024) /* bytes: the certificates of all public authorities are half of it */
#define HEADER_VALUE_MAX 8192
#define MAX_REDIRECTS 5

bool origin_request_conditional(const struct answer *known)
{
	return known != NULL && (known->etag[0] != '\0' || known->last_modified[0] != '\0');
}

/* RFC 9110, 5.5, without tabs and without other alphabets than ASCII. */
static int check_header_value(const char *what, const char *value, struct error *err)
{
	size_t len = strlen(value);

	if (len > HEADER_VALUE_MAX)
		return error_set(err, "%s is longer than a header may be, which is %d bytes", what, HEADER_VALUE_MAX);
	if (value[0] == ' ' || value[len - 1] == ' ')
		return error_set(err, "%s begins or ends with a space", what);
	for (size_t i = 0; i < len; i++)
		if (value[i] < 0x20 || value[i] > 0x7e)
			return error_set(err, "%s has a character that cannot stand in a header, such as a line break, in "
			                 "its place %zu", what, i + 1);
	return 0;
}

static int take_token(const struct secret_reference *token, struct fetch_request *r, struct error *err)
{
	if (token->kind == SECRET_NONE)
		return 0;
	if (secret_resolve(token, &r->token, err) == -1)
		return error_prefix(err, "'token'");
	return check_header_value("'token'", r->token, err);
}

static int take_headers(const struct origin_config *o, struct fetch_request *r, struct error *err)
{
	char what[128];

	r->headers = calloc(o->header_count + 1, sizeof(r->headers[0]));
	if (r->headers == NULL)
		return error_errno(err, ENOMEM, "the headers");
	for (; r->header_count < o->header_count; r->header_count++) {
		const struct origin_header *h = &o->headers[r->header_count];
		struct fetch_header *to = &r->headers[r->header_count];

		snprintf(what, sizeof(what), "header %s", h->name);
		to->name = h->name;
		if (secret_resolve(&h->value, &to->value, err) == -1)
			return error_prefix(err, "%s", what);
		if (check_header_value(what, to->value, err) == -1) {
			r->header_count++;
			return -1;
		}
	}
	return 0;
}

static int take_authorities(const struct origin_config *o, struct fetch_request *r, struct error *err)
{
	if (o->ca_file[0] != '\0' && secret_read_file(o->ca_file, CA_MAX, &r->ca, err) == -1)
		return error_prefix(err, "'ca_file'");
	return 0;
}

static int take_identity(const struct origin_config *o, struct fetch_request *r, struct error *err)
{
	if (o->client_certificate[0] == '\0')
		return 0;
	if (secret_read_file(o->client_certificate, SECRET_MAX, &r->certificate, err) == -1)
		return error_prefix(err, "'client_certificate'");
	if (secret_resolve(&o->client_key, &r->key, err) == -1)
		return error_prefix(err, "'client_key'");
	return 0;
}

static uint32_t shorter_ms(int64_t seconds, uint32_t total_ms)
{
	return seconds < total_ms / 1000 ? (uint32_t)seconds * 1000 : total_ms;
}

static void forget(struct fetch_request *r)
{
	secret_free(r->ca);
	secret_free(r->certificate);
	secret_free(r->key);
	secret_free(r->token);
	for (size_t i = 0; i < r->header_count; i++)
		secret_free(r->headers[i].value);
	free(r->headers);
}

/* Of "https://host:port/path", as far as the host and port go. */
static size_t site_length(const char *url)
{
	const char *host = strstr(url, "://");

	return host == NULL ? 0 : (size_t)(host - url) + 3 + strcspn(host + 3, "/?#");
}

/* Credentials are for the list's scheme, host and port; its signature may be elsewhere. */
static bool may_see_credentials(const struct origin_config *o, const char *url)
{
	size_t len = site_length(o->where);

	return len > 0 && site_length(url) == len && strncasecmp(o->where, url, len) == 0;
}

static int take_secrets(const struct origin_config *o, struct fetch_request *r, struct error *err)
{
	if (take_identity(o, r, err) == -1 || take_token(&o->token, r, err) == -1)
		return -1;
	return take_headers(o, r, err);
}

int origin_request_encode(struct buffer *out, const struct origin_config *o, enum origin_part part,
                          const struct answer *known, uint32_t total_ms, struct error *err)
{
	bool conditional = origin_request_conditional(known);
	struct fetch_request r = {
		.url = part == ORIGIN_LIST ? o->where : o->signature,
		.connect_timeout_ms = shorter_ms(o->connect_timeout, total_ms),
		.first_byte_timeout_ms = shorter_ms(o->first_byte_timeout, total_ms),
		.total_timeout_ms = total_ms,
		.max_redirects = MAX_REDIRECTS,
		.max_bytes = part == ORIGIN_LIST ? o->max_size : SIGNATURE_MAX,
		.proxy = o->proxy,
		.pinned_key = o->pinned_key,
		/* Lent for the call: the encoder changes nothing. */
		.etag = conditional ? (char *)(uintptr_t)known->etag : NULL,
		.last_modified = conditional ? (char *)(uintptr_t)known->last_modified : NULL,
		.user_agent = (char *)(uintptr_t)"hallowd/" PACKAGE_VERSION,
	};
	int result = -1;

	if (take_authorities(o, &r, err) == 0 && (!may_see_credentials(o, r.url) || take_secrets(o, &r, err) == 0)) {
		result = fetch_request_encode(out, &r);
		if (result == -1)
			error_errno(err, errno, "the request cannot be put together");
		else if (out->len > MESSAGE_HEADER_SIZE + MESSAGE_MAX_DEFAULT)
			result = error_set(err, "certificates, token and headers together are longer than %u bytes",
			                   MESSAGE_MAX_DEFAULT);
	}
	forget(&r);
	return result;
}
