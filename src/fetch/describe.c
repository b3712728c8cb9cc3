#include "fetch/describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *describe_status(char *out, size_t size, long status)
{
	static const struct {
		long status;
		const char *phrase;
	} known[] = {
		{ 204, "No Content" },         { 206, "Partial Content" },       { 301, "Moved Permanently" },
		{ 302, "Found" },              { 303, "See Other" },             { 304, "Not Modified" },
		{ 307, "Temporary Redirect" }, { 308, "Permanent Redirect" },    { 400, "Bad Request" },
		{ 401, "Unauthorized" },       { 403, "Forbidden" },             { 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 406, "Not Acceptable" },        { 408, "Request Timeout" },
		{ 410, "Gone" },               { 429, "Too Many Requests" },
		{ 451, "Unavailable For Legal Reasons" },
		{ 500, "Internal Server Error" }, { 501, "Not Implemented" },    { 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },   { 504, "Gateway Timeout" },
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].status == status) {
			snprintf(out, size, "%ld %s", status, known[i].phrase);
			return out;
		}
	}
	snprintf(out, size, "%ld", status);
	return out;
}

const char *describe_ms(char *out, size_t size, unsigned long ms)
{
	if (ms % 1000 == 0)
		snprintf(out, size, "%lu s", ms / 1000);
	else
		snprintf(out, size, "%lu ms", ms);
	return out;
}

/* libcurl's own text without what a reader of our message has read already, and without control characters. */
static const char *plain_details(char *out, size_t size, const char *details)
{
	static const char *const starts[] = { "SSL certificate problem: ", "SSL: " };
	size_t i;

	for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (strncmp(details, starts[i], strlen(starts[i])) == 0)
			details += strlen(starts[i]);
	snprintf(out, size, "%s", details);
	for (i = 0; out[i] != '\0'; i++)
		if ((unsigned char)out[i] < 0x20 || out[i] == 0x7f)
			out[i] = ' ';
	return out;
}

bool describe_passing(CURLcode code)
{
	static const CURLcode passing[] = {
		CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT,
		CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR,
	};
	size_t i;

	for (i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (passing[i] == code)
			return true;
	return false;
}

static int cannot_connect(struct error *err, CURL *easy, const char *host, bool by_proxy)
{
	long errnum = 0;

	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &errnum);
	if (by_proxy)
		host = "the proxy";
	if (errnum == 0)
		return error_set(err, "cannot connect to %s", host);
	return error_errno(err, (int)errnum, "cannot connect to %s", host);
}

static int cut_off(struct error *err, CURL *easy)
{
	curl_off_t said = -1, came = 0;

	curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &said);
	curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &came);
	if (said < 0)
		return error_set(err, "the answer was cut off after %" CURL_FORMAT_CURL_OFF_T " bytes", came);
	return error_set(err, "the answer was cut off: %" CURL_FORMAT_CURL_OFF_T " of %" CURL_FORMAT_CURL_OFF_T
	                 " bytes came", came, said);
}

int describe_failure(struct error *err, CURL *easy, CURLcode code, const char *host, bool by_proxy,
                     const char *details)
{
	char plain[CURL_ERROR_SIZE];

	plain_details(plain, sizeof(plain), details[0] != '\0' ? details : curl_easy_strerror(code));
	switch (code) {
	case CURLE_URL_MALFORMAT:
		return error_set(err, "the URL is malformed");
	case CURLE_LOGIN_DENIED:
		return error_set(err, "the URL holds a user name or a password, which is not supported");
	case CURLE_COULDNT_RESOLVE_HOST:
		return error_set(err, "the name %s cannot be resolved", host);
	case CURLE_COULDNT_RESOLVE_PROXY:
		return error_set(err, "the name of the proxy cannot be resolved");
	case CURLE_COULDNT_CONNECT:
		return cannot_connect(err, easy, host, by_proxy);
	case CURLE_PEER_FAILED_VERIFICATION:
		return error_set(err, "the certificate is not valid: %s", plain);
	case CURLE_SSL_CACERT_BADFILE:
		return error_set(err, "the CA file holds no certificate in PEM");
	case CURLE_SSL_CERTPROBLEM:
		return error_set(err, "the client certificate and its key cannot be used; expected both in PEM, the key "
		                 "not encrypted, and that they belong together");
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		return error_set(err, "the public key of %s is not the pinned one", host);
	case CURLE_SSL_CONNECT_ERROR:
		return error_set(err, "no TLS connection with %s: %s", host, plain);
	case CURLE_PARTIAL_FILE:
		return cut_off(err, easy);
	case CURLE_GOT_NOTHING:
		return error_set(err, "%s closed the connection without an answer", host);
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return error_set(err, "the connection with %s broke: %s", host, plain);
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9, which is any bytes at all; schemes were looked at before */
		return error_set(err, "%s does not answer in HTTP", host);
	default:
		return error_set(err, "%s", plain);
	}
}
