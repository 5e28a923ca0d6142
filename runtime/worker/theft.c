/* SPDX-License-Identifier: BSD-3-Clause */
/* theft.c - a job leaves here in two messages: to the thief, and to the center. */
#include "theft.h"

#include <stdlib.h>
#include <string.h>

#include "gift.h"
#include "log.h"
#include "order.h"

enum {
    /* Turns may be a tick apart while a task runs. */
    OFFERS_A_TURN = 16
};

void theft_init(struct theft *theft, struct custody *custody,
                const struct nest *nest, const int nodes[], const int cores[])
{
    int ranks = custody->port->ranks;
    size_t bytes = (size_t)ranks * sizeof(int);
    *theft = (struct theft){.custody = custody,
                            .nest = nest,
                            .nodes = log_alloc(bytes),
                            .cores = log_alloc(bytes)};
    memcpy(theft->nodes, nodes, bytes);
    for (int i = 0; i < ranks; i++) theft->cores[i] = cores ? cores[i] : 1;
    steal_init(&theft->steal, custody->port->rank, ranks, theft->nodes);
}

void theft_fini(struct theft *theft)
{
    steal_fini(&theft->steal);
    free(theft->nodes);
    free(theft->cores);
}

static struct port *port_of(const struct theft *theft)
{
    return theft->custody->port;
}

/* A worker that may begin nothing gives whatever it can. */
static struct job *job_to_give(const struct theft *theft, int thief)
{
    bool near = theft->nodes[thief] == theft->nodes[port_of(theft)->rank];
    bool stuck = nest_stuck(theft->nest);
    return (stuck ? gift_any : gift_choose)(theft->custody->agenda,
                                            near ? GIFT_NEAR : GIFT_FAR,
                                            theft->cores[thief]);
}

static void say_run(struct theft *theft, int thief, struct job *job)
{
    size_t inputs = job->inputs * sizeof(struct msg_input);
    size_t tail = job_tail(job);
    struct msg_task_run *run = port_say(port_of(theft), thief, MSG_TASK_RUN,
                                        sizeof *run + inputs + tail);
    *run = (struct msg_task_run){.key = job->key,
                                 .order = job->order & ~ORDER_FREES,
                                 .function = job->function,
                                 .inputs = job->inputs,
                                 .args = job->args,
                                 .attempt = job->attempt,
                                 .flags = (uint8_t)job->flags,
                                 .name = (uint8_t)job->name};
    struct msg_input *input = (struct msg_input *)(run + 1);
    for (uint32_t i = 0; i < job->inputs; i++)
        input[i] = (struct msg_input){.key = job_inputs(job)[i]->key,
                                      .owner = (uint32_t)port_of(theft)->rank};
    memcpy(input + job->inputs, job_terms(job), tail);
}

/* The center knows of the copies that it caused itself, by placing the task
 * here, and not of those that a stolen task left behind, or one submitted
 * here. */
static void say_moved(struct theft *theft, int thief, struct job *job)
{
    bool unknown = job->from || job->flags & JOB_PINS;
    uint32_t inputs = unknown ? job->inputs : 0;
    struct msg_task_moved *moved =
        port_say(port_of(theft), 0, MSG_TASK_MOVED,
                 sizeof *moved + inputs * sizeof(uint64_t));
    *moved = (struct msg_task_moved){.key = job->key,
                                     .to = (uint32_t)thief,
                                     .inputs = inputs,
                                     .attempt = job->attempt};
    uint64_t *keys = (uint64_t *)(moved + 1);
    for (uint32_t i = 0; i < inputs; i++) keys[i] = job_inputs(job)[i]->key;
}

static void give(struct theft *theft, int thief, struct job *job)
{
    agenda_remove(theft->custody->agenda, job);
    theft->custody->agenda->unended--;
    say_moved(theft, thief, job);
    say_run(theft, thief, job);
    custody_moved(theft->custody, job, thief);
}

static void say_empty(struct theft *theft, int to, unsigned kind)
{
    memset(port_say(port_of(theft), to, kind, sizeof(struct msg_steal)), 0,
           sizeof(struct msg_steal));
}

void theft_on_steal(struct theft *theft, int from)
{
    size_t most =
        agenda_share(theft->custody->agenda, theft->steal.hungry_count);
    size_t given = 0;
    struct job *job;
    while (given < most && (job = job_to_give(theft, from))) {
        give(theft, from, job);
        given++;
    }
    if (given) return;
    steal_remember(&theft->steal, from);
    say_empty(theft, from, MSG_STEAL_NONE);
}

void theft_ask(struct theft *theft)
{
    int victim = steal_next_victim(&theft->steal);
    if (victim) say_empty(theft, victim, MSG_STEAL);
}

/* Somebody hungry, and something to give? Then let it ask again. False: no. */
static bool offer_one(struct theft *theft)
{
    if (!theft->steal.hungry_count || !agenda_share(theft->custody->agenda, 0))
        return false;
    int thief = steal_next_thief(&theft->steal);
    if (job_to_give(theft, thief)) {
        say_empty(theft, thief, MSG_STEAL_OFFER);
        return true;
    }
    steal_remember(&theft->steal, thief);
    return false;
}

void theft_offer(struct theft *theft)
{
    for (int i = 0; i < OFFERS_A_TURN && offer_one(theft); i++) {
    }
}
