/* SPDX-License-Identifier: BSD-3-Clause */
/* script.h - a random application, and what it should see.
 *
 * It submits tasks on keys it has, sets constants, puts, gets, copies and drops
 * keys, and calls from inside running tasks, all at random moments. What each
 * key must be is computed beforehand, one task after the other; but for a task
 * that is cancelled, has a timeout, or is not begun before the job is to end, it
 * may as well be the error that says so. */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

struct script_flavour {
    int workers_max;
    unsigned tasks_max;
    unsigned inputs_max;    /* of a task */
    unsigned fail_one_in;   /* tasks fail by themselves; 0: none */
    unsigned target_one_in; /* tasks name a worker; 0: none */
    unsigned picky_one_in;  /* tasks ask for resources, cores, nodes; 0: none */
    unsigned gang_one_in;   /* submissions are a gang's; 0: none */
    unsigned terms_one_in;  /* tasks have retries, a timeout or both; 0: none */
    unsigned cancel_one_in; /* of what the application does; 0: never */
    unsigned curfew_one_in; /* the same: the job is to end, once; 0: never */
    unsigned memory_max;    /* bytes a worker has for values; 0: any */
    bool disk_full;         /* sometimes; tasks may fail then */
    bool small;             /* values are words: more tasks, less copying */
    bool from_tasks;        /* puts, reads and drops by running tasks too */
    bool constants;         /* are set, replaced and removed */
    bool check;             /* all roles after every message */
    int losses_max;         /* workers are lost; 0: none */
    unsigned replicas;      /* of what is put; 0: one */
};

/* Bytes that all workers so far have written to disk, and read. */
uint64_t script_spilled(void);
uint64_t script_read_back(void);

/* False: something was not as foretold; a line on stderr says what. */
bool script_run(uint64_t seed, const struct script_flavour *flavour);

#endif
