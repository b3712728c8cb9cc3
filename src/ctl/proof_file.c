#include "ctl/proof_file.h"

#include <string.h>

#include "core/time_text.h"

/* --- rows */

static json_t *value_json(enum leaf_type type, const struct leaf_value *v)
{
	char text[ADDRESS_TEXT_MAX > TIME_TEXT_MAX ? ADDRESS_TEXT_MAX : TIME_TEXT_MAX];

	switch (type) {
	case LEAF_NUMBER:
		return json_integer(v->number);
	case LEAF_TIME:
		return json_string(time_format(v->number, 1, text));
	case LEAF_OPTIONAL:
		return v->set ? json_integer(v->number) : json_null();
	case LEAF_TEXT:
		return json_stringn(v->text, v->len);
	case LEAF_ADDRESS:
		return json_string(address_format(&v->address, text));
	}
	return NULL;
}

json_t *proof_row(unsigned kind, const struct leaf_value *values)
{
	const struct leaf_shape *shape = leaf_shape(kind);
	json_t *row = json_pack("{s:s}", "row", shape->name);

	for (size_t i = 0; i < shape->count && row != NULL; i++)
		if (json_object_set_new(row, shape->fields[i].name, value_json(shape->fields[i].type, &values[i])) == -1) {
			json_decref(row);
			row = NULL;
		}
	return row;
}

/* False where the JSON value is none of the type. */
static bool value_of(const json_t *json, enum leaf_type type, struct leaf_value *v)
{
	*v = (struct leaf_value){ .set = json_is_integer(json), .number = json_integer_value(json) };
	switch (type) {
	case LEAF_NUMBER:
		return json_is_integer(json);
	case LEAF_OPTIONAL:
		return json_is_integer(json) || json_is_null(json);
	case LEAF_TIME:
		return json_is_string(json) && time_parse(&v->number, json_string_value(json), 0) == 0;
	case LEAF_TEXT:
		v->text = json_string_value(json);
		v->len = json_string_length(json);
		return v->text != NULL;
	case LEAF_ADDRESS:
		return json_is_string(json) && address_parse(&v->address, json_string_value(json)) == 0;
	}
	return false;
}

int proof_row_bytes(const json_t *row, struct buffer *bytes, struct error *err)
{
	const char *name = json_string_value(json_object_get(row, "row"));
	unsigned kind = name == NULL ? 0 : leaf_kind_named(name);
	const struct leaf_shape *shape = leaf_shape(kind);
	struct leaf_value values[LEAF_FIELDS_MAX];

	if (shape == NULL)
		return error_set(err, "the proof says of no row that there is what kind it is");
	if (json_object_size(row) != shape->count + 1)
		return error_set(err, "the row in the proof has other fields than a row of kind %s", name);
	for (size_t i = 0; i < shape->count; i++)
		if (!value_of(json_object_get(row, shape->fields[i].name), shape->fields[i].type, &values[i]))
			return error_set(err, "the row in the proof has no good '%s'", shape->fields[i].name);
	return leaf_encode(kind, values, bytes) == 0 ? 0 : error_set(err, "out of memory");
}

json_t *proof_path(const struct merkle_path *path)
{
	json_t *array = json_array();
	char text[HASH_TEXT_MAX];

	for (size_t i = 0; i < path->count; i++)
		json_array_append_new(array, json_string(hash_format(&path->hashes[i], text)));
	return array;
}

/* --- checking */

static int read_path(const json_t *proof, struct merkle_path *path, struct error *err)
{
	const json_t *array = json_object_get(proof, "path");

	path->count = json_array_size(array);
	if (!json_is_array(array) || path->count > MERKLE_PATH_MAX)
		return error_set(err, "the proof has no path of hashes");
	for (size_t i = 0; i < path->count; i++) {
		const json_t *item = json_array_get(array, i);

		if (!json_is_string(item) ||
		    !hash_parse(&path->hashes[i], json_string_value(item), json_string_length(item)))
			return error_set(err, "hash %zu of the proof's path is none", i + 1);
	}
	return 0;
}

