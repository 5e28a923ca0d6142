/* SPDX-License-Identifier: BSD-3-Clause */
/* test_control.c - tasks that are tried again, cancelled, or out of time. */
#include <math.h>

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

/* ---- cancelled -----------------------------------------------------------*/

enum { PATIENCE_S = 20 /* longer than any test takes */ };

/* Runs until it is told not to; gives 1 if nobody does. In a single process
 * nobody can. */
DMPI_TASK(linger)
{
    double end = job_now() + PATIENCE_S;
    while (!dmpi_cancelled(task) && job_now() < end) job_sleep(0.001);
    *(int64_t *)dmpi_task_output(task, sizeof(int64_t)) = 1;
    *dmpi_task_state(task) = (char *)*dmpi_task_state(task) + 1;
}

/* How often linger() has returned here. */
DMPI_TASK(returned)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = (int64_t)(intptr_t)*dmpi_task_state(task);
    *dmpi_task_state(task) = NULL;
}

static bool is_failed(dmpi_key key)
{
    dmpi_key_state state = DMPI_PENDING;
    OK(dmpi_state(pool, key, &state));
    return state == DMPI_FAILED;
}

/* All that is behind a long task on its worker. */
static void task_that_has_not_begun_never_runs(void)
{
    enum { COUNT = 100 };
    dmpi_key keys[COUNT + 1], first = DMPI_KEY_NONE;
    if (!job_is_one_process())
        first = job_submit_on(1, linger, NULL, 0, NULL, 0);
    for (int i = 0; i < COUNT; i++)
        keys[i] = job_submit_on(1, linger, NULL, 0, NULL, 0);
    keys[COUNT] = job_submit_on(job_last(), linger, &keys[0], 1, NULL, 0);
    OK(dmpi_cancel(pool, keys, COUNT));
    for (int i = 0; first && i < COUNT; i++)
        is_failure(keys[i], DMPI_ECANCELLED, "cancelled before it began");
    OK(dmpi_cancel(pool, &first, 1));
    for (int i = 0; i <= COUNT; i++)
        is_failure(keys[i], DMPI_ECANCELLED, "cancelled before it began");
    int64_t ran = job_take_number(job_submit_on(1, returned, NULL, 0, NULL, 0));
    CU_ASSERT_EQUAL(ran, first != DMPI_KEY_NONE);
    OK(dmpi_drop(pool, keys, COUNT + 1));
    OK(dmpi_drop(pool, &first, 1));
}

static void task_that_runs_sees_it(void)
{
    if (job_is_one_process()) return;
    for (int rank = 1; rank < dmpi_ranks(); rank++) {
        dmpi_key key = job_submit_on(rank, linger, NULL, 0, NULL, 0);
        job_sleep(0.05); /* it has begun, most likely */
        OK(dmpi_cancel(pool, &key, 1));
        dmpi_failure failure;
        OK(dmpi_error(pool, key, &failure));
        CU_ASSERT_EQUAL(failure.status, DMPI_ECANCELLED);
        CU_ASSERT_STRING_EQUAL(failure.function, "linger");
        job_take_number(job_submit_on(rank, returned, NULL, 0, NULL, 0));
        job_drop(key);
    }
}

static void key_that_has_ended_stays_as_it_is(void)
{
    int64_t number = 5;
    dmpi_key keys[3] = {submit_flaky(NULL, 0, 0), DMPI_KEY_NONE,
                        submit_flaky(NULL, 1, 0)};
    OK(dmpi_put(pool, &number, sizeof number, 0, &keys[1]));
    EXPECT(DMPI_EFAILED,
           dmpi_wait(pool, keys, 3, DMPI_ALL, DMPI_FOREVER, NULL));
    OK(dmpi_cancel(pool, keys, 3));
    CU_ASSERT_EQUAL(job_take_number(keys[0]), 0);
    CU_ASSERT_EQUAL(job_take_number(keys[1]), 5);
    is_failure(keys[2], DMPI_EFAILED, "attempt 0");
    job_drop(keys[2]);
}

static void cancel_of_what_is_no_key_is_refused(void)
{
    dmpi_key keys[3] = {submit_flaky(NULL, 0, 0), DMPI_KEY_NONE, 0};
    keys[2] = keys[0] + 12345;
    REFUSED(DMPI_EINVAL, dmpi_cancel(pool, NULL, 1));
    REFUSED(DMPI_ENOKEY, dmpi_cancel(pool, keys, 3));
    OK(dmpi_cancel(pool, NULL, 0));
    OK(dmpi_cancel(pool, &keys[1], 1));
    job_drop(keys[0]);
}

