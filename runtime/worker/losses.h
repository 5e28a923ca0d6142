/* SPDX-License-Identifier: BSD-3-Clause */
/* losses.h - what a worker does when another one is lost: it waits for nothing
 * from there any more, and tells the center what it lacks. */
#ifndef WORKER_LOSSES_H
#define WORKER_LOSSES_H

#include "custody.h"

/* RANK, which the port has forgotten, is lost. ANSWER: tell the center so, with
 * the keys that are waited for here and the tasks that came from peers; tasks
 * that have resources and lack an input are handed back to it. */
void losses_of_rank(struct custody *custody, int rank, bool answer);

#endif
