/* SPDX-License-Identifier: BSD-3-Clause */
/* tight.c - from the agenda to the room, and from there to work. */
#include "tight.h"

static void fill_room(struct custody *custody)
{
    struct job *job;
    while (room_takes_more(&custody->room) &&
           (job = agenda_lend(custody->agenda)))
        room_add(&custody->room, job);
}

struct job *tight_take_with_room(struct custody *custody)
{
    struct job *job;
    fill_room(custody);
    while ((job = room_next(&custody->room)) && job_is_idle(job))
        custody_left(custody, job);
    if (job) fill_room(custody);
    return job;
}

bool tight_waits(struct custody *custody, struct job *job)
{
    if (job->stage) return false;
    agenda_delay(custody->agenda, job);
    bool waits = room_concerns(&custody->room, job);
    if (waits) room_add(&custody->room, job);
    else agenda_begin(custody->agenda, job);
    return waits;
}

static struct failure_of of_job(const struct custody *custody, struct job *job)
{
    return (struct failure_of){.rank = custody->port->rank,
                               .function = job->function,
                               .name = job_name(job),
                               .name_size = job->name};
}

struct buffer *tight_error(const struct custody *custody, struct job *job)
{
    struct failure_of of = of_job(custody, job);
    return room_error(&custody->room, job, 0, &of);
}

struct buffer *tight_gang_error(const struct custody *custody, struct job *job,
                                dmpi_status status)
{
    struct buffer *bad = job_bad_input(job);
    struct failure_of of = of_job(custody, job);
    if (bad) return buffer_ref(bad);
    return failure_new(status, &of,
                       "another member of its gang has lost an input: %s",
                       dmpi_status_text(status));
}

/* And what it waits on top of. */
static void hold_chain(struct custody *custody, struct job *job)
{
    for (; job; job = job->outer) room_hold(&custody->room, job);
}

void tight_hold_begun(struct custody *custody, const struct nest *nest)
{
    hold_chain(custody, custody->agenda->running);
    for (struct waiter *at = nest->waiting; at; at = at->next)
        hold_chain(custody, at->job);
    for (struct waiter *at = nest->awake; at; at = at->next)
        hold_chain(custody, at->job);
}
