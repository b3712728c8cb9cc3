/* An event with its fields, to the journal and to syslog. */
#ifndef HALLOWD_DAEMON_FIELDS_H
#define HALLOWD_DAEMON_FIELDS_H

/* One datagram in the journal's own protocol (systemd's JOURNAL_NATIVE_PROTOCOL): MESSAGE, PRIORITY, SYSLOG_IDENTIFIER,
 * HALLOWD_EVENT, HALLOWD_SUBJECT, HALLOWD_DETAIL.  Nothing where no journal is there.  `text` and `subject` are of one
 * line. */
void fields_to_journal(int priority, const char *text, const char *kind, const char *subject, const char *detail);

/* One datagram to /dev/log: facility daemon, the message as JSON behind "@cee:", which rsyslog and syslog-ng take apart.
 * `json` is of one line. */
void fields_to_syslog(int priority, const char *json);

#endif
