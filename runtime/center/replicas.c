/* SPDX-License-Identifier: BSD-3-Clause */
/* replicas.c - a request for each copy, which ends itself. */
#include "replicas.h"

#include <stdlib.h>

#include "copies.h"
#include "log.h"

/* One copy that is under way. */
struct replica {
    struct replicas *replicas;
    struct request *request;
    uint64_t key;
};

void replicas_fini(struct replicas *replicas)
{
    map_fini(&replicas->making);
}

static void count_making(struct replicas *replicas, uint64_t key, size_t more,
                         size_t less)
{
    size_t before = (size_t)(uintptr_t)map_get(&replicas->making, key);
    size_t now = before + more - less;
    if (before) map_remove(&replicas->making, key);
    if (now) map_add(&replicas->making, key, (void *)(uintptr_t)now);
}

/* It is there, or its worker is lost. */
static void end(void *arg)
{
    struct replica *replica = arg;
    struct replicas *replicas = replica->replicas;
    struct values *values = replicas->values;
    exchange_close(replicas->exchange, replica->request);
    count_making(replicas, replica->key, 0, 1);
    values_unneed(values, catalog_find(values->catalog, replica->key));
    free(replica);
}

static void begin(struct replicas *replicas, uint64_t key,
                  struct request *request)
{
    struct replica *replica = log_alloc(sizeof *replica);
    *replica = (struct replica){replicas, request, key};
    request->settled = end;
    request->settled_arg = replica;
    losses_doubt(replicas->losses, key, request->peer);
}

void replicas_keep(struct replicas *replicas, struct record *record)
{
    if (replicas->wanted < 2) return;
    size_t room = (size_t)replicas->values->port->ranks;
    struct request **requests = log_alloc(room * sizeof *requests);
    size_t made = copies_make(replicas->values, replicas->exchange, record,
                              replicas->wanted, requests);
    if (made) count_making(replicas, record->key, made, 0);
    for (size_t i = 0; i < made; i++) begin(replicas, record->key, requests[i]);
    free(requests);
}

static bool was_put(const struct record *record)
{
    return record->state == TASK_DONE && !record->outside &&
           !lineage_has_task(record);
}

void replicas_restore(struct replicas *replicas)
{
    struct record *record;
    int maker = 0;
    uint64_t at = 0;
    if (replicas->wanted < 2) return;
    while ((record = catalog_next(replicas->values->catalog, &maker, &at)))
        if (was_put(record)) replicas_keep(replicas, record);
}
