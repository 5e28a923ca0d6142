/* SPDX-License-Identifier: BSD-3-Clause */
/* worktypes.c - units of work of several types, with priorities and targets, put
 * by units that run.
 *
 *     mpirun -np 3 build/apps/worktypes
 *
 * What ADLB's users know as ADLB_Put() and ADLB_Reserve(): a type is a function,
 * and a worker takes what it may run, of higher priority first. Each plan puts
 * units of three types: squares, and cubes, which go before them, for its own
 * worker, and numbers that the next worker takes. It goes on as the tally of
 * their results. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <distmpi.h>

enum { SQUARE, CUBE, CARRY, TYPES };
enum { PLANS = 8, UNITS = 3 /* of each type, per plan */ };

struct unit {
    int64_t x;
    int32_t target;
};

struct result {
    int64_t value;
    int64_t turn; /* how many units its worker had run before */
    int32_t type, off_target;
};

struct tally {
    int64_t sum, units[TYPES], off_target, out_of_order;
};

static int64_t turns; /* of this worker */

/* ---- the three types -----------------------------------------------------*/

static void give(dmpi_task *task, int32_t type, int64_t value)
{
    const struct unit *unit = dmpi_task_args(task);
    struct result *result = dmpi_task_output(task, sizeof *result);

    *result =
        (struct result){.value = value,
                        .turn = turns++,
                        .type = type,
                        .off_target = dmpi_task_rank(task) != unit->target};
}

static int64_t number_of(const dmpi_task *task)
{
    const struct unit *unit = dmpi_task_args(task);

    return unit->x;
}

DMPI_TASK(square)
{
    give(task, SQUARE, number_of(task) * number_of(task));
}

DMPI_TASK(cube)
{
    give(task, CUBE, number_of(task) * number_of(task) * number_of(task));
}

DMPI_TASK(carry)
{
    give(task, CARRY, number_of(task));
}

/* ---- plans ---------------------------------------------------------------*/

/* The results of one plan. */
DMPI_TASK(tally_units)
{
    struct tally *tally = dmpi_task_output(task, sizeof *tally);
    int64_t first_square = INT64_MAX;

    memset(tally, 0, sizeof *tally);
    for (size_t i = 0; i < dmpi_task_input_count(task); i++) {
        const struct result *result = dmpi_task_input(task, i);
        tally->sum += result->value;
        tally->units[result->type]++;
        tally->off_target += result->off_target;
        if (result->type == SQUARE && result->turn < first_square)
            first_square = result->turn;
        if (result->type == CUBE && result->turn > first_square)
            tally->out_of_order++;
    }
}

/* UNITS units of TYPE, for the worker TARGET and no other. */
static dmpi_status put(dmpi_pool *pool, int type, int64_t first, int target,
                       dmpi_key keys[])
{
    static dmpi_function *const functions[TYPES] = {square, cube, carry};
    dmpi_task_options options = {
        .priority = type == CUBE, .rank = target, .hard = 1};
    struct unit units[UNITS];

    memset(units, 0, sizeof units);
    for (int i = 0; i < UNITS; i++) {
        units[i].x = first + i;
        units[i].target = target;
    }
    return dmpi_map(pool, functions[type], UNITS, NULL, units, sizeof units[0],
                    &options, keys);
}

/* ARGS: the number of this plan, and of workers. Squares are put first. */
DMPI_TASK(plan)
{
    const int64_t *args = dmpi_task_args(task);
    dmpi_pool *pool = dmpi_task_pool(task);
    int here = dmpi_task_rank(task), next = 1 + here % (int)args[1];
    int64_t first = args[0] * UNITS;
    dmpi_key keys[TYPES * UNITS] = {DMPI_KEY_NONE};
    dmpi_status status = put(pool, SQUARE, first, here, keys);

    if (!status) status = put(pool, CUBE, first, here, keys + UNITS);
    if (!status) status = put(pool, CARRY, first, next, keys + 2 * UNITS);
    if (!status)
        status = dmpi_task_go_on(task, tally_units, keys, TYPES * UNITS, NULL,
                                 0, NULL);
    if (status) dmpi_fail(task, "%s", dmpi_status_detail());
    dmpi_drop(pool, keys, TYPES * UNITS);
}

DMPI_TASK(add_tallies)
{
    struct tally *sum = dmpi_task_output(task, sizeof *sum);

    memset(sum, 0, sizeof *sum);
    for (size_t i = 0; i < dmpi_task_input_count(task); i++) {
        const struct tally *tally = dmpi_task_input(task, i);
        sum->sum += tally->sum;
        for (int type = 0; type < TYPES; type++)
            sum->units[type] += tally->units[type];
        sum->off_target += tally->off_target;
        sum->out_of_order += tally->out_of_order;
    }
}

static dmpi_status run(dmpi_pool *pool, struct tally *tally)
{
    int64_t args[PLANS][2];
    dmpi_key sum;

    for (int i = 0; i < PLANS; i++) {
        args[i][0] = i;
        args[i][1] = (int64_t)dmpi_workers(pool);
    }
    dmpi_status status =
        dmpi_map_reduce(pool, plan, PLANS, NULL, args, sizeof args[0],
                        add_tallies, 0, NULL, &sum);
    if (!status) status = dmpi_get(pool, sum, tally, sizeof *tally, NULL);
    if (!status) status = dmpi_drop(pool, &sum, 1);
    return status;
}

int main(void)
{
    struct tally tally;
    dmpi_pool *pool;

    if (dmpi_open(NULL, &pool)) return 2;
    if (!pool) return 0;
    dmpi_status status = run(pool, &tally);
    if (status) fprintf(stderr, "worktypes: %s\n", dmpi_status_detail());
    else
        printf("%" PRId64 " squares, %" PRId64 " cubes, %" PRId64
               " carried: sum %" PRId64 ", %" PRId64 " off target, %" PRId64
               " out of order\n",
               tally.units[SQUARE], tally.units[CUBE], tally.units[CARRY],
               tally.sum, tally.off_target, tally.out_of_order);
    dmpi_close(pool);
    return status ? 1 : 0;
}
