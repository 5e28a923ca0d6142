/* SPDX-License-Identifier: BSD-3-Clause */
/* asks.c - a list without order. */
#include "asks.h"

#include <stdlib.h>

#include "log.h"

void asks_fini(struct asks *asks)
{
    for (size_t i = 0; i < asks->count; i++) {
        free(asks->all[i].room);
        buffer_unref(asks->all[i].value);
    }
    free(asks->all);
}

struct exchange *asks_exchange(const struct asks *asks, int rank)
{
    return rank ? worker_exchange(cluster_worker(asks->cluster, rank))
                : center_exchange(asks->cluster->center);
}

struct ask asks_open(const struct asks *asks, enum ask_kind kind, int rank,
                     const struct entry *entry, uint64_t room)
{
    struct ask ask = {.kind = kind, .rank = rank};
    if (entry) {
        ask.key = entry->key;
        ask.entry = (size_t)(entry - asks->ledger->entries);
        ask.value = buffer_ref(entry->expected);
    }
    if (room) ask.room = log_alloc(room);
    ask.request = exchange_open(asks_exchange(asks, rank), ask.room, room);
    return ask;
}

void asks_add(struct asks *asks, struct ask ask)
{
    if (asks->count == asks->capacity) {
        asks->capacity = 2 * asks->capacity + 16;
        asks->all = log_realloc(asks->all, asks->capacity * sizeof *asks->all);
    }
    asks->all[asks->count++] = ask;
}

/* ---- answers -------------------------------------------------------------*/

static const char *wrong_value(struct asks *asks, const struct ask *ask)
{
    const struct request *request = ask->request;
    const struct buffer *value = ask->value;
    bool failed = request->status == DMPI_EFAILED;
    if (request->status == DMPI_ESIZE) {
        bool fits = !ask->room || value->size <= request->room;
        return fits || request->bytes != value->size
                   ? "no room for a value that fits"
                   : NULL;
    }
    if (request->status == DMPI_ELOST && ask->kind == ASK_READ &&
        asks->ledger->lossy)
        return NULL;
    if (request->status != DMPI_OK && !failed)
        return dmpi_status_text(request->status);
    const void *data = failed ? (void *)request->failure : request->data;
    uint64_t size = failed ? sizeof *request->failure : request->bytes;
    bool good = ledger_see(asks->ledger, ask->entry, data, size, failed);
    return good ? NULL : "a wrong value";
}

static const char *wrong_drop(const struct asks *asks, dmpi_status status)
{
    if (status == DMPI_ELOST && asks->ledger->lossy) return NULL;
    bool good =
        status == DMPI_OK || status == DMPI_EBUSY || status == DMPI_ENOKEY;
    return good ? NULL : dmpi_status_text(status);
}

/* On a lost worker, or now: then it may be lost with one. */
static const char *hear_put(struct asks *asks, const struct ask *ask)
{
    dmpi_status status = ask->request->status;
    bool lossy = asks->ledger->lossy;
    if (lossy && status == DMPI_ELOST) return NULL;
    ledger_add(asks->ledger, ask->key, buffer_ref(ask->value));
    if (lossy) ledger_note_inputs(asks->ledger, NULL, 0, true);
    return status == DMPI_OK ? NULL : "not put";
}

/* What follows from ASK's answer, and what is wrong with that. */
static const char *hear(struct asks *asks, const struct ask *ask)
{
    dmpi_status status = ask->request->status;
    struct center *center = asks->cluster->center;
    const char *wrong;
    switch (ask->kind) {
    case ASK_GET:
        wrong = wrong_value(asks, ask);
        center_unneed(center, ask->key);
        return wrong;
    case ASK_READ: return status == DMPI_ENOKEY ? NULL : wrong_value(asks, ask);
    case ASK_COPY:
        center_unneed(center, ask->key);
        return status == DMPI_OK || status == DMPI_ELOST ? NULL : "not copied";
    case ASK_PUT: return hear_put(asks, ask);
    case ASK_DROP: return wrong_drop(asks, status);
    }
    return "no such question";
}

/* Who has asked is lost. What a task that still ran has put is dropped. */
static void forget(struct asks *asks, const struct ask *ask)
{
    bool ran = ask->parent == cluster_member(asks->cluster, ask->rank)->ran;
    if (ask->kind == ASK_PUT && !ran && asks->orphan_count < ORPHANS_MAX)
        asks->orphans[asks->orphan_count++] = ask->key;
}

static void close_ask(struct asks *asks, struct ask *ask)
{
    if (ask->request->fresh) free(ask->request->data);
    exchange_close(asks_exchange(asks, ask->rank), ask->request);
}

const char *asks_look(struct asks *asks, uint64_t *key)
{
    const char *first = NULL;
    for (size_t i = 0; i < asks->count;) {
        struct ask ask = asks->all[i];
        bool lost = ask.rank && cluster_member(asks->cluster, ask.rank)->dead;
        if (!lost && !ask.request->done) {
            i++;
            continue;
        }
        asks->all[i] = asks->all[--asks->count];
        const char *wrong = lost ? NULL : hear(asks, &ask);
        if (lost) forget(asks, &ask);
        else close_ask(asks, &ask);
        free(ask.room);
        buffer_unref(ask.value);
        if (wrong && !first) *key = ask.key;
        if (!first) first = wrong;
    }
    return first;
}
