/* value_url and host_valid.  A URL may hold a secret in any of its parts, so no complaint here shows any of it. */
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "config/value.h"
#include "core/address.h"

#define URL_LENGTH_MAX 2048
#define HOST_LENGTH_MAX 253
#define LABEL_LENGTH_MAX 63

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool label_valid(const char *label, size_t len)
{
	if (len == 0 || len > LABEL_LENGTH_MAX || !is_alphanumeric(label[0]) || !is_alphanumeric(label[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alphanumeric(label[i]) && label[i] != '-' && label[i] != '_')
			return false;
	return true;
}

/* RFC 1123 section 2.1, with '_' as it is met, and with the dot at the end that makes a name absolute.  A name of
 * digits and dots alone would be an address with a slip. */
static bool host_name_valid(const char *host, size_t len)
{
	const char *label = host, *end;

	if (len > 1 && host[len - 1] == '.')
		len--;
	end = host + len;
	for (const char *p = host; p <= end; p++) {
		if (p < end && *p != '.')
			continue;
		if (!label_valid(label, (size_t)(p - label)))
			return false;
		label = p + 1;
	}
	return strspn(host, "0123456789.") < len;
}

static bool address_text_valid(const char *text, size_t len, sa_family_t family)
{
	char copy[ADDRESS_TEXT_MAX];
	struct address a;

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return address_parse(&a, copy) == 0 && a.family == family;
}

bool host_valid(const char *host, size_t len, bool brackets)
{
	if (len == 0 || len > HOST_LENGTH_MAX)
		return false;
	if (brackets && len > 2 && host[0] == '[' && host[len - 1] == ']')
		return address_text_valid(host + 1, len - 2, AF_INET6);
	if (!brackets && address_text_valid(host, len, AF_INET6))
		return true;
	return address_text_valid(host, len, AF_INET) || host_name_valid(host, len);
}

/* HOST or HOST:PORT, as in RFC 3986 section 3.2 without user information. */
static bool authority_valid(const char *authority, size_t len)
{
	const char *bracket = len > 0 && authority[0] == '[' ? memchr(authority, ']', len) : NULL;
	const char *from = bracket != NULL ? bracket : authority;
	const char *colon = memchr(from, ':', len - (size_t)(from - authority));
	uint64_t port;

	if (colon == NULL)
		return host_valid(authority, len, true);
	return host_valid(authority, (size_t)(colon - authority), true) &&
	       digits_parse(colon + 1, (size_t)(authority + len - colon - 1), UINT16_MAX, &port) && port > 0;
}

static const char *skip_scheme(const char *url)
{
	if (strncasecmp(url, "https://", 8) == 0)
		return url + 8;
	return strncasecmp(url, "http://", 7) == 0 ? url + 7 : NULL;
}

static bool printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text <= ' ' || (unsigned char)*text >= 0x7f || *text == '\\')
			return false;
	return true;
}

bool value_url(struct reader *r, const struct node *n, const char **url)
{
	const char *given, *authority;
	size_t len;

	if (!value_scalar(r, n, "a URL that begins with https:// or http://", &given))
		return false;
	authority = skip_scheme(given);
	len = authority != NULL ? strcspn(authority, "/?#") : 0;
	if (authority == NULL)
		complain(r->complaints, n->at, "this is no URL that can be fetched; expected one that begins with "
		         "https:// or http://");
	else if (memchr(authority, '@', len) != NULL)
		complain(r->complaints, n->at, "the URL holds a user name or a password; a secret never stands in the "
		         "configuration; remove it from the URL");
	else if (!printable(given))
		complain(r->complaints, n->at, "the URL holds a space, a backslash or a character outside of ASCII; "
		         "expected it in its encoded form, such as %%20 for a space");
	else if (strlen(given) > URL_LENGTH_MAX)
		complain(r->complaints, n->at, "the URL is too long; the most is %d characters", URL_LENGTH_MAX);
	else if (!authority_valid(authority, len))
		complain(r->complaints, n->at, "the host or the port of the URL is not valid; expected such as "
		         "https://example.org/list.txt, https://192.0.2.1:8443/ or https://[2001:db8::1]/");
	else {
		*url = given;
		return true;
	}
	return false;
}
