/* SPDX-License-Identifier: BSD-3-Clause */
/* binding.h - which cores each of a node's ranks is to run on.
 *
 * What the launcher or the batch system gave to the ranks of this node (their
 * masks) is divided among the workers there, never outside of it. A core goes
 * as a whole, with all its hardware threads that the mask has.
 *
 * Ranks with equal masks divide its cores:
 *   - more cores than workers: the center, if it is one of them, gets one core,
 *     the last; the workers divide the others evenly, all of them;
 *   - as many cores as workers: one each; the center keeps the mask, it sleeps
 *     most of the time;
 *   - fewer cores than workers: all keep the mask.
 * A rank that is alone with its mask keeps it: the launcher bound it. Ranks
 * whose masks overlap without being equal keep theirs: nobody knows what the
 * launcher meant. A mask without any CPU of this machine stands for all. */
#ifndef MACHINE_BINDING_H
#define MACHINE_BINDING_H

#include <stdbool.h>

#include "topology.h"

enum binding_policy {
    BINDING_COMPACT, /* one worker's cores follow the one's before */
    BINDING_SPREAD,  /* one worker is as far as can be from the one before */
    BINDING_NONE     /* all keep their masks */
};

struct binding {
    char cpus[MACHINE_CPUS_SIZE]; /* where to run, for machine_bind() */
    int cores;                    /* how many cores that touches */
    bool own; /* these cores are in the plan of no other worker; never set for
                 ranks whose masks overlap without being equal */
};

/* Fill PLAN for the RANKS ranks of one node, which started with MASKS. CENTER
 * is the center's index among them, -1 if it runs on another node. Touches
 * nothing and asks nothing but MACHINE and its arguments. False: a mask is not
 * a list of CPUs; PLAN is then untouched. */
bool binding_plan(struct machine *machine, const char *const masks[], int ranks,
                  int center, enum binding_policy policy,
                  struct binding plan[]);

#endif
