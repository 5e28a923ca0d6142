/* SPDX-License-Identifier: BSD-3-Clause */
/* store.h - the values that a worker holds, expects, or has sent away.
 *
 * A value is there from the moment somebody on this rank or a peer asks for it
 * until the center drops it. Wants are what happens when it is here. */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"
#include "map.h"
#include "mem.h"

enum value_state {
    VALUE_NEW,
    VALUE_EXPECTED, /* wanted, by those who heard of it before this rank */
    VALUE_MAKING,   /* its task is here */
    VALUE_FETCHING, /* a peer has been asked */
    VALUE_ARRIVING, /* a peer is sending it by bulk */
    VALUE_HELD,     /* the buffer is here */
    VALUE_MOVED,    /* its task was given away, and nobody here wants it */
    VALUE_STATES
};

enum want_kind {
    WANT_JOB,      /* a task here waits for it */
    WANT_SEND,     /* send it to a peer or the center */
    WANT_COPY,     /* tell the center that the copy is here */
    WANT_CONSTANT, /* it is a constant, of the epoch in REQUEST */
    WANT_STORED,   /* tell the center that a peer has put it here */
    WANT_DONE      /* tell the center that its task ended, when no fetch of this
                  * rank is on its way any more */
};

struct want {
    struct want *next;
    enum want_kind kind;
    int32_t rank; /* to send to, or that has put it */
    union {
        struct job *job;
        uint64_t request;
    };
    union {
        uint64_t limit;  /* bytes that the asker has room for */
        uint64_t ns;     /* that the task ran */
        uint64_t parent; /* STORED: the task that has put it, or 0 */
    };
};

struct value {
    uint64_t key;
    union {
        struct buffer *buffer; /* HELD: a reference is owned */
        struct job *job;       /* MAKING: borrowed */
        struct {
            int32_t source;   /* FETCHING, ARRIVING: the rank asked; -1: it is
                               * lost, and the center will name another */
            uint16_t attempt; /* of its task that the thief was given */
        };
    };
    struct want *wants; /* owned; the last one first */
    uint32_t pins;      /* tasks submitted here, and questions, that use it */
    uint16_t thief;     /* the rank that its task was given to; 0: none */
    uint8_t state;      /* enum value_state */
    bool dropped : 1;   /* goes when it arrives, and nobody has pinned it */
    bool released : 1;  /* its task drops it when nobody has pinned it */
    bool asked : 1; /* a fetch of this rank is on its way, or waits at a peer */
    bool cancelled : 1; /* so will be its task, which is on its way to here */
    bool listed : 1;    /* memory.c has an item for it */
    bool away : 1;      /* HELD, on disk: the buffer has a size, and no data */
    bool seen : 1;      /* counted; valid within one sum */
    bool stray : 1;     /* fetched for a task that a peer gave: the center may
                         * not know that it is here */
};

_Static_assert(sizeof(struct value) == 32, "what a key costs its holders");

struct store {
    struct map values; /* key -> struct value, owned */
    struct mem mem;
    size_t held;    /* values here */
    uint64_t bytes; /* theirs */
};

void store_fini(struct store *store);

/* NULL: not known. */
struct value *store_find(const struct store *store, uint64_t key);

/* The value of that key, made in state NEW if it is not known. */
struct value *store_need(struct store *store, uint64_t key);

/* A value of KEY that nobody finds, for the time until it is forgotten. */
struct value *store_apart(struct store *store, uint64_t key);
void store_forget_apart(struct store *store, struct value *value);

void value_enter(struct store *store, struct value *value,
                 enum value_state state);

/* It is here: BUFFER, of which a reference is taken. */
void store_hold(struct store *store, struct value *value,
                struct buffer *buffer);

/* It has no wants. */
void store_remove(struct store *store, struct value *value);

struct want *store_want(struct store *store, struct value *value,
                        enum want_kind kind);

/* All wants, the first one first; the value has none any more. Each is given
 * back by store_wanted(). */
struct want *store_take_wants(struct value *value);
void store_wanted(struct store *store, struct want *want);

/* For tests: all values are in order, or it asserts. */
void store_check(const struct store *store);

#endif
