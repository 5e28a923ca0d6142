/* SPDX-License-Identifier: BSD-3-Clause */
/* gift.c - what a move costs, and whether it pays. */
#include "gift.h"

enum { PROBES = 64 /* jobs looked at, from the last one on */ };

/* What handling takes for each input of the job, beside copying its bytes. */
enum { HANDLE_INPUT_NS = 300 };

/* Jobs are stuck behind one that goes on so many times longer than handling the
 * move of all of them. */
enum { STUCK = 64 };

static const struct cost {
    uint64_t move_ns;      /* half a dozen messages, and waking somebody */
    uint64_t bytes_per_ns; /* of the inputs, by memory or by network */
    uint64_t handle_ns;    /* what both sides do for it meanwhile */
} costs[GIFT_DISTANCES] = {
    [GIFT_NEAR] = {20000, 4, 4000},
    [GIFT_FAR] = {100000, 1, 10000},
};

/* May the job go to a thief with so many CORES? */
static bool may_go(struct job *job, enum gift_distance distance, int cores)
{
    if (job->flags & RUN_PINNED) return false;
    if (job->flags & RUN_NODE && distance != GIFT_NEAR) return false;
    return !job_has_terms(job) || job_terms(job)->cores <= cores;
}

static bool is_stuck(const struct agenda *agenda, uint64_t handling_ns)
{
    uint64_t all_ns = handling_ns * agenda->ready.count;
    return agenda_left_ns(agenda) >= STUCK * all_ns;
}

static bool pays(const struct agenda *agenda, const struct cost *cost,
                 struct job *job)
{
    uint64_t copying_ns =
        (job_input_bytes(job) + job->args) / cost->bytes_per_ns;
    uint64_t handling_ns =
        cost->handle_ns + copying_ns + HANDLE_INPUT_NS * (uint64_t)job->inputs;
    return (agenda_job_ns(agenda, job) >= handling_ns ||
            is_stuck(agenda, handling_ns)) &&
           agenda_ahead_ns(agenda, job) >= cost->move_ns + copying_ns;
}

/* Of the last ones, the first that may go and, if COST is not NULL, pays. */
static struct job *find(const struct agenda *agenda,
                        enum gift_distance distance, int cores,
                        const struct cost *cost)
{
    struct link *link = queue_last(&agenda->ready);
    for (int i = 0; link && i < PROBES; i++) {
        struct job *job = (struct job *)link;
        if (may_go(job, distance, cores) && (!cost || pays(agenda, cost, job)))
            return job;
        link = queue_before(&agenda->ready, link, job->order);
    }
    return NULL;
}

struct job *gift_choose(const struct agenda *agenda,
                        enum gift_distance distance, int cores)
{
    return find(agenda, distance, cores, &costs[distance]);
}

struct job *gift_any(const struct agenda *agenda, enum gift_distance distance,
                     int cores)
{
    return find(agenda, distance, cores, NULL);
}
