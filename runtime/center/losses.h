/* SPDX-License-Identifier: BSD-3-Clause */
/* losses.h - lost workers: what they had, and how it is made good.
 *
 * A loss takes one round trip. The living workers are told; each answers with
 * the keys that it waits for, and with the tasks that it has from peers. Until
 * all have answered nothing is placed. Then everything is known that anybody
 * has said before: which of those that the center counts on do hold a value, and
 * who has a task that a lost worker gave away. What is nowhere is made again,
 * and who waits for something is told where it will be. */
#ifndef LOSSES_H
#define LOSSES_H

#include "again.h"
#include "kin.h"
#include "lineage.h"

struct losses {
    struct kin *kin; /* borrowed; with scheduler, exchange and port */
    struct lineage lineage;
    struct again again;
    struct answer *answers; /* by rank: the last one; owned */
    size_t awaited;         /* answers */
    struct doubt *doubts; /* copies begun since the workers were told; owned */
    size_t doubt_count;
    struct map crashed; /* keys that a lost worker ran, since the last
                             * settling */
    struct map back; /* keys of tasks that workers have not any more, the same:
                      * to 1 + their attempt */
    uint32_t crash_limit;
    int living;
    bool stopping; /* nothing is run again */
    uint64_t workers_lost;
};

/* All zero is never used: there is no recovery. */
void losses_init(struct losses *losses, struct kin *kin, uint32_t crash_limit);
void losses_fini(struct losses *losses);

/* See center_lost(). */
void losses_lost(struct losses *losses, int rank, uint64_t running);

/* RANK is lost, and nothing will be run any more, nor asked for: the others are
 * told. */
void losses_tell(const struct losses *losses, int rank);

/* FROM has heard of a loss. True: all have of all, and everything has been
 * settled but what scheduler_settle() and questions_answer_found() do. */
bool losses_on_heard(struct losses *losses, int from,
                     const struct msg_lost_heard *heard);

/* RANK has been told to get itself a copy of KEY: if something is still to be
 * settled, that is not sure. */
void losses_doubt(struct losses *losses, uint64_t key, int rank);

/* If gangs are over of which a value was lost while they ran: they begin anew. */
void losses_regroup(struct losses *losses);

/* Is something still to be settled? */
static inline bool losses_open(const struct losses *losses)
{
    return losses->awaited;
}

/* A task has ended as DONE says. */
void losses_ended(struct losses *losses, const struct msg_task_done *done);

/* FROM gave a task away: as scheduler_moved(), and noted if it is too early. */
void losses_moved(struct losses *losses, struct record *record, int from,
                  const struct msg_task_moved *moved);

#endif
