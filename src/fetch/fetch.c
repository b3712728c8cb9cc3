#include "fetch/fetch.h"

#include <inttypes.h>
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
	char *url;   /* of the next hop; owned */
	char *host;  /* of it; from curl_url_get */
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

/* Looks at a URL's parts: its scheme must be allowed here, and its host becomes f->host. */
static int check_parts(struct fetch *f, CURLU *parts, const char *url, struct error *err)
{
	char *scheme = NULL;
	CURLUcode code;
	int ret;

	if ((code = curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME)) != CURLUE_OK ||
	    (code = curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0)) != CURLUE_OK)
		return error_set(err, "the URL is malformed: %s", curl_url_strerror(code));
	ret = check_scheme(f, scheme, err);
	curl_free(scheme);
	if (ret == -1)
		return -1;
	curl_free(f->host);
	f->host = NULL;
	code = curl_url_get(parts, CURLUPART_HOST, &f->host, 0);
	if (code != CURLUE_OK)
		return error_set(err, "the URL is malformed: %s", curl_url_strerror(code));
	return 0;
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
		f->hop.answered = f->hop.begun = f->hop.stopped = false;
		f->hop.details[0] = '\0';
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

static int check_status(const struct fetch_request *q, long status, struct fetch_result *r, struct error *err)
{
	char text[64];

	if (status == 200) {
		r->outcome = FETCH_OK;
		return 0;
	}
	if (status == 304 && (hop_header_safe(q->etag) || hop_header_safe(q->last_modified))) {
		r->outcome = FETCH_NOT_MODIFIED;
		return 0;
	}
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

static int check_request(const struct fetch_request *q, struct error *err)
{
	if (q->connect_timeout_ms == 0 || q->first_byte_timeout_ms == 0 || q->total_timeout_ms == 0 ||
	    q->max_bytes == 0)
		return error_set(err, "a request without limits of time and size is not carried out");
	if (q->max_bytes > INT64_MAX)
		return error_set(err, "the limit of size is too large");
	return 0;
}

static int fetch(struct fetch *f, const struct fetch_request *q, int body_fd, struct fetch_result *r, struct error *err)
{
	long status = 0;
	int ret;

	f->hop.easy = curl_easy_init();
	f->hop.headers = hop_headers(q);
	if (!f->hop.easy || !f->hop.headers)
		return error_set(err, "no memory for a request");
	if (check_request(q, err) == -1 || aim(f, q->url, err) == -1 ||
	    body_begin(&f->body, body_fd, q->max_bytes, err) == -1)
		return -1;
	ret = travel(f, &status, err);
	r->http_status = (uint32_t)status;
	if (ret == -1 || check_status(q, status, r, err) == -1)
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
		r->error = strdup(err.text);
		body_discard(body_fd);
	}
	body_free(&f.body);
	curl_slist_free_all(f.hop.headers);
	curl_easy_cleanup(f.hop.easy);
	curl_free(f.host);
	free(f.url);
}
