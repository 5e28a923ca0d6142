/* SPDX-License-Identifier: BSD-3-Clause */
/* test_errors.c - failed tasks, and keys that are none. Every call's bad input is
 * in refusals.h. */
#include <unistd.h>

#include "job.h"

/* ---- tasks ---------------------------------------------------------------*/

DMPI_TASK(echo)
{
    size_t size = dmpi_task_args_size(task);
    void *out = dmpi_task_output(task, size);
    if (size) memcpy(out, dmpi_task_args(task), size);
}

DMPI_TASK(add)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = 1;
    for (size_t i = 0; i < dmpi_task_input_count(task); i++)
        *out += *(const int64_t *)dmpi_task_input(task, i);
}

/* ARGS: a number that is told. */
DMPI_TASK(fails)
{
    const int64_t *number = dmpi_task_args(task);
    memset(dmpi_task_output(task, 5000), 1, 5000); /* in vain */
    dmpi_fail(task, "cause %" PRId64, *number);
}

DMPI_TASK(fails_at_length)
{
    char text[2000];
    memset(text, 't', sizeof text - 1);
    text[sizeof text - 1] = 0;
    dmpi_fail(task, "%s", text);
}

/* ---- failures ------------------------------------------------------------*/

static void is_cause(dmpi_key key, int64_t number, int rank)
{
    char host[256] = "", text[32];
    dmpi_failure failure;
    gethostname(host, sizeof host - 1);
    snprintf(text, sizeof text, "cause %" PRId64, number);
    OK(dmpi_error(pool, key, &failure));
    CU_ASSERT_EQUAL(failure.status, DMPI_EFAILED);
    CU_ASSERT_EQUAL(failure.rank, rank);
    CU_ASSERT_STRING_EQUAL(failure.host, host);
    CU_ASSERT_STRING_EQUAL(failure.function, "fails");
    CU_ASSERT_STRING_EQUAL(failure.name, "the cause");
    CU_ASSERT_STRING_EQUAL(failure.text, text);
}

static dmpi_key fail_on(int rank, int64_t number)
{
    dmpi_task_options options = {.rank = rank, .hard = 1, .name = "the cause"};
    dmpi_key key = DMPI_KEY_NONE;
    OK(dmpi_submit(pool, fails, NULL, 0, &number, sizeof number, &options,
                   &key));
    return key;
}

static void failure_reaches_the_end_of_a_chain(void)
{
    enum { LENGTH = 300 };
    dmpi_key keys[LENGTH];
    keys[0] = fail_on(job_last(), 17);
    for (int i = 1; i < LENGTH; i++) /* over all workers */
        keys[i] = i % 3 ? job_submit(add, &keys[i - 1], 1, NULL, 0)
                        : job_submit_on(1 + i % job_workers(), add,
                                        &keys[i - 1], 1, NULL, 0);
    is_cause(keys[LENGTH - 1], 17, job_last());
    is_cause(keys[LENGTH / 2], 17, job_last());
    is_cause(keys[0], 17, job_last());
    OK(dmpi_drop(pool, keys, LENGTH));
}

static void failure_goes_through_joins_and_spares_the_others(void)
{
    enum { COUNT = 64 };
    dmpi_key leaves[COUNT], joins[COUNT / 2];
    for (int i = 0; i < COUNT; i++)
        leaves[i] = i == 21 ? fail_on(1, 21) : job_submit_number(echo, i);
    for (int i = 0; i < COUNT / 2; i++)
        joins[i] = job_submit(add, &leaves[2 * i], 2, NULL, 0);
    dmpi_key all = job_submit(add, joins, COUNT / 2, NULL, 0);
    is_cause(all, 21, 1);
    for (int i = 0; i < COUNT / 2; i++) {
        if (i == 10) is_cause(joins[i], 21, 1);
        else CU_ASSERT_EQUAL(job_number(joins[i]), 4 * i + 2);
    }
    OK(dmpi_drop(pool, leaves, COUNT));
    OK(dmpi_drop(pool, joins, COUNT / 2));
    job_drop(all);
}

static void failure_of_a_dropped_key_is_inherited(void)
{
    dmpi_key bad = fail_on(1, 3);
    dmpi_wait(pool, &bad, 1, DMPI_ALL, DMPI_FOREVER, NULL);
    dmpi_key after = job_submit_on(job_last(), add, &bad, 1, NULL, 0);
    job_drop(bad);
    is_cause(after, 3, 1);
    job_drop(after);
}

static void get_of_a_failed_key_says_why(void)
{
    dmpi_key bad = fail_on(1, 4);
    int64_t number = 9;
    size_t size = 9;
    void *data = &number;
    REFUSED(DMPI_EFAILED, dmpi_get(pool, bad, &number, sizeof number, &size));
    CU_ASSERT(strstr(dmpi_status_detail(), "cause 4") != NULL);
    CU_ASSERT(strstr(dmpi_status_detail(), "fails") != NULL);
    REFUSED(DMPI_EFAILED, dmpi_get(pool, bad, NULL, 0, &size));
    REFUSED(DMPI_EFAILED, dmpi_get_new(pool, bad, &data, &size));
    CU_ASSERT(number == 9 && size == 9 && data == &number);
    job_drop(bad);
}

static void long_text_is_cut(void)
{
    dmpi_key bad = job_submit(fails_at_length, NULL, 0, NULL, 0);
    dmpi_failure failure;
    OK(dmpi_error(pool, bad, &failure));
    CU_ASSERT_EQUAL(strlen(failure.text), DMPI_TEXT_MAX - 1);
    job_drop(bad);
}

