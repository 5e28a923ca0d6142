/* SPDX-License-Identifier: BSD-3-Clause */
/* killing.c - ask who they are, then signal them. */
#include "killing.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { KILL_WITHIN_US = 500000 };

/* xorshift64*: STATE is not 0. */
static uint64_t next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}

static void nap_us(uint64_t us)
{
    struct timespec nap = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    nanosleep(&nap, NULL);
}

/* ---- who -----------------------------------------------------------------*/

DMPI_TASK(process)
{
    *(int64_t *)dmpi_task_output(task, sizeof(int64_t)) = getpid();
}

static pid_t process_of(dmpi_pool *pool, int rank)
{
    dmpi_task_options options = {.rank = rank, .hard = 1};
    dmpi_key key;
    int64_t number;
    if (dmpi_submit(pool, process, NULL, 0, NULL, 0, &options, &key) ||
        dmpi_get(pool, key, &number, sizeof number, NULL) ||
        dmpi_drop(pool, &key, 1)) {
        fprintf(stderr, "wrong: rank %d: %s\n", rank, dmpi_status_detail());
        exit(1);
    }
    return (pid_t)number;
}

void killing_choose(struct killing *killing, dmpi_pool *pool, int count)
{
    int ranks[WORKERS_MAX], workers = dmpi_ranks() - 1;
    for (int i = 0; i < workers; i++) ranks[i] = i + 1;
    for (int i = 0; i < count; i++) {
        int j = i + (int)(next(&killing->state) % (uint64_t)(workers - i));
        int rank = ranks[j];
        ranks[j] = ranks[i];
        killing->victims[i] = process_of(pool, rank);
    }
    killing->count = count;
}

void killing_add_self(struct killing *killing)
{
    killing->victims[killing->count++] = getpid();
}

/* ---- when ----------------------------------------------------------------*/

static void *kill_them(void *argument)
{
    struct killing *killing = argument;
    for (int i = 0; i < killing->count; i++) {
        nap_us(next(&killing->state) % KILL_WITHIN_US);
        kill(killing->victims[i], SIGKILL);
    }
    nap_us((uint64_t)killing->seconds * 1000000);
    killing->done = true;
    return NULL;
}

void killing_begin(struct killing *killing, int seconds)
{
    killing->seconds = seconds;
    pthread_create(&killing->thread, NULL, kill_them, killing);
}

void killing_end(struct killing *killing)
{
    pthread_join(killing->thread, NULL);
}
