/* SPDX-License-Identifier: BSD-3-Clause */
/* curfew.h - the job is to end: who has asked for that, what the workers were
 * told, and how many tasks they have not begun. */
#ifndef CURFEW_H
#define CURFEW_H

#include <stdbool.h>

#include "port.h"
#include "scheduler.h"

/* All zero: nobody has. */
struct curfew {
    int asked_by, signal; /* the first rank that was told to end, and by what */
    bool begun;           /* no task begins any more */
};

/* Tell all workers; see center_curfew(). */
void curfew_tell(struct curfew *curfew, struct scheduler *scheduler,
                 uint64_t left_ns, bool begins);

/* Reaction. */
void curfew_on_ask_curfew(struct curfew *curfew, int from,
                          const struct msg_ask_curfew *ask);

#endif
