/* SPDX-License-Identifier: BSD-3-Clause */
/* test_rows.c - what users of SCOOP, mpi4py.futures and dask write every day,
 * in the calls that it becomes here. What more there is of SCOOP is in
 * apps/squares.c, of ADLB in apps/worktypes.c. */
#include "job.h"

enum { COUNT = 60, CHUNK = 7 };

DMPI_TASK(square)
{
    job_give(task, job_argument(task) * job_argument(task));
}

static void count_up(int64_t numbers[], int64_t count)
{
    for (int64_t i = 0; i < count; i++) numbers[i] = i;
}

/* ---- SCOOP ---------------------------------------------------------------*/

/* list(futures.map(square, range(COUNT))) */
static void map_gives_results_in_order(void)
{
    int64_t numbers[COUNT], squares[COUNT];
    dmpi_key keys[COUNT];
    count_up(numbers, COUNT);
    OK(dmpi_map(pool, square, COUNT, NULL, numbers, sizeof *numbers, NULL,
                keys));
    OK(dmpi_gather(pool, keys, COUNT, squares, sizeof *squares));
    for (int64_t i = 0; i < COUNT; i++) CU_ASSERT_EQUAL(squares[i], i * i);
    OK(dmpi_drop(pool, keys, COUNT));
}

/* futures.submit(square, 12).result() */
static void submit_gives_one_result(void)
{
    CU_ASSERT_EQUAL(job_take_number(job_submit_number(square, 12)), 144);
}

/* lambda x: x * shared.getConst("factor") */
DMPI_TASK(scale)
{
    const int64_t *factor = dmpi_task_constant(task, "factor", NULL);
    job_give(task, job_argument(task) * *factor);
}

/* shared.setConst(factor=3); a later one counts for what is submitted later */
static void constants_are_shared(void)
{
    int64_t numbers[COUNT], scaled[COUNT];
    dmpi_key keys[COUNT];
    count_up(numbers, COUNT);
    for (int64_t factor = 3; factor < 6; factor++) {
        OK(dmpi_constant(pool, "factor", &factor, sizeof factor));
        OK(dmpi_map(pool, scale, COUNT, NULL, numbers, sizeof *numbers, NULL,
                    keys));
        OK(dmpi_constant(pool, "factor", NULL, 0));
        OK(dmpi_gather(pool, keys, COUNT, scaled, sizeof *scaled));
        for (int64_t i = 0; i < COUNT; i++)
            CU_ASSERT_EQUAL(scaled[i], factor * i);
        OK(dmpi_drop(pool, keys, COUNT));
    }
}

/* def leaves(depth): return 1 if not depth else
 *     sum(futures.map(leaves, [depth - 1] * 3)) */
DMPI_TASK(leaves)
{
    dmpi_pool *here = dmpi_task_pool(task);
    int64_t depth = job_argument(task), parts[3];
    int64_t depths[3] = {depth - 1, depth - 1, depth - 1};
    dmpi_key keys[3];
    if (!depth) {
        job_give(task, 1);
        return;
    }
    TRY(dmpi_map(here, leaves, 3, NULL, depths, sizeof *depths, NULL, keys));
    TRY(dmpi_gather(here, keys, 3, parts, sizeof *parts));
    TRY(dmpi_drop(here, keys, 3));
    job_give(task, parts[0] + parts[1] + parts[2]);
}

static void futures_nest(void)
{
    CU_ASSERT_EQUAL(job_take_number(job_submit_number(leaves, 5)), 243);
}

/* ---- mpi4py.futures ------------------------------------------------------*/

static int64_t base; /* of this worker, set at its start */

/* def initializer(value): global base; base = value */
DMPI_TASK(set_base)
{
    base = job_argument(task);
}

DMPI_TASK(over_base)
{
    job_give(task, base + job_argument(task));
}

/* MPIPoolExecutor(initializer=set_base, initargs=(1000,)) */
static void initializer_ran_on_each_worker(void)
{
    for (int rank = 1; rank <= job_last(); rank++) {
        int64_t number = rank;
        dmpi_key key =
            job_submit_on(rank, over_base, NULL, 0, &number, sizeof number);
        CU_ASSERT_EQUAL(job_take_number(key), 1000 + rank);
    }
}

/* ARGS: as many pairs as there are; gives their powers. */
DMPI_TASK(powers)
{
    const int64_t(*pairs)[2] = dmpi_task_args(task);
    size_t count = dmpi_task_args_size(task) / sizeof *pairs;
    int64_t *out = dmpi_task_output(task, count * sizeof *out);
    for (size_t i = 0; i < count; i++) {
        out[i] = 1;
        for (int64_t n = pairs[i][1]; n > 0; n--) out[i] *= pairs[i][0];
    }
}

