#include "fetch/fetch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "core/time_text.h"
#include "fetch/describe.h"
#include "fetch/hop.h"

struct fetch {
	struct hop hop;
	struct body body;
	uint32_t redirects;
	bool secure; /* https was reached: no way back to http */
	char *url;   /* of the next hop; owned, as are the next three */
	char *host;
	char *site;  /* scheme, host and port */
	char *first_site; /* of the request: whose credentials are in it */
};

static int check_scheme(struct fetch *f, const char *scheme, struct error *err)
{
	bool secure = strcasecmp(scheme, "https") == 0;

	if (!secure && strcasecmp(scheme, "http") != 0)
		return error_set(err, "only http and https are fetched, not %s", scheme);
	if (!secure && f->secure)
		return error_set(err, "redirected from https to http, which is refused");
	f->secure = secure;
	return 0;
}

/* What RFC 6454 calls an origin. */
static char *site_text(CURLU *parts, const char *scheme, const char *host)
{
	char *port = NULL, *text;

	if (curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return NULL;
	if (asprintf(&text, "%s://%s:%s", scheme, host, port) == -1)
		text = NULL;
	curl_free(port);
	return text;
}

/* Takes what the next hop's URL leads to.  Both texts are curl's. */
static int take_site(struct fetch *f, CURLU *parts, const char *scheme, const char *host, struct error *err)
{
	if (check_scheme(f, scheme, err) == -1)
		return -1;
	free(f->site);
	free(f->host);
	f->host = strdup(host);
	f->site = site_text(parts, scheme, host);
	if (!f->host || !f->site)
		return error_set(err, "no memory for a URL");
	if (!f->first_site && !(f->first_site = strdup(f->site)))
		return error_set(err, "no memory for a URL");
	f->hop.trusted = strcasecmp(f->site, f->first_site) == 0;
	return 0;
}

/* Looks at a URL's parts: its scheme must be allowed here, and its host becomes f->host. */
static int check_parts(struct fetch *f, CURLU *parts, const char *url, struct error *err)
{
	char *scheme = NULL, *host = NULL;
	CURLUcode code;
	int ret;

	if ((code = curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME)) != CURLUE_OK ||
	    (code = curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0)) != CURLUE_OK)
		return error_set(err, "the URL is malformed: %s", curl_url_strerror(code));
	code = curl_url_get(parts, CURLUPART_HOST, &host, 0);
	if (code == CURLUE_OK)
		ret = take_site(f, parts, scheme, host, err);
	else if (check_scheme(f, scheme, err) == -1)
		ret = -1;
	else
		ret = error_set(err, "the URL is malformed: %s", curl_url_strerror(code));
	curl_free(scheme);
	curl_free(host);
	return ret;
}

/* Takes up the URL of the next hop, if it may be gone to. */
static int aim(struct fetch *f, const char *url, struct error *err)
{
	CURLU *parts = curl_url();
	int ret;

	if (!parts)
		return error_set(err, "no memory for a URL");
	ret = check_parts(f, parts, url, err);
	curl_url_cleanup(parts);
	if (ret == -1)
		return -1;
	free(f->url);
	f->url = strdup(url);
	return f->url ? 0 : error_set(err, "no memory for a URL");
}

static int follow(struct fetch *f, long status, struct error *err)
{
	const char *to = NULL;
	char text[64];

	curl_easy_getinfo(f->hop.easy, CURLINFO_REDIRECT_URL, &to);
	if (!to)
		return error_set(err, "the server answered %s without saying where to",
		                 describe_status(text, sizeof(text), status));
	if (f->redirects == f->hop.request->max_redirects)
		return error_set(err, "redirected more than %" PRIu32 " times", f->hop.request->max_redirects);
	f->redirects++;
	return aim(f, to, err);
}

