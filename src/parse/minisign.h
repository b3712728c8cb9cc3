/* Signatures of minisign, verified with libsodium.
 *
 * A signature is a file of four lines (minisign(1), "Signature format"):
 *   untrusted comment: TEXT
 *   base64 of  algorithm (2 bytes), key id (8), Ed25519 signature (64)
 *   trusted comment: TEXT
 *   base64 of  Ed25519 signature (64) over the signature above and the trusted comment's text
 * Algorithm "Ed": the signature is over the file's bytes; "ED": over their BLAKE2b-512 hash.
 * A public key is the base64 of "Ed", key id (8), Ed25519 public key (32). */
#ifndef HALLOWD_PARSE_MINISIGN_H
#define HALLOWD_PARSE_MINISIGN_H

#include <stddef.h>

#include "core/error.h"

/* Whether one of `keys` (public keys with a space between them) has signed the `len` bytes, its trusted comment
 * included.  0; or -1 with *err, which reads behind the name of the list: "is signed by ...". */
int minisign_verify(const char *keys, const char *signature, const void *data, size_t len, struct error *err);

#endif
