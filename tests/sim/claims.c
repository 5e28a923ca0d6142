/* SPDX-License-Identifier: BSD-3-Clause */
/* claims.c - looks at the jobs that run, not at what the center believes. */
#include "claims.h"

#include <string.h>

#include "random.h"

enum { KINDS = 3, IDS = 3, NODES_MAX = 4 };

const char claims_resources[] = "gpu:2 tape:1@rank1 license:3@pool";

void claims_make(uint64_t *random, struct task_order *order)
{
    static const char *const wishes[] = {
        NULL,      "gpu",       "gpu:2",         "gpu:2 license:2",
        "license", "license:3", "tape+gpu:1",    "tape",
        "gpu:0",   "gpu:3",     "license tape:1"};
    order->flags |= RUN_TERMS;
    order->resources =
        wishes[random_below(random, sizeof wishes / sizeof *wishes)];
    if (random_one_in(random, 3))
        order->terms.cores = (uint16_t)random_below(random, 4);
    order->terms.retries = (uint16_t)random_below(random, 2);
    if (order->target || !random_one_in(random, 3)) return;
    order->terms.node = (uint16_t)(1 + random_below(random, NODES_MAX));
    if (random_one_in(random, 2)) order->flags |= RUN_NODE;
}

/* What JOB, which runs on RANK, has is marked in SEEN. */
static const char *look_at(struct cluster *cluster, int rank, struct job *job,
                           bool seen[KINDS][IDS])
{
    const struct msg_terms *terms = job_terms(job);
    if (terms->cores > cluster->cores[rank]) return "too few cores for a task";
    if (job->flags & RUN_NODE && terms->node != cluster->nodes[rank] + 1)
        return "a task on another node";
    for (int i = 0; i < terms->ids; i++) {
        struct msg_resource id = job_ids(job)[i];
        if (id.id >= supply_count(&cluster->supply, id.kind, rank))
            return "an id that is not there";
        if (seen[id.kind][id.id]) return "an id that another task has";
        seen[id.kind][id.id] = true;
    }
    return NULL;
}

const char *claims_wrong(struct cluster *cluster, uint64_t *key)
{
    bool of_pool[IDS] = {false};
    int pool_kind = supply_find(&cluster->supply, "license");
    const char *wrong = NULL;
    for (int rank = 1; rank < cluster->ranks && !wrong; rank++) {
        struct job *job = cluster_member(cluster, rank)->job;
        bool seen[KINDS][IDS] = {{false}};
        if (!job || !job_has_terms(job)) continue;
        memcpy(seen[pool_kind], of_pool, sizeof of_pool);
        wrong = look_at(cluster, rank, job, seen);
        memcpy(of_pool, seen[pool_kind], sizeof of_pool);
        *key = job->key;
    }
    return wrong;
}