static bool leads_on(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Requests, and goes where redirects lead, until there is an answer.  0 with *status. */
static int travel(struct fetch *f, long *status, struct error *err)
{
	for (;;) {
		f->hop.host = f->host;
		hop_headers_free(f->hop.headers);
		f->hop.headers = hop_headers(f->hop.request, f->hop.trusted);
		if (!f->hop.headers)
			return error_set(err, "no memory for a request");
		if (hop_run(&f->hop, f->url, status, err) == -1) {
			if (f->redirects > 0)
				error_prefix(err, "redirected to %s", f->host);
			return -1;
		}
		if (!leads_on(*status))
			return 0;
		if (follow(f, *status, err) == -1)
			return -1;
	}
}

static int check_status(struct fetch *f, long status, struct fetch_result *r, struct error *err)
{
	const struct fetch_request *q = f->hop.request;
	char text[64];

	if (status == 200) {
		r->outcome = FETCH_OK;
		return 0;
	}
	if (status == 304 && (hop_header_safe(q->etag) || hop_header_safe(q->last_modified))) {
		r->outcome = FETCH_NOT_MODIFIED;
		return 0;
	}
	f->hop.passing = status >= 500 && status < 600;
	describe_status(text, sizeof(text), status);
	if (status == 304)
		return error_set(err, "the server answered %s to a request that set no condition", text);
	return error_set(err, "the server answered %s", text);
}

/* The last answer's header as it may be sent back some day, else `otherwise`. */
static char *header_copy(CURL *easy, const char *name, const char *otherwise)
{
	struct curl_header *header;

	if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK || !hop_header_safe(header->value))
		return strdup(otherwise);
	return strdup(header->value);
}

static void take_headers(const struct fetch_request *q, CURL *easy, struct fetch_result *r)
{
	bool same = r->outcome == FETCH_NOT_MODIFIED;

	r->content_type = header_copy(easy, "Content-Type", "");
	r->etag = header_copy(easy, "ETag", same ? q->etag : "");
	r->last_modified = header_copy(easy, "Last-Modified", same ? q->last_modified : "");
}

/* hallowd has looked at them already; what could change a message is not sent whoever asks for it. */
static int check_headers(const struct fetch_request *q, struct error *err)
{
	size_t i;

	if (q->token[0] != '\0' && !hop_header_safe(q->token))
		return error_set(err, "the header Authorization has a character that cannot stand in one");
	for (i = 0; i < q->header_count; i++)
		if (!hop_header_safe(q->headers[i].name) || strpbrk(q->headers[i].name, ": ") ||
		    !hop_header_safe(q->headers[i].value))
			return error_set(err, "a header has a character that cannot stand in one");
	return 0;
}

static int check_request(const struct fetch_request *q, struct error *err)
{
	if (q->connect_timeout_ms == 0 || q->first_byte_timeout_ms == 0 || q->total_timeout_ms == 0 ||
	    q->max_bytes == 0)
		return error_set(err, "a request without limits of time and size is not carried out");
	if (q->max_bytes > INT64_MAX)
		return error_set(err, "the limit of size is too large");
	return check_headers(q, err);
}

static int fetch(struct fetch *f, const struct fetch_request *q, int body_fd, struct fetch_result *r, struct error *err)
{
	long status = 0;
	int ret;

	f->hop.easy = curl_easy_init();
	if (!f->hop.easy)
		return error_set(err, "no memory for a request");
	if (check_request(q, err) == -1 || aim(f, q->url, err) == -1 ||
	    body_begin(&f->body, body_fd, q->max_bytes, err) == -1)
		return -1;
	ret = travel(f, &status, err);
	r->http_status = (uint32_t)status;
	if (ret == -1 || check_status(f, status, r, err) == -1)
		return -1;
	r->bytes = f->body.written;
	take_headers(q, f->hop.easy, r);
	return 0;
}

void fetch_url(const struct fetch_request *q, int body_fd, struct fetch_result *r)
{
	struct fetch f = { .hop = { .request = q, .deadline = time_monotonic_ms() + q->total_timeout_ms } };
	struct error err;

	*r = (struct fetch_result) { .outcome = FETCH_FAILED };
	f.hop.body = &f.body;
	if (fetch(&f, q, body_fd, r, &err) == -1) {
		r->outcome = FETCH_FAILED;
		r->passing = f.hop.passing;
		r->error = strdup(err.text);
		body_discard(body_fd);
	}
	body_free(&f.body);
	hop_headers_free(f.hop.headers);
	curl_easy_cleanup(f.hop.easy);
	free(f.first_site);
	free(f.site);
	free(f.host);
	free(f.url);
}