static int64_t expected_power(int64_t i)
{
    return i % 3 == 0 ? 1 : i % 3 == 1 ? i : i * i;
}

static void fill_pairs(int64_t pairs[][2])
{
    for (int64_t i = 0; i < COUNT; i++) {
        pairs[i][0] = i;
        pairs[i][1] = i % 3;
    }
}

/* executor.starmap(pow, pairs) */
static void starmap_takes_several_arguments(void)
{
    int64_t pairs[COUNT][2], results[COUNT];
    dmpi_key keys[COUNT];
    fill_pairs(pairs);
    OK(dmpi_map(pool, powers, COUNT, NULL, pairs, sizeof *pairs, NULL, keys));
    OK(dmpi_gather(pool, keys, COUNT, results, sizeof *results));
    for (int64_t i = 0; i < COUNT; i++)
        CU_ASSERT_EQUAL(results[i], expected_power(i));
    OK(dmpi_drop(pool, keys, COUNT));
}

/* executor.starmap(pow, pairs, chunksize=CHUNK): a task has so many of them,
 * the last one what is left. */
static void chunks_are_tasks(void)
{
    enum { CHUNKS = (COUNT + CHUNK - 1) / CHUNK };
    int64_t pairs[COUNT][2], results[CHUNKS][CHUNK] = {{0}};
    dmpi_value values[CHUNKS];
    dmpi_key keys[CHUNKS];
    fill_pairs(pairs);
    for (size_t i = 0; i < CHUNKS; i++) {
        size_t first = i * CHUNK, count = COUNT - first;
        if (count > CHUNK) count = CHUNK;
        keys[i] =
            job_submit(powers, NULL, 0, pairs[first], count * sizeof *pairs);
        values[i] = (dmpi_value){results[i], sizeof results[i]};
    }
    OK(dmpi_gatherv(pool, keys, CHUNKS, values));
    CU_ASSERT_EQUAL(values[CHUNKS - 1].size, COUNT % CHUNK * sizeof(int64_t));
    for (int64_t i = 0; i < COUNT; i++)
        CU_ASSERT_EQUAL(results[i / CHUNK][i % CHUNK], expected_power(i));
    OK(dmpi_drop(pool, keys, CHUNKS));
}

/* ARGS: keys. Ends after all of them. */
DMPI_TASK(after_others)
{
    size_t count = dmpi_task_args_size(task) / sizeof(dmpi_key);
    TRY(dmpi_wait(dmpi_task_pool(task), dmpi_task_args(task), count, DMPI_ALL,
                  DMPI_FOREVER, NULL));
    job_give(task, 0);
}

/* executor.map(f, numbers, unordered=True): each once, one that waits for the
 * others among them. */
static void unordered_results_come_as_they_end(void)
{
    int64_t numbers[COUNT], sum = 0;
    dmpi_key keys[COUNT], key = DMPI_KEY_NONE;
    dmpi_set *set;
    count_up(numbers, COUNT);
    OK(dmpi_map(pool, square, COUNT - 1, NULL, numbers + 1, sizeof *numbers,
                NULL, keys + 1));
    keys[0] =
        job_submit(after_others, NULL, 0, keys + 1, (COUNT - 1) * sizeof *keys);
    OK(dmpi_set_new(pool, &set));
    OK(dmpi_set_add(set, keys, COUNT));
    for (int i = 0; i < COUNT; i++) {
        OK(dmpi_next(set, DMPI_FOREVER, &key));
        sum += job_number(key);
    }
    EXPECT(DMPI_ENOKEY, dmpi_next(set, DMPI_FOREVER, &key));
    OK(dmpi_set_free(set));
    CU_ASSERT_EQUAL(sum, (COUNT - 1) * COUNT * (2 * COUNT - 1) / 6);
    OK(dmpi_drop(pool, keys, COUNT));
}

/* ---- dask: futures inside of arguments -----------------------------------*/

/* A record with keys among other things, as {"weight": 2, "parts": [a, b]}. */
struct order {
    int64_t weight;
    dmpi_key parts[2];
};

/* ARGS: an order. Gets its parts, which may not exist yet. */
DMPI_TASK(weigh)
{
    const struct order *order = dmpi_task_args(task);
    int64_t sum = 0, part;
    for (int i = 0; i < 2; i++) {
        TRY(dmpi_get(dmpi_task_pool(task), order->parts[i], &part, sizeof part,
                     NULL));
        sum += part;
    }
    job_give(task, order->weight * sum);
}

