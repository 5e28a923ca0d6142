/* SPDX-License-Identifier: BSD-3-Clause */
/* isolated.c - one task after the other; memory comes from the worker. */
#include "isolated.h"

#include <stdio.h>
#include <string.h>

#include "fault.h"
#include "log.h"
#include "registry.h"
#include "running.h"

static struct arena *arena = NULL;
static struct isolated_terms *terms = NULL;
static bool self = false;
static struct session session; /* what tasks ask of one, nothing else */
static uint32_t started = 0;   /* start functions called here */
static uint32_t cpus_turn = 0; /* of the cores that this process has */

/* The block that this process may write to; NULL: none. */
static void *open_block = NULL;
static size_t open_bytes = 0;

void isolated_init(struct arena *shared_arena, struct isolated_terms *shared)
{
    arena = shared_arena;
    terms = shared;
}

bool isolated(void)
{
    return self;
}

dmpi_status isolated_refuses(void)
{
    return fault(DMPI_ESTATE, "not in an isolated task, which knows its inputs "
                              "and its output only: submit it with isolate = "
                              "-1");
}

int isolated_ranks(void)
{
    return self ? terms->ranks : -1;
}

/* ---- output --------------------------------------------------------------*/

static void close_block(void)
{
    if (open_block) arena_open(open_block, open_bytes, false);
    open_block = NULL;
}

static void *ask_worker(struct slot *slot, size_t size)
{
    slot->asked = size;
    slot_move(slot, SLOT_BEGUN, SLOT_ASKED);
    while (slot_wait(slot, 1u << SLOT_ASKED, terms->spin_ns, UINT64_MAX) !=
           SLOT_BEGUN) {
    }
    return slot->block;
}

bool isolated_output(struct slot *slot, size_t size, struct buffer *output)
{
    close_block();
    output->data = slot->scratch;
    output->size = output->room = size;
    if (size <= SLOT_SCRATCH) return true;
    output->data = ask_worker(slot, size);
    if (!output->data) return false;
    if (!arena_holds(arena, output->data)) return true; /* see buffer.h */
    open_block = output->data;
    open_bytes = size;
    arena_open(open_block, open_bytes, true);
    return true;
}

/* ---- tasks ---------------------------------------------------------------*/

static void bind_like_worker(void)
{
    uint32_t turn = atomic_load(&terms->cpus_turn);
    if (turn == cpus_turn) return;
    sched_setaffinity(0, sizeof terms->cpus, &terms->cpus);
    cpus_turn = turn;
}

/* What the worker has been told to call at its start. False: one has failed, the
 * slot says why. */
static bool start(struct slot *slot)
{
    while (started < terms->start_count) {
        const struct isolated_start *next = &terms->starts[started];
        running_isolated_start(&session, slot, next);
        if (slot->kind == OUTCOME_FAILED) return false;
        started++;
    }
    return true;
}

static void run(struct slot *slot)
{
    bind_like_worker();
    if (start(slot)) running_isolated(&session, slot, slot->frame);
    close_block();
    fflush(stdout); /* this process will be killed */
}

void isolated_serve(struct slot *slot)
{
    const unsigned rests = 1u << SLOT_IDLE | 1u << SLOT_DONE;
    self = true;
    session.worker_rank = terms->rank;
    session.ranks = terms->ranks;
    session.supply = terms->supply;
    log_set_speaker(terms->rank, terms->host);
    arena_protect(arena);
    for (;;) {
        while (slot_wait(slot, rests, terms->spin_ns, UINT64_MAX) != SLOT_GIVEN)
            ;
        slot_move(slot, SLOT_GIVEN, SLOT_BEGUN);
        run(slot);
        slot_move(slot, SLOT_BEGUN, SLOT_DONE);
    }
}
