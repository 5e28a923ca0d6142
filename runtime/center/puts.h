/* SPDX-License-Identifier: BSD-3-Clause */
/* puts.h - values that no task made: those that rank 0 or a task puts, and those
 * that lie outside until somebody needs them.
 *
 * Each is a record that has ended from the first, with a holder or outside. */
#ifndef PUTS_H
#define PUTS_H

#include "replicas.h"

struct puts {
    struct values *values; /* borrowed; with catalog, roster, port, lineage */
    struct replicas replicas; /* of these values */
    uint64_t bytes;           /* of those that went out from here */
};

/* A key with the value of BUFFER (a reference is taken) on RANK; 0, or a lost
 * one: the least filled worker. */
struct record *puts_make(struct puts *puts, int rank, struct buffer *buffer);

/* A key whose value of BYTES lies outside; see values_bring(). */
struct record *puts_make_outside(struct puts *puts, uint64_t bytes);

/* BUFFER (a reference is taken) goes to RANK under the new key that is returned;
 * it is held from the time that RANK says so, to REQUEST too. */
uint64_t puts_send(struct puts *puts, int rank, uint64_t request,
                   struct buffer *buffer);

/* The key that FROM holds, as HELD says, because somebody put it there. */
struct record *puts_held(struct puts *puts, int from,
                         const struct msg_key_held *held);

#endif
