#include "daemon/request.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* From /etc/passwd alone: getpwuid(3) would load the host's name service modules into this process. */
static void user_name(uid_t uid, char *out, size_t size)
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *p;

	snprintf(out, size, "uid %u", (unsigned)uid);
	if (f == NULL)
		return;
	while ((p = fgetpwent(f)) != NULL)
		if (p->pw_uid == uid) {
			snprintf(out, size, "%s", p->pw_name);
			break;
		}
	fclose(f);
}

static void request_free(struct request *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->words[i]);
	free(r->words);
	free(r);
}

struct request *request_new(struct daemon *d, char *const *words, size_t count, uid_t uid, request_answered *answered,
                            void *ctx)
{
	struct request *r = calloc(1, sizeof(*r));

	if (r == NULL || (r->words = calloc(count + 1, sizeof(*r->words))) == NULL) {
		free(r);
		return NULL;
	}
	r->d = d;
	r->may_change = uid == 0 || uid == geteuid();
	r->answered = answered;
	r->ctx = ctx;
	user_name(uid, r->user, sizeof(r->user));
	while (r->count < count) {
		r->words[r->count] = strdup(words[r->count]);
		if (r->words[r->count++] == NULL) {
			request_free(r);
			return NULL;
		}
	}
	return r;
}

static void send_answer(struct request *r, int exit_code, const char *error, json_t *result)
{
	json_t *answer = json_pack("{s:i, s:o, s:o}", "exit", exit_code, "error",
	                           error == NULL ? json_null() : json_stringn_nocheck(error, strlen(error)), "result",
	                           result == NULL ? json_null() : result);
	char *text = answer == NULL ? NULL : json_dumps(answer, JSON_COMPACT);
	size_t len = text == NULL ? 0 : strlen(text);

	if (text != NULL) {
		/* The NUL makes way for the newline. */
		text[len] = '\n';
		r->answered(r->ctx, text, len + 1);
	} else {
		static const char none[] = "{\"exit\":1,\"error\":\"no memory for the answer\",\"result\":null}\n";

		r->answered(r->ctx, none, sizeof(none) - 1);
	}
	free(text);
	json_decref(answer);
	request_free(r);
}

void request_answer(struct request *r, int exit_code, json_t *result)
{
	send_answer(r, exit_code, NULL, result);
}

void request_answer_and_warn(struct request *r, int exit_code, const char *warning, json_t *result)
{
	send_answer(r, exit_code, warning, result);
}

void request_fail(struct request *r, int exit_code, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) == -1)
		text = NULL;
	va_end(ap);
	send_answer(r, exit_code, text == NULL ? "no memory for the error" : text, NULL);
	free(text);
}
