/* SPDX-License-Identifier: BSD-3-Clause */
/* test_constant.c - named bytes that every task sees as they were when it was
 * submitted. */
#include "job.h"

enum { LARGE = 3 << 20, MANY = 300 };

static int64_t sum_of(const int64_t *words, size_t size)
{
    int64_t sum = 0;
    for (size_t i = 0; i < size / sizeof *words; i++) sum += words[i];
    return sum;
}

/* ARGS: a name. Gives the sum of that constant's words; -1: there is none. */
DMPI_TASK(sum_constant)
{
    size_t size = 77;
    const int64_t *words =
        dmpi_task_constant(task, dmpi_task_args(task), &size);
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = words ? sum_of(words, size) : -1;
    if (!words && size) dmpi_fail(task, "no constant, but %zu bytes", size);
    if ((uintptr_t)words % 16) dmpi_fail(task, "it lies at %p", (void *)words);
}

/* ARGS: seed, for constant "bytes". Gives its size, if its bytes are right. */
DMPI_TASK(check_bytes)
{
    size_t size;
    const void *bytes = dmpi_task_constant(task, "bytes", &size);
    const int64_t *seed = dmpi_task_args(task);
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = bytes ? (int64_t)size : -1;
    if (bytes && !job_is_filled(bytes, size, (uint64_t)*seed))
        dmpi_fail(task, "other bytes than those of seed %d", (int)*seed);
}

/* The same, slowly, looking at them to the end. */
DMPI_TASK(check_bytes_slowly)
{
    size_t size;
    const void *bytes = dmpi_task_constant(task, "bytes", &size);
    const int64_t *seed = dmpi_task_args(task);
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = (int64_t)size;
    for (int i = 0; i < 10; i++) {
        job_sleep(0.01);
        if (!job_is_filled(bytes, size, (uint64_t)*seed) ||
            dmpi_task_constant(task, "bytes", NULL) != bytes)
            dmpi_fail(task, "other bytes than before");
    }
}

DMPI_TASK(sees_any)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = dmpi_task_constant(task, "word", NULL) != NULL;
}

static dmpi_key submit_sum(const char *name)
{
    return job_submit(sum_constant, NULL, 0, name, strlen(name) + 1);
}

static void set_word(const char *name, int64_t word)
{
    OK(dmpi_constant(pool, name, &word, sizeof word));
}

static void remove_constant(const char *name)
{
    OK(dmpi_constant(pool, name, NULL, 0));
}

static void set_bytes(size_t size, uint64_t seed)
{
    void *bytes = job_bytes(size, seed);
    OK(dmpi_constant(pool, "bytes", bytes, size));
    memset(bytes, 0, size); /* it may be reused */
    free(bytes);
}

/* ---- what tasks see ------------------------------------------------------*/

static void tasks_submitted_after_it_see_a_constant(void)
{
    dmpi_key before = submit_sum("word");
    set_word("word", 42);
    dmpi_key after = submit_sum("word"), other = submit_sum("wor");
    CU_ASSERT_EQUAL(job_take_number(after), 42);
    CU_ASSERT_EQUAL(job_take_number(before), -1);
    CU_ASSERT_EQUAL(job_take_number(other), -1);
    remove_constant("word");
    CU_ASSERT_EQUAL(job_take_number(submit_sum("word")), -1);
}

static void every_worker_has_it(void)
{
    set_bytes(LARGE, 5);
    for (int rank = 1; rank <= job_last(); rank++) {
        int64_t seed = 5;
        dmpi_key key =
            job_submit_on(rank, check_bytes, NULL, 0, &seed, sizeof seed);
        CU_ASSERT_EQUAL(job_take_number(key), LARGE);
    }
    remove_constant("bytes");
}

static void many_constants_are_told_apart(void)
{
    char name[DMPI_NAME_MAX];
    dmpi_key keys[MANY];
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "constant %d", i);
        set_word(name, 1000 + i);
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "constant %d", i);
        keys[i] = submit_sum(name);
        remove_constant(name);
    }
    for (int i = 0; i < MANY; i++)
        CU_ASSERT_EQUAL(job_take_number(keys[i]), 1000 + i);
}

static void any_size_will_do(void)
{
    static const size_t sizes[] = {0, 1, 2048, 2049, 70000, LARGE + 1};
    for (size_t i = 0; i < CHECK_COUNT(sizes); i++) {
        set_bytes(sizes[i], i);
        dmpi_key key = job_submit_number(check_bytes, (int64_t)i);
        CU_ASSERT_EQUAL((size_t)job_take_number(key), sizes[i]);
    }
    remove_constant("bytes");
}

