/* SPDX-License-Identifier: BSD-3-Clause */
/* puts.c - a record, and the bytes on their way to where they are kept. */
#include "puts.h"

#include "key.h"
#include "lineage.h"

static void send(struct puts *puts, int rank, uint64_t key, uint64_t request,
                 struct buffer *buffer)
{
    values_say_put(puts->values, rank, key, request, buffer);
    puts->bytes += buffer->size;
}

/* RECORD's value is there. */
static void end(struct puts *puts, struct record *record)
{
    struct lineage *lineage = puts->values->lineage;
    task_enter(record, TASK_DONE);
    if (lineage) lineage_put(lineage, record, DMPI_OK);
}

struct record *puts_make(struct puts *puts, int rank, struct buffer *buffer)
{
    struct values *values = puts->values;
    if (!rank || values->port->lost[rank])
        rank = roster_least_filled(values->roster)->rank;
    struct record *record = catalog_make(values->catalog);
    send(puts, rank, record->key, 0, buffer);
    end(puts, record);
    values_exist(values, record, rank, buffer->size);
    replicas_keep(&puts->replicas, record);
    return record;
}

struct record *puts_make_outside(struct puts *puts, uint64_t bytes)
{
    struct record *record = catalog_make(puts->values->catalog);
    record->bytes = bytes;
    record->outside = true;
    end(puts, record);
    if (puts->values->lineage) spec_origin(record->spec)->outside = true;
    return record;
}

uint64_t puts_send(struct puts *puts, int rank, uint64_t request,
                   struct buffer *buffer)
{
    uint64_t key = key_make(0, ++puts->values->catalog->last);
    send(puts, rank, key, request, buffer);
    return key;
}

struct record *puts_held(struct puts *puts, int from,
                         const struct msg_key_held *held)
{
    struct record *record = catalog_add(puts->values->catalog, held->key);
    end(puts, record);
    values_exist(puts->values, record, from, held->bytes);
    replicas_keep(&puts->replicas, record);
    return record;
}
