/* SPDX-License-Identifier: BSD-3-Clause */
/* copies.c - tell, drop, make. */
#include "copies.h"

#include <stdlib.h>

#include "fault.h"
#include "log.h"
#include "placement.h"

dmpi_status copies_tell(const struct values *values, uint64_t key,
                        struct buffer **ranks)
{
    struct record *record = catalog_find_key(values->catalog, key);
    if (!record) return fault(DMPI_ENOKEY, "no such key");
    if (record->outside) values_bring(values, record);
    size_t count = task_ended(record) ? 1 + rankset_count(record->copies) : 0;
    *ranks = buffer_new(count * sizeof(int32_t));
    if (!*ranks) return fault(DMPI_ENOMEM, "no memory for %zu ranks", count);
    int32_t *rank = (*ranks)->data;
    if (count) *rank++ = record->owner;
    for (int r = count ? rankset_next(record->copies, 0) : -1; r >= 0;
         r = rankset_next(record->copies, r + 1))
        *rank++ = r;
    return DMPI_OK;
}

static bool holds(const struct values *values, const struct record *record,
                  int rank)
{
    bool is_worker = rank > 0 && rank < values->port->ranks;
    return is_worker && values_at(record, rank);
}

dmpi_status copies_drop(struct values *values, uint64_t key, int rank)
{
    struct record *record = catalog_find_key(values->catalog, key);
    if (!record) return fault(DMPI_ENOKEY, "no such key");
    if (!task_ended(record)) return fault(DMPI_EBUSY, "its task has not ended");
    if (record->outside) values_bring(values, record);
    if (!holds(values, record, rank))
        return fault(DMPI_ENOKEY, "rank %d does not hold this key", rank);
    if (record->needs)
        return fault(DMPI_EBUSY, "%u tasks still need this key", record->needs);
    if (record->owner == rank && rankset_next(record->copies, 0) < 0) {
        values_drop(values, record);
        return DMPI_OK;
    }
    values_remove_copy(values, record, rank);
    values_say_drop(values, key, rank);
    return DMPI_OK;
}

/* RANK is to get itself a copy of RECORD from FROM. */
static struct request *say_copy(struct values *values,
                                struct exchange *exchange,
                                struct record *record, int rank, int from)
{
    struct request *request = exchange_open(exchange, NULL, 0);
    exchange_expect(exchange, request->id, rank, REQUEST_OTHER, 0);
    struct msg_key_copy *copy =
        port_say(values->port, rank, MSG_KEY_COPY, sizeof *copy);
    *copy = (struct msg_key_copy){
        .key = record->key, .request = request->id, .owner = (uint32_t)from};
    values_copy(values, record, rank);
    record->needs++;
    return request;
}

size_t copies_make(struct values *values, struct exchange *exchange,
                   struct record *record, size_t count,
                   struct request *requests[])
{
    if (record->outside) values_bring(values, record);
    record->spread = true;
    size_t have = 1 + rankset_count(record->copies);
    size_t missing = count > have ? count - have : 0;
    int *holders = log_alloc((missing + 1) * sizeof *holders);
    holders[0] = record->owner;
    size_t made =
        placement_spread(values->roster, record, missing, holders + 1);
    /* Copy i comes from copy i / 2, which may itself be on its way: a tree. */
    for (size_t i = 0; i < made; i++)
        requests[i] =
            say_copy(values, exchange, record, holders[i + 1], holders[i / 2]);
    free(holders);
    return made;
}
