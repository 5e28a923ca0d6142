/* SPDX-License-Identifier: BSD-3-Clause */
/* values.h - which ranks hold the value of a record, and its end.
 *
 * The sum of roster bytes always equals the bytes of all ended records on all
 * their holders. */
#ifndef VALUES_H
#define VALUES_H

#include "catalog.h"
#include "port.h"
#include "roster.h"
#include "watch.h"

struct values {
    struct port *port; /* borrowed, like the others */
    struct catalog *catalog;
    struct roster *roster;
    struct watches *watches;
    /* Gives the value of a key that lies outside (a reference for the caller),
     * or an error value; see center_put_later(). */
    struct buffer *(*recall)(void *arg, uint64_t key);
    void *recall_arg;
    struct lineage *lineage; /* NULL: nothing is kept, see lineage.h */
};

/* Recall the value of RECORD, which lies outside: it goes to a worker. */
void values_bring(const struct values *values, struct record *record);

/* The value of RECORD exists now, on OWNER, and has BYTES: its watches are
 * over. */
void values_exist(const struct values *values, struct record *record, int owner,
                  uint64_t bytes);

/* RANK holds RECORD too, or is about to. */
void values_copy(struct values *values, struct record *record, int rank);

/* RANK knows where RECORD went, or has a copy that nobody else should count
 * on: it is told when RECORD is forgotten. */
void values_note(struct values *values, struct record *record, int rank);

/* The same by its KEY: if there is no record any more it is told now. */
void values_note_key(struct values *values, uint64_t key, int rank);

/* Tell RANK to keep BUFFER (a reference is taken), which may be an error, under
 * KEY. REQUEST: of this rank, answered when it is there, or 0. */
void values_say_put(const struct values *values, int rank, uint64_t key,
                    uint64_t request, struct buffer *buffer);

/* Ask RANK for a value, as FETCH says. */
void values_say_fetch(const struct values *values, int rank,
                      const struct msg_key_fetch *fetch);

/* Tell RANK to forget KEY. */
void values_say_drop(struct values *values, uint64_t key, int rank);

/* RANK holds no copy any more; another one does. */
void values_remove_copy(struct values *values, struct record *record, int rank);

static inline bool values_at(const struct record *record, int rank)
{
    return record->owner == rank || rankset_has(record->copies, rank);
}

/* RANK is lost, and holds nothing any more; where it was the owner there is none
 * now. */
void values_lose(struct record *record, int rank);

/* Nobody on any rank is to keep RECORD's value: it has no holders any more. */
void values_discard(struct values *values, struct record *record);

/* Forget RECORD, on all ranks, if nobody can ask for it again. */
void values_release(struct values *values, struct record *record);

/* The application drops RECORD: its watches are over. */
void values_drop(struct values *values, struct record *record);

/* One task or call less needs it. */
void values_unneed(struct values *values, struct record *record);

/* For tests: all records and loads agree, or it asserts. */
void values_check(const struct values *values);

#endif
