/* SPDX-License-Identifier: BSD-3-Clause */
/* resources.h - which ids of each resource are free, on each worker and in the
 * pool.
 *
 * An id is in one place at any time: free, or with who took it. */
#ifndef RESOURCES_H
#define RESOURCES_H

#include "message.h"
#include "supply.h"

struct resources {
    const struct supply *supply; /* borrowed */
    int ranks;
    struct stock *stocks; /* by kind, then rank; the pool's at rank 0; owned */
};

/* All that SUPPLY says is free. It stays the caller's. */
void resources_init(struct resources *resources, const struct supply *supply,
                    int ranks);
void resources_fini(struct resources *resources);

/* How many of KIND are free for a task on RANK, and how many there are for it if
 * nobody uses any. */
int resources_free(const struct resources *resources, int kind, int rank);
int resources_total(const struct resources *resources, int kind, int rank);

/* Take AMOUNTS, which are free, for a task on RANK; IDS receives as many as are
 * asked for in all. */
void resources_take(struct resources *resources, const struct amounts *amounts,
                    int rank, struct msg_resource ids[]);

/* Give COUNT IDS back that were taken for RANK. */
void resources_give(struct resources *resources, int rank,
                    const struct msg_resource ids[], size_t count);

/* ---- for tests -----------------------------------------------------------*/

/* No id is free twice, or it asserts. */
void resources_check(const struct resources *resources);
bool resources_is_taken(const struct resources *resources, int rank,
                        struct msg_resource id);

#endif
