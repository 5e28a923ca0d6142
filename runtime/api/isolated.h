/* SPDX-License-Identifier: BSD-3-Clause */
/* isolated.h - the inside of an executor: it takes tasks from its slot until it
 * is killed. It has no session, no port, and no token. */
#ifndef ISOLATED_H
#define ISOLATED_H

#include <sched.h>

#include "arena.h"
#include "distmpi/rank.h"
#include "frame.h"
#include "slot.h"
#include "supply.h"

/* A function that each executor calls before its first task. */
struct isolated_start {
    const dmpi_function *function;
    const void *args; /* where all see them; NULL: none */
    size_t size;
};

enum { ISOLATED_STARTS = 64 };

/* What a worker tells its executors, in memory that all share. */
struct isolated_terms {
    int rank, ranks;
    char host[DMPI_HOST_MAX];
    struct supply supply;
    uint64_t spin_ns;           /* to poll before sleeping */
    cpu_set_t cpus;             /* of the worker, now */
    _Atomic uint32_t cpus_turn; /* changes with them */
    uint32_t start_count;
    struct isolated_start starts[ISOLATED_STARTS];
};

/* Processes that are forked from now on would be executors of the owner of
 * those. */
void isolated_init(struct arena *arena, struct isolated_terms *terms);

/* This process is an executor, with that slot. */
void isolated_serve(struct slot *slot);

/* Is it one? */
bool isolated(void);

/* What calls return that are of no use in one. */
dmpi_status isolated_refuses(void);

/* For dmpi_ranks() there. */
int isolated_ranks(void);

/* SIZE bytes for the output of the task that SLOT was given, instead of those
 * that it had; what is in *OUTPUT but its data, size and room is anything.
 * False: there is no memory. */
bool isolated_output(struct slot *slot, size_t size, struct buffer *output);

#endif
