/* SPDX-License-Identifier: BSD-3-Clause */
/* stage.h - a small application in acts, and the blows that hit its workers.
 *
 * An act is what the application does at once: it submits, puts, replicates. The
 * next one begins when all tasks have ended. At last every key is got, compared
 * with what a sequential run gives, and dropped; nothing may be left. */
#ifndef STAGE_H
#define STAGE_H

#include <stdbool.h>

#include "cluster.h"
#include "ledger.h"

struct stage;

struct play {
    const char *name;
    bool (*act)(struct stage *stage, unsigned number); /* false: it is over */
    const char *resources; /* as DISTMPI_RESOURCES; NULL: none */
    uint64_t memory;       /* bytes of a worker; 0: any */
};

enum { STAGE_WORKERS = 3 };

/* Play it while all BLOWS fall. *EVENTS (or NULL) receives how many messages and
 * transfers there were. False: something was wrong; a line on stderr says what. */
bool stage_run(const struct play *play, uint64_t seed,
               const struct cluster_blow blows[], size_t blow_count,
               uint64_t *events);

/* ---- for acts: values are named by their number, from 0 ------------------*/

/* What task there is to be. */
struct stage_task {
    uint32_t function; /* ORACLE_... */
    size_t inputs[LEDGER_INPUTS_MAX];
    uint32_t input_count;
    int target;            /* a wish; 0: none */
    const char *resources; /* NULL: none */
};
size_t stage_submit(struct stage *stage, const struct stage_task *task);

/* BYTES on RANK; it may be lost. */
size_t stage_put(struct stage *stage, int rank, size_t bytes);

/* COPIES more of VALUE, which exists. */
void stage_replicate(struct stage *stage, size_t value, size_t copies);

/* The constant "c" stands for BYTES from now on. Nobody is to see another one
 * before. */
void stage_constant(struct stage *stage, size_t bytes);

#endif
