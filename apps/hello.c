/* SPDX-License-Identifier: BSD-3-Clause */
/* hello.c - the first program: a map, a map of a map, a graph.
 *
 *     mpirun -np 3 build/apps/hello
 *
 * prints the same three lines with any number of ranks. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <distmpi.h>

static dmpi_pool *pool; /* on rank 0; NULL on the workers */

/* ---- what the workers can do ---------------------------------------------*/

DMPI_TASK(times_ten)
{
    const int64_t *x = dmpi_task_args(task);
    int64_t *y = dmpi_task_output(task, sizeof *y);
    *y = *x * 10;
}

DMPI_TASK(square)
{
    const int64_t *x = dmpi_task_args(task);
    int64_t *y = dmpi_task_output(task, sizeof *y);
    *y = *x * *x;
}

DMPI_TASK(negate)
{
    const int64_t *x = dmpi_task_input(task, 0);
    int64_t *y = dmpi_task_output(task, sizeof *y);
    *y = -*x;
}

DMPI_TASK(sum)
{
    int64_t *total = dmpi_task_output(task, sizeof *total);
    *total = 0;
    for (size_t i = 0; i < dmpi_task_input_count(task); i++)
        *total += *(const int64_t *)dmpi_task_input(task, i);
}

DMPI_TASK(constant)
{
    const int64_t *x = dmpi_task_args(task);
    int64_t *y = dmpi_task_output(task, sizeof *y);
    *y = *x;
}

DMPI_TASK(inc)
{
    const int64_t *x = dmpi_task_input(task, 0);
    int64_t *y = dmpi_task_output(task, sizeof *y);
    *y = *x + 1;
}

DMPI_TASK(add)
{
    const int64_t *x = dmpi_task_input(task, 0);
    const int64_t *more = dmpi_task_args(task);
    int64_t *y = dmpi_task_output(task, sizeof *y);
    *y = *x + *more;
}

/* ---- what rank 0 asks of them --------------------------------------------*/

static void check(dmpi_status status)
{
    if (status == DMPI_OK) return;
    fprintf(stderr, "hello: %s: %s\n", dmpi_status_text(status),
            dmpi_status_detail());
    dmpi_close(pool);
    exit(1);
}

/* One function over an array: the results come back in order. */
static void map_numbers(void)
{
    const int64_t numbers[3] = {1, 2, 3};
    int64_t tens[3];
    dmpi_key keys[3];

    check(dmpi_map(pool, times_ten, 3, NULL, numbers, sizeof numbers[0], NULL,
                   keys));
    check(dmpi_gather(pool, keys, 3, tens, sizeof tens[0]));
    check(dmpi_drop(pool, keys, 3));
    printf("%" PRId64 " %" PRId64 " %" PRId64 "\n", tens[0], tens[1], tens[2]);
}

/* A map over the results of a map, and their sum: everything is submitted at
 * once, the squares and their negatives stay on the workers, and only the
 * total travels to rank 0. */
static void map_results(void)
{
    const int64_t numbers[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    int64_t result;
    dmpi_key squares[10], negatives[10], total;

    check(dmpi_map(pool, square, 10, NULL, numbers, sizeof numbers[0], NULL,
                   squares));
    check(dmpi_map(pool, negate, 10, squares, NULL, 0, NULL, negatives));
    check(dmpi_submit(pool, sum, negatives, 10, NULL, 0, NULL, &total));
    check(dmpi_get(pool, total, &result, sizeof result, NULL));
    check(dmpi_drop(pool, squares, 10));
    check(dmpi_drop(pool, negatives, 10));
    check(dmpi_drop(pool, &total, 1));
    printf("%" PRId64 "\n", result);
}

/* Tasks that name each other: x = 1, y = inc(x), z = add(y, 10). */
static void run_graph(void)
{
    enum { X, Y, Z, COUNT };
    const int64_t one = 1, ten = 10;
    const dmpi_key x = DMPI_NTH(X), y = DMPI_NTH(Y);
    const dmpi_graph_task graph[COUNT] = {
        [X] = {.function = constant, .args = &one, .size = sizeof one},
        [Y] = {.function = inc, .inputs = &x, .input_count = 1},
        [Z] = {.function = add,
               .inputs = &y,
               .input_count = 1,
               .args = &ten,
               .size = sizeof ten},
    };
    int64_t z;
    dmpi_key keys[COUNT];

    check(dmpi_submit_graph(pool, graph, COUNT, keys));
    check(dmpi_get(pool, keys[Z], &z, sizeof z, NULL));
    check(dmpi_drop(pool, keys, COUNT));
    printf("%" PRId64 "\n", z);
}

int main(void)
{
    if (dmpi_open(NULL, &pool) != DMPI_OK) return 2;
    if (!pool) /* a worker, and rank 0 has closed the pool */
        return 0;
    map_numbers();
    map_results();
    run_graph();
    check(dmpi_close(pool));
    return 0;
}
