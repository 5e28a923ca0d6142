/* SPDX-License-Identifier: BSD-3-Clause */
/* losses.c - one look at every value. */
#include "losses.h"

#include <stdlib.h>
#include <string.h>

#include "arrival.h"
#include "log.h"

/* What the center is told. */
struct report {
    uint64_t *keys; /* owned */
    size_t key_count, key_room;
    struct msg_lost_task *tasks; /* owned */
    size_t task_count, task_room;
};

static void add_key(struct report *report, uint64_t key)
{
    if (report->key_count == report->key_room) {
        report->key_room = 2 * report->key_room + 16;
        report->keys =
            log_realloc(report->keys, report->key_room * sizeof *report->keys);
    }
    report->keys[report->key_count++] = key;
}

static void add_task(struct report *report, const struct job *job)
{
    if (report->task_count == report->task_room) {
        report->task_room = 2 * report->task_room + 16;
        report->tasks = log_realloc(report->tasks,
                                    report->task_room * sizeof *report->tasks);
    }
    report->tasks[report->task_count++] =
        (struct msg_lost_task){job->key, job->attempt};
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
    custody_fetch_lost(custody, value);
}

/* Nobody misses it. */
static bool is_stray(const struct value *value)
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
        if (value->job->from) add_task(report, value->job);
        break;
    case VALUE_EXPECTED:
        if (is_wanted_here(value)) add_key(report, value->key);
        break;
    case VALUE_FETCHING:
    case VALUE_ARRIVING: add_key(report, value->key); break;
    default: break;
    }
}

static void look_at(struct custody *custody, struct value *value, int rank,
                    struct report *report)
{
    if (value->state == VALUE_MAKING) custody_pin_inputs(custody, value->job);
    remove_wants(custody, value, rank);
    lose(custody, value, rank);
    if (is_stray(value)) store_remove(&custody->store, value);
    else tell(value, report);
}

/* ---- all -----------------------------------------------------------------*/

static void say_heard(struct port *port, int rank, const struct report *report)
{
    size_t keys = report->key_count * sizeof *report->keys;
    size_t tasks = report->task_count * sizeof *report->tasks;
    struct msg_lost_heard *heard =
        port_say(port, 0, MSG_LOST_HEARD, sizeof *heard + keys + tasks);
    *heard = (struct msg_lost_heard){.rank = (uint32_t)rank,
                                     .keys = (uint32_t)report->key_count,
                                     .tasks = (uint32_t)report->task_count};
    char *tail = (char *)(heard + 1);
    if (keys) memcpy(tail, report->keys, keys);
    if (tasks) memcpy(tail + keys, report->tasks, tasks);
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
    struct value **values = all_values(&custody->store, &count);
    arrival_lost(custody, rank);
    for (size_t i = 0; i < count; i++)
        look_at(custody, values[i], rank, &report);
    if (answer) say_heard(custody->port, rank, &report);
    free(values);
    free(report.keys);
    free(report.tasks);
}
