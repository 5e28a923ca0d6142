/* SPDX-License-Identifier: BSD-3-Clause */
/* errands.h - what rank 0 has done on ranks that it names, and what it tells
 * workers that ask who holds what; see rank.h.
 *
 * What another rank answers settles a request of this rank. No errand is
 * remembered here. */
#ifndef ERRANDS_H
#define ERRANDS_H

#include "kin.h"
#include "puts.h"

/* All borrowed. */
struct errands {
    struct kin *kin; /* with port, exchange, and scheduler with values */
    struct puts *puts;
};

/* *RANKS (the caller's to unref) receives who holds KEY, as int32_t.
 * DMPI_ENOKEY, DMPI_ENOMEM: with a detail. */
dmpi_status errands_holders(struct errands *errands, uint64_t key,
                            struct buffer **ranks);

/* The workers, as dmpi_worker; the caller's to unref. */
struct buffer *errands_workers(struct errands *errands);

/* RANK is to forget its copy of KEY. DMPI_ENOKEY, DMPI_EBUSY: with a detail. */
dmpi_status errands_drop_copy(struct errands *errands, uint64_t key, int rank);

/* Store BUFFER (a reference is taken) on RANK under a new key, which is
 * returned. */
uint64_t errands_put(struct errands *errands, int rank, uint64_t request,
                     struct buffer *buffer);

/* The keys that RANK holds. */
void errands_ask_keys(struct errands *errands, int rank, uint64_t request);

/* The value of KEY from RANK, if that holds it now; else DMPI_ENOKEY. */
void errands_fetch(struct errands *errands, int rank, uint64_t key,
                   const struct request *request);

/* Reactions. */
void errands_on_key_held(struct errands *errands, int from,
                         const struct msg_key_held *held);
void errands_on_ask_holders(struct errands *errands, int from,
                            const struct msg_ask_holders *ask);
void errands_on_ask_workers(struct errands *errands, int from,
                            const struct msg_ask_workers *ask);
void errands_on_ask_drop(struct errands *errands, int from,
                         const struct msg_ask_drop *ask);

#endif
