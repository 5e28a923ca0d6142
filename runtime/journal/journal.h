/* SPDX-License-Identifier: BSD-3-Clause */
/* journal.h - values that outlast the job, found again by their fingerprints.
 *
 * Beside the file FILE lie FILE.lock, which says who has it and how many values
 * there are (see holder.h), and FILE.values/ with what is above 1 MiB. What is
 * kept is written by a thread of the journal's own, in groups, about once a
 * second; it is durable when its group is committed, and can be found from then
 * on. If a group cannot be written (the disk is full, another launch has taken
 * the journal over) one warning says so, and nothing more is written; what was
 * committed stays. A value that is not as it was written is as good as none: one
 * warning says so, and it may be kept anew.
 *
 * Called by one thread at a time; nothing here calls MPI. */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "buffer.h"
#include "fingerprint.h"

enum { JOURNAL_WHY = 400 };

struct journal;

/* Open FILE for this process alone, make it if there is none. NULL: WHY says in
 * one line what is wrong and what to do; nothing was changed. */
struct journal *journal_open(const char *file, char *why, size_t why_size);

/* Is the value with that fingerprint here, committed? *SIZE: its bytes. */
bool journal_has(struct journal *journal, const struct fingerprint *fingerprint,
                 uint64_t *size);

/* Read it; as it was written. NULL: it cannot be read, or there is no memory. */
struct buffer *journal_read(struct journal *journal,
                            const struct fingerprint *fingerprint);

/* Keep SIZE bytes at DATA, from malloc(), which are taken. Nothing happens if
 * that fingerprint is kept already. */
void journal_keep(struct journal *journal,
                  const struct fingerprint *fingerprint, void *data,
                  size_t size);

/* So much waits to be written that one should wait with more. */
bool journal_is_full(struct journal *journal);

/* Commit what was kept so far without waiting for the second to pass. */
void journal_commit(struct journal *journal);

/* All that was kept is committed, or never will be. */
bool journal_is_settled(struct journal *journal);

/* Nothing more is written. */
bool journal_is_broken(struct journal *journal);

struct journal_counts {
    uint64_t values, bytes; /* committed since the opening */
    uint64_t entries;       /* values in all */
};
struct journal_counts journal_counts(struct journal *journal);

/* Commit all that was kept, and leave the journal to others. From any state of
 * the job: it waits for the disk only. JOURNAL may be NULL. */
void journal_close(struct journal *journal);

#endif
