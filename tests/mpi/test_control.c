/* SPDX-License-Identifier: BSD-3-Clause */
/* test_control.c - tasks that are tried again, cancelled, or out of time. */
#include "job.h"

/* ---- retries -------------------------------------------------------------*/

/* ARGS: so many attempts fail. Gives the number of the one that does not. */
DMPI_TASK(flaky)
{
    const int64_t *fails = dmpi_task_args(task);
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = dmpi_task_attempt(task);
    if (*out < *fails) dmpi_fail(task, "attempt %d", (int)*out);
}

static dmpi_key submit_flaky(const dmpi_key *input, int64_t fails, int retries)
{
    dmpi_task_options options = {.retries = retries, .name = "flaky one"};
    dmpi_key key = DMPI_KEY_NONE;
    OK(dmpi_submit(pool, flaky, input, input != NULL, &fails, sizeof fails,
                   &options, &key));
    return key;
}

static void is_failure(dmpi_key key, dmpi_status status, const char *text)
{
    dmpi_failure failure;
    OK(dmpi_error(pool, key, &failure));
    CU_ASSERT_EQUAL(failure.status, (int)status);
    CU_ASSERT_STRING_EQUAL(failure.text, text);
    EXPECT(DMPI_EFAILED, dmpi_get(pool, key, NULL, 0, NULL));
}

static void task_that_fails_is_run_again(void)
{
    for (int64_t fails = 0; fails < 4; fails++)
        CU_ASSERT_EQUAL(job_take_number(submit_flaky(NULL, fails, 3)), fails);
}

static void error_is_that_of_the_last_attempt(void)
{
    dmpi_key key = submit_flaky(NULL, 9, 3), after = submit_flaky(&key, 0, 3);
    is_failure(key, DMPI_EFAILED, "attempt 3");
    is_failure(after, DMPI_EFAILED, "attempt 3");
    job_drop(key);
    job_drop(after);
}

static void tasks_of_a_map_and_of_a_graph_are_tried_again(void)
{
    const int64_t fails[3] = {2, 0, 1};
    const dmpi_key first = DMPI_NTH(0);
    dmpi_task_options options = {.retries = 2};
    const dmpi_graph_task graph[] = {
        {flaky, NULL, 0, &fails[0], sizeof *fails, &options},
        {flaky, &first, 1, &fails[2], sizeof *fails, &options},
    };
    dmpi_key keys[5];
    OK(dmpi_map(pool, flaky, 3, NULL, fails, sizeof *fails, &options, keys));
    OK(dmpi_submit_graph(pool, graph, 2, keys + 3));
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(job_take_number(keys[i]), fails[i]);
    CU_ASSERT_EQUAL(job_take_number(keys[3]), fails[0]);
    CU_ASSERT_EQUAL(job_take_number(keys[4]), fails[2]);
}

static void retries_that_make_no_sense_are_refused(void)
{
    dmpi_task_options few = {.retries = -1};
    dmpi_task_options many = {.retries = DMPI_RETRIES_MAX + 1};
    dmpi_key key;
    REFUSED(DMPI_EINVAL,
            dmpi_submit(pool, flaky, NULL, 0, NULL, 0, &few, &key));
    REFUSED(DMPI_EINVAL,
            dmpi_submit(pool, flaky, NULL, 0, NULL, 0, &many, &key));
}

int main(void)
{
    static const struct check_test tests[] = {
        {"task that fails is run again", task_that_fails_is_run_again},
        {"error is that of the last attempt",
         error_is_that_of_the_last_attempt},
        {"tasks of a map and of a graph are tried again",
         tasks_of_a_map_and_of_a_graph_are_tried_again},
        {"retries that make no sense are refused",
         retries_that_make_no_sense_are_refused},
    };
    return job_run("control", tests, CHECK_COUNT(tests));
}
