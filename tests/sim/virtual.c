/* SPDX-License-Identifier: BSD-3-Clause */
/* virtual.c - from one end of a task, or one message, to the next. */
#include "virtual.h"

#include "random.h"

enum { TURNS_ONE_IN = 4 /* messages */ };

static void turn_touched(struct cluster *cluster)
{
    while (cluster->touched_count) {
        int rank = cluster->touched[--cluster->touched_count];
        cluster_member(cluster, rank)->touched = false;
        cluster_turn(cluster, rank);
        cluster_start_job(cluster, rank);
    }
}

static void settle_at_this_time(struct cluster *cluster)
{
    do {
        while (network_step(cluster->network))
            if (random_one_in(&cluster->random, TURNS_ONE_IN))
                turn_touched(cluster);
        turn_touched(cluster);
    } while (network_under_way(cluster->network));
}

static uint64_t next_end(const struct cluster *cluster)
{
    uint64_t next = UINT64_MAX;
    for (int rank = 1; rank < cluster->ranks; rank++) {
        const struct member *member = &cluster->members[rank - 1];
        if (member->job && member->ends_ns < next) next = member->ends_ns;
    }
    return next;
}

/* A tick: everybody gets a turn. */
static void tick(struct cluster *cluster)
{
    for (int rank = 1; rank < cluster->ranks; rank++)
        cluster_touch(cluster_member(cluster, rank));
}

static void end_due_jobs(struct cluster *cluster)
{
    for (int rank = 1; rank < cluster->ranks; rank++) {
        struct member *member = cluster_member(cluster, rank);
        if (member->job && member->ends_ns <= cluster->now_ns)
            cluster_end_job(cluster, rank);
    }
}

/* ---- with costs ----------------------------------------------------------*/

static void note_bytes(struct cluster *cluster, struct member *member)
{
    uint64_t bytes = worker_bytes_held(member->worker);
    cluster->bytes += bytes - member->bytes;
    member->bytes = bytes;
    if (cluster->bytes > cluster->bytes_most)
        cluster->bytes_most = cluster->bytes;
}

/* All that happens at this time, and what follows from it. */
static void happen(struct cluster *cluster)
{
    struct member *member;
    network_set_time(cluster->network, cluster->now_ns);
    while ((member = timeline_take(&cluster->ends, cluster->now_ns)))
        cluster_end_job(cluster, member->rank);
    while (network_deliver_due(cluster->network)) {
    }
    for (size_t i = 0; i < cluster->touched_count; i++)
        note_bytes(cluster, cluster_member(cluster, cluster->touched[i]));
    turn_touched(cluster);
}

/* Workers that run a job get a turn now and then. */
static void tick_busy(struct cluster *cluster)
{
    for (int rank = 1; rank < cluster->ranks; rank++)
        if (cluster_member(cluster, rank)->job)
            cluster_touch(cluster_member(cluster, rank));
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void run_with_costs(struct cluster *cluster)
{
    uint64_t step = cluster->setup.tick_ns, tick_ns = cluster->now_ns + step;
    happen(cluster);
    for (;;) {
        uint64_t end_ns = timeline_next_ns(&cluster->ends);
        uint64_t next = least(network_next_ns(cluster->network), end_ns);
        if (next == UINT64_MAX) return;
        if (step && end_ns != UINT64_MAX && tick_ns < next) {
            cluster->now_ns = tick_ns;
            tick_busy(cluster);
        } else {
            cluster->now_ns = next;
        }
        happen(cluster);
        if (cluster->now_ns >= tick_ns) tick_ns = cluster->now_ns + step;
    }
}

void virtual_run(struct cluster *cluster)
{
    if (cluster->setup.costs) {
        run_with_costs(cluster);
        return;
    }
    for (;;) {
        settle_at_this_time(cluster);
        uint64_t next = next_end(cluster), step = cluster->setup.tick_ns;
        if (next == UINT64_MAX) return;
        if (step && next > cluster->now_ns + step) {
            cluster->now_ns += step;
            tick(cluster);
        } else {
            cluster->now_ns = next;
            end_due_jobs(cluster);
        }
    }
}