static void error_of_a_good_key_is_none(void)
{
    dmpi_key good = job_submit_number(echo, 1);
    dmpi_failure failure;
    memset(&failure, 1, sizeof failure);
    OK(dmpi_error(pool, good, &failure));
    CU_ASSERT_EQUAL(failure.status, DMPI_OK);
    CU_ASSERT_STRING_EQUAL(failure.text, "");
    CU_ASSERT_STRING_EQUAL(failure.host, "");
    job_drop(good);
}

static void thousand_failures_at_once(void)
{
    enum { COUNT = 1000 };
    static int64_t numbers[COUNT];
    static dmpi_key bad[COUNT], after[COUNT];
    dmpi_failure failure;
    OK(dmpi_map(pool, fails, COUNT, NULL, numbers, 8, NULL, bad));
    OK(dmpi_map(pool, add, COUNT, bad, NULL, 0, NULL, after));
    dmpi_key all = job_submit(add, after, COUNT, NULL, 0);
    OK(dmpi_error(pool, all, &failure));
    CU_ASSERT_STRING_EQUAL(failure.text, "cause 0");
    OK(dmpi_drop(pool, bad, COUNT));
    OK(dmpi_drop(pool, after, COUNT));
    job_drop(all);
}

/* ---- keys that are none --------------------------------------------------*/

static void refuse_key(dmpi_key key)
{
    int64_t number = 9;
    size_t size = 9, which = 9;
    void *data = &number;
    dmpi_value value = {&number, 8};
    dmpi_key_state state = DMPI_FAILED;
    dmpi_failure failure = {.status = 99};
    REFUSED(DMPI_ENOKEY, dmpi_get(pool, key, &number, 8, &size));
    REFUSED(DMPI_ENOKEY, dmpi_get_new(pool, key, &data, &size));
    REFUSED(DMPI_ENOKEY, dmpi_gather(pool, &key, 1, &number, 8));
    REFUSED(DMPI_ENOKEY, dmpi_gatherv(pool, &key, 1, &value));
    REFUSED(DMPI_ENOKEY, dmpi_wait(pool, &key, 1, DMPI_ANY, 1, &which));
    REFUSED(DMPI_ENOKEY, dmpi_state(pool, key, &state));
    REFUSED(DMPI_ENOKEY, dmpi_error(pool, key, &failure));
    REFUSED(DMPI_ENOKEY, dmpi_replicate(pool, key, 0));
    if (key) REFUSED(DMPI_ENOKEY, dmpi_drop(pool, &key, 1));
    CU_ASSERT(number == 9 && size == 9 && data == &number && which == 0);
    CU_ASSERT(value.data == &number && value.size == 8);
    CU_ASSERT(state == DMPI_FAILED && failure.status == 99);
}

static void foreign_keys_are_refused(void)
{
    dmpi_key dropped = job_submit_number(echo, 1);
    job_drop(dropped);
    refuse_key(dropped);
    refuse_key(DMPI_KEY_NONE);
    refuse_key(0xabcdef);
    refuse_key(DMPI_NTH(0));
    refuse_key(UINT64_MAX);
    refuse_key((dmpi_key)1 << 48 | 5);
    refuse_key((dmpi_key)77 << 48 | 5);
}

static void drop_goes_on_after_a_foreign_key(void)
{
    dmpi_key keys[4] = {job_submit_number(echo, 1), 0xabcdef, DMPI_KEY_NONE,
                        job_submit_number(echo, 2)};
    REFUSED(DMPI_ENOKEY, dmpi_drop(pool, keys, 4));
    refuse_key(keys[0]);
    refuse_key(keys[3]);
}

static void second_pool_is_refused(void)
{
    dmpi_pool *second = (dmpi_pool *)&second;
    REFUSED(DMPI_ESTATE, dmpi_open(NULL, &second));
    CU_ASSERT_PTR_EQUAL(second, &second);
    REFUSED(DMPI_EINVAL, dmpi_open(NULL, NULL));
    CU_ASSERT_EQUAL(job_take_number(job_submit_number(echo, 3)), 3);
}

static void every_status_has_a_text(void)
{
    for (int status = DMPI_OK; status <= DMPI_ELAUNCH; status++) {
        CU_ASSERT(strlen(dmpi_status_text((dmpi_status)status)) > 1);
        for (int other = DMPI_OK; other < status; other++)
            CU_ASSERT_STRING_NOT_EQUAL(dmpi_status_text((dmpi_status)status),
                                       dmpi_status_text((dmpi_status)other));
    }
    CU_ASSERT_PTR_NOT_NULL(dmpi_status_text((dmpi_status)99));
    CU_ASSERT_PTR_NOT_NULL(dmpi_status_text((dmpi_status)-1));
    int part, parts = sscanf(dmpi_version(), "%d.%d.%d", &part, &part, &part);
    CU_ASSERT_EQUAL(parts, 3);
}

static const struct check_test tests[] = {
    {"a failure reaches the end of a chain",
     failure_reaches_the_end_of_a_chain},
    {"a failure goes through joins and spares the others",
     failure_goes_through_joins_and_spares_the_others},
    {"the failure of a dropped key is inherited",
     failure_of_a_dropped_key_is_inherited},
    {"get of a failed key says why", get_of_a_failed_key_says_why},
    {"a long text is cut", long_text_is_cut},
    {"the error of a good key is none", error_of_a_good_key_is_none},
    {"a thousand failures at once", thousand_failures_at_once},
    {"foreign keys are refused", foreign_keys_are_refused},
    {"drop goes on after a foreign key", drop_goes_on_after_a_foreign_key},
    {"a second pool is refused", second_pool_is_refused},
    {"every status has a text", every_status_has_a_text},
};

int main(void)
{
    return job_run("errors", tests, CHECK_COUNT(tests));
}
