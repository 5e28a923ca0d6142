/* SPDX-License-Identifier: BSD-3-Clause */
/* pattern.c - who uses whom, told per pair of columns. */
#include "pattern.h"

#include <stdbool.h>

#include "random.h"

enum { RADIUS = 5, PERIOD = 3 };

const char *const pattern_names[PATTERNS] = {
    "trivial", "no_comm", "stencil_1d", "fft",           "tree",
    "all",     "nearest", "spread",     "random_nearest"};

/* The task at (STEP, TO) of so many COLUMNS. */
struct place {
    size_t columns, step, to;
};

static size_t doublings(size_t columns)
{
    size_t count = 0;
    while ((size_t)1 << count < columns) count++;
    return count;
}

static bool is_near(const struct place *place, size_t from)
{
    return from + RADIUS / 2 >= place->to &&
           from <= place->to + (RADIUS - 1) / 2;
}

/* One in four, and always the same ones. */
static bool is_drawn(const struct place *place, size_t from)
{
    uint64_t random = (place->step % PERIOD) << 48 ^ from << 24 ^ place->to;
    random_next(&random);
    return random_one_in(&random, 4);
}

/* Does PLACE use column FROM? Not for spread. */
static bool uses(enum pattern pattern, const struct place *place, size_t from)
{
    size_t to = place->to, away = from < to ? to - from : from - to;
    size_t sets = doublings(place->columns);
    switch (pattern) {
    case PATTERN_NO_COMM: return from == to;
    case PATTERN_STENCIL: return away <= 1;
    case PATTERN_FFT:
        return !away || away == (size_t)1 << (place->step - 1) % sets;
    case PATTERN_TREE: return from == to / 2;
    case PATTERN_ALL: return true;
    case PATTERN_NEAREST: return is_near(place, from);
    case PATTERN_RANDOM:
        return !away || (is_near(place, from) && is_drawn(place, from));
    default: return false;
    }
}

/* RADIUS columns evenly apart, the own one first, the others in another place
 * in each of some steps. */
static void use_spread(struct workload *workload, const struct place *place,
                       size_t above)
{
    for (size_t i = 0; i < RADIUS; i++) {
        size_t shift =
            i ? i * place->columns / RADIUS + place->step % PERIOD : 0;
        workload_use(workload, above + (place->to + shift) % place->columns);
    }
}

static void use(struct workload *workload, enum pattern pattern,
                const struct place *place, size_t above, size_t columns_above)
{
    if (pattern == PATTERN_SPREAD) use_spread(workload, place, above);
    for (size_t from = 0; from < columns_above; from++)
        if (uses(pattern, place, from)) workload_use(workload, above + from);
}

/* A tree grows from one column on. */
static size_t columns_of(enum pattern pattern, const struct pattern_size *size,
                         size_t step)
{
    bool grows = pattern == PATTERN_TREE && step < doublings(size->columns);
    return grows ? (size_t)1 << step : size->columns;
}

size_t pattern_fill(struct workload *workload, enum pattern pattern,
                    const struct pattern_size *size)
{
    size_t above = 0;
    for (size_t step = 0; step < size->steps; step++) {
        size_t first = workload->count;
        size_t columns = columns_of(pattern, size, step);
        for (size_t i = 0; i < columns; i++) {
            struct place place = {size->columns, step, i};
            workload_add(workload, 0, size->ns, size->bytes);
            if (step) use(workload, pattern, &place, above, first - above);
        }
        above = first;
    }
    return columns_of(pattern, size, 0);
}
