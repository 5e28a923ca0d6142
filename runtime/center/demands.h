/* SPDX-License-Identifier: BSD-3-Clause */
/* demands.h - tasks that not every worker may run, and those among them that
 * wait for resources.
 *
 * Tasks that ask for the same are one demand, with one queue: so an event costs
 * the number of demands for which tasks wait, whatever the number of tasks and
 * workers. Demands are served by the turn of their first task. The first that
 * does not fit reserves what it asks for, of the pool and of one worker, which
 * stays its own until it fits there or elsewhere: what is freed of that goes to
 * no later one, while later ones go by on all the rest. This is backfilling with
 * one reservation (Lifka, "The ANL/IBM SP scheduling system", JSSPP 1995), of
 * a place instead of a time, because nobody knows how long a task will take; and
 * one for each set of resources that have nothing in common. So no task waits
 * for more than those before it and those that run. */
#ifndef DEMANDS_H
#define DEMANDS_H

#include "distmpi/rank.h"
#include "distmpi/status.h"
#include "mem.h"
#include "record.h"
#include "resources.h"

/* What a task asks of the worker that runs it. All zero: nothing. */
struct wish {
    struct amounts amounts;
    int32_t cores; /* at least so many; 0: any */
    int32_t rank;  /* this one; 0: any */
    int32_t node;  /* 1 + its number: one of that node; 0: any */
};

/* What tasks with the same wish have in common. */
struct demand {
    struct demand *next_known;
    struct demand *next; /* among those for which tasks wait, by turn */
    struct wish wish;
    uint32_t kinds;       /* a bit for each that is asked for */
    uint32_t ids;         /* how many in all */
    size_t tickets;       /* that exist */
    struct rankset *able; /* who has it, if nobody uses any; owned */
    struct rankset *fit;  /* of those, who has its own part of it free; owned */
    struct queue waiting; /* specs */
    bool stirred;         /* its first task may fit, since the last look */
    bool reserves;        /* all its kinds */
    int reserved_rank;    /* where */
};

/* One task's part of it, as long as the task has not ended. */
struct ticket {
    struct demand *demand;
    struct spec *spec; /* of the task, which has room for its ids; borrowed */
    uint64_t stamp;    /* when it came: orders those of one turn */
    int rank;          /* for which it holds its ids; 0: none */
    bool waits;
};

struct demands {
    const struct supply *supply; /* borrowed */
    const dmpi_worker *info;     /* by rank - 1; borrowed */
    int ranks;
    struct resources resources;
    struct mem mem;          /* tickets */
    struct ticket **tickets; /* by number; owned. NULL: not in use */
    uint32_t *unused;        /* numbers; owned */
    uint32_t ticket_room, unused_count;
    struct demand *known; /* the last used first; owned */
    size_t known_count;
    struct demand *first;                      /* for which tasks wait */
    struct demand *reserver[SUPPLY_KINDS_MAX]; /* of each kind, or NULL */
    uint64_t stamp;
    bool *lost;     /* by rank; owned */
    int freed_rank; /* where something was freed last */
    bool stirred;   /* a demand is */
};

/* SUPPLY, and INFO, one entry per worker, by rank from 1, stay the caller's. */
void demands_init(struct demands *demands, const struct supply *supply,
                  const dmpi_worker info[], int ranks);
void demands_fini(struct demands *demands);

/* The demand of WISH, until the next one is asked for. NULL: no worker can ever
 * satisfy it; dmpi_status_detail() says what there is. */
struct demand *demands_find(struct demands *demands, const struct wish *wish);

/* SPEC, whose terms have room for the ids of DEMAND, gets a ticket of it, until
 * its task has ended and what it held is free. */
void demands_begin(struct demands *demands, struct demand *demand,
                   struct spec *spec);
void demands_end(struct demands *demands, struct spec *spec);

/* SPEC, which has one, holds nothing any more. */
void demands_give_back(struct demands *demands, struct spec *spec);

/* SPEC has one. */
static inline struct ticket *demands_ticket(const struct demands *demands,
                                            struct spec *spec)
{
    return demands->tickets[spec_terms(spec)->ticket];
}

/* SPEC, whose ticket is one of a demand with ids, waits for them. */
void demands_push(struct demands *demands, struct spec *spec);

/* SPEC, which waits, does not any more. */
void demands_remove(struct demands *demands, struct spec *spec);

/* The next that need not wait: it fits on any of *RANKS (borrowed), one of which
 * demands_take() is told before anything else happens. NULL: none fits until
 * something else happens. */
struct spec *demands_next(struct demands *demands,
                          const struct rankset **ranks);

/* SPEC, the next, does not wait any more and holds its ids on RANK. */
void demands_take(struct demands *demands, struct spec *spec, int rank);

/* RANK is lost: nobody may run there any more. Nothing waits while this is said;
 * what its tasks hold they give back. */
void demands_lost(struct demands *demands, int rank);

/* Is there a worker left that may run what asks for it? */
static inline bool demand_has_worker(const struct demand *demand)
{
    return rankset_next(demand->able, 0) > 0;
}

/* ---- for tests -----------------------------------------------------------*/
void demands_check(const struct demands *demands);

#endif
