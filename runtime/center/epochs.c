/* SPDX-License-Identifier: BSD-3-Clause */
/* epochs.c - a tree for each constant, and a count of tasks for each epoch.
 *
 * The center sends the bytes to one worker, the tree's root; each worker fetches
 * them from its parent as soon as it knows their name, and its parent answers
 * when it has them. The tree is binary: of those that pass whole messages on, to
 * several children at a time, the quickest (Pjesivac-Grbovic et al.,
 * "Performance analysis of MPI collective operations", Cluster Computing 2007).
 * Roots take turns. */
#include "epochs.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "key.h"
#include "log.h"

struct epoch {
    uint64_t number;       /* first, see table.h */
    uint64_t key;          /* under which workers fetch its bytes */
    uint64_t tasks;        /* unended */
    int missing;           /* workers that do not have the bytes */
    struct rankset *have;  /* those that do, with recovery; owned */
    struct buffer *buffer; /* the bytes, while some are missing, with recovery;
                            * a reference is owned */
};

void epochs_init(struct epochs *epochs, struct values *values)
{
    *epochs = (struct epochs){.values = values, .first = 1};
    table_init(&epochs->table, sizeof(struct epoch));
}

static void free_recovery(struct epoch *epoch)
{
    rankset_free(epoch->have);
    buffer_unref(epoch->buffer);
    epoch->have = NULL;
    epoch->buffer = NULL;
}

void epochs_fini(struct epochs *epochs)
{
    for (uint64_t number = epochs->first; number <= epochs->last; number++) {
        struct epoch *epoch = table_find(&epochs->table, number);
        if (epoch) free_recovery(epoch);
    }
    table_fini(&epochs->table);
}

/* The worker that is number PLACE in the tree, the root is 0. */
static int rank_at(const struct epoch *epoch, int place, int workers)
{
    return 1 + (int)((epoch->number + (uint64_t)place) % (uint64_t)workers);
}

/* With BUFFER for the root, which is to fetch from nobody: OWNER 0. */
static void say_constant(struct port *port, int rank, int owner,
                         const struct epoch *epoch, const char *name,
                         struct buffer *buffer)
{
    struct msg_constant *out =
        port_say(port, rank, MSG_CONSTANT, sizeof *out + payload_tail(buffer));
    *out = (struct msg_constant){
        .epoch = epoch->number, .key = epoch->key, .owner = (uint32_t)owner};
    snprintf(out->name, sizeof out->name, "%s", name);
    payload_send(port, rank, &out->payload, buffer, epoch->key);
}

/* Some may be lost, or will be: the tree is of those that live now. */
static void say_to_living(struct epochs *epochs, const struct epoch *epoch,
                          const char *name, struct buffer *buffer)
{
    struct port *port = epochs->values->port;
    int workers = port->ranks - 1, living = 0;
    int *ranks = log_alloc((size_t)port->ranks * sizeof *ranks);
    for (int place = 0; place < workers; place++) {
        int rank = rank_at(epoch, place, workers);
        if (!port->lost[rank]) ranks[living++] = rank;
    }
    for (int i = 0; i < living; i++)
        say_constant(port, ranks[i], i && buffer ? ranks[(i - 1) / 2] : 0,
                     epoch, name, i ? NULL : buffer);
    free(ranks);
}

static void say_to_all(struct epochs *epochs, const struct epoch *epoch,
                       const char *name, struct buffer *buffer)
{
    struct port *port = epochs->values->port;
    int workers = port->ranks - 1;
    if (epochs->values->lineage) {
        say_to_living(epochs, epoch, name, buffer);
        return;
    }
    for (int place = 0; place < workers; place++) {
        int parent = rank_at(epoch, (place - 1) / 2, workers);
        bool fetches = place && buffer;
        say_constant(port, rank_at(epoch, place, workers), fetches ? parent : 0,
                     epoch, name, place ? NULL : buffer);
    }
}

/* No task can see what came before epoch FIRST any more. */
static void say_forget(struct epochs *epochs)
{
    struct port *port = epochs->values->port;
    for (int rank = 1; rank < port->ranks; rank++) {
        struct msg_constants_forget *out =
            port_say(port, rank, MSG_CONSTANTS_FORGET, sizeof *out);
        out->epoch = epochs->first;
    }
}

static struct epoch *find(const struct epochs *epochs, uint64_t number)
{
    struct epoch *epoch = table_find(&epochs->table, number);
    assert(epoch);
    return epoch;
}

/* Those before the last go when nobody needs them, the first one first. */
static void retire(struct epochs *epochs)
{
    uint64_t before = epochs->first;
    while (epochs->first < epochs->last) {
        struct epoch *epoch = find(epochs, epochs->first);
        if (epoch->tasks || epoch->missing) break;
        table_remove(&epochs->table, epochs->first++, epoch);
    }
    if (epochs->first > before) say_forget(epochs);
}

static int count_living(const struct epochs *epochs)
{
    const struct port *port = epochs->values->port;
    int count = 0;
    for (int rank = 1; rank < port->ranks; rank++) count += !port->lost[rank];
    return count;
}

void epochs_begin(struct epochs *epochs, const char *name,
                  struct buffer *buffer)
{
    struct epoch *epoch = table_add(&epochs->table, ++epochs->last);
    epoch->number = epochs->last;
    if (buffer) {
        epoch->key = key_make(0, ++epochs->values->catalog->last);
        epoch->missing = count_living(epochs);
        if (epochs->values->lineage) epoch->buffer = buffer_ref(buffer);
        epochs->spreading++;
    }
    say_to_all(epochs, epoch, name, buffer);
    retire(epochs);
}

/* The key was only what they were fetched by: the sets of constants keep them
 * on. */
static void all_have(struct epochs *epochs, struct epoch *epoch)
{
    free_recovery(epoch);
    epochs->spreading--;
    for (int rank = 1; rank < epochs->values->port->ranks; rank++)
        values_say_drop(epochs->values, epoch->key, rank);
    retire(epochs);
}

void epochs_came(struct epochs *epochs, uint64_t number, int from)
{
    struct epoch *epoch = find(epochs, number);
    assert(epoch->missing);
    if (epochs->values->lineage)
        rankset_add(&epoch->have, from, epochs->values->port->ranks);
    if (--epoch->missing == 0) all_have(epochs, epoch);
}

void epochs_lost(struct epochs *epochs, int rank)
{
    for (uint64_t number = epochs->first; number <= epochs->last; number++) {
        struct epoch *epoch = table_find(&epochs->table, number);
        if (!epoch || !epoch->missing || rankset_has(epoch->have, rank))
            continue;
        if (--epoch->missing == 0) all_have(epochs, epoch);
    }
}

bool epochs_send_again(struct epochs *epochs, uint64_t key, int rank)
{
    for (uint64_t number = epochs->first; number <= epochs->last; number++) {
        struct epoch *epoch = table_find(&epochs->table, number);
        if (!epoch || epoch->key != key || !epoch->buffer) continue;
        values_say_put(epochs->values, rank, key, 0, epoch->buffer);
        return true;
    }
    return false;
}

uint64_t epochs_enter(struct epochs *epochs)
{
    find(epochs, epochs->last)->tasks++;
    return epochs->last;
}

void epochs_join(struct epochs *epochs, uint64_t number)
{
    struct epoch *epoch = find(epochs, number);
    assert(epoch->tasks);
    epoch->tasks++;
}

void epochs_leave(struct epochs *epochs, uint64_t number)
{
    struct epoch *epoch = find(epochs, number);
    assert(epoch->tasks);
    if (--epoch->tasks == 0) retire(epochs);
}
