#include "fetch/hop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/time_text.h"
#include "fetch/describe.h"

bool hop_header_safe(const char *value)
{
	const char *c;

	for (c = value; *c != '\0'; c++)
		if (*c < 0x20 || *c > 0x7e)
			return false;
	return c != value;
}

void hop_headers_free(struct curl_slist *list)
{
	struct curl_slist *line;

	for (line = list; line; line = line->next)
		explicit_bzero(line->data, strlen(line->data));
	curl_slist_free_all(list);
}

/* Frees the list where it cannot grow. */
static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *before, const char *value)
{
	struct curl_slist *more = NULL;
	char *line;

	if (asprintf(&line, "%s: %s%s", name, before, value) != -1) {
		more = curl_slist_append(list, line);
		explicit_bzero(line, strlen(line));
		free(line);
	}
	if (!more)
		hop_headers_free(list);
	return more;
}

struct curl_slist *hop_headers(const struct fetch_request *q, bool trusted)
{
	struct curl_slist *list = add_header(NULL, "Accept-Encoding", "", "gzip");
	size_t i;

	if (list && hop_header_safe(q->etag))
		list = add_header(list, "If-None-Match", "", q->etag);
	if (list && hop_header_safe(q->last_modified))
		list = add_header(list, "If-Modified-Since", "", q->last_modified);
	if (!trusted)
		return list;
	if (list && q->token[0] != '\0')
		list = add_header(list, "Authorization", "Bearer ", q->token);
	for (i = 0; list && i < q->header_count; i++)
		list = add_header(list, q->headers[i].name, "", q->headers[i].value);
	return list;
}

static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
	struct hop *h = ctx;

	(void)data;
	h->answered = true;
	return size * count;
}

/* A header that may stand once; "" where it does not. */
static const char *header_value(CURL *easy, const char *name, bool *once)
{
	struct curl_header *header;

	*once = true;
	if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return "";
	*once = header->amount == 1;
	return header->value;
}

/* libcurl would undo a transfer coding other than chunked without telling whether it was complete. */
static int check_codings(struct hop *h)
{
	bool one_transfer, one_content;
	const char *transfer = header_value(h->easy, "Transfer-Encoding", &one_transfer);
	const char *content = header_value(h->easy, "Content-Encoding", &one_content);

	if (!one_transfer || !one_content)
		return error_set(&h->why, "the server's answer names its coding more than once");
	if (transfer[0] != '\0' && strcasecmp(transfer, "chunked") != 0)
		return error_set(&h->why, "the server's answer has a transfer coding that it was not asked for");
	return body_set_coding(h->body, content, &h->why);
}

static bool is_redirect(long status)
{
	return status >= 300 && status < 400;
}

/* Keeps the body of a 200 only.  That of a redirect is read to its end, else libcurl would not tell where it leads;
 * any other answer is over with its headers. */
static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct hop *h = ctx;
	size_t len = size * count;
	long status = 0;

	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return is_redirect(status) ? len : CURL_WRITEFUNC_ERROR;
	if (!h->begun && check_codings(h) == -1) {
		h->stopped = true;
		return CURL_WRITEFUNC_ERROR;
	}
	h->begun = true;
	if (body_add(h->body, data, len, &h->why) == -1) {
		h->stopped = true;
		return CURL_WRITEFUNC_ERROR;
	}
	return len;
}

static int stop(struct hop *h, const char *what, uint32_t limit_ms)
{
	char limit[32];

	error_set(&h->why, "%s %s", what, describe_ms(limit, sizeof(limit), limit_ms));
	h->stopped = h->passing = true;
	return 1;
}

/* libcurl calls this while data flows, and about once a second while none does. */
static int on_progress(void *ctx, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
	struct hop *h = ctx;
	curl_off_t sent_us = 0, spent_us = 0;

	(void)total;
	(void)up_total;
	(void)up_now;
	if ((uint64_t)now > h->request->max_bytes) {
		error_set(&h->why, "is larger than %" PRIu64 " bytes", h->request->max_bytes);
		h->stopped = true;
		return 1;
	}
	if (time_monotonic_ms() > h->deadline)
		return stop(h, "took longer than", h->request->total_timeout_ms);
	if (h->answered)
		return 0;
	curl_easy_getinfo(h->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
	curl_easy_getinfo(h->easy, CURLINFO_TOTAL_TIME_T, &spent_us);
	if (sent_us > 0 && spent_us - sent_us > (curl_off_t)h->request->first_byte_timeout_ms * 1000)
		return stop(h, "the server did not begin to answer within", h->request->first_byte_timeout_ms);
	return 0;
}

static CURLcode set_blob(CURL *easy, CURLoption option, char *text)
{
	struct curl_blob blob = { text, strlen(text), CURL_BLOB_NOCOPY };

	return curl_easy_setopt(easy, option, &blob);
}

/* Whose certificate is taken: of the given authorities alone, not beside the system's; of the pinned key alone. */
static CURLcode set_trust(CURL *easy, const struct fetch_request *q)
{
	CURLcode code = CURLE_OK;

	if (q->ca[0] != '\0' && ((code = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL)) != CURLE_OK ||
	                         (code = set_blob(easy, CURLOPT_CAINFO_BLOB, q->ca)) != CURLE_OK))
		return code;
	if (q->pinned_key[0] != '\0')
		code = curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, q->pinned_key);
	return code;
}

