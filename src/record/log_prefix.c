#include "record/log_prefix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/audit_message.h"

#define FIRST_SLOTS 64
#define MOST 30000 /* far more than the decisions of a policy; prefixes come from rules, not from packets */

void log_prefixes_free(struct log_prefixes *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->all[i].endpoint);
		free(p->all[i].list);
		free(p->all[i].text);
	}
	free(p->all);
	free(p->slots);
	*p = (struct log_prefixes){ 0 };
}

/* FNV-1a. */
static uint32_t hash(const char *text, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * 16777619u;
	return h;
}

/* The slot of this text, or the empty one where it belongs. */
static uint16_t *find(const struct log_prefixes *p, const char *text, size_t len)
{
	for (size_t at = hash(text, len);; at++) {
		uint16_t *slot = &p->slots[at & (p->slot_count - 1)];
		const struct log_prefix *met;

		if (*slot == 0)
			return slot;
		met = &p->all[*slot - 1];
		if (met->text_len == len && memcmp(met->text, text, len) == 0)
			return slot;
	}
}

static int grow(struct log_prefixes *p)
{
	size_t slot_count = p->slot_count == 0 ? FIRST_SLOTS : p->slot_count * 2;
	struct log_prefix *all = realloc(p->all, slot_count / 2 * sizeof(*all));
	uint16_t *slots;

	if (all == NULL)
		return -1;
	p->all = all;
	p->cap = slot_count / 2;
	slots = calloc(slot_count, sizeof(*slots));
	if (slots == NULL)
		return -1;
	free(p->slots);
	p->slots = slots;
	p->slot_count = slot_count;
	for (size_t i = 0; i < p->count; i++)
		*find(p, p->all[i].text, p->all[i].text_len) = (uint16_t)(i + 1);
	return 0;
}

/* 0 with the struct filled in; -1 with errno EINVAL where it is none of ours, or ENOMEM. */
static int parse(struct log_prefix *prefix, const char *text, size_t len)
{
	static const struct {
		const char *begin;
		enum log_kind kind;
	} kinds[] = { { LOG_PREFIX_ALLOW, LOG_KIND_ALLOW },
		          { LOG_PREFIX_OBSERVE, LOG_KIND_OBSERVE },
		          { LOG_PREFIX_DENY, LOG_KIND_DENY },
		          { LOG_PREFIX_EGRESS, LOG_KIND_EGRESS },
		          { LOG_PREFIX_UNRECORDED, LOG_KIND_UNRECORDED },
		          { LOG_PREFIX_GRANT, LOG_KIND_GRANT } };
	const size_t skip = sizeof(LOG_PREFIX_ALLOW) - 1;
	const char *name = text + skip, *colon;
	size_t i, name_len;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (len > skip && memcmp(text, kinds[i].begin, skip) == 0)
			break;
	errno = EINVAL;
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		return -1;
	colon = memchr(name, ':', len - skip);
	if ((colon != NULL) != (kinds[i].kind == LOG_KIND_ALLOW || kinds[i].kind == LOG_KIND_GRANT))
		return -1;
	name_len = colon == NULL ? len - skip : (size_t)(colon - name);
	if (name_len == 0 || (colon != NULL && colon + 1 == text + len))
		return -1;
	*prefix = (struct log_prefix){ .kind = kinds[i].kind, .endpoint = strndup(name, name_len), .text_len = len };
	prefix->list = colon == NULL ? strdup("") : strndup(colon + 1, (size_t)(text + len - colon - 1));
	prefix->text = malloc(len);
	if (prefix->endpoint != NULL && prefix->list != NULL && prefix->text != NULL) {
		memcpy(prefix->text, text, len);
		return 0;
	}
	free(prefix->endpoint);
	free(prefix->list);
	free(prefix->text);
	errno = ENOMEM;
	return -1;
}

uint16_t log_prefix_number(struct log_prefixes *p, const char *text, size_t len)
{
	struct log_prefix prefix;
	uint16_t *slot = NULL;

	if (p->slot_count > 0) {
		slot = find(p, text, len);
		if (*slot != 0)
			return (uint16_t)(*slot - 1);
	}
	if (parse(&prefix, text, len) == -1)
		return LOG_PREFIX_NONE;
	if (p->count >= MOST || (p->count == p->cap && grow(p) == -1)) {
		free(prefix.endpoint);
		free(prefix.list);
		free(prefix.text);
		errno = ENOMEM;
		return LOG_PREFIX_NONE;
	}
	slot = find(p, text, len);
	p->all[p->count] = prefix;
	*slot = (uint16_t)++p->count;
	return (uint16_t)(p->count - 1);
}
