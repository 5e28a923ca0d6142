/* SPDX-License-Identifier: BSD-3-Clause */
/* watch.h - who wants to be told when a key ends.
 *
 * A watch waits for one key: until its task has ended, well or not, or the
 * application has dropped it. Then it goes to the end of a list that its owner
 * reads, so that nobody looks through keys that have not ended. A record that
 * nobody watches pays for a bit. */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "map.h"

struct watch;

/* Watches that are over, in the order in which their keys ended. All zero is an
 * empty list. */
struct watch_list {
    struct watch *first, *last;
};

struct watch {
    uint64_t key;
    struct watch_list *over; /* where it goes then; borrowed */
    struct watch *next;      /* for the same key, or in that list */
    struct watch *last;      /* of the first for a key: for the same key */
    bool waits;
};

struct watches {
    struct map by_key; /* to the first struct watch of a key; borrowed */
};

void watches_fini(struct watches *watches);

/* WATCH waits for KEY, and goes to OVER. It stays the caller's. */
void watches_add(struct watches *watches, struct watch *watch, uint64_t key,
                 struct watch_list *over);

/* WATCH is over at once. */
void watch_end(struct watch *watch, uint64_t key, struct watch_list *over);

/* All watches of KEY are over, in the order in which they were added; there may
 * be none. */
void watches_end(struct watches *watches, uint64_t key);

/* WATCH, if it waits, does so no more. */
void watches_remove(struct watches *watches, struct watch *watch);

/* The first of LIST, which leaves it; NULL: it is empty. */
struct watch *watch_list_take(struct watch_list *list);

#endif