/* The certificate to show.  A key that wants a passphrase fails at once; nobody is asked for it. */
static CURLcode set_identity(CURL *easy, const struct fetch_request *q)
{
	CURLcode code;

	if (q->certificate[0] == '\0')
		return CURLE_OK;
	if ((code = curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM")) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_SSLKEYTYPE, "PEM")) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "")) != CURLE_OK ||
	    (code = set_blob(easy, CURLOPT_SSLCERT_BLOB, q->certificate)) != CURLE_OK)
		return code;
	return set_blob(easy, CURLOPT_SSLKEY_BLOB, q->key);
}

/* The proxy that is asked for, or none: never one that the environment names.  It sees no header but for an http://
 * URL, which it carries as it is. */
static CURLcode set_proxy(CURL *easy, const struct fetch_request *q)
{
	CURLcode code;

	if ((code = curl_easy_setopt(easy, CURLOPT_PROXY, q->proxy)) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_NOPROXY, "")) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L)) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2)) != CURLE_OK)
		return code;
	return curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
}

/* An option fails where this libcurl was built without what it asks for: then nothing may be fetched. */
static CURLcode set_security(struct hop *h)
{
	CURL *easy = h->easy;
	CURLcode code;

	if ((code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https")) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https")) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L)) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2)) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L)) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED)) != CURLE_OK ||
	    (code = set_proxy(easy, h->request)) != CURLE_OK || (code = set_trust(easy, h->request)) != CURLE_OK)
		return code;
	return h->trusted ? set_identity(easy, h->request) : CURLE_OK;
}

static CURLcode set_limits(CURL *easy, const struct fetch_request *q, int64_t left_ms)
{
	int64_t connect_ms = q->connect_timeout_ms < left_ms ? q->connect_timeout_ms : left_ms;
	CURLcode code;

	if ((code = curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L)) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)left_ms)) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms)) != CURLE_OK)
		return code;
	return curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)q->max_bytes);
}

static CURLcode set_request(struct hop *h, const char *url)
{
	CURL *easy = h->easy;
	CURLcode code;

	/* HTTP/1.1: all publishers speak it, and it is the least code that a stranger reaches. */
	if ((code = curl_easy_setopt(easy, CURLOPT_URL, url)) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1)) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, h->headers)) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_USERAGENT, h->request->user_agent)) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, h->details)) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header)) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_HEADERDATA, h)) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body)) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_WRITEDATA, h)) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress)) != CURLE_OK ||
	    (code = curl_easy_setopt(easy, CURLOPT_XFERINFODATA, h)) != CURLE_OK)
		return code;
	return curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
}

/* libcurl's one code for a time limit stands for two of ours. */
static int timed_out(struct hop *h, struct error *err)
{
	curl_off_t connected_us = 0;
	char limit[32];

	curl_easy_getinfo(h->easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
	if (connected_us == 0 && time_monotonic_ms() < h->deadline)
		return error_set(err, "no connection with %s within %s", h->host,
		                 describe_ms(limit, sizeof(limit), h->request->connect_timeout_ms));
	return error_set(err, "took longer than %s", describe_ms(limit, sizeof(limit), h->request->total_timeout_ms));
}

/* A proxy that does not make the connection that it is asked for. */
static int proxy_refused(struct hop *h, long status, struct error *err)
{
	char text[64];

	h->passing = status >= 500;
	return error_set(err, "the proxy answered %s when it was asked for a connection with %s",
	                 describe_status(text, sizeof(text), status), h->host);
}

static int failed(struct hop *h, CURLcode code, struct error *err)
{
	long proxy_status = 0;

	if (h->stopped)
		return error_set(err, "%s", h->why.text);
	curl_easy_getinfo(h->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
	if (proxy_status != 0 && proxy_status / 100 != 2)
		return proxy_refused(h, proxy_status, err);
	h->passing = describe_passing(code);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return timed_out(h, err);
	if (code == CURLE_FILESIZE_EXCEEDED)
		return error_set(err, "is larger than %" PRIu64 " bytes", h->request->max_bytes);
	return describe_failure(err, h->easy, code, h->host, h->request->proxy[0] != '\0', h->details);
}

int hop_run(struct hop *h, const char *url, long *status, struct error *err)
{
	int64_t left_ms = h->deadline - time_monotonic_ms();
	char limit[32];
	CURLcode code;

	*status = 0;
	h->answered = h->begun = h->stopped = h->passing = false;
	h->details[0] = '\0';
	if (left_ms <= 0) {
		h->passing = true;
		return error_set(err, "took longer than %s",
		                 describe_ms(limit, sizeof(limit), h->request->total_timeout_ms));
	}
	curl_easy_reset(h->easy);
	if ((code = set_security(h)) != CURLE_OK || (code = set_limits(h->easy, h->request, left_ms)) != CURLE_OK ||
	    (code = set_request(h, url)) != CURLE_OK)
		return error_set(err, "libcurl cannot do what is needed: %s", curl_easy_strerror(code));
	code = curl_easy_perform(h->easy);
	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, status);
	/* Some other status counts before what may have become of its body. */
	if (code != CURLE_OK && (*status == 0 || *status == 200 || is_redirect(*status)))
		return failed(h, code, err);
	if (*status == 200 && body_end(h->body, err) == -1) {
		h->passing = true;
		return -1;
	}
	return 0;
}
