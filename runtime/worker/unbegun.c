/* SPDX-License-Identifier: BSD-3-Clause */
/* unbegun.c - what does not begin any more. */
#include "unbegun.h"

#include <string.h>

#include "failure.h"

void unbegun_fini(struct unbegun *unbegun)
{
    buffer_unref(unbegun->error);
}

void unbegun_on_curfew(struct unbegun *unbegun, struct nest *nest,
                       const struct msg_curfew *say)
{
    unbegun->end_ns = nest->custody->agenda->now_ns + say->left_ns;
    if (!say->begins || unbegun->begun) return;
    unbegun->begun = true;
    nest_close_down(nest);
}

/* One for all: there may be millions. The first one's function is not theirs. */
static void make_error(struct unbegun *unbegun, const struct custody *custody,
                       struct job *job)
{
    struct failure_of of = {.rank = custody->port->rank,
                            .function = job->function};
    unbegun->error =
        failure_new(DMPI_EDEADLINE, &of, "not begun: the job is ending");
    dmpi_failure *failure = unbegun->error->data;
    memset(failure->function, 0, sizeof failure->function);
}

static void end_unbegun(struct unbegun *unbegun, struct custody *custody,
                        struct job *job)
{
    if (!unbegun->error) make_error(unbegun, custody, job);
    struct buffer *bad = job->inputs ? job_bad_input(job) : NULL;
    agenda_remove(custody->agenda, job);
    custody_made(custody, job, buffer_ref(bad ? bad : unbegun->error), 0);
}

/* The last one that may end so, or NULL. */
static struct job *find_unbegun(const struct queue *ready)
{
    struct link *link = queue_last(ready);
    while (link && ((struct job *)link)->flags & RUN_GANG)
        link = queue_before(ready, link, ((struct job *)link)->order);
    return (struct job *)link;
}

/* The end of one may make others ready. */
void unbegun_turn(struct unbegun *unbegun, struct custody *custody)
{
    struct job *job;
    while ((job = find_unbegun(&custody->agenda->ready)))
        end_unbegun(unbegun, custody, job);
}

bool unbegun_is_over(const struct custody *custody)
{
    return !find_unbegun(&custody->agenda->ready);
}

static struct buffer *too_long(const struct unbegun *unbegun,
                               const struct custody *custody, struct job *job)
{
    uint64_t now_ns = custody->agenda->now_ns, end_ns = unbegun->end_ns;
    uint64_t needs_ns = job_terms(job)->needs_ns;
    uint64_t left_ns = end_ns > now_ns ? end_ns - now_ns : 0;
    if (!end_ns || needs_ns <= left_ns) return NULL;
    struct failure_of of = {.rank = custody->port->rank,
                            .function = job->function,
                            .name = job_name(job),
                            .name_size = job->name};
    return failure_new(DMPI_EDEADLINE, &of,
                       "not begun: it needs %g s, the job ends in %g s",
                       (double)needs_ns / 1e9, (double)left_ns / 1e9);
}

/* An input is an error for the center, and not here: it was lost elsewhere. */
static struct buffer *input_lost(const struct custody *custody, struct job *job)
{
    struct failure_of of = {.rank = custody->port->rank,
                            .function = job->function,
                            .name = job_name(job),
                            .name_size = job->name};
    return failure_new(DMPI_ELOST, &of, "an input was lost with its worker");
}

/* What memory was made room for already comes here, too. */
struct buffer *unbegun_reason(struct unbegun *unbegun,
                              const struct custody *custody, struct job *job)
{
    if (job->flags & RUN_GANG) return NULL;
    if (job->flags & RUN_VOID) return input_lost(custody, job);
    if (!unbegun->begun) return too_long(unbegun, custody, job);
    if (!unbegun->error) make_error(unbegun, custody, job);
    return buffer_ref(unbegun->error);
}