/* ---- replaced ------------------------------------------------------------*/

static void each_task_sees_the_version_of_its_submission(void)
{
    dmpi_key keys[MANY];
    for (int i = 0; i < MANY; i++) {
        set_word("word", i);
        keys[i] = submit_sum("word");
    }
    for (int i = 0; i < MANY; i++) CU_ASSERT_EQUAL(job_take_number(keys[i]), i);
    remove_constant("word");
}

static void running_tasks_keep_their_bytes_when_they_are_replaced(void)
{
    enum { TASKS = 8 };
    dmpi_key keys[TASKS];
    set_bytes(LARGE, 1);
    for (int i = 0; i < TASKS; i++) {
        keys[i] = job_submit_number(check_bytes_slowly, i + 1);
        job_sleep(0.01);
        set_bytes(LARGE, (uint64_t)i + 2);
    }
    for (int i = 0; i < TASKS; i++)
        CU_ASSERT_EQUAL(job_take_number(keys[i]), LARGE);
    remove_constant("bytes");
}

/* All are born on worker 1, each submitted right behind its constant. */
static void stolen_tasks_see_theirs(void)
{
    enum { TASKS = 60 };
    dmpi_key keys[TASKS];
    dmpi_task_options there = {.rank = 1};
    for (int i = 0; i < TASKS; i++) {
        int64_t seed = i;
        set_bytes(30000, (uint64_t)i);
        OK(dmpi_submit(pool, i % 6 ? check_bytes : check_bytes_slowly, NULL, 0,
                       &seed, sizeof seed, &there, &keys[i]));
    }
    for (int i = 0; i < TASKS; i++)
        CU_ASSERT_EQUAL(job_take_number(keys[i]), 30000);
    remove_constant("bytes");
}

/* ---- rules ---------------------------------------------------------------*/

static void bad_arguments_are_refused(void)
{
    char name[DMPI_NAME_MAX + 1] = "";
    memset(name, 'n', DMPI_NAME_MAX);
    REFUSED(DMPI_EINVAL, dmpi_constant(pool, NULL, "x", 1));
    REFUSED(DMPI_EINVAL, dmpi_constant(pool, "", "x", 1));
    REFUSED(DMPI_EINVAL, dmpi_constant(pool, name, "x", 1));
    REFUSED(DMPI_EINVAL, dmpi_constant(pool, "word", NULL, 1));
    REFUSED(DMPI_ESTATE, dmpi_constant(NULL, "word", "x", 1));
    name[DMPI_NAME_MAX - 1] = 0;
    set_word(name, 7);
    CU_ASSERT_EQUAL(job_take_number(submit_sum(name)), 7);
    remove_constant(name);
    remove_constant(name); /* there is none any more */
}

/* Did a call of sees_any() on RANK? */
static bool call_sees(int rank)
{
    int64_t *result, seen;
    OK(dmpi_rank_run(rank, sees_any, NULL, 0, (void **)&result, NULL));
    seen = *result;
    free(result);
    return seen;
}

/* A task there waited for it. */
static void calls_to_a_worker_see_what_has_come_there(void)
{
    set_word("word", 1);
    CU_ASSERT_FALSE(call_sees(0));
    for (int rank = 1; rank <= job_last(); rank++) {
        job_take_number(job_submit_on(rank, sees_any, NULL, 0, NULL, 0));
        CU_ASSERT_TRUE(call_sees(rank));
    }
    remove_constant("word");
}

static void constants_are_no_keys_of_the_workers(void)
{
    set_bytes(LARGE, 3);
    dmpi_key key = job_submit_number(check_bytes, 3);
    CU_ASSERT_EQUAL(job_take_number(key), LARGE);
    CU_ASSERT(job_keys_become(0));
    /* It stays when the pool closes. */
}

static const struct check_test tests[] = {
    {"tasks submitted after it see a constant",
     tasks_submitted_after_it_see_a_constant},
    {"every worker has it", every_worker_has_it},
    {"many constants are told apart", many_constants_are_told_apart},
    {"any size will do", any_size_will_do},
    {"each task sees the version of its submission",
     each_task_sees_the_version_of_its_submission},
    {"running tasks keep their bytes when they are replaced",
     running_tasks_keep_their_bytes_when_they_are_replaced},
    {"stolen tasks see theirs", stolen_tasks_see_theirs},
    {"bad arguments are refused", bad_arguments_are_refused},
    {"calls to a worker see what has come there",
     calls_to_a_worker_see_what_has_come_there},
    {"constants are no keys of the workers",
     constants_are_no_keys_of_the_workers},
};

int main(void)
{
    return job_run("constant", tests, CHECK_COUNT(tests));
}