/* Of each chain a random link; what is behind it does not run. */
static void many_chains_are_cut_anywhere(void)
{
    enum { CHAINS = 50, LENGTH = 20 };
    static dmpi_key keys[CHAINS][LENGTH];
    const int64_t none = 0;
    for (int i = 0; i < CHAINS; i++) {
        dmpi_task_options options = {.rank = 1 + i % job_workers()};
        for (int k = 0; k < LENGTH; k++)
            OK(dmpi_submit(pool, flaky, k ? &keys[i][k - 1] : NULL, k > 0,
                           &none, sizeof none, k ? NULL : &options,
                           &keys[i][k]));
        OK(dmpi_cancel(pool, &keys[i][i % LENGTH], 1));
    }
    for (int i = 0; i < CHAINS; i++) {
        bool failed = false;
        for (int k = 0; k < LENGTH; k++) {
            dmpi_failure failure;
            OK(dmpi_error(pool, keys[i][k], &failure));
            if (k < i % LENGTH) CU_ASSERT_EQUAL(failure.status, DMPI_OK);
            if (failed) CU_ASSERT_EQUAL(failure.status, DMPI_ECANCELLED);
            failed = failed || failure.status == DMPI_ECANCELLED;
        }
        OK(dmpi_drop(pool, keys[i], LENGTH));
    }
}

/* ---- out of time ---------------------------------------------------------*/

/* Runs for 0.05 s in its first two attempts. Gives the attempt. */
DMPI_TASK(slow_at_first)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = dmpi_task_attempt(task);
    if (*out < 2) job_sleep(0.05);
}

static dmpi_key submit_with(const dmpi_function *function,
                            dmpi_task_options options)
{
    dmpi_key key = DMPI_KEY_NONE;
    OK(dmpi_submit(pool, function, NULL, 0, NULL, 0, &options, &key));
    return key;
}

static void late_task_is_an_error_at_once(void)
{
    dmpi_task_options options = {.timeout = 0.02, .rank = 1, .hard = 1};
    if (job_is_one_process()) return;
    double begin = job_now();
    dmpi_key key = submit_with(linger, options);
    is_failure(key, DMPI_ETIMEOUT, "ran longer than 0.02 s");
    CU_ASSERT(job_now() - begin < PATIENCE_S / 2);
    CU_ASSERT_EQUAL(
        job_take_number(job_submit_on(1, returned, NULL, 0, NULL, 0)), 1);
    job_drop(key);
}

/* It does not look at dmpi_cancelled(), nor does anybody in one process. */
static void late_task_is_an_error_in_the_end(void)
{
    dmpi_key key =
        submit_with(slow_at_first, (dmpi_task_options){.timeout = 0.01});
    is_failure(key, DMPI_ETIMEOUT, "ran longer than 0.01 s");
    job_drop(key);
}

static void late_attempt_is_followed_by_another(void)
{
    dmpi_key key = submit_with(
        slow_at_first, (dmpi_task_options){.timeout = 0.01, .retries = 5});
    CU_ASSERT(!is_failed(key));
    CU_ASSERT_EQUAL(job_take_number(key), 2);
}

static void task_in_time_is_left_alone(void)
{
    dmpi_key key =
        submit_with(slow_at_first, (dmpi_task_options){.timeout = 30});
    CU_ASSERT_EQUAL(job_take_number(key), 0);
}

static void timeouts_that_make_no_sense_are_refused(void)
{
    dmpi_task_options less = {.timeout = -0.5}, none = {.timeout = NAN};
    dmpi_key key;
    REFUSED(DMPI_EINVAL,
            dmpi_submit(pool, flaky, NULL, 0, NULL, 0, &less, &key));
    REFUSED(DMPI_EINVAL,
            dmpi_submit(pool, flaky, NULL, 0, NULL, 0, &none, &key));
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
        {"task that has not begun never runs",
         task_that_has_not_begun_never_runs},
        {"task that runs sees it", task_that_runs_sees_it},
        {"key that has ended stays as it is",
         key_that_has_ended_stays_as_it_is},
        {"cancel of what is no key is refused",
         cancel_of_what_is_no_key_is_refused},
        {"many chains are cut anywhere", many_chains_are_cut_anywhere},
        {"late task is an error at once", late_task_is_an_error_at_once},
        {"late task is an error in the end", late_task_is_an_error_in_the_end},
        {"late attempt is followed by another",
         late_attempt_is_followed_by_another},
        {"task in time is left alone", task_in_time_is_left_alone},
        {"timeouts that make no sense are refused",
         timeouts_that_make_no_sense_are_refused},
    };
    return job_run("control", tests, CHECK_COUNT(tests));
}
