/* value_reference: a secret is configured by where it is, never by what it is.  What stands in the place of a reference
 * may be the secret itself, so no complaint here shows any of it. */
#include <string.h>

#include "config/value.h"

#define EXPECTED "expected one of {file: PATH}, {environment: NAME} or {credential: NAME}"

static bool environment_name_valid(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	size_t first = strspn(name, letters);

	return first > 0 && name[first + strspn(name + first, "0123456789" "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                                        "abcdefghijklmnopqrstuvwxyz_")] == '\0';
}

/* As systemd names credentials: a file's name without a folder. */
static bool credential_name_valid(const char *name)
{
	return strchr(name, '/') == NULL && strlen(name) <= 255 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static enum secret_kind kind_of(const char *key)
{
	if (strcmp(key, "file") == 0)
		return SECRET_FILE;
	if (strcmp(key, "environment") == 0)
		return SECRET_ENVIRONMENT;
	return strcmp(key, "credential") == 0 ? SECRET_CREDENTIAL : SECRET_NONE;
}

static bool place_valid(enum secret_kind kind, const char *where)
{
	if (kind == SECRET_FILE)
		return where[0] == '/';
	return kind == SECRET_ENVIRONMENT ? environment_name_valid(where) : credential_name_valid(where);
}

bool value_reference(struct reader *r, const struct node *n, struct secret_reference *reference)
{
	static const char *const expected[] = {
		[SECRET_FILE] = "an absolute path",
		[SECRET_ENVIRONMENT] = "the name of an environment variable",
		[SECRET_CREDENTIAL] = "the name of a credential",
	};
	const struct node *key, *value;
	enum secret_kind kind;

	if (n->kind == NODE_REFUSED)
		return false;
	if (n->kind != NODE_MAPPING || node_pairs(n) != 1) {
		complain(r->complaints, n->at, "a secret is given by reference, never by itself; " EXPECTED);
		return false;
	}
	key = node_key(n, 0);
	value = node_value(n, 0);
	if (key->kind == NODE_REFUSED || value->kind == NODE_REFUSED)
		return false;
	kind = kind_of(key->text);
	if (kind == SECRET_NONE) {
		complain(r->complaints, key->at, "this is no reference to a secret; " EXPECTED);
		return false;
	}
	if (value->kind != NODE_SCALAR || value->text[0] == '\0' || node_is_null(value) ||
	    !place_valid(kind, value->text)) {
		complain(r->complaints, value->at, "the %s of this reference is not valid; expected %s", key->text,
		         expected[kind]);
		return false;
	}
	if (reference != NULL) {
		reference->kind = kind;
		reader_set_text(r, &reference->name, value->text);
	}
	return true;
}
