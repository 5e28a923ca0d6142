/* SPDX-License-Identifier: BSD-3-Clause */
/* errand.h - what a running task has done on ranks that it names, and what it
 * asks the center.
 *
 * Each goes out as one message with the number of a request of this rank, which
 * the answer settles; what concerns this rank alone is settled without one. No
 * errand is remembered here. */
#ifndef ERRAND_H
#define ERRAND_H

#include "custody.h"

/* Store BUFFER (a reference is taken) on RANK under a new key, which is
 * returned. It is dropped if the task PARENT (0: none) has to run again, after a
 * loss. */
uint64_t errand_put(struct custody *custody, int rank, uint64_t request,
                    uint64_t parent, struct buffer *buffer);

/* The value of KEY from RANK, if that holds it now; else DMPI_ENOKEY. */
void errand_fetch(struct custody *custody, int rank, uint64_t key,
                  const struct request *request);

/* The keys that RANK holds. */
void errand_ask_keys(struct custody *custody, int rank, uint64_t request);

/* The center: the ranks that hold KEY; the workers; drop the copy of KEY on
 * RANK. */
void errand_ask_holders(struct custody *custody, uint64_t key,
                        uint64_t request);
void errand_ask_workers(struct custody *custody, uint64_t request);
void errand_ask_drop(struct custody *custody, int rank, uint64_t key,
                     uint64_t request);

/* Reaction: FROM asks for the keys that are held here. */
void errand_on_ask_keys(struct custody *custody, int from,
                        const struct msg_ask_keys *ask);

#endif
