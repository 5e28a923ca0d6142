/* SPDX-License-Identifier: BSD-3-Clause */
/* slot.h - where a worker and one executor hand each other a task and what came
 * of it.
 *
 * In memory that both share, with the zygote, who says when the executor has
 * died. Whoever moves the state owns the rest until the other side moves it on:
 *
 *     zygote      FREE -> STARTING          executor   STARTING -> IDLE
 *     worker      IDLE -> GIVEN             executor   GIVEN -> BEGUN -> DONE
 *     executor    BEGUN -> ASKED            worker     ASKED -> BEGUN
 *     worker      DONE -> IDLE
 *
 * and when the executor is dead, the zygote: STARTING, IDLE -> FREE, GIVEN ->
 * LOST, BEGUN, ASKED -> CRASHED, DONE -> SPENT; from the last three the worker
 * goes on to FREE. */
#ifndef SLOT_H
#define SLOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "distmpi/pool.h"

enum slot_state {
    SLOT_FREE,     /* there is no executor */
    SLOT_STARTING, /* it has just been forked */
    SLOT_IDLE,     /* it waits for a task */
    SLOT_GIVEN,    /* it has one */
    SLOT_BEGUN,    /* whose function runs */
    SLOT_ASKED,    /* and wants memory */
    SLOT_DONE,     /* and has returned */
    SLOT_SPENT,    /* likewise, but the executor has died since */
    SLOT_LOST,     /* it died before it began */
    SLOT_CRASHED,  /* it died meanwhile */
    SLOT_STATES
};

enum outcome_kind {
    OUTCOME_SCRATCH, /* SIZE bytes in the slot */
    OUTCOME_BLOCK,   /* SIZE bytes of the last block it was given */
    OUTCOME_PASSED,  /* input number SIZE */
    OUTCOME_FAILED,  /* TEXT */
    OUTCOME_STRANGER /* the executor does not know this function */
};

enum { SLOT_SCRATCH = 4096, SLOT_SPACE = 60 << 10 };

struct slot {
    _Atomic uint32_t state;   /* enum slot_state; a futex */
    _Atomic uint32_t waiting; /* somebody sleeps on it */
    _Atomic int32_t pid;      /* of the executor; 0: it is dead */
    int32_t wait_status;      /* how it died, as wait(2) has it */
    const void *frame;        /* the worker's: what is to be run */
    uint64_t asked;           /* bytes that the executor wants, */
    void *block;              /* and has been given; NULL: there are none */
    uint32_t kind;            /* enum outcome_kind */
    uint64_t size;
    char text[DMPI_TEXT_MAX];
    _Alignas(64) char scratch[SLOT_SCRATCH]; /* the executor writes there, */
    _Alignas(64) char space[SLOT_SPACE];     /* the worker there */
};

/* The state, which others may move at any time. */
static inline enum slot_state slot_state(const struct slot *slot)
{
    return (enum slot_state)atomic_load(&slot->state);
}

/* Move from FROM to TO, which the table allows, and wake who waits. False: it was
 * not FROM any more, nothing happened. */
bool slot_move(struct slot *slot, enum slot_state from, enum slot_state to);

/* The executor is dead. */
void slot_died(struct slot *slot, int wait_status);

/* Wait as long as SLOT is in one of STATES (of bits 1 << state): spin for SPIN_NS,
 * then sleep, in all for about LONGEST_NS at most (UINT64_MAX: no limit). Returns
 * the state. */
enum slot_state slot_wait(struct slot *slot, unsigned states, uint64_t spin_ns,
                          uint64_t longest_ns);

/* Sleep while *WORD, which other processes see, is VALUE; wake all who do. */
void slot_sleep(_Atomic uint32_t *word, uint32_t value, uint64_t longest_ns);
void slot_wake(_Atomic uint32_t *word);

#endif
