/* SPDX-License-Identifier: BSD-3-Clause */
/* lineup.h - which workers a gang gets, and which member goes where.
 *
 * Workers side by side, in order of node and rank: on one node if a node has
 * enough that are in no gang. Among those rows the one where most bytes of the
 * inputs lie and the longest queue is shortest. In it each member goes where
 * most bytes of its own inputs lie; the others fill up in order. */
#ifndef LINEUP_H
#define LINEUP_H

#include "record.h"
#include "roster.h"

/* RANKS[i] receives the rank for member i of SIZE MEMBERS, whose inputs exist;
 * at least SIZE workers are in no gang. */
void lineup_choose(struct roster *roster, struct record *const members[],
                   uint32_t size, int ranks[]);

#endif
