/* SPDX-License-Identifier: BSD-3-Clause */
/* gangs.h - tasks that run on several workers at once.
 *
 * Each member is a task with a record of its own. A gang waits until the inputs
 * of all members exist, so that nobody is held up for what is still to be made;
 * then, in order of priority and turn, until as many workers as it needs are in
 * no gang; then each gets its member's task at once. A worker is in one gang at
 * a time, so members meet in the same order everywhere and nobody waits in a
 * circle; nothing overtakes a large gang, so it does not starve. While it is in
 * a gang a worker is dealt no new tasks; those it has run before the gang if
 * they came before it, and go to others that have nothing to do. */
#ifndef GANGS_H
#define GANGS_H

#include "distmpi/status.h"
#include "map.h"
#include "port.h"
#include "queue.h"
#include "record.h"
#include "roster.h"
#include "task.h"

/* Communicators that a worker keeps, for the lists of members that it was part
 * of first. Those of other lists last as long as their gang: to replace one, all
 * of its members would have to meet. */
enum { GANG_COMMS_MAX = 64 };

enum gang_state {
    GANG_WAITS, /* for inputs, or for workers */
    GANG_RUNS,  /* its workers have been told */
    GANG_OVER   /* all members have ended; it is kept to be run again */
};

/* One of those that were submitted; with a lineage. */
struct gang_part {
    struct record *record; /* stays as long as the gang; borrowed */
    bool went_on;          /* as another task: nobody plays it again */
};

struct gang {
    struct link link; /* first; in the queue of those that may start */
    uint64_t start;   /* the number of its last start, of all gangs' */
    uint64_t order;   /* see order.h */
    uint32_t size;    /* members */
    uint32_t joined;  /* members so far */
    uint32_t unready; /* members whose inputs do not all exist */
    uint32_t unended;
    uint32_t known;   /* keys by which it is found */
    uint32_t comm;    /* number of the members' communicator; 0: none is kept */
    uint32_t crashes; /* times that a worker was lost while it ran */
    enum gang_state state;
    bool broken;             /* it has lost a worker; see regroup.h */
    bool listed;             /* in one walk over all */
    struct record **members; /* by index, NULL: has ended; owned */
    int *ranks;              /* the same, when it has started; owned */
    struct gang_part *parts; /* the same, or NULL: no lineage; owned */
};

struct gangs {
    struct roster *roster; /* borrowed */
    struct map by_member;  /* key of a member or part -> struct gang, owned */
    struct queue ready;    /* all their inputs exist */
    struct queue failed;   /* and one is an error */
    size_t waiting;        /* in both queues */
    struct map comms;      /* hash of ranks -> struct gang_comm, owned */
    uint32_t last_comm;
    uint64_t starts; /* so far */
    bool wanted;     /* one is over, see gangs_is_wanted() */
};

void gangs_init(struct gangs *gangs, struct roster *roster);
void gangs_fini(struct gangs *gangs);

/* Can ORDERS, one per member, make a gang of SIZE? DMPI_EINVAL: there are not so
 * many workers, or one asks for what a member cannot have. */
dmpi_status gangs_check(const struct gangs *gangs,
                        const struct task_order orders[], size_t size);

/* A gang of SIZE members, which are then added one by one. KEPT: it stays when they
 * have ended, until it is taken out. */
struct gang *gangs_new(uint32_t size, bool kept);
void gangs_join(struct gangs *gangs, struct gang *gang, struct record *record);

/* The gang of which RECORD is a member; NULL: it has not joined yet, or is none
 * of a gang any more. */
struct gang *gangs_of(const struct gangs *gangs, const struct record *record);

/* The inputs of RECORD, a member, exist. The last one makes the gang ready. */
void gangs_member_ready(struct gangs *gangs, const struct record *record);

/* The first error among the inputs, by member and input, or NULL. */
struct record *gangs_bad_input(const struct gang *gang);

/* A gang with an error among its inputs, or NULL; it stays, to be taken out. */
struct gang *gangs_failed(struct gangs *gangs);

/* The next gang without, or NULL; it stays. */
struct gang *gangs_next(struct gangs *gangs);

/* The same, if there are enough workers for it, or NULL. Its workers are
 * chosen, and in no other gang until gangs_member_ended(). */
struct gang *gangs_start(struct gangs *gangs);

/* Tell the worker of member INDEX that it is one of GANG, which has started; its
 * task comes next. */
void gangs_say(const struct gang *gang, struct port *port, uint32_t index);

/* RECORD, a member, has ended, wherever: the worker that ran it has left the
 * gang. The last one ends it. */
void gangs_member_ended(struct gangs *gangs, const struct record *record);

/* RECORD, a member, goes on as another task. */
void gangs_member_went_on(struct gangs *gangs, const struct record *record);

/* All gangs that have not started wait again for the inputs of all members, which
 * gangs_member_ready() tells anew. */
void gangs_wait_again(struct gangs *gangs);

/* GANG is found by none of its members any more: they are tasks like any other
 * now, and gang_free() is next. */
void gangs_take_out(struct gangs *gangs, struct gang *gang);
void gang_free(struct gang *gang);

/* ---- losses --------------------------------------------------------------*/

/* GANG's workers are in no gang any more. */
void gangs_leave(struct gangs *gangs, struct gang *gang);

/* Tell the worker of member INDEX that GANG, which it was told of, does not
 * begin. */
void gangs_say_off(const struct gang *gang, struct port *port, uint32_t index);

/* RECORD plays part INDEX of GANG, which it has not played before. */
void gangs_replace(struct gangs *gangs, struct gang *gang, uint32_t index,
                   struct record *record);

/* Is GANG over, and one of its parts, whose value was lost meanwhile, is not? */
bool gangs_is_wanted(const struct gang *gang);

/* Is RECORD one of those that run next in GANG, or now? Its part may wait, while
 * another record plays it. */
bool gangs_plays(const struct gang *gang, const struct record *record);

/* Part INDEX of GANG, if it waits while another record plays it, or NULL. */
struct record *gangs_pending(const struct gang *gang, uint32_t index);

/* GANG, all of whose members wait, waits for them to become ready. */
void gangs_begin_anew(struct gang *gang);

/* All gangs that DOES is true of, each once: their count, in *LIST, which is the
 * caller's to free. */
size_t gangs_list(const struct gangs *gangs, bool (*does)(const struct gang *),
                  struct gang ***list);

#endif
