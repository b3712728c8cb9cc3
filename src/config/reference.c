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

static bool known_kind(const char *key)
{
	return strcmp(key, "file") == 0 || strcmp(key, "environment") == 0 || strcmp(key, "credential") == 0;
}

static bool place_valid(const char *kind, const char *where)
{
	if (strcmp(kind, "file") == 0)
		return where[0] == '/';
	if (strcmp(kind, "environment") == 0)
		return environment_name_valid(where);
	return credential_name_valid(where);
}

bool value_reference(struct reader *r, const struct node *n)
{
	const struct node *key, *value;

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
	if (!known_kind(key->text)) {
		complain(r->complaints, key->at, "this is no reference to a secret; " EXPECTED);
		return false;
	}
	if (value->kind == NODE_SCALAR && value->text[0] != '\0' && !node_is_null(value) &&
	    place_valid(key->text, value->text))
		return true;
	complain(r->complaints, value->at, "the %s of this reference is not valid; expected %s", key->text,
	         strcmp(key->text, "file") == 0 ? "an absolute path" :
	         strcmp(key->text, "environment") == 0 ? "the name of an environment variable" :
	         "the name of a credential");
	return false;
}
