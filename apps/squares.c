/* SPDX-License-Identifier: BSD-3-Clause */
/* squares.c - results as they come, all in one, each with those before it.
 *
 *     mpirun -np 3 build/apps/squares
 *
 * What SCOOP's users know as map_as_completed, mapReduce and mapScan. */
#include <stdio.h>
#include <stdlib.h>

#include <distmpi.h>

enum { MOST = 100 };

static dmpi_pool *pool; /* on rank 0; NULL on the workers */

DMPI_TASK(square)
{
    const int64_t *x = dmpi_task_args(task);
    int64_t *y = dmpi_task_output(task, sizeof *y);

    *y = *x * *x;
}

DMPI_TASK(add)
{
    int64_t *sum = dmpi_task_output(task, sizeof *sum);

    *sum = 0;
    for (size_t i = 0; i < dmpi_task_input_count(task); i++)
        *sum += *(const int64_t *)dmpi_task_input(task, i);
}

static void check(dmpi_status status)
{
    if (status == DMPI_OK) return;
    fprintf(stderr, "squares: %s: %s\n", dmpi_status_text(status),
            dmpi_status_detail());
    dmpi_close(pool);
    exit(1);
}

static int64_t take(dmpi_key key)
{
    int64_t value;

    check(dmpi_get(pool, key, &value, sizeof value, NULL));
    check(dmpi_drop(pool, &key, 1));
    return value;
}

/* Each result is used, and dropped, as soon as it is there. */
static void as_completed(const int64_t numbers[], size_t count)
{
    dmpi_key keys[MOST], key;
    dmpi_set *set;
    dmpi_status status;
    int64_t sum = 0;
    int came = 0;

    check(dmpi_map(pool, square, count, NULL, numbers, sizeof numbers[0], NULL,
                   keys));
    check(dmpi_set_new(pool, &set));
    check(dmpi_set_add(set, keys, count));
    while ((status = dmpi_next(set, DMPI_FOREVER, &key)) != DMPI_ENOKEY) {
        check(status);
        sum += take(key);
        came++;
    }
    check(dmpi_set_free(set));
    printf("as completed: %d squares, their sum is %lld\n", came,
           (long long)sum);
}

static void map_reduce(const int64_t numbers[], size_t count)
{
    dmpi_key sum;

    check(dmpi_map_reduce(pool, square, count, NULL, numbers, sizeof numbers[0],
                          add, 2, NULL, &sum));
    printf("map, reduce: %lld\n", (long long)take(sum));
}

static void map_scan(const int64_t numbers[], size_t count)
{
    dmpi_key squares[MOST], sums[MOST];

    check(dmpi_map(pool, square, count, NULL, numbers, sizeof numbers[0], NULL,
                   squares));
    check(dmpi_scan(pool, add, squares, count, NULL, sums));
    check(dmpi_drop(pool, squares, count));
    printf("map, scan:");
    for (size_t i = 0; i < count; i++)
        printf(" %lld", (long long)take(sums[i]));
    printf("\n");
}

int main(void)
{
    int64_t numbers[MOST];

    if (dmpi_open(NULL, &pool) != DMPI_OK) return 2;
    if (!pool) return 0;
    for (int i = 0; i < MOST; i++) numbers[i] = i + 1;
    as_completed(numbers, MOST);
    map_reduce(numbers, MOST);
    map_scan(numbers, 10);
    check(dmpi_close(pool));
    return 0;
}
