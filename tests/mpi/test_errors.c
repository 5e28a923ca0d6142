/* SPDX-License-Identifier: BSD-3-Clause */
/* test_errors.c - failed tasks, and calls that make no sense. */
#include <pthread.h>
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

/* The answers of all pool calls from inside a task, which should be alike. */
DMPI_TASK(use_the_pool)
{
    dmpi_pool *own = *(dmpi_pool *const *)dmpi_task_args(task);
    dmpi_key key = dmpi_task_key(task);
    dmpi_value value = {NULL, 0};
    dmpi_key_state state;
    int64_t number = 0;
    const dmpi_status said[] = {
        dmpi_scatter(own, &number, 1, 8, NULL, &key),
        dmpi_scatterv(own, &value, 1, NULL, &key),
        dmpi_state(own, key, &state),
        dmpi_cancel(own, &key, 1),
        dmpi_replicate(own, key, 0),
        dmpi_constant(own, "in a task", &number, 8),
        dmpi_close(own),
        dmpi_open(NULL, &own),
        dmpi_register("in a task", dmpi_call_echo, NULL),
        dmpi_submit(NULL, echo, NULL, 0, NULL, 0, NULL, &key),
    };
    int64_t *refused = dmpi_task_output(task, sizeof *refused);
    *refused = 0;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        *refused += said[i] == DMPI_ESTATE && *dmpi_status_detail();
    if (*refused != sizeof said / sizeof *said || key != dmpi_task_key(task))
        dmpi_fail(task, "only %d of %d calls were refused", (int)*refused,
                  (int)(sizeof said / sizeof *said));
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

/* ---- bad arguments -------------------------------------------------------*/

static void submit_refuses_bad_arguments(void)
{
    dmpi_function stranger = {.name = "stranger", .call = dmpi_call_echo};
    dmpi_function far = {"far", dmpi_call_echo, UINT32_MAX, 0, NULL};
    dmpi_task_options high = {.rank = dmpi_ranks()}, low = {.rank = -1};
    dmpi_task_options nowhere = {.hard = 1};
    dmpi_key foreign = 0xabcdef, nth = DMPI_NTH(0), key = 7;
    dmpi_key other_rank = (dmpi_key)1 << 48 | 1, far_rank = (dmpi_key)99 << 48;
    char byte = 0;
    const struct {
        dmpi_status status;
        const dmpi_function *function;
        const dmpi_key *inputs;
        size_t count;
        const void *args;
        size_t size;
        const dmpi_task_options *options;
        dmpi_key *key;
    } cases[] = {
        {DMPI_EINVAL, NULL, NULL, 0, NULL, 0, NULL, &key},
        {DMPI_EINVAL, &stranger, NULL, 0, NULL, 0, NULL, &key},
        {DMPI_EINVAL, &far, NULL, 0, NULL, 0, NULL, &key},
        {DMPI_EINVAL, echo, NULL, 1, NULL, 0, NULL, &key},
        {DMPI_EINVAL, echo, NULL, 0, NULL, 1, NULL, &key},
        {DMPI_EINVAL, echo, NULL, 0, &byte, SIZE_MAX, NULL, &key},
        {DMPI_EINVAL, echo, NULL, 0, NULL, 0, NULL, NULL},
        {DMPI_EINVAL, echo, NULL, 0, NULL, 0, &high, &key},
        {DMPI_EINVAL, echo, NULL, 0, NULL, 0, &low, &key},
        {DMPI_EINVAL, echo, NULL, 0, NULL, 0, &nowhere, &key},
        {DMPI_ENOKEY, echo, &foreign, 1, NULL, 0, NULL, &key},
        {DMPI_ENOKEY, echo, &nth, 1, NULL, 0, NULL, &key},
        {DMPI_ENOKEY, echo, &other_rank, 1, NULL, 0, NULL, &key},
        {DMPI_ENOKEY, echo, &far_rank, 1, NULL, 0, NULL, &key},
    };
    for (size_t i = 0; i < CHECK_COUNT(cases); i++)
        REFUSED(cases[i].status,
                dmpi_submit(pool, cases[i].function, cases[i].inputs,
                            cases[i].count, cases[i].args, cases[i].size,
                            cases[i].options, cases[i].key));
    CU_ASSERT_EQUAL(key, 7);
}

static void put_and_scatter_refuse_bad_arguments(void)
{
    char bytes[2] = {0};
    int ranks[2] = {1, dmpi_ranks()};
    dmpi_value blocks[2] = {{bytes, 1}, {NULL, 1}};
    dmpi_key keys[2] = {7, 7};
    REFUSED(DMPI_EINVAL, dmpi_put(pool, NULL, 1, 0, keys));
    REFUSED(DMPI_EINVAL, dmpi_put(pool, bytes, 1, dmpi_ranks(), keys));
    REFUSED(DMPI_EINVAL, dmpi_put(pool, bytes, 1, -1, keys));
    REFUSED(DMPI_EINVAL, dmpi_put(pool, bytes, 1, 0, NULL));
    REFUSED(DMPI_EINVAL, dmpi_scatter(pool, NULL, 2, 1, NULL, keys));
    REFUSED(DMPI_EINVAL, dmpi_scatter(pool, bytes, 2, 1, ranks, keys));
    REFUSED(DMPI_EINVAL, dmpi_scatter(pool, bytes, 2, 1, NULL, NULL));
    REFUSED(DMPI_EINVAL, dmpi_scatterv(pool, NULL, 2, NULL, keys));
    REFUSED(DMPI_EINVAL, dmpi_scatterv(pool, blocks, 2, NULL, keys));
    CU_ASSERT(keys[0] == 7 && keys[1] == 7);
}

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

static void get_and_wait_refuse_bad_arguments(void)
{
    dmpi_key key = job_submit_number(echo, 1);
    REFUSED(DMPI_EINVAL, dmpi_get(pool, key, NULL, 8, NULL));
    REFUSED(DMPI_EINVAL, dmpi_get_new(pool, key, NULL, NULL));
    REFUSED(DMPI_EINVAL, dmpi_gather(pool, NULL, 1, &key, 8));
    REFUSED(DMPI_EINVAL, dmpi_gather(pool, &key, 1, NULL, 8));
    REFUSED(DMPI_EINVAL, dmpi_gatherv(pool, &key, 1, NULL));
    REFUSED(DMPI_EINVAL, dmpi_gatherv(pool, NULL, 1, NULL));
    REFUSED(DMPI_EINVAL,
            dmpi_wait(pool, NULL, 1, DMPI_ALL, DMPI_FOREVER, NULL));
    REFUSED(DMPI_EINVAL, dmpi_error(pool, key, NULL));
    REFUSED(DMPI_EINVAL, dmpi_drop(pool, NULL, 1));
    job_drop(key);
}

static void drop_goes_on_after_a_foreign_key(void)
{
    dmpi_key keys[4] = {job_submit_number(echo, 1), 0xabcdef, DMPI_KEY_NONE,
                        job_submit_number(echo, 2)};
    REFUSED(DMPI_ENOKEY, dmpi_drop(pool, keys, 4));
    refuse_key(keys[0]);
    refuse_key(keys[3]);
}

/* ---- from where it makes no sense ----------------------------------------*/

static void refuse_pool(dmpi_pool *wrong)
{
    dmpi_key key = 7;
    int64_t number = 9;
    dmpi_value value = {&number, 8};
    dmpi_failure failure;
    dmpi_key_state state;
    dmpi_graph_task graph = {.function = echo};
    void *data;
    REFUSED(DMPI_ESTATE,
            dmpi_submit(wrong, echo, NULL, 0, NULL, 0, NULL, &key));
    REFUSED(DMPI_ESTATE, dmpi_map(wrong, echo, 1, NULL, NULL, 0, NULL, &key));
    REFUSED(DMPI_ESTATE, dmpi_submit_graph(wrong, &graph, 1, &key));
    REFUSED(DMPI_ESTATE, dmpi_put(wrong, &number, 8, 0, &key));
    REFUSED(DMPI_ESTATE, dmpi_scatter(wrong, &number, 1, 8, NULL, &key));
    REFUSED(DMPI_ESTATE, dmpi_scatterv(wrong, &value, 1, NULL, &key));
    REFUSED(DMPI_ESTATE, dmpi_get(wrong, key, &number, 8, NULL));
    REFUSED(DMPI_ESTATE, dmpi_get_new(wrong, key, &data, NULL));
    REFUSED(DMPI_ESTATE, dmpi_gather(wrong, &key, 1, &number, 8));
    REFUSED(DMPI_ESTATE, dmpi_gatherv(wrong, &key, 1, &value));
    REFUSED(DMPI_ESTATE, dmpi_wait(wrong, &key, 1, DMPI_ALL, 0, NULL));
    REFUSED(DMPI_ESTATE, dmpi_state(wrong, key, &state));
    REFUSED(DMPI_ESTATE, dmpi_error(wrong, key, &failure));
    REFUSED(DMPI_ESTATE, dmpi_drop(wrong, &key, 1));
    REFUSED(DMPI_ESTATE, dmpi_replicate(wrong, key, 0));
    CU_ASSERT_EQUAL(dmpi_workers(wrong), 0);
    CU_ASSERT(key == 7 && number == 9);
}

static void another_pool_is_refused(void)
{
    char room[4096] = {0};
    refuse_pool(NULL);
    refuse_pool((dmpi_pool *)room);
    REFUSED(DMPI_ESTATE, dmpi_close((dmpi_pool *)room));
    OK(dmpi_close(NULL));
}

static void *use_the_pool_elsewhere(void *argument)
{
    dmpi_status *said = argument;
    dmpi_key key;
    size_t count;
    said[0] = dmpi_submit(pool, echo, NULL, 0, NULL, 0, NULL, &key);
    said[1] = dmpi_rank_workers(NULL, 0, &count);
    said[2] = dmpi_close(pool);
    return NULL;
}

static void another_thread_is_refused(void)
{
    pthread_t thread;
    dmpi_status said[3] = {DMPI_OK};
    pthread_create(&thread, NULL, use_the_pool_elsewhere, said);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(said[0], DMPI_ESTATE);
    CU_ASSERT_EQUAL(said[1], DMPI_ESTATE);
    CU_ASSERT_EQUAL(said[2], DMPI_ESTATE);
}

static void task_cannot_use_the_pool(void)
{
    for (int rank = 1; rank < dmpi_ranks(); rank++) {
        dmpi_key key =
            job_submit_on(rank, use_the_pool, NULL, 0, &pool, sizeof pool);
        CU_ASSERT_EQUAL(job_take_number(key), 10);
    }
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

/* On every rank, before and after: nothing works, nothing crashes. */
static bool is_refused_without_a_pool(void)
{
    dmpi_key key;
    size_t count;
    int cores;
    return dmpi_rank() == -1 && dmpi_ranks() == -1 && dmpi_workers(NULL) == 0 &&
           dmpi_submit(NULL, echo, NULL, 0, NULL, 0, NULL, &key) ==
               DMPI_ESTATE &&
           dmpi_rank_workers(NULL, 0, &count) == DMPI_ESTATE &&
           dmpi_rank_ncores(1, &cores) == DMPI_ESTATE &&
           dmpi_rank_put(1, "", 1, &key) == DMPI_ESTATE &&
           dmpi_rank_run(0, echo, NULL, 0, NULL, NULL) == DMPI_ESTATE &&
           dmpi_rank_run_all(echo, NULL, 0, NULL, NULL) == DMPI_ESTATE &&
           dmpi_rank_send(0, echo, NULL, 0) == DMPI_ESTATE &&
           *dmpi_status_detail();
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
    {"submit refuses bad arguments", submit_refuses_bad_arguments},
    {"put and scatter refuse bad arguments",
     put_and_scatter_refuse_bad_arguments},
    {"foreign keys are refused", foreign_keys_are_refused},
    {"get and wait refuse bad arguments", get_and_wait_refuse_bad_arguments},
    {"drop goes on after a foreign key", drop_goes_on_after_a_foreign_key},
    {"another pool is refused", another_pool_is_refused},
    {"another thread is refused", another_thread_is_refused},
    {"a task cannot use all of the pool", task_cannot_use_the_pool},
    {"a second pool is refused", second_pool_is_refused},
    {"every status has a text", every_status_has_a_text},
};

int main(void)
{
    bool before = is_refused_without_a_pool();
    int result = job_run("errors", tests, CHECK_COUNT(tests));
    if (before && is_refused_without_a_pool()) return result;
    fprintf(stderr, "a call without a pool was not refused\n");
    return 1;
}
