/* SPDX-License-Identifier: BSD-3-Clause */
/* late.c - a queue per rank, and for each maker a list of those that wait. */
#include "late.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "key.h"
#include "log.h"

struct late_message {
    struct late_message *next;
    struct message message; /* and what follows */
};

void late_init(struct late *late, struct port *port)
{
    size_t count = (size_t)port->ranks;
    *late = (struct late){.port = port,
                          .ranks = log_alloc(count * sizeof *late->ranks)};
    for (size_t i = 0; i < count; i++)
        late->ranks[i] = (struct late_rank){.end = &late->ranks[i].first};
}

void late_fini(struct late *late)
{
    for (int i = 0; i < late->port->ranks; i++) {
        struct late_message *next;
        for (struct late_message *at = late->ranks[i].first; at; at = next) {
            next = at->next;
            free(at);
        }
    }
    free(late->ranks);
    map_fini(&late->unmade);
}

static struct late_rank *maker_of(const struct late *late, uint64_t key)
{
    return &late->ranks[key_rank(key)];
}

bool late_is_to_come(const struct late *late, int from, uint64_t key)
{
    int maker = key_rank(key);
    if (maker <= 0 || maker >= late->port->ranks || maker == from) return false;
    if (late->unmade.count && map_get(&late->unmade, key)) return false;
    return key_counter(key) > maker_of(late, key)->told;
}

static void append(struct late *late, int from, const struct message *message)
{
    struct late_rank *rank = &late->ranks[from];
    size_t extra = message->bytes - sizeof *message;
    struct late_message *kept = log_alloc(sizeof *kept + extra);
    kept->next = NULL;
    memcpy(&kept->message, message, message->bytes);
    late->waiting += !rank->first;
    *rank->end = kept;
    rank->end = &kept->next;
}

static void ask_echo(struct late *late, uint64_t key)
{
    struct msg_ask_echo *ask =
        port_say(late->port, key_rank(key), MSG_ASK_ECHO, sizeof *ask);
    ask->key = key;
}

/* What is being delivered stays where it is, the first of its rank. */
void late_wait(struct late *late, int from, uint64_t key,
               const struct message *message)
{
    struct late_rank *rank = &late->ranks[from], *maker = maker_of(late, key);
    rank->key = key;
    rank->next = maker->waiting;
    maker->waiting = rank;
    ask_echo(late, key);
    if (late->delivering == from) late->again = true;
    else append(late, from, message);
}

bool late_keeps(struct late *late, int from, const struct message *message)
{
    if (!late->ranks[from].first) return false;
    append(late, from, message);
    return true;
}

/* Who waits for a key of MAKER up to KEY, and from LEAST on, waits no more. */
static void wake(struct late *late, struct late_rank *maker, uint64_t least,
                 uint64_t key)
{
    struct late_rank **at = &maker->waiting;
    while (*at) {
        struct late_rank *rank = *at;
        if (rank->key < least || rank->key > key) {
            at = &rank->next;
            continue;
        }
        *at = rank->next;
        rank->key = 0;
        late->due++;
    }
}

void late_told(struct late *late, uint64_t key)
{
    struct late_rank *maker = maker_of(late, key);
    if (key_counter(key) <= maker->told) return;
    maker->told = key_counter(key);
    if (late->unmade.count && map_get(&late->unmade, key))
        map_remove(&late->unmade, key);
    if (maker->waiting) wake(late, maker, 0, key);
}

void late_echoed(struct late *late, uint64_t key)
{
    struct late_rank *maker = maker_of(late, key);
    if (key_counter(key) <= maker->told) return;
    if (!map_get(&late->unmade, key)) map_add(&late->unmade, key, maker);
    wake(late, maker, key, key);
}

static void remove_first(struct late *late, struct late_rank *rank)
{
    struct late_message *first = rank->first;
    rank->first = first->next;
    free(first);
    if (rank->first) return;
    rank->end = &rank->first;
    late->waiting--;
}

/* RANK waits for nobody any more. */
static void leave(struct late *late, struct late_rank *rank)
{
    if (!rank->key) {
        late->due -= rank->first != NULL;
        return;
    }
    struct late_rank **at = &maker_of(late, rank->key)->waiting;
    while (*at != rank) at = &(*at)->next;
    *at = rank->next;
    rank->key = 0;
}

void late_lost(struct late *late, int rank)
{
    struct late_rank *lost = &late->ranks[rank];
    assert(!late->delivering);
    leave(late, lost);
    while (lost->first) remove_first(late, lost);
    lost->told = UINT64_MAX;
    wake(late, lost, 0, UINT64_MAX);
}

/* All that RANK has said, until something has to wait once more. */
static void deliver(struct late *late, int from, void *role,
                    void (*receive)(void *, int, const struct message *))
{
    struct late_rank *rank = &late->ranks[from];
    late->due--;
    while (rank->first) {
        late->delivering = from;
        late->again = false;
        receive(role, from, &rank->first->message);
        late->delivering = 0;
        if (late->again) return;
        remove_first(late, rank);
    }
}

void late_deliver(struct late *late, void *role,
                  void (*receive)(void *, int, const struct message *))
{
    while (late->due)
        for (int from = 1; from < late->port->ranks; from++)
            if (late->ranks[from].first && !late->ranks[from].key)
                deliver(late, from, role, receive);
}
