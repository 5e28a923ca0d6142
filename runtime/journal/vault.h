/* SPDX-License-Identifier: BSD-3-Clause */
/* vault.h - the large values of a journal: one file each, in the folder
 * FILE.values/ beside it.
 *
 * A file has its final name only when its bytes are on the disk. It belongs to
 * the journal only when that has recorded it; what was not is removed at the next
 * opening. Names say the fingerprint and the generation that wrote it, so that
 * no launch writes over a file of another. */
#ifndef VAULT_H
#define VAULT_H

#include <stdbool.h>

#include "buffer.h"
#include "fingerprint.h"

/* The folder is made when the first value is written. */
struct vault *vault_new(const char *journal_path);
void vault_free(struct vault *vault);

/* Which file. */
struct vault_name {
    struct fingerprint fingerprint;
    uint64_t generation;
};

/* Write SIZE BYTES and wait until they are on the disk. False: errno tells,
 * nothing is left. */
bool vault_write(struct vault *vault, const struct vault_name *name,
                 const void *bytes, size_t size);

/* The value, to BUFFER, whose size it must have. False: there is none. */
bool vault_read(const struct vault *vault, const struct vault_name *name,
                struct buffer *buffer);

/* A file that is there and has SIZE bytes? */
bool vault_has(const struct vault *vault, const struct vault_name *name,
               uint64_t size);

/* That was written, and is not to be recorded after all. */
void vault_remove(const struct vault *vault, const struct vault_name *name);

/* Remove the files of which KEEP(ARG, name) says no, and what was left half
 * written. Files that are not ours by their names stay. */
void vault_sweep(struct vault *vault,
                 bool (*keep)(void *arg, const struct vault_name *name),
                 void *arg);

#endif
