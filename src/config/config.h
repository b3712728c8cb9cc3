/* hallowd.yaml, read whole and checked whole: either a struct config, or a list of
 * errors with file, line, column, what was expected and the nearest name. */
#ifndef HALLOWD_CONFIG_CONFIG_H
#define HALLOWD_CONFIG_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/parse_message.h"
#include "core/policy.h"

#define CONFIG_DEFAULT_PATH "/etc/hallowd/hallowd.yaml"
#define CONFIG_DEFAULT_STATE_DIR "/var/lib/hallowd"

/* "12" or "25%". */
struct amount {
	bool is_share;  /* then value is in percent: 0..100, or up to 10000 for what was added */
	double value;
};

/* Where a secret is; the configuration never holds one.  Resolved by daemon/secret.h. */
enum secret_kind { SECRET_NONE, SECRET_FILE, SECRET_ENVIRONMENT, SECRET_CREDENTIAL };

struct secret_reference {
	enum secret_kind kind;
	char *name; /* absolute path, variable, or credential's name; NULL for SECRET_NONE */
};

/* A header that an origin wants to be asked with. */
#define ORIGIN_HEADERS_MAX 32
struct origin_header {
	char *name;
	struct secret_reference value;
};

enum origin_kind { ORIGIN_URL, ORIGIN_FILE, ORIGIN_BUILTIN, ORIGIN_NAME };

struct origin_config {
	char *name;
	enum origin_kind kind;
	char *where;              /* the URL, the absolute file name, NAME of path_rules()/lists/NAME.list, or the host name */
	char *shown;              /* the same for people: a URL without its query, which may hold a secret */
	enum list_format format;  /* FORMAT_GUESS where left out; FORMAT_TEXT for a built-in */
	char *preset;             /* the one that says url, format and select; "" for none */
	char *select;             /* "" for none */
	uint8_t min_prefix4, min_prefix6; /* of its preset, in place of the guard's defaults; 0: the guard's */
	uint64_t max_size;        /* bytes; default 8 MiB */
	char *signed_by;          /* minisign public keys with a space between, "" where it needs no signature */
	char *signature;          /* the URL or file of it; "" where it needs none */

	/* Of a url only. */
	int64_t timeout;            /* seconds for the whole answer; default 60 */
	int64_t connect_timeout;    /* seconds until there is a connection; default 15 */
	int64_t first_byte_timeout; /* seconds from the request to the first byte of an answer; default 30 */
	uint32_t retries;           /* after a failure that may pass; default 2 */
	char *proxy;                /* URL, "" for none */
	char *ca_file;              /* absolute; "" for the system's */
	char *pinned_key;           /* "sha256//BASE64", "" for none */
	char *client_certificate;   /* absolute, "" for none; goes with client_key */
	struct secret_reference client_key;
	struct secret_reference token; /* for "Authorization: Bearer" */
	struct origin_header *headers;
	size_t header_count;
};

enum on_breach { BREACH_HOLD, BREACH_REJECT };

struct guard_config {
	uint64_t min_entries, max_entries;    /* default 1, 100000; an empty answer is no list even where it is 0 */
	struct amount max_added, max_removed; /* default 50%, 25% */
	uint8_t min_prefix4, min_prefix6;     /* default 16, 32 */
	uint64_t max_bad;                     /* default 0 */
	bool special;                         /* default false */
	bool outside;                         /* of names: no address of a private network, loopback, multicast ... */
	enum on_breach on_breach;             /* default hold */
};

struct list_config {
	char *name;
	unsigned line;                  /* where it stands in the file, for messages */
	struct origin_config *origins;  /* origin_count 0: a list of one's own, `entries` */
	size_t origin_count;
	struct prefix_set entries;      /* of "@NAME": the addresses of the endpoint or agent with that name */
	size_t agree;                   /* how many origins must name an address: 1..origin_count */
	int64_t refresh;                /* seconds; 0: only when asked; default 6h */
	int64_t stale_after;            /* seconds; default 3d */
	struct guard_config guard;
};

/* An interface whose traffic is only seen: a mirror port. */
struct observe_config {
	char *interface;
	char *filter; /* in libpcap's language; "": all */
};

#define OBSERVE_MAX 16