static struct order order_of(int64_t weight, dmpi_key first, dmpi_key second)
{
    return (struct order){weight, {first, second}};
}

static void keys_in_arguments_are_got_in_the_task(void)
{
    for (int rank = 1; rank <= job_last(); rank++) {
        struct order order = order_of(2, job_submit_number(square, 3),
                                      job_submit_number(square, rank));
        dmpi_key key =
            job_submit_on(rank, weigh, NULL, 0, &order, sizeof order);
        CU_ASSERT_EQUAL(job_take_number(key), 2 * (9 + rank * rank));
        OK(dmpi_drop(pool, order.parts, 2));
    }
}

/* Nests deeper: orders whose parts are what other orders will give. */
static void keys_in_arguments_may_be_of_the_same_kind(void)
{
    dmpi_key keys[6] = {job_submit_number(square, 1),
                        job_submit_number(square, 2)};
    for (int i = 2; i < 6; i++) {
        struct order order = order_of(1, keys[i - 2], keys[i - 1]);
        keys[i] = job_submit(weigh, NULL, 0, &order, sizeof order);
    }
    CU_ASSERT_EQUAL(job_number(keys[5]), 23); /* 1 4 5 9 14 23 */
    OK(dmpi_drop(pool, keys, 6));
}

/* Gives an order whose parts it has submitted: they are the reader's now. */
DMPI_TASK(place_order)
{
    struct order *order = dmpi_task_output(task, sizeof *order);
    int64_t numbers[2] = {job_argument(task), job_argument(task) + 1};
    order->weight = 10;
    TRY(dmpi_map(dmpi_task_pool(task), square, 2, NULL, numbers,
                 sizeof *numbers, NULL, order->parts));
}

static void keys_in_results_are_used_by_rank_0(void)
{
    struct order order;
    int64_t number = 4;
    dmpi_key key = job_submit(place_order, NULL, 0, &number, sizeof number);
    OK(dmpi_get(pool, key, &order, sizeof order, NULL));
    CU_ASSERT_EQUAL(job_take_number(order.parts[0]), 16);
    CU_ASSERT_EQUAL(job_take_number(order.parts[1]), 25);
    job_drop(key);
}

/* Its input is an order. Gets the parts, and drops them. */
DMPI_TASK(fill_order)
{
    const struct order *order = dmpi_task_input(task, 0);
    int64_t parts[2];
    TRY(dmpi_gather(dmpi_task_pool(task), order->parts, 2, parts,
                    sizeof *parts));
    TRY(dmpi_drop(dmpi_task_pool(task), order->parts, 2));
    job_give(task, order->weight * (parts[0] + parts[1]));
}

static void keys_in_results_are_used_by_tasks_on_any_rank(void)
{
    for (int from = 1; from <= job_last(); from++)
        for (int to = 1; to <= job_last(); to++) {
            int64_t number = from + to;
            dmpi_key placed = job_submit_on(from, place_order, NULL, 0, &number,
                                            sizeof number);
            dmpi_key filled =
                job_submit_on(to, fill_order, &placed, 1, NULL, 0);
            CU_ASSERT_EQUAL(
                job_take_number(filled),
                10 * (number * number + (number + 1) * (number + 1)));
            job_drop(placed);
        }
}

int main(void)
{
    static const struct check_test tests[] = {
        {"SCOOP: map gives results in order", map_gives_results_in_order},
        {"SCOOP: submit gives one result", submit_gives_one_result},
        {"SCOOP: constants are shared", constants_are_shared},
        {"SCOOP: futures nest", futures_nest},
        {"mpi4py: initializer ran on each worker",
         initializer_ran_on_each_worker},
        {"mpi4py: starmap takes several arguments",
         starmap_takes_several_arguments},
        {"mpi4py: chunks are tasks", chunks_are_tasks},
        {"mpi4py: unordered results come as they end",
         unordered_results_come_as_they_end},
        {"dask: keys in arguments are got in the task",
         keys_in_arguments_are_got_in_the_task},
        {"dask: keys in arguments may be of the same kind",
         keys_in_arguments_may_be_of_the_same_kind},
        {"dask: keys in results are used by rank 0",
         keys_in_results_are_used_by_rank_0},
        {"dask: keys in results are used by tasks on any rank",
         keys_in_results_are_used_by_tasks_on_any_rank},
    };
    int64_t start = 1000;

    if (dmpi_worker_start(set_base, &start, sizeof start)) return 1;
    return job_run("rows", tests, CHECK_COUNT(tests));
}
