/* SPDX-License-Identifier: BSD-3-Clause */
/* muster.c - count to the number of members, then say go. */
#include "muster.h"

#include <assert.h>

#include "log.h"

void muster_fini(struct muster *muster)
{
    free(muster->ranks);
    muster->ranks = NULL;
}

void muster_on_gang(struct muster *muster, const struct msg_gang *say)
{
    const uint32_t *ranks = (const uint32_t *)(say + 1);
    assert(!muster->start);
    muster->start = say->start;
    muster->count = (struct muster_count){.start = say->start};
    if (muster->early.start == say->start) muster->count = muster->early;
    muster->comm = say->comm;
    muster->index = say->index;
    muster->size = say->size;
    muster->ranks = log_alloc(say->size * sizeof *muster->ranks);
    for (uint32_t i = 0; i < say->size; i++) muster->ranks[i] = (int)ranks[i];
}

static void say_go(struct muster *muster, struct port *port)
{
    for (uint32_t i = 1; i < muster->size; i++) {
        struct msg_gang_go *go =
            port_say(port, muster->ranks[i], MSG_GANG_GO, sizeof *go);
        *go = (struct msg_gang_go){.start = muster->start,
                                   .status = muster->count.status};
    }
    muster->go = true;
    muster->status = muster->count.status;
}

/* The first of what several members say. */
static void note(struct muster_count *count, uint32_t status)
{
    count->ready++;
    if (!count->status) count->status = status;
}

/* One more member is there. */
static void count(struct muster *muster, struct port *port, uint32_t status)
{
    note(&muster->count, status);
    if (muster->count.ready == muster->size) say_go(muster, port);
}

/* Of the next gang; if that was called off, of the one after it. */
static void count_early(struct muster_count *early,
                        const struct msg_gang_ready *ready)
{
    if (ready->start < early->start) return;
    if (ready->start > early->start)
        *early = (struct muster_count){.start = ready->start};
    note(early, ready->status);
}

void muster_on_ready(struct muster *muster, struct port *port,
                     const struct msg_gang_ready *ready)
{
    if (ready->start == muster->start) count(muster, port, ready->status);
    else if (ready->start > muster->last) count_early(&muster->early, ready);
}

void muster_on_go(struct muster *muster, const struct msg_gang_go *go)
{
    if (go->start <= muster->last) return;
    assert(muster->start == go->start && muster->waiting);
    muster->go = true;
    muster->status = go->status;
}

void muster_wait(struct muster *muster, struct port *port, struct job *job,
                 dmpi_status status)
{
    assert(muster->size && !muster->waiting);
    muster->waiting = job;
    if (muster->index == 0) {
        count(muster, port, status);
        return;
    }
    struct msg_gang_ready *ready =
        port_say(port, muster->ranks[0], MSG_GANG_READY, sizeof *ready);
    *ready = (struct msg_gang_ready){.start = muster->start, .status = status};
}

void muster_on_job(struct muster *muster, struct job *job)
{
    assert(muster->size && !muster->job);
    muster->job = job;
}

struct job *muster_take(struct muster *muster)
{
    if (!muster->go) return NULL;
    struct job *job = muster->waiting;
    muster->waiting = NULL;
    muster->go = false;
    muster->begun = !muster->status;
    return job;
}

static void leave(struct muster *muster)
{
    struct muster next = {.last = muster->start, .early = muster->early};
    muster_fini(muster);
    *muster = next;
}

void muster_end(struct muster *muster)
{
    assert(muster->start && !muster->waiting);
    leave(muster);
}

/* The gang is broken. */
static struct job *give_up(struct muster *muster)
{
    struct job *job = muster->job;
    muster->doomed = muster->begun;
    if (muster->begun) return NULL;
    assert(job);
    leave(muster);
    return job;
}

struct job *muster_lost(struct muster *muster, int rank)
{
    uint32_t index = 0;
    while (index < muster->size && muster->ranks[index] != rank) index++;
    return index < muster->size ? give_up(muster) : NULL;
}

struct job *muster_on_off(struct muster *muster, const struct msg_gang_off *off)
{
    return muster->start == off->start ? give_up(muster) : NULL;
}
