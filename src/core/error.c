#include "core/error.h"

#include <stdio.h>
#include <string.h>

static void mark_cut(struct error *err)
{
	memcpy(err->text + sizeof(err->text) - 4, "...", 4);
}

int error_vset(struct error *err, const char *fmt, va_list ap)
{
	if (err == NULL)
		return -1;
	int n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	if (n < 0)
		err->text[0] = '\0';
	else if ((size_t)n >= sizeof(err->text))
		mark_cut(err);
	return -1;
}

int error_set(struct error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error_vset(err, fmt, ap);
	va_end(ap);
	return -1;
}

static void append(struct error *err, const char *text)
{
	size_t len = strlen(err->text);
	size_t more = strlen(text);

	if (more < sizeof(err->text) - len) {
		memcpy(err->text + len, text, more + 1);
		return;
	}
	memcpy(err->text + len, text, sizeof(err->text) - len);
	mark_cut(err);
}

int error_errno(struct error *err, int errnum, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return -1;
	va_start(ap, fmt);
	error_vset(err, fmt, ap);
	va_end(ap);
	append(err, ": ");
	append(err, strerror(errnum));
	return -1;
}

int error_prefix(struct error *err, const char *fmt, ...)
{
	struct error old;
	va_list ap;

	if (err == NULL)
		return -1;
	old = *err;
	va_start(ap, fmt);
	error_vset(err, fmt, ap);
	va_end(ap);
	append(err, ": ");
	append(err, old.text);
	return -1;
}
