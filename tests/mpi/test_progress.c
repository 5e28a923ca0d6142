/* SPDX-License-Identifier: BSD-3-Clause */
/* test_progress.c - ranks that compute go on serving and dispatching.
 *
 * All ranks are on one machine here, so their clocks are one. */

#include "job.h"

enum { BYTES = 100000 };

/* When a task began and ended. */
struct span {
    double began, ended;
    int64_t rank;
};

/* ARGS: seconds to compute, while the loop is never called. */
DMPI_TASK(compute)
{
    struct span *span = dmpi_task_output(task, sizeof *span);
    double began = job_now();
    job_busy(*(const double *)dmpi_task_args(task));
    *span = (struct span){began, job_now(), dmpi_task_rank(task)};
}

/* The same without computing; inputs, if there are any, are looked at. */
DMPI_TASK(stamp)
{
    struct span *span = dmpi_task_output(task, sizeof *span);
    double began = job_now();
    for (size_t i = 0; i < dmpi_task_input_count(task); i++)
        if (dmpi_task_input_size(task, i) == BYTES &&
            !job_is_filled(dmpi_task_input(task, i), BYTES, 1))
            dmpi_fail(task, "input %zu has other bytes", i);
    *span = (struct span){began, job_now(), dmpi_task_rank(task)};
}

/* ARGS: size. */
DMPI_TASK(make)
{
    size_t size = (size_t) * (const int64_t *)dmpi_task_args(task);
    job_fill(dmpi_task_output(task, size), size, 1);
}

static struct span take_span(dmpi_key key)
{
    struct span span = {0};
    OK(dmpi_get(pool, key, &span, sizeof span, NULL));
    job_drop(key);
    return span;
}

/* ---- a worker that computes ----------------------------------------------*/

static void busy_worker_serves_its_keys(void)
{
    double time = 2;
    char *data = job_bytes(BYTES, 1), *back = malloc(BYTES);
    dmpi_key_state state;
    dmpi_key value, busy, fetched;
    if (job_workers() < 2) goto out;
    OK(dmpi_put(pool, data, BYTES, 1, &value));
    busy = job_submit_on(1, compute, NULL, 0, &time, sizeof time);
    job_sleep(0.2); /* it runs by now */

    double start = job_now();
    fetched = job_submit_on(2, stamp, &value, 1, NULL, 0);
    OK(dmpi_wait(pool, &fetched, 1, DMPI_ALL, DMPI_FOREVER, NULL));
    double worker_took = job_now() - start;
    start = job_now();
    OK(dmpi_get(pool, value, back, BYTES, NULL));
    double center_took = job_now() - start;

    OK(dmpi_state(pool, busy, &state));
    CU_ASSERT_EQUAL(state, DMPI_PLACED);
    struct span in_b = take_span(fetched), in_a = take_span(busy);
    CU_ASSERT(in_a.began < in_b.began && in_b.ended < in_a.ended);
    CU_ASSERT(job_is_filled(back, BYTES, 1));
    printf("(fetched in %.1f ms, got in %.1f ms) ", 1e3 * worker_took,
           1e3 * center_took);
    CU_ASSERT(worker_took < 0.5 && center_took < 0.5);
    job_drop(value);
out:
    free(data);
    free(back);
}

/* What is sent meanwhile needs many steps: chunks, and their ends. */
static void busy_worker_sends_large_values(void)
{
    int64_t size = 40000000;
    double time = 0.6;
    if (job_workers() < 2) return;
    dmpi_key value = job_submit_on(1, make, NULL, 0, &size, sizeof size);
    OK(dmpi_wait(pool, &value, 1, DMPI_ALL, DMPI_FOREVER, NULL));
    dmpi_key busy = job_submit_on(1, compute, NULL, 0, &time, sizeof time);
    dmpi_key fetched = job_submit_on(2, stamp, &value, 1, NULL, 0);
    struct span in_b = take_span(fetched), in_a = take_span(busy);
    CU_ASSERT(in_b.ended < in_a.ended);
    job_drop(value);
}

/* ---- a center that computes ----------------------------------------------*/

static void chain_of_maps_runs_while_the_application_computes(void)
{
    enum { WIDTH = 20, LENGTH = 10 };
    dmpi_key keys[LENGTH][WIDTH];
    int after = 0;
    bool alone = job_is_one_process();
    OK(dmpi_map(pool, stamp, WIDTH, NULL, NULL, 0, NULL, keys[0]));
    for (int i = 1; i < LENGTH; i++)
        OK(dmpi_map(pool, stamp, WIDTH, keys[i - 1], NULL, 0, NULL, keys[i]));
    job_busy(1);
    double end = job_now();
    for (int i = 0; i < LENGTH; i++)
        for (int k = 0; k < WIDTH; k++)
            after += take_span(keys[i][k]).ended >= end;
    if (!alone) CU_ASSERT_EQUAL(after, 0);
}

/* More tasks than a worker is given at a time: the center has to hand them
 * out bit by bit. */
static void center_hands_out_while_the_application_computes(void)
{
    enum { COUNT = 300 };
    static double times[COUNT];
    static dmpi_key keys[COUNT];
    int after = 0;
    bool alone = job_is_one_process();
    for (int i = 0; i < COUNT; i++) times[i] = 0.0005;
    OK(dmpi_map(pool, compute, COUNT, NULL, times, sizeof *times, NULL, keys));
    job_busy(1);
    double end = job_now();
    for (int i = 0; i < COUNT; i++) after += take_span(keys[i]).ended >= end;
    if (!alone) CU_ASSERT_EQUAL(after, 0);
}

static const struct check_test tests[] = {
    {"a busy worker serves its keys", busy_worker_serves_its_keys},
    {"a busy worker sends large values", busy_worker_sends_large_values},
    {"a chain of maps runs while the application computes",
     chain_of_maps_runs_while_the_application_computes},
    {"the center hands out while the application computes",
     center_hands_out_while_the_application_computes},
};

int main(void)
{
    return job_run("progress", tests, CHECK_COUNT(tests));
}