struct audit_config {
	int64_t retention;        /* seconds; default 400d; 0: for ever */
	uint64_t max_size;        /* bytes that audit.db may hold; default 0: any */
	bool deny_unrecorded;     /* on_failure: deny; default false */
	uint32_t denied_log_rate; /* default 1000 */
	uint32_t denied_set_size; /* default 65536 */
	uint16_t nflog_group;     /* default 4848 */
	uint32_t evidence_packets; /* kept of each denied attempt; default 0: none */
	uint64_t evidence_size;    /* bytes of all that are kept */
	struct secret_reference signing_key;  /* SECRET_NONE: state_dir/audit.key */
	struct secret_reference previous_key; /* that signed before it; SECRET_NONE: none did */
	struct observe_config *observe;
	size_t observe_count;
};

enum secrets_mode { SECRETS_NOT_SAID, SECRETS_HOSTED, SECRETS_OWN };

struct secrets_config {
	enum secrets_mode mode;
	bool orchestrator_writes; /* with SECRETS_OWN: lists with origins may reach a secret store */
};

/* What a person may grant. */
struct grants_config {
	int64_t max_duration;             /* seconds; default 8h */
	uint32_t max_active;              /* at the same time; default 32; 0: none at all */
	uint8_t min_prefix4, min_prefix6; /* the widest source; default 32 and 128: single addresses */
};

struct kernel_config {
	bool owner;               /* default true: the table belongs to hallowd, where the kernel can do that */
};

/* Who is told of what happens. */
#define NOTIFY_COMMAND_MAX 32
struct notify_config {
	char **command;     /* its words; word_count 0: none */
	size_t word_count;
	uint32_t on;        /* a bit for each kind of event: 1 << notify_occasion(kind) */
	int64_t repeat;     /* seconds; default 10m: the same kind and subject is told at most so often */
	bool syslog;        /* default false */
};

/* Where metrics are served over HTTP. */
struct metrics_config {
	struct address address; /* of loopback */
	uint16_t port;          /* 0: nowhere, the default */
};

/* The number of an event's kind that may stand in `on`, or -1. */
int notify_occasion(const char *kind);

struct config {
	char *path;
	void *text;                /* the bytes that it was read from */
	size_t text_len;
	char *state_dir, *run_dir; /* absolute */
	struct list_config *lists;
	size_t list_count;
	/* Endpoints as the policy wants them; the indexes in `lists` are those of `lists` above. */
	struct policy_endpoint *endpoints;
	size_t endpoint_count;
	struct policy_agent *agents; /* likewise */
	size_t agent_count;
	struct audit_config audit;
	struct secrets_config secrets;
	struct grants_config grants;
	struct kernel_config kernel;
	struct notify_config notify;
	struct metrics_config metrics;
};

/* Reads and checks.  0 with *c (config_free); -1 with one line in `errors` for each error, in the order of the
 * file:
 *   FILE:LINE:COLUMN: what is wrong; what was expected; did you mean 'X'?
 * An error that has no place in the file (it cannot be opened) is "FILE: what".  At most 20 are told, then how many
 * more there are. */
int config_load(const char *path, struct config **c, struct buffer *errors);

/* The same for bytes that are there already; `path` is what the messages and c->path say. */
int config_parse(const char *path, const void *data, size_t len, struct config **c, struct buffer *errors);
void config_free(struct config *c);

/* Appends a line for each thing that is no error and still cannot be meant: an endpoint that allows an agent which may
 * not reach it.  0, or -1 with errno ENOMEM. */
int config_doubts(const struct config *c, struct buffer *out);

/* Whether no address of a list with origins is to reach this endpoint: it is a secret store, and by `secrets` only the
 * Operator's. */
bool secrets_kept_from(const struct config *c, const struct policy_endpoint *e);

/* The state_dir of a file that may have errors, syntax errors too: as far as it can be read; else the default. */
void config_state_dir(const char *path, char out[PATH_MAX]);

/* Where hallowd keeps the configuration that was good last: a folder in state_dir, and the file in it. */
#define CONFIG_KEPT_FOLDER "config"
#define CONFIG_KEPT_GOOD "good.yaml"

/* Borrowed from c; NULL where there is none. */
const struct list_config *config_find_list(const struct config *c, const char *name);

#endif
