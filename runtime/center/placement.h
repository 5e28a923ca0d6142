/* SPDX-License-Identifier: BSD-3-Clause */
/* placement.h - where a task runs, and where its inputs come from.
 *
 * A task goes to the worker that holds most bytes of its inputs (data gravity,
 * as in Legion and dask.distributed), without a look at what waits there: a
 * worker that runs dry takes tasks from a busy one, and it knows better what is
 * worth moving than a forecast made at submission.
 *
 * Where inputs are small that alone would draw everything to one worker: once it
 * owns a few more values than another it gets most tasks of the next step, and
 * then owns more still. So each task is the heir of one input, of that which has
 * fewest heirs so far, and takes its place unless another worker holds far more.
 * If each value has one heir, each worker keeps as many as it has, and columns
 * stay where they are. */
#ifndef PLACEMENT_H
#define PLACEMENT_H

#include "record.h"
#include "roster.h"

/* SPEC is submitted, its inputs are filled in: note whose heir it is, the first
 * among equals. Costs the number of inputs. */
void placement_inherit(struct spec *spec);

/* The rank to run the task of SPEC, whose inputs are all placed; 0: anywhere.
 * Costs the number of inputs, whatever the number of workers. */
int placement_choose(struct roster *roster, struct spec *spec);

/* The same for a task that only workers of SET may run: the one of them that
 * holds or will make most bytes, 0: none does. */
int placement_choose_among(struct roster *roster, struct spec *spec,
                           const struct rankset *set);

/* Where COPIES more of RECORD should go, which nobody holds yet: to nodes that
 * have none first, then to those with fewest; RANKS receives them, as many as
 * there are. */
size_t placement_spread(const struct roster *roster,
                        const struct record *record, size_t copies,
                        int ranks[]);

/* The rank from which RANK should fetch RECORD: itself if it holds it or is
 * about to, a holder on its node, or the owner. */
int placement_source(const struct roster *roster, const struct record *record,
                     int rank);

#endif
