/* SPDX-License-Identifier: BSD-3-Clause */
/* gift.c - what a move costs, and whether it pays. */
#include "gift.h"

enum { PROBES = 64 /* jobs looked at, from the last one on */ };

/* What handling takes of both sides, for each input of the job. */
enum { HANDLE_INPUT_NS = 300 };

static const struct cost {
    uint64_t move_ns;      /* half a dozen messages, and waking somebody */
    uint64_t bytes_per_ns; /* of the inputs, by memory or by network */
    uint64_t handle_ns;    /* what both sides do for it meanwhile */
} costs[GIFT_DISTANCES] = {
    [GIFT_NEAR] = {20000, 4, 4000},
    [GIFT_FAR] = {100000, 1, 10000},
};

static uint64_t move_ns(const struct cost *cost, struct job *job)
{
    uint64_t bytes = job_input_bytes(job) + job->args;
    return cost->move_ns + bytes / cost->bytes_per_ns;
}

static uint64_t handling_ns(const struct cost *cost, const struct job *job)
{
    return cost->handle_ns + HANDLE_INPUT_NS * (uint64_t)job->inputs;
}

static bool pays(const struct agenda *agenda, const struct cost *cost,
                 struct job *job)
{
    if (job->flags & RUN_PINNED) return false;
    if (agenda_job_ns(agenda, job) < handling_ns(cost, job)) return false;
    return agenda_ahead_ns(agenda, job) >= move_ns(cost, job);
}

struct job *gift_choose(const struct agenda *agenda,
                        enum gift_distance distance)
{
    struct link *link = queue_last(&agenda->ready);
    for (int i = 0; link && i < PROBES; i++) {
        struct job *job = (struct job *)link;
        if (pays(agenda, &costs[distance], job)) return job;
        link = queue_before(&agenda->ready, link, job->order);
    }
    return NULL;
}
