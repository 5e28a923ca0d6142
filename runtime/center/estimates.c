/* SPDX-License-Identifier: BSD-3-Clause */
/* estimates.c - a table by function, and what it says. */
#include "estimates.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

void estimates_init(struct estimates *estimates, uint32_t functions)
{
    size_t bytes = (functions ? functions : 1) * sizeof *estimates->of;
    *estimates = (struct estimates){.of = log_alloc(bytes)};
    memset(estimates->of, 0, bytes);
}

void estimates_fini(struct estimates *estimates)
{
    free(estimates->of);
}

uint64_t estimates_ns(const struct estimates *estimates, uint32_t function)
{
    const struct estimate *seen = &estimates->of[function];
    return (seen->ns ? seen->ns : estimates->any.ns) | 1;
}

void estimates_guess_sizes(const struct estimates *estimates, struct spec *spec)
{
    for (uint32_t i = 0; i < spec->inputs; i++) {
        struct record *input = spec_inputs(spec)[i];
        if (task_ended(input)) continue;
        const struct estimate *seen = &estimates->of[input->spec->function];
        input->bytes = seen->ns ? seen->bytes : estimates->any.bytes;
    }
}
