/* SPDX-License-Identifier: BSD-3-Clause */
/* constants.c - a set per epoch, which shares all but one constant with the set
 * before it. */
#include "constants.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

struct epoch {
    uint64_t number;          /* first, see table.h */
    struct constant_set *set; /* a reference is owned */
    struct constant *fresh;   /* borrowed from the set; NULL: one was removed */
};

/* ---- one constant --------------------------------------------------------*/

static struct constant *constant_new(const char *name)
{
    struct constant *constant = log_alloc(sizeof *constant);
    *constant = (struct constant){.refs = 1};
    snprintf(constant->name, sizeof constant->name, "%s", name);
    return constant;
}

static struct constant *constant_ref(struct constant *constant)
{
    constant->refs++;
    return constant;
}

static void constant_unref(struct constant *constant)
{
    if (--constant->refs) return;
    buffer_unref(constant->buffer);
    free(constant);
}

/* ---- a set ---------------------------------------------------------------*/

/* The place of the first that is not before NAME; is it NAME? */
static uint32_t find_place(const struct constant_set *set, const char *name,
                           bool *there)
{
    uint32_t low = 0, high = set->count;
    *there = false;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(set->constants[middle]->name, name);
        *there |= order == 0;
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* BEFORE with FRESH (taken) in the place of NAME; NULL: with nothing there. */
static struct constant_set *set_new(const struct constant_set *before,
                                    const char *name, struct constant *fresh)
{
    bool there;
    uint32_t place = find_place(before, name, &there), count = 0;
    size_t most = (size_t)before->count + 1;
    struct constant_set *set =
        log_alloc(sizeof *set + most * sizeof(struct constant *));
    for (uint32_t i = 0; i < place; i++)
        set->constants[count++] = constant_ref(before->constants[i]);
    if (fresh) set->constants[count++] = fresh;
    for (uint32_t i = place + there; i < before->count; i++)
        set->constants[count++] = constant_ref(before->constants[i]);
    set->refs = 1;
    set->count = count;
    return set;
}

void constant_set_unref(struct constant_set *set)
{
    if (!set || --set->refs) return;
    for (uint32_t i = 0; i < set->count; i++) constant_unref(set->constants[i]);
    free(set);
}

const struct buffer *constant_set_find(const struct constant_set *set,
                                       const char *name)
{
    bool there;
    if (!set) return NULL;
    uint32_t place = find_place(set, name, &there);
    return there ? set->constants[place]->buffer : NULL;
}

/* ---- epochs --------------------------------------------------------------*/

void constants_init(struct constants *constants)
{
    *constants = (struct constants){.first = 1};
    table_init(&constants->epochs, sizeof(struct epoch));
}

static struct epoch *find(const struct constants *constants, uint64_t number)
{
    return table_find(&constants->epochs, number);
}

static void forget(struct constants *constants, uint64_t number)
{
    struct epoch *epoch = find(constants, number);
    constant_set_unref(epoch->set);
    table_remove(&constants->epochs, number, epoch);
}

void constants_fini(struct constants *constants)
{
    for (; constants->first <= constants->last; constants->first++)
        forget(constants, constants->first);
    table_fini(&constants->epochs);
    queue_fini(&constants->early);
}

/* As far as it goes: what was removed need not come. */
static void advance(struct constants *constants)
{
    while (constants->complete < constants->last) {
        const struct epoch *next = find(constants, constants->complete + 1);
        if (next->fresh && !next->fresh->buffer) return;
        constants->complete++;
    }
}

void constants_begin(struct constants *constants, uint64_t epoch,
                     const char *name, bool there)
{
    static const struct constant_set none = {0};
    assert(epoch == constants->last + 1);
    const struct epoch *before = find(constants, constants->last);
    struct epoch *next = table_add(&constants->epochs, epoch);
    next->number = epoch;
    next->fresh = there ? constant_new(name) : NULL;
    next->set = set_new(before ? before->set : &none, name, next->fresh);
    constants->last = epoch;
    advance(constants);
}

void constants_came(struct constants *constants, uint64_t epoch,
                    struct buffer *buffer)
{
    struct constant *fresh = find(constants, epoch)->fresh;
    assert(fresh && !fresh->buffer);
    fresh->buffer = buffer_ref(buffer);
    advance(constants);
}

void constants_forget(struct constants *constants, uint64_t first)
{
    assert(first <= constants->last && first <= constants->complete + 1);
    for (; constants->first < first; constants->first++)
        forget(constants, constants->first);
}

struct constant_set *constants_of(const struct constants *constants,
                                  uint64_t epoch)
{
    if (epoch == CONSTANTS_NOW) epoch = constants->complete;
    else if (epoch && epoch < constants->first) epoch = constants->first;
    const struct epoch *found = find(constants, epoch);
    if (!found) return NULL;
    found->set->refs++;
    return found->set;
}

/* ---- jobs ----------------------------------------------------------------*/

/* In the queue the highest goes first. */
static uint64_t order_of(uint64_t epoch)
{
    return UINT64_MAX - epoch;
}

void constants_await(struct constants *constants, struct job *job)
{
    uint64_t epoch = job_epoch(job);
    if (epoch <= constants->complete) return;
    job->missing++;
    queue_push(&constants->early, &job->link, order_of(epoch));
}

void constants_leave(struct constants *constants, struct job *job)
{
    uint64_t epoch = job_epoch(job);
    if (epoch > constants->complete)
        queue_remove(&constants->early, &job->link, order_of(epoch));
}

struct job *constants_next_job(struct constants *constants)
{
    struct job *job = (struct job *)queue_first(&constants->early);
    if (!job || job_epoch(job) > constants->complete) return NULL;
    queue_pop(&constants->early);
    return job;
}
