/* SPDX-License-Identifier: BSD-3-Clause */
/* budget.c - limit, scratch file, heap. */
#include "budget.h"

#include <malloc.h>
#include <stdlib.h>

#include "log.h"
#include "quota.h"
#include "scratch.h"
#include "size.h"

enum {
    SPILL_LEAST = 4096, /* smaller values stay in memory */
    VALUES_LEAST = 4,   /* a part of the limit, whatever the program takes */
    LOOK_LEAST = 64 << 10,
    LOOK_PART = 64, /* of the budget */
    KEEP_PART = 64, /* as spares, once memory is short */
    TRIM_PART = 16, /* is written, then the heap is looked at */
    MMAP_BYTES = 128 << 10
};

struct budget {
    struct scratch *scratch; /* owned */
    uint64_t bytes;          /* for values */
    uint64_t trimmed;        /* bytes written when the heap was looked at */
    bool short_of;           /* something has been written */
};

/* ---- the limit -----------------------------------------------------------*/

static uint64_t limit(const struct session *session)
{
    uint64_t bytes;
    if (size_read(session->config.memory, &bytes)) return bytes;
    int count = 1;
    if (session->mpi) world_neighbours(session->world, &count);
    return quota_memory() / (uint64_t)count;
}

static void wake(void *argument)
{
    struct session *session = argument;
    if (session->mpi) world_wake(session->world);
}

struct memory_setup budget_open(struct session *session)
{
    uint64_t all = limit(session), least = all / VALUES_LEAST;
    uint64_t resident = quota_resident();
    struct budget *budget = log_alloc(sizeof *budget);
    *budget = (struct budget){
        .scratch = scratch_new(session->config.scratch, wake, session),
        .bytes = all > resident + least ? all - resident : least};
    session->budget = budget;
    return (struct memory_setup){.disk = scratch_disk(budget->scratch),
                                 .limit_bytes = budget->bytes,
                                 .least_bytes = SPILL_LEAST};
}

/* ---- the heap ------------------------------------------------------------*/

/* What is freed is to be free, from now on. */
static void keep_little(struct budget *budget)
{
    budget->short_of = true;
    buffer_keep((size_t)(budget->bytes / KEEP_PART) + 1);
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
    malloc_trim(0);
#endif
}

/* Between pieces in use the heap keeps what is free. */
static void trim(struct budget *budget)
{
    uint64_t written = scratch_written(budget->scratch);
    if (written - budget->trimmed < budget->bytes / TRIM_PART) return;
    budget->trimmed = written;
    buffer_trim();
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

bool budget_turn(struct session *session)
{
    struct budget *budget = session->budget;
    if (!budget->short_of && scratch_busy(budget->scratch)) keep_little(budget);
    if (!scratch_poll(budget->scratch)) return false;
    trim(budget);
    return true;
}

void budget_sleep(struct session *session, uint64_t ns)
{
    if (session->budget && scratch_busy(session->budget->scratch))
        scratch_sleep(session->budget->scratch, ns);
}

/* ---- outputs -------------------------------------------------------------*/

size_t budget_look(const struct session *session)
{
    if (!session->budget) return SIZE_MAX;
    size_t part = (size_t)(session->budget->bytes / LOOK_PART);
    return part > LOOK_LEAST ? part : LOOK_LEAST;
}

/* No other task runs meanwhile: this one has begun. */
bool budget_allows(struct session *session, struct job *job, size_t size)
{
    enum room_answer answer;
    session_lock(session);
    session->idle_since_ns = 0;
    while ((answer = worker_output_room(session->worker, job, size)) ==
           ROOM_WAIT)
        if (!session_turn(session, TURN_MAIN))
            session_idle(session, UINT64_MAX);
    session_unlock(session);
    return answer == ROOM_YES;
}

/* ---- the end -------------------------------------------------------------*/

void budget_stop(struct session *session)
{
    if (session->budget) scratch_stop(session->budget->scratch);
}

void budget_close(struct session *session)
{
    if (!session->budget) return;
    scratch_free(session->budget->scratch);
    free(session->budget);
}
