/* SPDX-License-Identifier: BSD-3-Clause */
/* archive.h - the journal's SQLite database: who wrote it, and a row per value.
 *
 * Small values stand in their rows, of large ones the row says that there is a
 * file. What is committed outlasts a crash of program and machine (rollback
 * journal, synchronous=EXTRA). Each opening raises the generation; no group is
 * written under another one than its own.
 *
 * Not thread safe: the caller sees to it that one thread is in here. */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include <stdbool.h>

#include "buffer.h"
#include "fingerprint.h"

struct archive;

struct archive_row {
    int64_t id;
    struct fingerprint fingerprint;
    uint64_t size;       /* bytes of the value */
    uint64_t generation; /* that wrote it */
    bool in_file;
};

/* Is nothing at PATH, or what may be a journal? False: WHY says what it is. */
bool archive_may_open(const char *path, char *why, size_t why_size);

/* Open the database at PATH (absolute), or make it if there is none, or an empty
 * file although none of EXPECTED values is lost thereby. ROW(ARG, row) hears of
 * every value. NULL: WHY says in one line what is wrong and what to do, and
 * nothing was changed. */
struct archive *archive_open(const char *path, uint64_t expected,
                             void (*row)(void *arg,
                                         const struct archive_row *row),
                             void *arg, char *why, size_t why_size);
void archive_close(struct archive *archive);

uint64_t archive_generation(const struct archive *archive);
uint64_t archive_entries(const struct archive *archive);

/* Read checksum and, unless it lies in a file, the bytes of row ID; BYTES has
 * room for SIZE. False: it cannot be read, or is not as it was. */
bool archive_read(struct archive *archive, int64_t id, uint64_t size,
                  struct fingerprint *checksum, void *bytes);

/* A group: begin, add and remove, commit. False: the group is undone, and
 * archive_why() tells. */
bool archive_begin(struct archive *archive);
/* ROW gets its id. BYTES NULL: they lie in a file. */
bool archive_add(struct archive *archive, struct archive_row *row,
                 const struct fingerprint *checksum, const void *bytes);
bool archive_remove(struct archive *archive, int64_t id);
bool archive_commit(struct archive *archive);

/* Why the last call failed, in a few words. */
const char *archive_why(const struct archive *archive);

#endif
