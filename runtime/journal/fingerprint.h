/* SPDX-License-Identifier: BSD-3-Clause */
/* fingerprint.h - 128 bits that name what was computed from what.
 *
 * XXH3 over a sequence of numbers and byte strings, each said with its length, so
 * that no two sequences run into each other. The same on every machine: it is
 * kept in files. */
#ifndef FINGERPRINT_H
#define FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fingerprint {
    uint64_t low, high;
};

enum { FINGERPRINT_BYTES = 16, FINGERPRINT_TEXT = 2 * FINGERPRINT_BYTES + 1 };

static inline bool fingerprint_is(const struct fingerprint *a,
                                  const struct fingerprint *b)
{
    return a->low == b->low && a->high == b->high;
}

/* To and from bytes, the highest first, as they stand in files. */
void fingerprint_write(const struct fingerprint *fingerprint,
                       unsigned char bytes[FINGERPRINT_BYTES]);
struct fingerprint
fingerprint_read(const unsigned char bytes[FINGERPRINT_BYTES]);

/* In hexadecimal digits, the highest first. */
void fingerprint_text(const struct fingerprint *fingerprint,
                      char text[FINGERPRINT_TEXT]);

/* A sequence on its way to a fingerprint; one after the other. */
struct digest *digest_new(void);
void digest_free(struct digest *digest);

/* A new sequence, of the kind that WHAT names. */
void digest_begin(struct digest *digest, const char *what);
void digest_number(struct digest *digest, uint64_t number);
void digest_bytes(struct digest *digest, const void *bytes, size_t size);
void digest_text(struct digest *digest, const char *text);
void digest_print(struct digest *digest, const struct fingerprint *fingerprint);
struct fingerprint digest_end(struct digest *digest);

#endif
