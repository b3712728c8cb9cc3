/* Signed lists: the keys of an origin that say by whom, and where the signature is. */
#include <string.h>
#include <strings.h>

#include "config/sections.h"
#include "config/value.h"

#define SIGNATURE_SUFFIX ".minisig"

struct keys {
	struct buffer text;
};

static void take_key(struct reader *r, const struct node *n, void *ctx)
{
	static const char expected[] = "a minisign public key: 56 characters that begin with RW";
	struct keys *keys = ctx;
	const char *text;

	if (!value_scalar(r, n, expected, &text))
		return;
	if (strncmp(text, "RW", 2) != 0 || strchr(text, '=') != NULL || !base64_valid(text, 56))
		complain(r->complaints, n->at, "this is no key; expected %s", expected);
	else if (buffer_printf(&keys->text, "%s%s", keys->text.len > 0 ? " " : "", text) == -1)
		r->complaints->out_of_memory = true;
}

void take_signed_by(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct origin_config *o = into;
	struct keys keys = { BUFFER_INIT };
	const char *text;

	(void)f;
	value_each(r, value, "at least one minisign public key", take_key, &keys);
	text = buffer_str(&keys.text);
	if (text != NULL)
		reader_set_text(r, &o->signed_by, text);
	else
		r->complaints->out_of_memory = true;
	buffer_free(&keys.text);
}

/* Beside the list: in front of a URL's query, else at its end. */
static void beside_the_list(struct reader *r, struct origin_config *o)
{
	size_t path = o->kind == ORIGIN_URL ? strcspn(o->where, "?#") : strlen(o->where);
	struct buffer where = BUFFER_INIT;

	if (buffer_printf(&where, "%.*s%s%s", (int)path, o->where, SIGNATURE_SUFFIX, o->where + path) == -1 ||
	    buffer_str(&where) == NULL)
		r->complaints->out_of_memory = true;
	else
		reader_set_text(r, &o->signature, buffer_str(&where));
	buffer_free(&where);
}

/* A URL for the list from a URL, a path for a file.  A token goes to both, so both have TLS or neither. */
static void take_signature(struct reader *r, struct origin_config *o, const struct node *n)
{
	const char *where;

	if (o->kind == ORIGIN_URL ? !value_url(r, n, &where) : !value_path(r, n, &where))
		return;
	if (o->kind == ORIGIN_URL && strncasecmp(o->where, "https:", 6) == 0 && strncasecmp(where, "https:", 6) != 0)
		complain(r->complaints, n->at, "the list comes over https:// and its signature would not; expected an "
		         "https:// URL");
	else
		reader_set_text(r, &o->signature, where);
}

void settle_signature(struct reader *r, struct origin_config *o, const struct node *origin)
{
	const struct node *signature = node_get(origin, "signature");

	if (o->where == NULL || o->kind == ORIGIN_BUILTIN)
		return;
	if (node_get(origin, "signed_by") == NULL) {
		if (signature != NULL)
			complain(r->complaints, signature->at, "'signature' has no meaning without 'signed_by', the public "
			         "keys that it is verified with");
		return;
	}
	if (signature == NULL)
		beside_the_list(r, o);
	else
		take_signature(r, o, signature);
}
