/* SPDX-License-Identifier: BSD-3-Clause */
/* agenda.c - a queue of jobs and a forecast per function. */
#include "agenda.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "order.h"

/* Below that memory decides nothing. */
enum { FREES_BYTES = 64 << 10 };

void agenda_init(struct agenda *agenda, uint32_t functions)
{
    size_t bytes = (functions ? functions : 1) * sizeof(struct estimate);
    *agenda = (struct agenda){.estimates = log_alloc(bytes)};
    memset(agenda->estimates, 0, bytes);
}

void agenda_fini(struct agenda *agenda, struct mem *mem)
{
    struct link *link;
    while ((link = queue_pop(&agenda->ready)))
        job_free(mem, (struct job *)link);
    queue_fini(&agenda->ready);
    free(agenda->estimates);
}

/* Does JOB make much less than it uses? Then it goes before those that do not:
 * depth first, values go as soon as they can. */
static bool frees(const struct agenda *agenda, struct job *job)
{
    if (!job->inputs) return false;
    uint64_t makes = agenda->estimates[job->function].bytes;
    return job_input_bytes(job) >= makes + FREES_BYTES;
}

void agenda_add(struct agenda *agenda, struct job *job)
{
    job->cost_ns = estimate_known_ns(&agenda->estimates[job->function]);
    agenda->backlog_ns += job->cost_ns;
    if (frees(agenda, job)) job->order |= ORDER_FREES;
    job->flags |= JOB_READY;
    queue_push(&agenda->ready, &job->link, job->order);
}

void agenda_remove(struct agenda *agenda, struct job *job)
{
    queue_remove(&agenda->ready, &job->link, job->order);
    job->flags &= (uint16_t)~JOB_READY;
    agenda->backlog_ns -= job->cost_ns;
    agenda->stolen -= job->from != 0;
}

static void begin(struct agenda *agenda, struct job *job)
{
    agenda->running = job;
    agenda->began_ns = agenda->now_ns;
}

struct job *agenda_take(struct agenda *agenda)
{
    assert(!agenda->running);
    struct job *job = (struct job *)queue_pop(&agenda->ready);
    if (!job) return NULL;
    agenda->backlog_ns -= job->cost_ns;
    job->flags &= (uint16_t)~JOB_READY;
    agenda->stolen -= job->from != 0;
    begin(agenda, job);
    return job;
}

struct job *agenda_lend(struct agenda *agenda)
{
    struct job *job = (struct job *)queue_pop(&agenda->ready);
    if (!job) return NULL;
    agenda->backlog_ns -= job->cost_ns;
    job->flags &= (uint16_t)~JOB_READY;
    return job;
}

void agenda_begin(struct agenda *agenda, struct job *job)
{
    assert(!agenda->running);
    agenda->stolen -= job->from != 0;
    begin(agenda, job);
}

void agenda_delay(struct agenda *agenda, struct job *job)
{
    assert(agenda->running == job);
    agenda->running = NULL;
    agenda->stolen += job->from != 0;
}

void agenda_take_over(struct agenda *agenda, struct job *job)
{
    struct job *outer = agenda->running;
    agenda_remove(agenda, job);
    outer->ran_ns = agenda->now_ns - agenda->began_ns;
    job->outer = outer;
    begin(agenda, job);
}

/* As if JOB had begun later: by as much as it has waited. */
static void go_on(struct agenda *agenda, struct job *job)
{
    agenda->running = job;
    agenda->began_ns = agenda->now_ns - job->ran_ns;
}

void agenda_pause(struct agenda *agenda, struct job *job)
{
    assert(agenda->running == job);
    job->ran_ns = agenda->now_ns - agenda->began_ns;
    agenda->running = NULL;
}

void agenda_resume(struct agenda *agenda, struct job *job)
{
    assert(!agenda->running);
    go_on(agenda, job);
}

void agenda_end(struct agenda *agenda, uint64_t ns, uint64_t output_bytes,
                bool failed)
{
    struct job *job = agenda->running;
    assert(job);
    agenda->running = NULL;
    if (job->outer) go_on(agenda, job->outer);
    job->outer = NULL;
    if (!failed)
        estimate_learn(&agenda->estimates[job->function], ns, output_bytes);
}

/* What the running job is thought to take in all. */
static uint64_t running_ns(const struct agenda *agenda)
{
    if (!agenda->running) return 0;
    uint64_t known =
        estimate_known_ns(&agenda->estimates[agenda->running->function]);
    uint64_t so_far = agenda->now_ns - agenda->began_ns;
    return known > so_far ? known : so_far;
}

uint64_t agenda_left_ns(const struct agenda *agenda)
{
    if (!agenda->running) return 0;
    uint64_t so_far = agenda->now_ns - agenda->began_ns;
    uint64_t in_all = running_ns(agenda);
    return in_all > so_far ? in_all - so_far : so_far;
}

uint64_t agenda_ahead_ns(const struct agenda *agenda, const struct job *job)
{
    return agenda->backlog_ns - job->cost_ns + running_ns(agenda);
}

uint64_t agenda_job_ns(const struct agenda *agenda, const struct job *job)
{
    if (!agenda->running || job->function != agenda->running->function)
        return estimate_known_ns(&agenda->estimates[job->function]);
    return running_ns(agenda); /* at least what is known */
}

size_t agenda_share(const struct agenda *agenda, int others)
{
    size_t jobs = agenda->ready.count + (agenda->running != NULL);
    size_t share = jobs / (2 + (size_t)others);
    return share || jobs < 2 ? share : 1;
}
