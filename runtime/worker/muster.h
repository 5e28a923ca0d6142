/* SPDX-License-Identifier: BSD-3-Clause */
/* muster.h - the gang that this worker is a member of, until all members are
 * there.
 *
 * The center says who is in it (GANG), then hands out this member's job. When
 * nothing else is before that job, the worker tells the first member so
 * (GANG_READY) and waits, asleep, serving its port. The first member counts,
 * itself among them, and lets all go (GANG_GO). A worker is in one gang at a
 * time; the others may be ready for the next before this one has heard of it.
 *
 * Each start has a number, which rises. What is said of an earlier one than the
 * last that this worker was in comes from one who had not heard yet that a member
 * is lost. */
#ifndef MUSTER_H
#define MUSTER_H

#include <stdbool.h>

#include "distmpi/status.h"
#include "job.h"
#include "port.h"

/* Who has said so to the first member. */
struct muster_count {
    uint64_t start;
    uint32_t ready;  /* so many */
    uint32_t status; /* of an input of one, that is an error: none runs */
};

struct muster {
    uint64_t start; /* 0: no gang */
    uint64_t last;  /* the start of the gang before */
    uint32_t comm;  /* number of its communicator; 0: none is kept */
    uint32_t index;
    uint32_t size;
    int *ranks;                       /* of the members, by index; owned */
    struct muster_count count, early; /* early: for the next gang */
    struct job *job;                  /* this member's; borrowed */
    struct job *waiting;              /* the same, until all are there */
    bool go;                          /* they are */
    uint32_t status;                  /* why none runs; 0: they do */
    bool begun;                       /* this member runs */
    bool doomed; /* and another is lost: it may wait for that for ever */
};

/* All zero is in no gang. */
void muster_fini(struct muster *muster);

/* The reactions. */
void muster_on_gang(struct muster *muster, const struct msg_gang *say);
void muster_on_ready(struct muster *muster, struct port *port,
                     const struct msg_gang_ready *ready);
void muster_on_go(struct muster *muster, const struct msg_gang_go *go);

/* JOB is this member's. */
void muster_on_job(struct muster *muster, struct job *job);

/* RANK is lost. Returns this member's job, if it does not begin any more, for RANK
 * is a member, and is to be given up: the worker is in no gang; or NULL. */
struct job *muster_lost(struct muster *muster, int rank);

/* The same when the center says that the gang does not begin. */
struct job *muster_on_off(struct muster *muster,
                          const struct msg_gang_off *off);

/* JOB, this member's, is next to run here. STATUS: it cannot, for an input of it
 * is an error of that kind here, of which the center does not know; or DMPI_OK. */
void muster_wait(struct muster *muster, struct port *port, struct job *job,
                 dmpi_status status);

/* The job that waits, if all members are there, or NULL. It waits no more. If the
 * muster has a status, it does not run. */
struct job *muster_take(struct muster *muster);

/* The job has ended: the worker is in no gang. */
void muster_end(struct muster *muster);

#endif
