/* SPDX-License-Identifier: BSD-3-Clause */
/* values.c - holders in, holders out, and KEY_DROP to all of them at the end. */
#include "values.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lineage.h"
#include "log.h"

/* A copy of BYTES is on RANK, too. */
static void count_copy(const struct values *values, int rank, uint64_t bytes)
{
    struct worker_entry *worker = roster_at(values->roster, rank);
    worker->bytes += bytes;
    worker->bytes_fetched += bytes;
}

/* Apart from its callers, which then keep their registers. */
static __attribute__((noinline)) void end_watches(const struct values *values,
                                                  struct record *record)
{
    record->watched = false;
    watches_end(values->watches, record->key);
}

void values_exist(const struct values *values, struct record *record, int owner,
                  uint64_t bytes)
{
    record->owner = owner;
    record->bytes = bytes;
    rankset_remove(record->copies, owner);
    rankset_remove(record->notes, owner);
    roster_at(values->roster, owner)->bytes += bytes;
    for (int rank = rankset_next(record->copies, 0); rank >= 0;
         rank = rankset_next(record->copies, rank + 1))
        count_copy(values, rank, bytes);
    if (record->watched) end_watches(values, record);
}

void values_copy(struct values *values, struct record *record, int rank)
{
    if (values_at(record, rank)) return;
    rankset_add(&record->copies, rank, values->roster->ranks);
    rankset_remove(record->notes, rank);
    if (task_ended(record)) count_copy(values, rank, record->bytes);
}

void values_remove_copy(struct values *values, struct record *record, int rank)
{
    assert(values_at(record, rank));
    if (record->owner == rank) record->owner = rankset_next(record->copies, 0);
    assert(record->owner > 0);
    rankset_remove(record->copies, record->owner);
    rankset_remove(record->copies, rank);
    roster_at(values->roster, rank)->bytes -= record->bytes;
}

void values_lose(struct record *record, int rank)
{
    rankset_remove(record->copies, rank);
    rankset_remove(record->notes, rank);
    if (record->owner == rank) record->owner = 0;
}

void values_note(struct values *values, struct record *record, int rank)
{
    if (values_at(record, rank)) return;
    rankset_add(&record->notes, rank, values->roster->ranks);
}

void values_say_put(const struct values *values, int rank, uint64_t key,
                    uint64_t request, struct buffer *buffer)
{
    struct msg_key_put *put = port_say(values->port, rank, MSG_KEY_PUT,
                                       sizeof *put + payload_tail(buffer));
    put->key = key;
    put->request = request;
    put->parent = 0;
    put->status = buffer->is_error ? DMPI_EFAILED : DMPI_OK;
    payload_send(values->port, rank, &put->payload, buffer, key);
}

void values_say_fetch(const struct values *values, int rank,
                      const struct msg_key_fetch *fetch)
{
    struct msg_key_fetch *said =
        port_say(values->port, rank, MSG_KEY_FETCH, sizeof *said);
    *said = *fetch;
}

void values_say_drop(struct values *values, uint64_t key, int rank)
{
    struct msg_key_drop *drop =
        port_say(values->port, rank, MSG_KEY_DROP, sizeof *drop);
    drop->key = key;
}

void values_note_key(struct values *values, uint64_t key, int rank)
{
    struct record *record = catalog_find_key(values->catalog, key);
    if (record) values_note(values, record, rank);
    else values_say_drop(values, key, rank);
}

static void say_drop_to_set(struct values *values, uint64_t key,
                            const struct rankset *set)
{
    for (int rank = rankset_next(set, 0); rank >= 0;
         rank = rankset_next(set, rank + 1))
        values_say_drop(values, key, rank);
}

void values_bring(const struct values *values, struct record *record)
{
    int rank = roster_least_filled(values->roster)->rank;
    struct buffer *buffer = values->recall(values->recall_arg, record->key);
    values_say_put(values, rank, record->key, 0, buffer);
    record->outside = false;
    values_exist(values, record, rank, buffer->size);
    buffer_unref(buffer);
}

static inline __attribute__((always_inline)) void discard(struct values *values,
                                                          struct record *record)
{
    if (record->outside) {
        say_drop_to_set(values, record->key, record->notes);
        return;
    }
    values_say_drop(values, record->key, record->owner);
    say_drop_to_set(values, record->key, record->copies);
    say_drop_to_set(values, record->key, record->notes);
    roster_at(values->roster, record->owner)->bytes -= record->bytes;
    for (int rank = rankset_next(record->copies, 0); rank >= 0;
         rank = rankset_next(record->copies, rank + 1))
        roster_at(values->roster, rank)->bytes -= record->bytes;
}

void values_discard(struct values *values, struct record *record)
{
    discard(values, record);
}

static void forget(struct values *values, struct record *record)
{
    discard(values, record);
    catalog_remove(values->catalog, record);
}

void values_release(struct values *values, struct record *record)
{
    if (record->held || record->needs || !task_ended(record)) return;
    if (__builtin_expect(!values->lineage, 1)) forget(values, record);
    else lineage_forget(values->lineage, record);
}

void values_drop(struct values *values, struct record *record)
{
    assert(record->held);
    record->held = false;
    if (!record->watched) values_release(values, record);
    else end_watches(values, record); /* it has not ended: it stays */
}

void values_unneed(struct values *values, struct record *record)
{
    assert(record->needs);
    record->needs--;
    values_release(values, record);
}

/* ---- for tests -----------------------------------------------------------*/

static void add_record(const struct record *record, uint64_t *bytes,
                       uint32_t *tasks)
{
    if (record->state == TASK_GONE) return;
    assert(record->owner || record->outside || !task_placed(record));
    assert(!record->outside || (!record->owner && task_ended(record)));
    assert(record->spec || task_ended(record));
    assert(!task_active(record) || !task_ended(record) || record->needs);
    assert(!record->watched ||
           ((record->held || record->needs) && !task_ended(record)));
    if (task_active(record) && task_placed(record)) tasks[record->owner]++;
    if (!task_ended(record) || record->outside) return;
    bytes[record->owner] += record->bytes;
    assert(!rankset_has(record->copies, record->owner));
    for (int rank = rankset_next(record->copies, 0); rank >= 0;
         rank = rankset_next(record->copies, rank + 1))
        bytes[rank] += record->bytes;
}

void values_check(const struct values *values)
{
    size_t ranks = (size_t)values->port->ranks;
    uint64_t *bytes = log_alloc(ranks * sizeof *bytes);
    uint32_t *tasks = log_alloc(ranks * sizeof *tasks);
    memset(bytes, 0, ranks * sizeof *bytes);
    memset(tasks, 0, ranks * sizeof *tasks);
    int maker = 0;
    uint64_t at = 0;
    const struct record *record;
    while ((record = catalog_next(values->catalog, &maker, &at))) {
        assert(record->held || record->needs || !task_ended(record) ||
               (values->lineage && lineage_needs(values->lineage, record)));
        add_record(record, bytes, tasks);
    }
    if (values->lineage) lineage_check(values->lineage);
    for (size_t rank = 1; rank < ranks; rank++) {
        const struct worker_entry *worker = &values->roster->workers[rank - 1];
        assert(worker->bytes == bytes[rank]);
        assert(worker->tasks == tasks[rank]);
    }
    free(bytes);
    free(tasks);
}
