/* hallowctl doctor: what is wrong with the host, and what to do. */
#ifndef HALLOWD_CTL_DOCTOR_H
#define HALLOWD_CTL_DOCTOR_H

#include <jansson.h>

#include "ctl/ctl.h"
#include "ctl/host.h"

enum health { HEALTH_GOOD, HEALTH_NOTE, HEALTH_BAD };

struct doctor {
	struct ctl *ctl;
	json_t *findings; /* [{check, state, text, remedy}] */
	struct host host; /* doctor_host reads it; empty where it could not be read */
	bool host_known;
	int code;         /* exit code so far: the highest that applies */
	bool no_memory;
};

/* Adds a finding, and shows it at once to a person.  `remedy` is what to do, NULL where all is good; a bad one raises the
 * exit code to `code`. */
void doctor_good(struct doctor *d, const char *check, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void doctor_note(struct doctor *d, const char *check, const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void doctor_bad(struct doctor *d, int code, const char *check, const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* The checks that need no configuration, those that do, and what a running hallowd says. */
void doctor_host(struct doctor *d);
void doctor_config(struct doctor *d, const struct config *c);
void doctor_daemon(struct doctor *d);

/* hallowd as it is installed, in a network namespace of its own with a configuration of its own: real connections over
 * loopback that must be let in, denied and recorded.  Needs root; nothing of the host is touched, and all of it is gone
 * afterwards. */
void doctor_self_test(struct doctor *d);

#endif
