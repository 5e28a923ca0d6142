/* SPDX-License-Identifier: BSD-3-Clause */
/* hello.h - what ranks tell each other when a pool opens, and whether they fit
 * together. All of it is collective over the world. */
#ifndef HELLO_H
#define HELLO_H

#include <stdbool.h>

#include "config.h"
#include "distmpi/rank.h"
#include "trace_file.h"
#include "world.h"

/* Find what is wrong on this rank, agree with the others, and print one line on
 * rank 0 if there is something. DMPI_OK: CONFIG holds rank 0's settings, and
 * *TRACE, on rank 0, the trace file if they ask for one, owned by the caller;
 * else it is NULL. */
dmpi_status hello_agree(struct world *world, const char *options,
                        struct config *config, struct trace_file **trace);

/* The resources that CONFIG lists, in a world of RANKS processes. False: WHY says
 * what is wrong with them; hello_agree() has seen to it that nothing is. */
bool hello_read_supply(const struct config *config, int ranks,
                       struct supply *supply, char *why, size_t why_size);

/* Divide the cores of each node and bind this process, as CONFIG says. WORKERS,
 * for all ranks from 0, owned by the caller afterwards, tells the outcome.
 * *BEFORE is the binding to go back to, owned by the caller, or NULL.
 * *CROWDED: there are more ranks than cores here. */
void hello_bind(struct world *world, const struct config *config,
                dmpi_worker *workers, char **before, bool *crowded);

#endif
