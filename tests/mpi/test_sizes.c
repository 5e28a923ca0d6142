/* SPDX-License-Identifier: BSD-3-Clause */
/* test_sizes.c - values of no bytes and of many megabytes, few and a million.
 */
#include "job.h"

/* Around the limits of messages, envelopes and chunks. */
static const size_t sizes[] = {
    0,
    1,
    7,
    8,
    63,
    64,
    255,
    256,
    1023,
    1024,
    2047,
    2048,
    2049,
    3960,
    4000,
    4001,
    4096,
    8192,
    65536,
    1 << 20,
    4 << 20,
    (4 << 20) + 1,
    (8 << 20) - 1,
    (12 << 20) + 7,
    64 << 20,
};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* ARGS: size, seed. */
DMPI_TASK(make)
{
    const int64_t *args = dmpi_task_args(task);
    void *out = dmpi_task_output(task, (size_t)args[0]);
    if (out) job_fill(out, (size_t)args[0], (uint64_t)args[1]);
}

/* The same as arguments of each input; gives the number of good ones. */
DMPI_TASK(verify)
{
    const int64_t(*args)[2] = dmpi_task_args(task);
    int64_t *good = dmpi_task_output(task, sizeof *good);
    *good = 0;
    for (size_t i = 0; i < dmpi_task_input_count(task); i++)
        *good += dmpi_task_input_size(task, i) == (size_t)args[i][0] &&
                 job_is_filled(dmpi_task_input(task, i), (size_t)args[i][0],
                               (uint64_t)args[i][1]);
}

DMPI_TASK(increment)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = *(const int64_t *)dmpi_task_input(task, 0) + 1;
}

/* On RANK: are the values of all sizes those of their numbers? */
static void verify_on(int rank, const dmpi_key keys[])
{
    int64_t args[SIZES][2];
    for (int i = 0; i < SIZES; i++) {
        args[i][0] = (int64_t)sizes[i];
        args[i][1] = i;
    }
    dmpi_key good = job_submit_on(rank, verify, keys, SIZES, args, sizeof args);
    CU_ASSERT_EQUAL(job_take_number(good), SIZES);
}

static void values_go_from_worker_to_worker(void)
{
    dmpi_key keys[SIZES];
    for (int i = 0; i < SIZES; i++) {
        int64_t args[2] = {(int64_t)sizes[i], i};
        keys[i] = job_submit_on(1 + i % job_workers(), make, NULL, 0, args,
                                sizeof args);
    }
    verify_on(1, keys); /* before the values exist */
    verify_on(job_last(), keys);
    OK(dmpi_drop(pool, keys, SIZES));
}

static void values_go_to_rank_0(void)
{
    for (int i = 0; i < SIZES; i++) {
        int64_t args[2] = {(int64_t)sizes[i], i};
        size_t size;
        void *data;
        dmpi_key key = job_submit(make, NULL, 0, args, sizeof args);
        OK(dmpi_get_new(pool, key, &data, &size));
        CU_ASSERT_EQUAL(size, sizes[i]);
        CU_ASSERT(size == sizes[i] && job_is_filled(data, size, (uint64_t)i));
        free(data);
        job_drop(key);
    }
}

static void values_go_from_rank_0(void)
{
    dmpi_value blocks[SIZES];
    dmpi_key keys[SIZES];
    for (int i = 0; i < SIZES; i++)
        blocks[i] = (dmpi_value){job_bytes(sizes[i], (uint64_t)i), sizes[i]};
    OK(dmpi_scatterv(pool, blocks, SIZES, NULL, keys));
    for (int i = 0; i < SIZES; i++) memset(blocks[i].data, 0, sizes[i]);
    verify_on(job_last(), keys);
    OK(dmpi_gatherv(pool, keys, SIZES, blocks));
    for (int i = 0; i < SIZES; i++) {
        CU_ASSERT(job_is_filled(blocks[i].data, sizes[i], (uint64_t)i));
        free(blocks[i].data);
    }
    OK(dmpi_drop(pool, keys, SIZES));
}

/* Many transfers at a time, more than are started at once. */
static void thousands_of_middle_sized_values(void)
{
    enum { COUNT = 4000, SIZE = 2600 };
    dmpi_key *keys = malloc(COUNT * sizeof *keys);
    char *data = job_bytes((size_t)COUNT * SIZE, 5);
    char *back = calloc(COUNT, SIZE);
    OK(dmpi_scatter(pool, data, COUNT, SIZE, NULL, keys));
    OK(dmpi_gather(pool, keys, COUNT, back, SIZE));
    CU_ASSERT_EQUAL(memcmp(data, back, (size_t)COUNT * SIZE), 0);
    OK(dmpi_drop(pool, keys, COUNT));
    free(keys);
    free(data);
    free(back);
}

/* ---- a million keys ------------------------------------------------------*/

enum { MILLION = 1000000, STEP = 997 };

/* Every STEP-th of KEYS has the value of its number plus MORE. */
static void check_some(const dmpi_key *keys, int64_t more)
{
    enum { SOME = MILLION / STEP };
    static dmpi_key some[SOME];
    static int64_t back[SOME];
    int good = 0;
    for (int i = 0; i < SOME; i++) some[i] = keys[i * STEP];
    OK(dmpi_gather(pool, some, SOME, back, sizeof *back));
    for (int i = 0; i < SOME; i++) good += back[i] == i * STEP + more;
    CU_ASSERT_EQUAL(good, SOME);
}

static void million_keys(void)
{
    int64_t *numbers = malloc(MILLION * sizeof *numbers);
    dmpi_key *keys = malloc(MILLION * sizeof *keys);
    dmpi_key *next = malloc(MILLION * sizeof *next);
    double start = job_now(), put, ran;
    check_limit(120);
    for (int i = 0; i < MILLION; i++) numbers[i] = i;
    OK(dmpi_scatter(pool, numbers, MILLION, sizeof *numbers, NULL, keys));
    CU_ASSERT_EQUAL(job_keys_held(), MILLION);
    check_some(keys, 0);
    put = job_now();
    OK(dmpi_map(pool, increment, MILLION, keys, NULL, 0, NULL, next));
    OK(dmpi_drop(pool, keys, MILLION)); /* many have not been used yet */
    OK(dmpi_wait(pool, next, MILLION, DMPI_ALL, DMPI_FOREVER, NULL));
    check_some(next, 1);
    CU_ASSERT_EQUAL(job_keys_held(), MILLION);
    ran = job_now();
    OK(dmpi_drop(pool, next, MILLION));
    CU_ASSERT_EQUAL(job_keys_held(), 0);
    printf("(put %.2f s, map %.2f s, drop %.2f s) ", put - start, ran - put,
           job_now() - ran);
    free(numbers);
    free(keys);
    free(next);
}

static const struct check_test tests[] = {
    {"values go from worker to worker", values_go_from_worker_to_worker},
    {"values go to rank 0", values_go_to_rank_0},
    {"values go from rank 0", values_go_from_rank_0},
    {"thousands of middle-sized values", thousands_of_middle_sized_values},
    {"a million keys", million_keys},
};

int main(void)
{
    return job_run("sizes", tests, CHECK_COUNT(tests));
}
