/* SPDX-License-Identifier: BSD-3-Clause */
/* inputs.c - need, watch, say where they lie, need no more. */
#include "inputs.h"

#include <assert.h>

#include "placement.h"

void inputs_need(const struct values *values, struct spec *spec,
                 const uint64_t keys[])
{
    for (uint32_t i = 0; i < spec->inputs; i++) {
        struct record *input = catalog_find(values->catalog, keys[i]);
        assert(input);
        if (input->outside) values_bring(values, input);
        spec_inputs(spec)[i] = input;
        input->needs++;
    }
    placement_inherit(spec);
}

void inputs_unneed(struct values *values, struct spec *spec)
{
    for (uint32_t i = 0; i < spec->inputs; i++)
        values_unneed(values, spec_inputs(spec)[i]);
}

/* ---- who watches ---------------------------------------------------------*/

bool inputs_watch(struct spec *spec)
{
    struct record **inputs = spec_inputs(spec);
    unsigned enough =
        spec_gathers(spec) || spec->flags & RUN_GANG ? TASK_DONE : TASK_PLACED;
    while (spec->placed < spec->inputs && inputs[spec->placed]->state >= enough)
        spec->placed++;
    if (spec->placed == spec->inputs) return false;
    struct spec *producer = inputs[spec->placed]->spec;
    spec->link.next = (struct link *)producer->watchers;
    producer->watchers = spec;
    return true;
}

struct spec *inputs_take_watchers(struct spec *spec)
{
    struct spec *last = spec->watchers, *first = NULL;
    spec->watchers = NULL;
    while (last) {
        struct spec *before = (struct spec *)last->link.next;
        last->link.next = (struct link *)first;
        first = last;
        last = before;
    }
    return first;
}

/* ---- where they lie ------------------------------------------------------*/

struct record *inputs_bad(struct spec *spec)
{
    for (uint32_t i = 0; i < spec->inputs; i++)
        if (spec_inputs(spec)[i]->state == TASK_FAILED)
            return spec_inputs(spec)[i];
    return NULL;
}

bool inputs_lie_at(struct spec *spec, int rank)
{
    for (uint32_t i = 0; i < spec->inputs; i++)
        if (spec_inputs(spec)[i]->owner == rank) return true;
    return false;
}

void inputs_say(struct values *values, struct spec *spec, int rank,
                struct msg_input *input)
{
    for (uint32_t i = 0; i < spec->inputs; i++, input++) {
        struct record *record = spec_inputs(spec)[i];
        int source = placement_source(values->roster, record, rank);
        bool follow = source == record->owner && !task_ended(record);
        *input = (struct msg_input){.key = record->key,
                                    .owner = (uint32_t)source,
                                    .flags = follow ? FETCH_FOLLOW : 0,
                                    .attempt = record->attempt};
        if (source != rank) values_copy(values, record, rank);
    }
}
