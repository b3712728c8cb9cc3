/* The connection through which whoever runs hallowctl has logged in, for the verbs that might cut it. */
#ifndef HALLOWD_CTL_SESSION_H
#define HALLOWD_CTL_SESSION_H

#include <stddef.h>

#define SESSION_WORD_MAX 160

/* The words that go right behind the verb: "--session=PEER PORT LOCAL PORT" where the person came through ssh (in
 * `word`), or "--force" where `force` is not NULL.  Returns how many were written to words[]: 0 or 1.
 *
 * sshd(8) says it in SSH_CONNECTION; sudo(8) takes that out of the environment, so the environments of the processes
 * that started this one are looked at as well. */
size_t session_words(const char **words, char word[SESSION_WORD_MAX], const char *force);

/* For the table of a verb's options. */
#define FORCE_OPTION { "force", NULL, "also where it cuts the connection through which you are logged in" }

#endif
