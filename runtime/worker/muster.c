/* SPDX-License-Identifier: BSD-3-Clause */
/* muster.c - count to the number of members, then say go. */
#include "muster.h"

#include <assert.h>

#include "log.h"

void muster_fini(struct muster *muster)
{
    free(muster->ranks);
    rankset_free(muster->heard);
    *muster = (struct muster){0};
}

/* The first that is heard of GANG, which comes after the last one. */
static void enter(struct muster *muster, uint64_t gang)
{
    if (muster->gang == gang) return;
    assert(!muster->gang);
    muster->gang = gang;
}

void muster_on_gang(struct muster *muster, const struct msg_gang *say)
{
    const uint32_t *ranks = (const uint32_t *)(say + 1);
    enter(muster, say->gang);
    muster->comm = say->comm;
    muster->index = say->index;
    muster->size = say->size;
    muster->ranks = log_alloc(say->size * sizeof *muster->ranks);
    for (uint32_t i = 0; i < say->size; i++) muster->ranks[i] = (int)ranks[i];
}

/* One more member is there. */
static void count(struct muster *muster, struct port *port, bool broken)
{
    muster->broken |= broken;
    if (++muster->ready < muster->size || !muster->size) return;
    for (uint32_t i = 1; i < muster->size; i++) {
        struct msg_gang_go *go =
            port_say(port, muster->ranks[i], MSG_GANG_GO, sizeof *go);
        *go = (struct msg_gang_go){.gang = muster->gang,
                                   .broken = muster->broken};
    }
    muster->go = true;
}

void muster_on_ready(struct muster *muster, struct port *port, int from,
                     const struct msg_gang_ready *ready)
{
    enter(muster, ready->gang);
    rankset_add(&muster->heard, from, port->ranks);
    count(muster, port, ready->broken);
}

void muster_on_go(struct muster *muster, const struct msg_gang_go *go)
{
    assert(muster->gang == go->gang && muster->waiting);
    muster->go = true;
    muster->broken = go->broken;
}

void muster_wait(struct muster *muster, struct port *port, struct job *job,
                 bool broken)
{
    assert(muster->size && !muster->waiting);
    muster->waiting = job;
    if (muster->headless) {
        muster->go = muster->broken = true;
        return;
    }
    if (muster->index == 0) {
        count(muster, port, broken);
        return;
    }
    struct msg_gang_ready *ready =
        port_say(port, muster->ranks[0], MSG_GANG_READY, sizeof *ready);
    *ready = (struct msg_gang_ready){.gang = muster->gang, .broken = broken};
}

/* The first member lacks one: it is there, and cannot run. */
static void miss(struct muster *muster, struct port *port, int rank)
{
    if (muster->ready >= muster->size) return; /* all have begun */
    if (rankset_has(muster->heard, rank)) muster->broken = true;
    else count(muster, port, true);
}

void muster_lost(struct muster *muster, struct port *port, int rank)
{
    uint32_t index = 0;
    while (index < muster->size && muster->ranks[index] != rank) index++;
    if (index == muster->size) return;
    if (muster->index == 0) {
        miss(muster, port, rank);
    } else if (index == 0) {
        muster->headless = true;
        if (muster->waiting) muster->go = muster->broken = true;
    }
}

struct job *muster_take(struct muster *muster)
{
    if (!muster->go) return NULL;
    struct job *job = muster->waiting;
    muster->waiting = NULL;
    muster->go = false;
    return job;
}

void muster_end(struct muster *muster)
{
    assert(muster->gang && !muster->waiting);
    muster_fini(muster);
}
