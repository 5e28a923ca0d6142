/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_huge.c - one value of more bytes than an int can count, from worker to
 * worker and to rank 0, and a third of it as a constant: run by huge.sh with
 * three ranks. Three processes need twice its size at a time.
 *
 *     prog_huge GIB */
#include "job.h"

enum { STRIDE = 4099 }; /* words looked at: in other pages, at any offset */

static size_t bytes; /* on rank 0 */

static uint64_t word(size_t i)
{
    return i * 0x9e3779b97f4a7c15u + 1;
}

/* ARGS: size. */
DMPI_TASK(make)
{
    size_t size = *(const size_t *)dmpi_task_args(task);
    uint64_t *out = dmpi_task_output(task, size);
    for (size_t i = 0; out && i < size / 8; i++) out[i] = word(i);
}

static bool is_right(const uint64_t *data, size_t size)
{
    size_t words = size / 8, i = 0;
    while (i < words && data[i] == word(i)) i += STRIDE;
    return i >= words && data[words - 1] == word(words - 1);
}

/* Gives the size of its input, if that is right. */
DMPI_TASK(verify)
{
    size_t *out = dmpi_task_output(task, sizeof *out);
    *out = dmpi_task_input_size(task, 0);
    if (!is_right(dmpi_task_input(task, 0), *out))
        dmpi_fail(task, "the bytes are others");
}

static void huge_value_goes_to_a_worker_and_to_rank_0(void)
{
    size_t got = 0;
    check_limit(120);
    dmpi_key huge = job_submit_on(1, make, NULL, 0, &bytes, sizeof bytes);
    OK(dmpi_wait(pool, &huge, 1, DMPI_ALL, DMPI_FOREVER, NULL));
    double start = job_now();
    dmpi_key good = job_submit_on(2, verify, &huge, 1, NULL, 0);
    CU_ASSERT_EQUAL((size_t)job_take_number(good), bytes);
    OK(dmpi_rank_drop(1, huge)); /* the copy stays */
    double fetched = job_now();
    uint64_t *back = malloc(bytes);
    CU_ASSERT_PTR_NOT_NULL_FATAL(back);
    EXPECT(DMPI_ESIZE, dmpi_get(pool, huge, back, bytes - 1, &got));
    CU_ASSERT_EQUAL(got, bytes);
    OK(dmpi_get(pool, huge, back, bytes, &got));
    printf("(%.1f s, %.1f s) ", fetched - start, job_now() - fetched);
    CU_ASSERT(got == bytes && is_right(back, bytes));
    free(back);
    job_drop(huge);
}

/* Gives the size of the constant, if that is right. */
DMPI_TASK(verify_constant)
{
    size_t *out = dmpi_task_output(task, sizeof *out);
    const void *data = dmpi_task_constant(task, "huge", out);
    if (!data || !is_right(data, *out)) dmpi_fail(task, "the bytes are others");
}

static void huge_constant_comes_to_all_workers(void)
{
    size_t size = bytes / 3 / 8 * 8;
    uint64_t *data = malloc(size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    check_limit(120);
    for (size_t i = 0; i < size / 8; i++) data[i] = word(i);
    double start = job_now();
    OK(dmpi_constant(pool, "huge", data, size));
    double sent = job_now();
    free(data);
    for (int rank = 1; rank <= job_last(); rank++) {
        dmpi_key good = job_submit_on(rank, verify_constant, NULL, 0, NULL, 0);
        CU_ASSERT_EQUAL((size_t)job_take_number(good), size);
    }
    printf("(%.1f s, %.1f s) ", sent - start, job_now() - sent);
    OK(dmpi_constant(pool, "huge", NULL, 0));
}

static const struct check_test tests[] = {
    {"a huge value goes to a worker and to rank 0",
     huge_value_goes_to_a_worker_and_to_rank_0},
    {"a huge constant comes to all workers",
     huge_constant_comes_to_all_workers},
};

int main(int argc, char *argv[])
{
    if (argc != 2) return 2;
    bytes = (size_t)(atof(argv[1]) * (1 << 30)) + 8;
    return job_run("huge", tests, CHECK_COUNT(tests));
}
