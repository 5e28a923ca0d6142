/* SPDX-License-Identifier: BSD-3-Clause */
/* decree.h - ends that the center decides: of tasks that do not run. */
#ifndef DECREE_H
#define DECREE_H

#include "scheduler.h"

/* The task of RECORD, which has no worker yet, is not to run: ERROR, an error
 * value, is its end, and that of all members if it is one of a gang. RECORD may
 * be gone afterwards. */
void decree_end(struct scheduler *scheduler, struct record *record,
                struct buffer *error);

/* Gangs that would start do not if one of their inputs is an error, which is what
 * their keys become, or if no task is to begin any more. */
void decree_gangs(struct scheduler *scheduler);

#endif
