/* SPDX-License-Identifier: BSD-3-Clause */
/* cancel.h - tasks that are not to run any more.
 *
 * One without a worker ends here and now; one that has a worker ends there, and
 * nothing changes here before that says how. */
#ifndef CANCEL_H
#define CANCEL_H

#include "scheduler.h"

/* The task of RECORD is not to run, or to stop; with all members of its gang.
 * Nothing happens if it has ended. RECORD may be gone afterwards. */
void cancel_task(struct scheduler *scheduler, struct record *record);

/* The task of RECORD, which has no worker yet, ends with STATUS and TEXT, with
 * all members of its gang. RECORD may be gone afterwards. */
void cancel_with(struct scheduler *scheduler, struct record *record,
                 dmpi_status status, const char *text);

#endif
