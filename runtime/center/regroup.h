/* SPDX-License-Identifier: BSD-3-Clause */
/* regroup.h - gangs that begin anew, as a whole, because of a loss.
 *
 * A gang is broken when one of its workers is lost before all members have ended.
 * By the time that everything is settled no member of it runs: those that had not
 * begun have been given up by their workers, and of those that had, which may have
 * waited in MPI for the lost one, the processes have ended as well. Members whose
 * values are there already are played once more by records that nobody asks for:
 * what exists stays, for others may have it. The same happens when a value of a gang
 * that is over is lost, and needed: it takes all members to make it again. And when
 * an input of a member is to be made again, while the others wait, and their
 * workers, which might have to make it, with them: that gang is called off. */
#ifndef REGROUP_H
#define REGROUP_H

#include "again.h"

/* A gang that does not begin anew: it has been taken out. */
struct given_up {
    struct gang *gang; /* owned */
    dmpi_status status;
    uint32_t number; /* for the text */
};

struct regroup {
    struct again *again;       /* borrowed, like the next */
    const struct map *crashed; /* keys that lost workers ran */
    uint32_t crash_limit; /* a gang is given up when a worker was lost so many
                           * times while it ran; 0: never */
    int living;           /* workers */
    struct given_up *given_up; /* owned */
    size_t count, room;
};

/* Find out which gangs are broken. */
void regroup_look(struct scheduler *scheduler);

/* Is RECORD, which is placed, a member of a gang that is broken, and not run by
 * anybody? */
bool regroup_concerns(struct scheduler *scheduler, const struct record *record);

/* Between again_begin() and again_end(), when all tasks and values that are to be
 * made again have been set back: their gangs begin anew, or are given up. */
void regroup_begin_anew(struct regroup *regroup);

/* After again_end(): end those that were given up. */
void regroup_end(struct regroup *regroup);

#endif
