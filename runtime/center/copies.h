/* SPDX-License-Identifier: BSD-3-Clause */
/* copies.h - copies of a value that somebody asks about, wants, or wants gone.
 *
 * A copy is made from a worker that has the value or is about to. The last one
 * goes only together with its key. */
#ifndef COPIES_H
#define COPIES_H

#include "distmpi/status.h"
#include "exchange.h"
#include "values.h"

/* *RANKS (the caller's to unref) receives who holds KEY, as int32_t: its owner,
 * then the others in order; nobody, if it does not exist yet.
 * DMPI_ENOKEY, DMPI_ENOMEM: with a detail. */
dmpi_status copies_tell(const struct values *values, uint64_t key,
                        struct buffer **ranks);

/* RANK is to forget its copy of KEY.
 * DMPI_ENOKEY, DMPI_EBUSY: with a detail, nothing was changed. */
dmpi_status copies_drop(struct values *values, uint64_t key, int rank);

/* Make copies of RECORD, which is done, until COUNT workers hold it. Each is
 * answered to a request of EXCHANGE that REQUESTS[i] receives, and needs RECORD
 * until the caller says otherwise; returns how many. */
size_t copies_make(struct values *values, struct exchange *exchange,
                   struct record *record, size_t count,
                   struct request *requests[]);

#endif
