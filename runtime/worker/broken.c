/* SPDX-License-Identifier: BSD-3-Clause */
/* broken.c - wherever the job is, it is taken from there, or ends there. */
#include "broken.h"

#include <assert.h>

/* Does somebody here want VALUE, not only peers? */
static bool is_wanted_here(const struct value *value)
{
    for (const struct want *want = value->wants; want; want = want->next)
        if (want->kind != WANT_SEND) return true;
    return value->pins;
}

/* The task of VALUE has left: who waits for it here is told by the center whom to
 * ask. */
static void lose_task(struct custody *custody, struct value *value)
{
    bool seeks = value->asked || is_wanted_here(value);
    if (!seeks && !value->wants) {
        store_remove(&custody->store, value);
        return;
    }
    value_enter(&custody->store, value,
                seeks ? VALUE_FETCHING : VALUE_EXPECTED);
    value->asked = seeks;
    value->source = -1;
}

/* JOB makes nothing any more. */
static void leave_output(struct custody *custody, struct job *job)
{
    struct value *value = job->output;
    if (job->flags & JOB_AGAIN) {
        custody_unpin(custody, store_find(&custody->store, job->key));
        store_forget_apart(&custody->store, value);
    } else if (value->state == VALUE_MAKING) {
        lose_task(custody, value);
    }
    custody->agenda->unended--;
}

/* It has been cut short before, and the center has been told. */
static bool is_over(const struct job *job)
{
    return job->flags & JOB_OVER;
}

void broken_give_up(struct custody *custody, struct job *job)
{
    if (!is_over(job)) {
        leave_output(custody, job);
        job->flags |= JOB_OVER | JOB_TOLD | JOB_ASTRAY;
    }
    job->flags &= (uint16_t)~RUN_GANG;
    if (job->flags & JOB_READY) agenda_remove(custody->agenda, job);
    if (job->missing) custody_pin_inputs(custody, job); /* it is idle now */
    else custody_left(custody, job);
}

void broken_ask(struct custody *custody, uint64_t key)
{
    const struct value *value = store_find(&custody->store, key);
    if (!value || value->state != VALUE_FETCHING) return;
    struct msg_ask_value *ask =
        port_say(custody->port, 0, MSG_ASK_VALUE, sizeof *ask);
    *ask = (struct msg_ask_value){.key = key};
}

void broken_make_again(struct custody *custody, struct job *job,
                       struct value *value)
{
    assert(job->flags & RUN_GANG);
    job->flags |= JOB_AGAIN;
    job->output = store_apart(&custody->store, job->key);
    value_enter(&custody->store, job->output, VALUE_MAKING);
    job->output->job = job;
    custody_pin(value);
}

void broken_made_again(struct custody *custody, struct job *job, uint64_t ns)
{
    struct value *value = store_find(&custody->store, job->key);
    custody_say_done(custody, job, value->buffer, ns);
    store_forget_apart(&custody->store, job->output);
    custody_unpin(custody, value);
    custody_discard(custody, job);
}
