/* SPDX-License-Identifier: BSD-3-Clause */
/* durable.h - which values go to the journal, and which tasks need not run; on
 * rank 0, if there is a journal.
 *
 * What is submitted and put here gets a fingerprint, by which its value is known
 * in every launch of the program; keys without one are those that rank 0 cannot
 * tell of. A durable task's value is fetched when it has ended, a bounded number
 * of bytes at a time, and handed to the journal's thread. Until then its key
 * stays, also if the application has dropped it.
 *
 * All but durable_open() is called with the token. */
#ifndef DURABLE_H
#define DURABLE_H

#include "session.h"

/* Collective, before the session: the journal that CONFIG names, on rank 0. NULL:
 * none, or another rank. A journal that cannot be used ends all processes,
 * rank 0 with DURABLE_EXIT, after one line that says what is wrong. */
enum { DURABLE_EXIT = 2 };
struct journal *durable_open(struct world *world, const struct config *config);

/* JOURNAL is taken; the session has its center. */
struct durable *durable_new(struct session *session, struct journal *journal);

/* After the center is gone. DURABLE may be NULL. */
void durable_free(struct durable *durable);

/* As center_submit(), unless the journal has the value. */
uint64_t durable_submit(void *durable, const struct task_order *order);

/* As center_submit_gang(), unless it has the values of all members. */
dmpi_status durable_submit_gang(struct durable *durable,
                                const struct task_order orders[], size_t size,
                                uint64_t keys[]);

/* SIZE bytes at DATA were put as KEY. */
void durable_put(struct durable *durable, uint64_t key, const void *data,
                 size_t size);

/* Tasks submitted from now on see the constant NAME; BYTES NULL: they do not. */
void durable_constant(struct durable *durable, const char *name,
                      const void *bytes, size_t size);

/* The application has got SIZE bytes at DATA as the value of KEY. */
void durable_got(struct durable *durable, uint64_t key, const void *data,
                 size_t size);

/* The application has dropped KEY. */
void durable_dropped(struct durable *durable, uint64_t key);

/* Between messages: fetch what has ended, hand on what has come. */
void durable_turn(struct durable *durable);

/* No durable task is unended, and all values are committed; those that are not
 * will be soon. */
bool durable_is_settled(struct durable *durable);

/* Before the process ends in any way: commit what has come to rank 0 so far and
 * leave the journal to others. It waits for the disk only; nothing is kept
 * afterwards, tasks run as without a journal. May be called again. */
void durable_close(struct durable *durable);

struct durable_counts {
    uint64_t tasks_taken;   /* that did not run: the journal had their values */
    uint64_t values, bytes; /* written to it */
    uint64_t bytes_fetched; /* from workers, only for it */
    uint64_t bytes_recalled; /* from it, to workers and the application */
};
struct durable_counts durable_counts(const struct durable *durable);

#endif
