/* SPDX-License-Identifier: BSD-3-Clause */
/* losses.c - one look at every value, before that one at every job. */
#include "losses.h"

#include <stdlib.h>
#include <string.h>

#include "arrival.h"
#include "fetch.h"
#include "log.h"

/* Tasks, in a list that grows. */
struct tasks {
    struct msg_lost_task *all; /* owned */
    size_t count, room;
};

struct keys {
    uint64_t *all; /* owned */
    size_t count, room;
};

/* What the center is told. */
struct report {
    struct keys keys, held;
    struct tasks tasks, back;
};

static void add_key(struct keys *keys, uint64_t key)
{
    if (keys->count == keys->room) {
        keys->room = 2 * keys->room + 16;
        keys->all = log_realloc(keys->all, keys->room * sizeof *keys->all);
    }
    keys->all[keys->count++] = key;
}

static void add_task(struct tasks *tasks, const struct job *job)
{
    if (tasks->count == tasks->room) {
        tasks->room = 2 * tasks->room + 16;
        tasks->all = log_realloc(tasks->all, tasks->room * sizeof *tasks->all);
    }
    tasks->all[tasks->count++] = (struct msg_lost_task){job->key, job->attempt};
}

/* ---- one job -------------------------------------------------------------*/

/* Has JOB resources to itself, and lacks an input? That may have to be made
 * again by a task that wants the same. */
static bool gathers_in_vain(struct job *job)
{
    if (!job_has_terms(job) || !job_terms(job)->ids) return false;
    for (uint32_t i = 0; i < job->inputs; i++)
        if (job_inputs(job)[i]->state != VALUE_HELD) return true;
    return false;
}

static void leave_inputs(struct custody *custody, struct job *job)
{
    for (uint32_t i = 0; i < job->inputs; i++) {
        struct want **at = &job_inputs(job)[i]->wants;
        while (*at) {
            struct want *want = *at;
            bool theirs = want->kind == WANT_JOB && want->job == job;
            if (!theirs) {
                at = &want->next;
                continue;
            }
            *at = want->next;
            store_wanted(&custody->store, want);
        }
    }
}

/* JOB, which lacks an input, is for the center to place anew. Who waits for its
 * value here asks the center, or is told by it. */
static void hand_back(struct custody *custody, struct job *job)
{
    struct value *output = job->output;
    custody_pin_inputs(custody, job); /* the last one to go may free others */
    leave_inputs(custody, job);
    constants_leave(custody->constants, job);
    custody->agenda->unended--;
    output->asked = false;
    value_enter(&custody->store, output, VALUE_EXPECTED);
    if (!output->wants && !output->pins) store_remove(&custody->store, output);
    custody_discard(custody, job);
}

static void hand_back_some(struct custody *custody, struct report *report)
{
    size_t at = 0;
    const struct value *value;
    while ((value = map_next(&custody->store.values, &at)))
        if (value->state == VALUE_MAKING && gathers_in_vain(value->job))
            add_task(&report->back, value->job);
    for (size_t i = 0; i < report->back.count; i++)
        hand_back(custody,
                  store_find(&custody->store, report->back.all[i].key)->job);
}

/* ---- one value -----------------------------------------------------------*/

/* What RANK wanted it does not want any more. */
static void remove_wants(struct custody *custody, struct value *value, int rank)
{
    for (struct want **at = &value->wants; *at;) {
        struct want *want = *at;
        bool theirs = want->kind == WANT_SEND || want->kind == WANT_STORED;
        if (!theirs || want->rank != rank) {
            at = &want->next;
            continue;
        }
        *at = want->next;
        store_wanted(&custody->store, want);
    }
}

/* Does somebody here want VALUE, not only peers? */
static bool is_wanted_here(const struct value *value)
{
    for (const struct want *want = value->wants; want; want = want->next)
        if (want->kind != WANT_SEND) return true;
    return value->pins;
}

/* It was coming from RANK, or its task has gone there. */
static void lose(struct custody *custody, struct value *value, int rank)
{
    if (value->thief == rank) value->thief = 0;
    if (value->state == VALUE_ARRIVING && value->source == rank) {
        value_enter(&custody->store, value, VALUE_FETCHING);
        value->asked = true;
    }
    if (value->state == VALUE_FETCHING && value->source == rank)
        value->source = -1;
    if (value->state == VALUE_MOVED && !value->thief)
        value_enter(&custody->store, value, VALUE_EXPECTED);
    fetch_lost(custody, value);
}

/* Nobody misses it. */
static bool is_unwanted(const struct value *value)
{
    if (value->wants || value->pins || value->cancelled) return false;
    if (value->state == VALUE_EXPECTED) return true;
    return value->state == VALUE_FETCHING && value->source < 0 &&
           value->dropped;
}

static void tell(const struct value *value, struct report *report)
{
    switch (value->state) {
    case VALUE_MAKING:
        if (value->job->from) add_task(&report->tasks, value->job);
        break;
    case VALUE_EXPECTED:
        if (is_wanted_here(value)) add_key(&report->keys, value->key);
        break;
    case VALUE_FETCHING:
    case VALUE_ARRIVING: add_key(&report->keys, value->key); break;
    case VALUE_HELD:
        if (value->stray) add_key(&report->held, value->key);
        break;
    default: break;
    }
}

static void look_at(struct custody *custody, struct value *value, int rank,
                    struct report *report)
{
    if (value->state == VALUE_MAKING) custody_pin_inputs(custody, value->job);
    remove_wants(custody, value, rank);
    lose(custody, value, rank);
    if (is_unwanted(value)) store_remove(&custody->store, value);
    else tell(value, report);
}

/* ---- all -----------------------------------------------------------------*/

static char *lay(char *tail, const void *from, size_t bytes)
{
    if (bytes) memcpy(tail, from, bytes);
    return tail + bytes;
}

static void say_heard(struct port *port, int rank, const struct report *report)
{
    const struct msg_lost_heard head = {.rank = (uint32_t)rank,
                                        .keys = (uint32_t)report->keys.count,
                                        .held = (uint32_t)report->held.count,
                                        .tasks = (uint32_t)report->tasks.count,
                                        .back = (uint32_t)report->back.count};
    struct msg_lost_heard *heard =
        port_say(port, 0, MSG_LOST_HEARD, lost_heard_bytes(&head));
    *heard = head;
    char *tail = lay((char *)(heard + 1), report->keys.all,
                     report->keys.count * sizeof(uint64_t));
    tail = lay(tail, report->held.all, report->held.count * sizeof(uint64_t));
    tail = lay(tail, report->tasks.all,
               report->tasks.count * sizeof(struct msg_lost_task));
    lay(tail, report->back.all,
        report->back.count * sizeof(struct msg_lost_task));
}

/* In a list of their own, for some are removed. */
static struct value **all_values(const struct store *store, size_t *count)
{
    size_t at = 0;
    struct value *value;
    struct value **list = log_alloc(store->values.count * sizeof *list + 1);
    *count = 0;
    while ((value = map_next(&store->values, &at))) list[(*count)++] = value;
    return list;
}

void losses_of_rank(struct custody *custody, int rank, bool answer)
{
    struct report report = {0};
    size_t count;
    if (answer) hand_back_some(custody, &report);
    struct value **values = all_values(&custody->store, &count);
    arrival_lost(custody, rank);
    for (size_t i = 0; i < count; i++)
        look_at(custody, values[i], rank, &report);
    if (answer) say_heard(custody->port, rank, &report);
    free(values);
    free(report.keys.all);
    free(report.held.all);
    free(report.tasks.all);
    free(report.back.all);
}
