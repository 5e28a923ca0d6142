/* SPDX-License-Identifier: BSD-3-Clause */
/* tree.h - a random tree of tasks that submit tasks, in all ways there are, and
 * what it should give.
 *
 * A task's arguments decide what it does: end, wait for all of its children or
 * for each, leave them alone, go on as a task that has them as inputs. Children
 * may use an earlier sibling's result as an input, or ask for it from the
 * inside. Where tasks are cut short, cancelled or out of time, a root may as well
 * be an error. No wait may be said to be part of a circle: there is none. */
#ifndef TREE_H
#define TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tree_flavour {
    int workers_max;
    unsigned depth;
    unsigned roots;
    size_t blocked_max;     /* see nest.h; 0: as it is */
    unsigned fail_one_in;   /* tasks fail by themselves; 0: none */
    unsigned target_one_in; /* children name a worker; 0: none */
    unsigned terms_one_in;  /* children have retries, a timeout or both */
    unsigned cancel_one_in; /* roots and children, at most at so many steps */
    uint64_t step_ns_max;   /* see cluster.h */
    int losses_max;         /* workers are lost; 0: none */
};

/* False: something was not as foretold; a line on stderr says what. */
bool tree_run(uint64_t seed, const struct tree_flavour *flavour);

#endif
