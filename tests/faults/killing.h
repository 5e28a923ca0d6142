/* SPDX-License-Identifier: BSD-3-Clause */
/* killing.h - random workers are killed at random times, by a thread of rank 0. */
#ifndef KILLING_H
#define KILLING_H

#include <distmpi.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { WORKERS_MAX = 16 };

struct killing {
    pid_t victims[WORKERS_MAX];
    int count;
    uint64_t state; /* of its random numbers */
    int seconds;    /* that pass after that */
    _Atomic bool done;
    pthread_t thread;
};

/* COUNT of the workers of POOL are to be killed, in random order; or this process
 * is. */
void killing_choose(struct killing *killing, dmpi_pool *pool, int count);
void killing_add_self(struct killing *killing);

/* It is done when all were, one after the other, and so many SECONDS have
 * passed. */
void killing_begin(struct killing *killing, int seconds);
void killing_end(struct killing *killing);

#endif
