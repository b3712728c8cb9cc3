/* hallowctl: what its verbs share.  A verb is a file with one `const struct verb`. */
#ifndef HALLOWD_CTL_CTL_H
#define HALLOWD_CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>

#include <sqlite3.h>

#include "config/config.h"
#include "core/control.h" /* exit codes */
#include "core/error.h"
#include "core/time_text.h"
#include "report/table.h"

#define OPTIONS_MAX 8

enum output {
	OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_CSV, OUTPUT_HTML, OUTPUT_MARKDOWN, OUTPUT_JSONL, OUTPUT_OCSF, OUTPUT_ECS
};

/* One run of hallowctl. */
struct ctl {
	const char *config_path;
	enum output format;
	bool colour;           /* standard output is a terminal, and NO_COLOR is not set */
	struct config *config; /* NULL until ctl_config; freed by ctl_main */
	bool looks;            /* as the verb does */
	bool outdated;         /* `config` is not what config_path says, which has errors: the exit code is EXIT_USAGE at least */
};

/* What stands behind a verb on the command line. */
struct arguments {
	const char *option[OPTIONS_MAX]; /* by index of verb.options: its value, "" for a flag, NULL where not given */
	char **words;
	size_t count;
};

/* An option of a verb's own.  The table ends with a NULL name. */
struct verb_option {
	const char *name;
	const char *value; /* what its value is called, NULL for a flag */
	const char *help;
};

struct verb {
	const char *name;
	const char *words;    /* how its arguments, and options that it needs, are shown: "LIST --reason TEXT", "" */
	size_t min, max;      /* how many there may be */
	const char *summary;  /* one line for --help */
	const char *about;    /* whole lines, for the verb's own --help */
	const char *examples; /* whole lines, each an indented command */
	const char *formats;  /* "text, json", "text, json, csv" */
	const struct verb_option *options; /* NULL for none */
	bool looks; /* only tells what is, and so goes by the last good configuration where the file has errors */
	int (*run)(struct ctl *ctl, const struct arguments *args); /* returns an exit code */
};

extern const struct verb verb_approve;
extern const struct verb verb_check;
extern const struct verb verb_confirm;
extern const struct verb verb_doctor;
extern const struct verb verb_evidence;
extern const struct verb verb_explain;
extern const struct verb verb_export;
extern const struct verb verb_grant;
extern const struct verb verb_grants;
extern const struct verb verb_history;
extern const struct verb verb_init;
extern const struct verb verb_lists;
extern const struct verb verb_log;
extern const struct verb verb_metrics;
extern const struct verb verb_plan;
extern const struct verb verb_refresh;
extern const struct verb verb_reject;
extern const struct verb verb_reload;
extern const struct verb verb_replay;
extern const struct verb verb_report;
extern const struct verb verb_revoke;
extern const struct verb verb_rollback;
extern const struct verb verb_simulate;
extern const struct verb verb_status;
extern const struct verb verb_teardown;
extern const struct verb verb_unpin;
extern const struct verb verb_verify;
extern const struct verb verb_prove;
extern const struct verb verb_check_proof;
extern const struct verb verb_checkpoint;
extern const struct verb verb_rotate_key;

/* All of hallowctl.  `verbs` ends with NULL.  Returns the exit code. */
int ctl_main(const struct verb *const *verbs, int argc, char **argv);

/* Prints "hallowctl: ..." to standard error, control characters escaped, and returns `code`. */
int ctl_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prints lines to standard error, each behind `prefix`, control characters escaped.  With `-o json` they are in the value
 * as well, where there is nothing but an error. */
void ctl_complain(const char *prefix, const char *lines);

/* Loads the configuration once.  0, or the exit code when its errors were printed.  Where the verb only looks, 0 also where
 * they were printed and the last good one is there in its place. */
int ctl_config(struct ctl *ctl);

/* Opens the audit log to read, after the daemon, where one runs, was asked to write out all that happened so far.
 * 0 with *db, or the exit code when the error was printed. */
int ctl_audit(struct ctl *ctl, sqlite3 **db);

/* Prints to standard output; says so on standard error where memory ran out. */
void ctl_print_table(const struct table *t, const char *indent);

/* A time of the command line, option --NAME.  0, or the exit code when the error was printed. */
int ctl_time(time_us *t, const char *name, const char *text);

/* "there is no WHAT 'NAME'; did you mean 'X'?"; `names` holds `count`.  Returns EXIT_USAGE. */
int ctl_unknown(const char *what, const char *name, const char *const *names, size_t count);

#endif
