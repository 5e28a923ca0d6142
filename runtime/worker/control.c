/* SPDX-License-Identifier: BSD-3-Clause */
/* control.c - where a job is decides how it is stopped. */
#include "control.h"

#include "failure.h"

/* ---- errors --------------------------------------------------------------*/

static struct failure_of of_job(const struct custody *custody, struct job *job)
{
    return (struct failure_of){.rank = custody->port->rank,
                               .function = job->function,
                               .name = job_name(job),
                               .name_size = job->name};
}

static struct buffer *late_error(const struct custody *custody, struct job *job)
{
    struct failure_of of = of_job(custody, job);
    return failure_new(DMPI_ETIMEOUT, &of, "ran longer than %g s",
                       (double)job_terms(job)->timeout_ns / 1e9);
}

static struct buffer *cancelled_error(const struct custody *custody,
                                      struct job *job, bool runs)
{
    struct failure_of of = of_job(custody, job);
    return failure_new(DMPI_ECANCELLED, &of, "cancelled %s",
                       runs ? "while it ran" : "before it began");
}

/* ---- the end before the end ----------------------------------------------*/

/* It has begun, even if it waits for another, or for its gang. */
static bool runs(const struct job *job)
{
    return !job->missing && !(job->flags & JOB_READY);
}

/* The function of JOB, if it runs, sees that it should return. */
static void halt(struct job *job)
{
    atomic_store_explicit(&job->halted, true, memory_order_relaxed);
}

/* JOB, which is not ready any more, ends with ERROR (taken). IN_USE: it runs, or
 * will, or misses inputs. */
static void cut_short(struct custody *custody, struct job *job,
                      struct buffer *error, bool in_use)
{
    if (in_use) {
        halt(job);
        job->flags |= JOB_OVER;
    }
    custody_made(custody, job, error, 0);
}

/* A member of a gang will run, or the others would wait for it for ever. Of a job
 * that goes on the next one is cancelled. */
static void cancel(struct custody *custody, struct job *job)
{
    if (job->flags & JOB_GOES_ON) {
        halt(job);
        job->output->cancelled = true;
        return;
    }
    struct buffer *error = cancelled_error(custody, job, runs(job));
    bool is_ready = job->flags & JOB_READY && !(job->flags & RUN_GANG);
    if (job->missing) custody->agenda->stolen -= job->from != 0;
    else if (is_ready) agenda_remove(custody->agenda, job);
    cut_short(custody, job, error, !is_ready);
}

/* ---- cancelled -----------------------------------------------------------*/

static void say_cancel(struct custody *custody, int to, uint64_t key)
{
    struct msg_cancel *out =
        port_say(custody->port, to, MSG_CANCEL, sizeof *out);
    out->key = key;
}

/* A peer has told the center that it gave us the task of KEY, and that was
 * faster than the task. */
static void cancel_when_it_comes(struct custody *custody, uint64_t key)
{
    struct value *value = store_find(&custody->store, key);
    if (!value) value = store_need(&custody->store, key);
    if (value->state == VALUE_NEW)
        value_enter(&custody->store, value, VALUE_EXPECTED);
    value->cancelled = true;
}

/* The word follows the task, behind it. So where neither the task nor its way
 * is known it has ended; unless the center sent us the word itself. */
void control_on_cancel(struct custody *custody, int from,
                       const struct msg_cancel *message)
{
    struct value *value = store_find(&custody->store, message->key);
    enum value_state state = value ? value->state : VALUE_NEW;
    if (state == VALUE_HELD || state == VALUE_ARRIVING) return;
    if (state == VALUE_MAKING) cancel(custody, value->job);
    else if (value && value->thief)
        say_cancel(custody, value->thief, message->key);
    else if (from == 0) cancel_when_it_comes(custody, message->key);
}

void control_job_came(struct custody *custody, struct job *job)
{
    if (!job->output->cancelled) return;
    job->output->cancelled = false;
    cancel(custody, job);
}

/* ---- out of time ---------------------------------------------------------*/

uint64_t control_time_left_ns(const struct agenda *agenda)
{
    struct job *job = agenda->running;
    if (!job || !job_has_terms(job) || !job_terms(job)->timeout_ns ||
        job->halted)
        return UINT64_MAX;
    uint64_t spent_ns = agenda->now_ns - agenda->began_ns;
    uint64_t limit_ns = job_terms(job)->timeout_ns;
    return spent_ns < limit_ns ? limit_ns - spent_ns : 0;
}

static bool may_try_again(struct job *job)
{
    return job_terms(job)->tried < job_terms(job)->retries;
}

/* With another try left the key waits for that, and so for the function. */
void control_look_at_clock(struct custody *custody)
{
    struct job *job = custody->agenda->running;
    if (control_time_left_ns(custody->agenda)) return;
    halt(job);
    if (!may_try_again(job))
        cut_short(custody, job, late_error(custody, job), true);
}

/* ---- tried again ---------------------------------------------------------*/

/* JOB waits for its turn here, or for a thief. */
static void try_again(struct custody *custody, struct job *job)
{
    job_terms(job)->tried++;
    job->halted = false;
    custody->agenda->stolen += job->from != 0;
    agenda_add(custody->agenda, job);
}

void control_finish(struct custody *custody, struct job *job,
                    struct buffer *output, uint64_t ns)
{
    if (job->flags & JOB_OVER) {
        custody_left(custody, job);
        buffer_unref(output);
        return;
    }
    uint64_t limit_ns = job_terms(job)->timeout_ns;
    if (job->halted || (limit_ns && ns > limit_ns)) {
        buffer_unref(output);
        output = late_error(custody, job);
    }
    if (output->is_error && may_try_again(job)) {
        buffer_unref(output);
        try_again(custody, job);
    } else {
        custody_made(custody, job, output, ns);
    }
}
