/* SPDX-License-Identifier: BSD-3-Clause */
/* late.h - messages that name a key of which the center has not heard.
 *
 * Keys are made by any rank, and the news of one may be overtaken by what
 * another rank says of it. A maker counts its keys and tells of them in order:
 * a higher number than heard so far is still to come, a lower one has gone. A
 * message that names one still to come is kept, and behind it all further ones
 * of that rank, until the news is here. It always comes, for it was said before:
 * no circle of ranks can wait so. A number that was never given is found out by
 * an echo, which the maker is asked for. */
#ifndef LATE_H
#define LATE_H

#include <stdbool.h>

#include "map.h"
#include "port.h"

struct late_rank {
    struct late_message *first, **end; /* owned */
    uint64_t told;                     /* number of the last key told of */
    /* While messages are kept: */
    uint64_t key;              /* that the first one waits for */
    struct late_rank *next;    /* among those that wait for the same maker */
    struct late_rank *waiting; /* for this maker */
};

struct late {
    struct port *port;       /* borrowed */
    struct late_rank *ranks; /* by rank; owned */
    struct map unmade;       /* keys that were named, and not made by then */
    size_t waiting;          /* ranks with messages kept */
    size_t due;              /* of those, some that need wait no longer */
    int delivering;          /* the rank whose kept messages are; 0: none */
    bool again;              /* the one delivered has to wait once more */
};

void late_init(struct late *late, struct port *port);
void late_fini(struct late *late);

/* Is KEY, which is not known, still to come? FROM must not be its maker. */
bool late_is_to_come(const struct late *late, int from, uint64_t key);

/* KEY is still to come: keep MESSAGE of FROM, which names it. */
void late_wait(struct late *late, int from, uint64_t key,
               const struct message *message);

/* Are messages of FROM kept, and this one with them? */
bool late_keeps(struct late *late, int from, const struct message *message);

/* The maker of KEY has told of it. */
void late_told(struct late *late, uint64_t key);

/* It has told of all that it had made when it heard of KEY. */
void late_echoed(struct late *late, uint64_t key);

/* RANK is lost: it tells of no more keys, and what it said is dropped. */
void late_lost(struct late *late, int rank);

/* Deliver what needs wait no longer, by RECEIVE(ROLE, from, message). */
void late_deliver(struct late *late, void *role,
                  void (*receive)(void *role, int from,
                                  const struct message *));

#endif
