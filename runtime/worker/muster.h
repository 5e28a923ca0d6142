/* SPDX-License-Identifier: BSD-3-Clause */
/* muster.h - the gang that this worker is a member of, until all members are
 * there.
 *
 * The center says who is in it (GANG), then hands out this member's job. When
 * nothing else is before that job, the worker tells the first member so
 * (GANG_READY) and waits, asleep, serving its port. The first member counts,
 * itself among them, and lets all go (GANG_GO). A worker is in one gang at a
 * time; the others may be ready for the next before this one has heard of it. */
#ifndef MUSTER_H
#define MUSTER_H

#include <stdbool.h>

#include "job.h"
#include "port.h"
#include "rankset.h"

struct muster {
    uint64_t gang; /* 0: none */
    uint32_t comm; /* number of its communicator; 0: none is kept */
    uint32_t index;
    uint32_t size;
    int *ranks;            /* of the members, by index; owned */
    uint32_t ready;        /* of the first member: who has said so */
    struct job *waiting;   /* this member's, until all are there */
    bool go;               /* they are */
    bool broken;           /* one of them cannot run: none does */
    bool headless;         /* the first member is lost: nobody says go */
    struct rankset *heard; /* of the first member: who has said so; owned */
};

/* All zero is in no gang. */
void muster_fini(struct muster *muster);

/* The reactions. */
void muster_on_gang(struct muster *muster, const struct msg_gang *say);
void muster_on_ready(struct muster *muster, struct port *port, int from,
                     const struct msg_gang_ready *ready);
void muster_on_go(struct muster *muster, const struct msg_gang_go *go);

/* RANK is lost: if it is a member of the gang, and not all have begun, none
 * will. */
void muster_lost(struct muster *muster, struct port *port, int rank);

/* JOB, this member's, is next to run here. BROKEN: it cannot, for an input of it
 * was lost here, of which the center does not know. */
void muster_wait(struct muster *muster, struct port *port, struct job *job,
                 bool broken);

/* The job that waits, if all members are there, or NULL. It waits no more. If the
 * muster is broken, it does not run. */
struct job *muster_take(struct muster *muster);

/* The job has ended: the worker is in no gang. */
void muster_end(struct muster *muster);

#endif
