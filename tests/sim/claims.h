/* SPDX-License-Identifier: BSD-3-Clause */
/* claims.h - random wishes of tasks for resources, cores and nodes, and whether
 * those that run have what they are to have, and nobody else has it. */
#ifndef CLAIMS_H
#define CLAIMS_H

#include "cluster.h"

/* For struct cluster_setup. */
extern const char claims_resources[];

/* ORDER asks for something that not every worker has, or nobody. */
void claims_make(uint64_t *random, struct task_order *order);

/* What is wrong with the tasks that run now, and the *KEY of one of them; NULL:
 * nothing. */
const char *claims_wrong(struct cluster *cluster, uint64_t *key);

#endif
