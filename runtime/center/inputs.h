/* SPDX-License-Identifier: BSD-3-Clause */
/* inputs.h - what ties a task to those that make its inputs.
 *
 * An unended task counts once in the needs of each of its inputs, so their
 * records stay. While it waits it watches exactly one of them: it is in the list
 * of that input's task. */
#ifndef INPUTS_H
#define INPUTS_H

#include "values.h"

/* The inputs of SPEC are KEYS, which the catalog knows: they are
 * needed now, and SPEC is the heir of one (see placement.h). */
void inputs_need(const struct values *values, struct spec *spec,
                 const uint64_t keys[]);

/* Watch the first input of SPEC whose task is not placed; or,
 * for a task that takes resources or workers from others while it waits for its
 * inputs, has not ended. False: there is none. */
bool inputs_watch(struct spec *spec);

/* The first that came to watch SPEC, and so on by link; it has none any more. */
struct spec *inputs_take_watchers(struct spec *spec);

/* An input of SPEC that is an error, so that it will not run; or NULL. */
struct record *inputs_bad(struct spec *spec);

/* Does RANK hold, or will it make, any of them? */
bool inputs_lie_at(struct spec *spec, int rank);

/* Where RANK is to fetch each from, in INPUT. What it has to fetch it will hold
 * a copy of. */
void inputs_say(struct values *values, struct spec *spec, int rank,
                struct msg_input *input);

/* SPEC needs them no more. */
void inputs_unneed(struct values *values, struct spec *spec);

/* The same for a task that has run on RANK, and so has left copies there: a thief
 * fetched what was not known to be there. */
static inline void inputs_release(struct values *values, struct spec *spec,
                                  int rank)
{
    for (uint32_t i = 0; i < spec->inputs; i++) {
        struct record *input = spec_inputs(spec)[i];
        values_copy(values, input, rank);
        values_unneed(values, input);
    }
}

#endif