static int signed_by_any(const char *note, size_t len, const struct note_key *keys, size_t count,
                         struct proof_result *result, const char *name, struct error *err)
{
	for (size_t i = 0; i < count; i++)
		if (note_signed_by(note, len, &keys[i])) {
			result->key = keys[i];
			return 0;
		}
	return error_set(err, "the proof's %s is not signed by the key", name);
}

/* The note called `name`, with a signature of a key. */
static int read_note(const json_t *proof, const char *name, const struct note_key *keys, size_t key_count,
                     struct proof_result *result, struct checkpoint *c, struct error *err)
{
	const json_t *json = json_object_get(proof, name);
	const char *note = json_string_value(json);
	size_t len = json_string_length(json);

	if (note == NULL)
		return error_set(err, "the proof has no '%s'", name);
	if (checkpoint_parse(c, note, len, err) == -1)
		return error_prefix(err, "the proof's %s", name);
	return signed_by_any(note, len, keys, key_count, result, name, err);
}

static int check_inclusion(const json_t *proof, struct proof_result *r, const struct merkle_path *path,
                           struct error *err)
{
	const json_t *leaf = json_object_get(proof, "leaf");
	struct buffer bytes = BUFFER_INIT;
	struct hash h;
	int result;

	r->row = json_object_get(proof, "row");
	if (!json_is_integer(leaf) || json_integer_value(leaf) < 0)
		return error_set(err, "the proof has no number of a leaf");
	r->leaf = (uint64_t)json_integer_value(leaf);
	result = proof_row_bytes(r->row, &bytes, err);
	if (result == 0) {
		hash_leaf(bytes.data, bytes.len, &h);
		if (!merkle_check_inclusion(&h, r->leaf, r->checkpoint.size, &r->checkpoint.root, path->hashes, path->count))
			result = error_set(err, "the row is not in the log that the checkpoint is of: it was changed, or the proof"
			                        " was");
	}
	buffer_free(&bytes);
	return result;
}

static int check_consistency(struct proof_result *r, const struct merkle_path *path, struct error *err)
{
	if (strcmp(r->old.origin, r->checkpoint.origin) != 0)
		return error_set(err, "the two checkpoints are of different logs, %s and %s", r->old.origin,
		                 r->checkpoint.origin);
	if (merkle_check_consistency(r->old.size, &r->old.root, r->checkpoint.size, &r->checkpoint.root, path->hashes,
	                             path->count))
		return 0;
	return error_set(err, "the newer checkpoint does not continue the older one: rows were changed between them");
}

static int check(const json_t *proof, const struct note_key *keys, size_t key_count, struct proof_result *r,
                 struct error *err)
{
	const char *kind = json_string_value(json_object_get(proof, "hallowd_proof"));
	struct merkle_path path;

	if (kind == NULL || (strcmp(kind, "inclusion") != 0 && strcmp(kind, "consistency") != 0))
		return error_set(err, "this is no proof that 'hallowctl prove' made");
	r->inclusion = strcmp(kind, "inclusion") == 0;
	if (read_path(proof, &path, err) == -1 ||
	    (!r->inclusion && read_note(proof, "old", keys, key_count, r, &r->old, err) == -1) ||
	    read_note(proof, "checkpoint", keys, key_count, r, &r->checkpoint, err) == -1)
		return -1;
	return r->inclusion ? check_inclusion(proof, r, &path, err) : check_consistency(r, &path, err);
}

int proof_check(const json_t *proof, const struct note_key *keys, size_t key_count, struct proof_result *r,
                struct error *err)
{
	const char *text = json_string_value(json_object_get(proof, "key"));
	struct note_key named;

	memset(r, 0, sizeof(*r));
	r->key_given = key_count > 0;
	if (r->key_given)
		return check(proof, keys, key_count, r, err);
	if (text == NULL || note_key_parse(&named, text, NULL) == -1)
		return error_set(err, "the proof names no key; give it with --key");
	return check(proof, &named, 1, r, err);
}
