/* SPDX-License-Identifier: BSD-3-Clause */
/* asks.h - questions of a random application and its tasks that are not answered
 * yet, and whether their answers are as the ledger foretells. */
#ifndef ASKS_H
#define ASKS_H

#include "cluster.h"
#include "ledger.h"

enum { ORPHANS_MAX = 64 };

enum ask_kind { ASK_GET, ASK_COPY, ASK_READ, ASK_PUT, ASK_DROP };

struct ask {
    enum ask_kind kind;
    int rank; /* that asks */
    struct request *request;
    uint64_t key;
    uint64_t parent;      /* task that puts */
    size_t entry;         /* to get or read */
    struct buffer *value; /* expected or put; owned, or NULL */
    void *room;           /* owned, or NULL */
};

struct asks {
    struct cluster *cluster; /* borrowed, like the ledger */
    struct ledger *ledger;
    struct ask *all; /* owned */
    size_t count, capacity;
    uint64_t orphans[ORPHANS_MAX]; /* put by tasks that had ended, on workers
                                    * that were lost before they heard of it */
    size_t orphan_count;
};

void asks_fini(struct asks *asks);

/* The exchange of RANK. */
struct exchange *asks_exchange(const struct asks *asks, int rank);

/* RANK is about to ask for ENTRY, or for nothing that has one, if that is NULL.
 * ROOM: bytes for the answer; 0: as many as it has. */
struct ask asks_open(const struct asks *asks, enum ask_kind kind, int rank,
                     const struct entry *entry, uint64_t room);

/* ASK has been asked; what it owns is taken. */
void asks_add(struct asks *asks, struct ask ask);

/* End those that are answered, and forget those whose ranks are lost. NULL, or
 * what is wrong with the answer for *KEY. */
const char *asks_look(struct asks *asks, uint64_t *key);

#endif
