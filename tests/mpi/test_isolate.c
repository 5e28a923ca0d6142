/* SPDX-License-Identifier: BSD-3-Clause */
/* test_isolate.c - tasks in executors: what they have, how they end, and that
 * their worker is as it was. */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "job.h"

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 }; /* faults end in an exit there */
#else
enum { SANITIZED = 0 };
#endif

enum { LARGE = 64 << 20, SMALL = 3000 };

static const dmpi_task_options alone = {.isolate = 1};

static dmpi_key submit_with(const dmpi_task_options *options,
                            const dmpi_function *function,
                            const dmpi_key inputs[], size_t count,
                            const void *args, size_t size)
{
    dmpi_key key = DMPI_KEY_NONE;
    OK(dmpi_submit(pool, function, inputs, count, args, size, options, &key));
    return key;
}

static dmpi_key submit_number(const dmpi_task_options *options,
                              const dmpi_function *function, int64_t number)
{
    return submit_with(options, function, NULL, 0, &number, sizeof number);
}

/* On the worker RANK, in its process or an executor. */
static int64_t number_of(int rank, int isolate, const dmpi_function *function)
{
    dmpi_task_options options = {.rank = rank, .hard = 1, .isolate = isolate};
    return job_take_number(submit_with(&options, function, NULL, 0, NULL, 0));
}

/* KEY is an error of STATUS whose text has WORD; it is dropped. */
static void expect_error(dmpi_key key, dmpi_status status, const char *word)
{
    dmpi_failure failure = {.status = DMPI_OK};
    OK(dmpi_error(pool, key, &failure));
    CU_ASSERT_EQUAL(failure.status, status);
    if (!strstr(failure.text, word)) CU_FAIL("the text lacks the cause");
    job_drop(key);
}

/* ---- how a task can end --------------------------------------------------*/

enum way {
    WAY_SEGV,
    WAY_ABORT,
    WAY_EXIT,
    WAY_KILL,
    WAY_STACK,
    WAY_DIVIDE,
    WAY_HANGUP,
    WAY_LOOP,
    WAYS,
    WAY_NONE
};

static const char *const words[WAYS] = {
    [WAY_SEGV] = "SIGSEGV", [WAY_ABORT] = "SIGABRT", [WAY_EXIT] = "status 3",
    [WAY_KILL] = "SIGKILL", [WAY_STACK] = "SIGSEGV", [WAY_DIVIDE] = "SIGFPE",
    [WAY_HANGUP] = "SIGHUP"};

static volatile int64_t zero = 0;

static __attribute__((noinline)) int64_t go_deeper(volatile char *above)
{
    volatile char here[4096];
    here[0] = above[0];
    return here[0] ? 0 : go_deeper(here) + here[0];
}

static void end_by(int64_t way)
{
    volatile char first = 0;
    switch (way) {
    case WAY_SEGV: *(volatile int *)(intptr_t)zero = 1; break;
    case WAY_ABORT: abort();
    case WAY_EXIT: exit(3);
    case WAY_KILL: kill(getpid(), SIGKILL); break;
    case WAY_STACK: zero = go_deeper(&first); break;
    case WAY_DIVIDE: raise(SIGFPE); break;
    case WAY_HANGUP: raise(SIGHUP); break;
    case WAY_LOOP:
        for (;;) zero = 0;
    default: break;
    }
}

DMPI_TASK(end_so)
{
    struct rlimit stack = {8 << 20, RLIM_INFINITY};
    setrlimit(RLIMIT_STACK, &stack); /* also where it is unlimited */
    end_by(job_argument(task));
    job_give(task, 7);
}

DMPI_TASK(process)
{
    job_give(task, getpid());
}

static void crash_becomes_an_error_and_the_worker_lives(void)
{
    int64_t before = number_of(1, -1, process);
    for (int64_t way = 0; way < WAY_LOOP; way++) {
        dmpi_task_options options = {
            .rank = 1, .hard = 1, .isolate = 1, .name = "doomed"};
        dmpi_failure failure;
        dmpi_key key = submit_number(&options, end_so, way);
        EXPECT(DMPI_EFAILED,
               dmpi_wait(pool, &key, 1, DMPI_ALL, DMPI_FOREVER, NULL));
        OK(dmpi_error(pool, key, &failure));
        CU_ASSERT_EQUAL(failure.status, DMPI_ECRASHED);
        CU_ASSERT_EQUAL(failure.rank, 1);
        CU_ASSERT_STRING_EQUAL(failure.function, "end_so");
        CU_ASSERT_STRING_EQUAL(failure.name, "doomed");
        CU_ASSERT(strstr(failure.text, "'end_so' on rank 1 (") != NULL);
        if (!SANITIZED) CU_ASSERT(strstr(failure.text, words[way]) != NULL);
        job_drop(key);
        CU_ASSERT_EQUAL(number_of(1, -1, process), before);
    }
}

DMPI_TASK(crash_at_first)
{
    if (dmpi_task_attempt(task) < 2) end_by(job_argument(task));
    job_give(task, dmpi_task_attempt(task));
}

static void crashed_task_is_tried_again(void)
{
    dmpi_task_options options = {.retries = 2, .isolate = 1};
    for (int64_t way = 0; way < WAY_LOOP; way++)
        CU_ASSERT_EQUAL(
            job_take_number(submit_number(&options, crash_at_first, way)), 2);
    options.retries = 1;
    expect_error(submit_number(&options, crash_at_first, WAY_KILL),
                 DMPI_ECRASHED, "SIGKILL");
}

static void endless_loop_ends_with_its_time(void)
{
    dmpi_task_options options = {
        .timeout = 0.02, .isolate = 1, .rank = 1, .hard = 1};
    expect_error(submit_number(&options, end_so, WAY_LOOP), DMPI_ETIMEOUT,
                 "0.02 s");
    CU_ASSERT_EQUAL(job_take_number(submit_number(&options, end_so, WAY_NONE)),
                    7);
    options.retries = 2;
    CU_ASSERT_EQUAL(
        job_take_number(submit_number(&options, crash_at_first, WAY_LOOP)), 2);
}

/* Has it begun? A file says so, for it can say nothing else. */
DMPI_TASK(loop_and_tell)
{
    fclose(fopen(dmpi_task_args(task), "w"));
    end_by(WAY_LOOP);
}

static void cancelled_task_is_ended(void)
{
    char path[64];
    dmpi_task_options options = {.isolate = 1, .rank = 1, .hard = 1};
    if (job_is_one_process()) return; /* nobody cancels while it runs */
    snprintf(path, sizeof path, "/tmp/distmpi-isolate-%d", (int)getpid());
    dmpi_key key =
        submit_with(&options, loop_and_tell, NULL, 0, path, strlen(path) + 1);
    while (access(path, F_OK)) {
        dmpi_key_state state;
        OK(dmpi_state(pool, key, &state));
        job_sleep(0.001);
    }
    OK(dmpi_cancel(pool, &key, 1));
    expect_error(key, DMPI_ECANCELLED, "while it ran");
    CU_ASSERT_EQUAL(job_take_number(submit_number(&options, end_so, WAY_NONE)),
                    7);
    unlink(path);
}

DMPI_TASK(look_around)
{
    while (!dmpi_cancelled(task)) job_sleep(0.001);
    dmpi_fail(task, "told to stop");
}

static void task_sees_that_its_time_is_over(void)
{
    dmpi_task_options options = {.timeout = 0.02, .isolate = 1};
    int64_t before = number_of(1, 1, process);
    options.rank = options.hard = 1;
    expect_error(submit_number(&options, look_around, 0), DMPI_ETIMEOUT, "s");
    CU_ASSERT_EQUAL(number_of(1, 1, process), before); /* it was not killed */
}

static void idle_executor_may_be_killed(void)
{
    for (int i = 0; i < 3; i++) {
        pid_t victim = (pid_t)number_of(1, 1, process);
        kill(victim, SIGKILL);
        CU_ASSERT_NOT_EQUAL(number_of(1, 1, process), 0);
    }
}

/* ---- what a task has -----------------------------------------------------*/

static void only_those_that_ask_are_isolated(void)
{
    for (int rank = 1; rank <= job_last(); rank++) {
        int64_t worker = number_of(rank, -1, process);
        CU_ASSERT_EQUAL(number_of(rank, 0, process), worker);
        CU_ASSERT_NOT_EQUAL(number_of(rank, 1, process), worker);
        CU_ASSERT_EQUAL(number_of(rank, 1, process),
                        number_of(rank, 1, process));
    }
}

struct facts {
    int64_t attempt, rank, worker, ranks, my_rank, source, cancelled, gpus;
    int64_t pool_is_null, threads;
    uint64_t seed, number, key, input_key, constant, no_constant;
    int64_t gpu;
};

DMPI_TASK(tell_facts)
{
    struct facts *facts = dmpi_task_output(task, sizeof *facts);
    size_t gpus = 0, size = 1;
    int gpu = -1;
    const char *threads = getenv("OMP_NUM_THREADS");
    const uint64_t *constant = dmpi_task_constant(task, "answer", &size);
    TRY(dmpi_task_resource(task, "gpu", &gpu, 1, &gpus));
    *facts = (struct facts){.attempt = dmpi_task_attempt(task),
                            .rank = dmpi_task_rank(task),
                            .worker = dmpi_task_worker(task),
                            .ranks = dmpi_ranks(),
                            .my_rank = dmpi_rank(),
                            .source = dmpi_task_source(task),
                            .cancelled = dmpi_cancelled(task),
                            .gpus = (int64_t)gpus,
                            .gpu = gpu,
                            .pool_is_null = !dmpi_task_pool(task),
                            .threads = threads ? atoi(threads) : 0,
                            .seed = dmpi_task_seed(task),
                            .number = dmpi_task_number(task),
                            .key = dmpi_task_key(task),
                            .input_key = dmpi_task_input_key(task, 0),
                            .constant = constant ? *constant : 0,
                            .no_constant = size};
    facts->no_constant = dmpi_task_constant(task, "none", &size) || size;
}

static void it_knows_what_any_task_knows(void)
{
    dmpi_task_options options = {.rank = 1,
                                 .hard = 1,
                                 .isolate = 1,
                                 .cores = 1,
                                 .resources = "gpu:1",
                                 .seed = 99};
    struct facts facts = {.rank = -1};
    uint64_t answer = 42;
    dmpi_key input, key;
    OK(dmpi_constant(pool, "answer", &answer, sizeof answer));
    OK(dmpi_put(pool, "x", 1, 1, &input));
    key = submit_with(&options, tell_facts, &input, 1, NULL, 0);
    OK(dmpi_get(pool, key, &facts, sizeof facts, NULL));
    CU_ASSERT_EQUAL(facts.rank, 1);
    CU_ASSERT_EQUAL(facts.worker, 0);
    CU_ASSERT_EQUAL(facts.my_rank, 1);
    CU_ASSERT_EQUAL(facts.ranks, dmpi_ranks());
    CU_ASSERT_EQUAL(facts.gpus, 1);
    CU_ASSERT(facts.gpu == 0 || facts.gpu == 1);
    CU_ASSERT_EQUAL(facts.threads, 1);
    CU_ASSERT_EQUAL(facts.seed, 99);
    CU_ASSERT_EQUAL(facts.key, key);
    CU_ASSERT_EQUAL(facts.input_key, input);
    CU_ASSERT_EQUAL(facts.constant, 42);
    CU_ASSERT_EQUAL(facts.no_constant, 0);
    CU_ASSERT_EQUAL(facts.pool_is_null, 1);
    CU_ASSERT_EQUAL(facts.cancelled + facts.attempt + facts.source, 0);
    OK(dmpi_constant(pool, "answer", NULL, 0));
    job_drop(input);
    job_drop(key);
}

/* The sum of all inputs' bytes, and of a constant's. */
DMPI_TASK(add_up)
{
    uint64_t sum = 0;
    size_t size;
    const unsigned char *constant = dmpi_task_constant(task, "table", &size);
    for (size_t k = 0; k < size; k++) sum += constant[k];
    for (size_t i = 0; i < dmpi_task_input_count(task); i++) {
        const unsigned char *bytes = dmpi_task_input(task, i);
        for (size_t k = 0; k < dmpi_task_input_size(task, i); k++)
            sum += bytes[k];
    }
    const unsigned char *args = dmpi_task_args(task);
    for (size_t k = 0; k < dmpi_task_args_size(task); k++) sum += args[k];
    job_give(task, (int64_t)sum);
}

static void inputs_of_all_sizes_are_seen(void)
{
    static const size_t sizes[] = {0,    1,     15,     256,    4000,
                                   4033, 10000, 100000, 3000000};
    dmpi_key keys[CHECK_COUNT(sizes)];
    void *table = job_bytes(50000, 3);
    OK(dmpi_constant(pool, "table", table, 50000));
    for (size_t i = 0; i < CHECK_COUNT(sizes); i++) {
        void *bytes = job_bytes(sizes[i], i);
        int to = 1 + (int)i % job_workers();
        OK(dmpi_put(pool, bytes, sizes[i], to, &keys[i]));
        free(bytes);
    }
    dmpi_task_options bare = {.isolate = -1};
    for (size_t args = 0; args < 200000; args = 3 * args + 11) {
        void *bytes = job_bytes(args, 5);
        dmpi_key here =
            submit_with(&bare, add_up, keys, CHECK_COUNT(sizes), bytes, args);
        dmpi_key there =
            submit_with(&alone, add_up, keys, CHECK_COUNT(sizes), bytes, args);
        CU_ASSERT_EQUAL(job_take_number(here), job_take_number(there));
        free(bytes);
    }
    OK(dmpi_constant(pool, "table", NULL, 0));
    OK(dmpi_drop(pool, keys, CHECK_COUNT(sizes)));
    free(table);
}

DMPI_TASK(make_bytes)
{
    int64_t size = job_argument(task);
    void *bytes = dmpi_task_output(task, (size_t)size);
    if (bytes) job_fill(bytes, (size_t)size, 9);
}

static void outputs_of_all_sizes_come_back(void)
{
    for (int64_t size = 0; size < 2000000; size = size * 3 + 1) {
        dmpi_key key = submit_number(&alone, make_bytes, size);
        void *data = NULL;
        size_t got = 0;
        OK(dmpi_get_new(pool, key, &data, &got));
        CU_ASSERT_EQUAL(got, (size_t)size);
        CU_ASSERT(job_is_filled(data, got, 9));
        free(data);
        job_drop(key);
    }
}

enum { GIVE_NOTHING, GIVE_PASSED, GIVE_TRIMMED, GIVE_SECOND, GIVE_FAILURE };

DMPI_TASK(give_so)
{
    char *bytes;
    switch (job_argument(task)) {
    case GIVE_PASSED: dmpi_task_pass(task, 1); break;
    case GIVE_TRIMMED:
        bytes = dmpi_task_output(task, 100000);
        memset(bytes, 'a', 100000);
        dmpi_task_output_trim(task, 5);
        break;
    case GIVE_SECOND:
        bytes = dmpi_task_output(task, 200000);
        memset(bytes, 'a', 200000);
        bytes = dmpi_task_output(task, 5);
        memcpy(bytes, "short", 5);
        bytes = dmpi_task_output(task, 70000);
        memset(bytes, 'b', 70000);
        break;
    case GIVE_FAILURE:
        dmpi_task_output(task, 10);
        dmpi_fail(task, "wrong by %d", 5);
        dmpi_fail(task, "not seen");
        break;
    default: break;
    }
}

static size_t size_given(int64_t what, char *first)
{
    dmpi_key inputs[2];
    size_t size = 0;
    void *data = NULL;
    OK(dmpi_put(pool, "one", 3, 0, &inputs[0]));
    OK(dmpi_put(pool, "two", 3, 0, &inputs[1]));
    dmpi_key key = submit_with(&alone, give_so, inputs, 2, &what, sizeof what);
    OK(dmpi_get_new(pool, key, &data, &size));
    *first = size ? *(char *)data : 0;
    free(data);
    job_drop(key);
    OK(dmpi_drop(pool, inputs, 2));
    return size;
}

static void what_it_gives_is_its_value(void)
{
    char first;
    CU_ASSERT_EQUAL(size_given(GIVE_NOTHING, &first), 0);
    CU_ASSERT_EQUAL(size_given(GIVE_PASSED, &first), 3);
    CU_ASSERT_EQUAL(first, 't');
    CU_ASSERT_EQUAL(size_given(GIVE_TRIMMED, &first), 5);
    CU_ASSERT_EQUAL(first, 'a');
    CU_ASSERT_EQUAL(size_given(GIVE_SECOND, &first), 70000);
    CU_ASSERT_EQUAL(first, 'b');
    expect_error(submit_number(&alone, give_so, GIVE_FAILURE), DMPI_EFAILED,
                 "wrong by 5");
}

static void output_without_memory_fails_the_task(void)
{
    expect_error(submit_number(&alone, make_bytes, INT64_MAX / 2), DMPI_ENOMEM,
                 "no memory for its inputs");
}

/* ---- no copy -------------------------------------------------------------*/

/* Where its input lies, and whether it is right. */
DMPI_TASK(where_is_it)
{
    const void *bytes = dmpi_task_input(task, 0);
    size_t size = dmpi_task_input_size(task, 0);
    if (!job_is_filled(bytes, size, 9)) dmpi_fail(task, "wrong bytes");
    job_give(task, (int64_t)(intptr_t)bytes);
}

static int64_t address_of(dmpi_key key, int isolate)
{
    dmpi_task_options options = {.rank = 1, .hard = 1, .isolate = isolate};
    return job_take_number(
        submit_with(&options, where_is_it, &key, 1, NULL, 0));
}

static void large_values_are_not_copied(void)
{
    dmpi_task_options options = {.rank = 1, .hard = 1, .isolate = 1};
    dmpi_key made = submit_number(&options, make_bytes, LARGE);
    CU_ASSERT_EQUAL(address_of(made, 1), address_of(made, -1));
    job_drop(made);
    void *bytes = job_bytes(LARGE, 9);
    OK(dmpi_put(pool, bytes, LARGE, 1, &made));
    free(bytes);
    CU_ASSERT_EQUAL(address_of(made, 1), address_of(made, -1));
    job_drop(made);
}

DMPI_TASK(write_to_input)
{
    *(char *)(intptr_t)dmpi_task_input(task, 0) = 1;
}

static void inputs_cannot_be_overwritten(void)
{
    dmpi_task_options options = {.rank = 1, .hard = 1, .isolate = 1};
    dmpi_key made = submit_number(&options, make_bytes, 100000);
    expect_error(submit_with(&options, write_to_input, &made, 1, NULL, 0),
                 DMPI_ECRASHED, SANITIZED ? "exit" : "SIGSEGV");
    address_of(made, -1);
    job_drop(made);
}

/* ---- what it cannot do ---------------------------------------------------*/

DMPI_TASK(try_calls)
{
    dmpi_pool *mine = dmpi_task_pool(task), *other = NULL;
    dmpi_key key = 0;
    char byte = 0;
    int64_t refused = 0;
    refused +=
        dmpi_submit(mine, process, NULL, 0, NULL, 0, NULL, &key) == DMPI_ESTATE;
    refused += strstr(dmpi_status_detail(), "isolate = -1") != NULL;
    refused += dmpi_get(mine, 1, &byte, 1, NULL) == DMPI_ESTATE;
    refused += dmpi_put(mine, "x", 1, 0, &key) == DMPI_ESTATE;
    refused += dmpi_wait(mine, &key, 1, DMPI_ALL, 0, NULL) == DMPI_ESTATE;
    refused += dmpi_drop(mine, &key, 1) == DMPI_ESTATE;
    refused +=
        dmpi_task_go_on(task, process, NULL, 0, NULL, 0, NULL) == DMPI_ESTATE;
    refused += dmpi_rank_workers(NULL, 0, NULL) == DMPI_ESTATE;
    refused += dmpi_rank_run(1, process, NULL, 0, NULL, NULL) == DMPI_ESTATE;
    refused += dmpi_open(NULL, &other) == DMPI_ESTATE && !other;
    refused += dmpi_isolate() == DMPI_ESTATE;
    job_give(task, refused);
}

static void calls_of_the_pool_are_refused(void)
{
    CU_ASSERT_EQUAL(
        job_take_number(submit_with(&alone, try_calls, NULL, 0, NULL, 0)), 11);
}

static void gangs_are_not_isolated(void)
{
    dmpi_key key;
    REFUSED(DMPI_EINVAL,
            dmpi_submit_gang(pool, process, NULL, 1, &alone, &key));
}

DMPI_TASK(count_files)
{
    DIR *files = opendir("/proc/self/fd");
    int64_t count = -1; /* its own */
    while (files && readdir(files)) count++;
    if (files) closedir(files);
    job_give(task, count - 2); /* . and .. */
}

DMPI_TASK(process_group)
{
    job_give(task, getpgrp());
}

DMPI_TASK(oom_score)
{
    int score = -1;
    FILE *file = fopen("/proc/self/oom_score_adj", "r");
    if (file && fscanf(file, "%d", &score) != 1) score = -1;
    if (file) fclose(file);
    job_give(task, score);
}

static void executor_is_nobody_elses(void)
{
    CU_ASSERT_EQUAL(number_of(1, 1, count_files), 3);
    CU_ASSERT_NOT_EQUAL(number_of(1, 1, process_group),
                        number_of(1, -1, process_group));
    CU_ASSERT(number_of(1, 1, oom_score) > number_of(1, -1, oom_score));
}

/* ---- tasks of tasks ------------------------------------------------------*/

/* Its children are isolated, crash at first, and one of them always. */
DMPI_TASK(parent)
{
    enum { CHILDREN = 20 };
    dmpi_pool *mine = dmpi_task_pool(task);
    dmpi_task_options options = {.isolate = 1, .retries = 2};
    dmpi_key keys[CHILDREN], worst;
    int64_t way = WAY_KILL, sum = 0, number = 0;
    dmpi_failure failure;
    for (int i = 0; i < CHILDREN; i++)
        TRY(dmpi_submit(mine, crash_at_first, NULL, 0, &way, sizeof way,
                        &options, &keys[i]));
    TRY(dmpi_submit(mine, end_so, NULL, 0, &way, sizeof way, &options, &worst));
    for (int i = 0; i < CHILDREN; i++) {
        TRY(dmpi_get(mine, keys[i], &number, sizeof number, NULL));
        sum += number;
    }
    TRY(dmpi_error(mine, worst, &failure));
    TRY(dmpi_drop(mine, keys, CHILDREN));
    TRY(dmpi_drop(mine, &worst, 1));
    job_give(task, failure.status == DMPI_ECRASHED ? sum : -1);
}

static void task_may_submit_isolated_ones(void)
{
    CU_ASSERT_EQUAL(job_take_number(job_submit(parent, NULL, 0, NULL, 0)), 40);
}

DMPI_TASK(go_on_isolated)
{
    dmpi_task_options options = {.isolate = 1};
    TRY(dmpi_task_go_on(task, process, NULL, 0, NULL, 0, &options));
}

static void task_may_go_on_as_an_isolated_one(void)
{
    CU_ASSERT_NOT_EQUAL(number_of(1, -1, go_on_isolated),
                        number_of(1, -1, process));
}

static void graphs_say_it_for_each_task(void)
{
    dmpi_task_options here = {.rank = 1, .hard = 1, .isolate = -1};
    dmpi_task_options there = {.rank = 1, .hard = 1, .isolate = 1};
    dmpi_graph_task tasks[] = {{.function = process, .options = &here},
                               {.function = process, .options = &there}};
    dmpi_key keys[2];
    OK(dmpi_submit_graph(pool, tasks, 2, keys));
    int64_t worker = job_take_number(keys[0]);
    CU_ASSERT_NOT_EQUAL(job_take_number(keys[1]), worker);
    CU_ASSERT_EQUAL(number_of(1, -1, process), worker);
}

/* ---- state ---------------------------------------------------------------*/

DMPI_TASK(begin_counting)
{
    *dmpi_task_state(task) = calloc(1, sizeof(int64_t));
    **(int64_t **)dmpi_task_state(task) = job_argument(task);
}

DMPI_TASK(count_on)
{
    int64_t *count = *dmpi_task_state(task);
    if (count) job_give(task, (*count)++);
    else dmpi_fail(task, "there is no state");
}

static void state_is_each_executors_own(void)
{
    CU_ASSERT_EQUAL(number_of(1, 1, count_on), 1000);
    CU_ASSERT_EQUAL(number_of(1, 1, count_on), 1001);
    CU_ASSERT_EQUAL(number_of(1, -1, count_on), 1000);
    expect_error(
        submit_number(&(dmpi_task_options){.rank = 1, .hard = 1, .isolate = 1},
                      end_so, WAY_KILL),
        DMPI_ECRASHED, "SIGKILL");
    CU_ASSERT_EQUAL(number_of(1, 1, count_on), 1000);
}

/* ---- many ----------------------------------------------------------------*/

/* Its number, unless it ends otherwise: one run in eight does. */
DMPI_TASK(risky)
{
    int64_t number = job_argument(task);
    int64_t hash = (number + 1) * 31 + dmpi_task_attempt(task) * 7919;
    if (hash % 8 == 0) end_by(hash / 8 % WAY_STACK);
    job_give(task, number);
}

static void many_tasks_and_crashes(void)
{
    enum { TASKS = 400 };
    static int64_t numbers[TASKS], results[TASKS];
    static dmpi_key keys[TASKS];
    dmpi_task_options options = {.retries = 20, .isolate = 1};
    for (int i = 0; i < TASKS; i++) numbers[i] = i;
    OK(dmpi_map(pool, risky, TASKS, NULL, numbers, sizeof *numbers, &options,
                keys));
    OK(dmpi_gather(pool, keys, TASKS, results, sizeof *results));
    CU_ASSERT(!memcmp(numbers, results, sizeof numbers));
    OK(dmpi_drop(pool, keys, TASKS));
}

int main(void)
{
    static const struct check_test tests[] = {
        {"only those that ask are isolated", only_those_that_ask_are_isolated},
        {"a crash becomes an error and the worker lives",
         crash_becomes_an_error_and_the_worker_lives},
        {"a crashed task is tried again", crashed_task_is_tried_again},
        {"an endless loop ends with its time", endless_loop_ends_with_its_time},
        {"a cancelled task is ended", cancelled_task_is_ended},
        {"a task sees that its time is over", task_sees_that_its_time_is_over},
        {"an idle executor may be killed", idle_executor_may_be_killed},
        {"it knows what any task knows", it_knows_what_any_task_knows},
        {"inputs of all sizes are seen", inputs_of_all_sizes_are_seen},
        {"outputs of all sizes come back", outputs_of_all_sizes_come_back},
        {"what it gives is its value", what_it_gives_is_its_value},
        {"an output without memory fails the task",
         output_without_memory_fails_the_task},
        {"large values are not copied", large_values_are_not_copied},
        {"inputs cannot be overwritten", inputs_cannot_be_overwritten},
        {"calls of the pool are refused", calls_of_the_pool_are_refused},
        {"gangs are not isolated", gangs_are_not_isolated},
        {"an executor is nobody else's", executor_is_nobody_elses},
        {"a task may submit isolated ones", task_may_submit_isolated_ones},
        {"a task may go on as an isolated one",
         task_may_go_on_as_an_isolated_one},
        {"graphs say it for each task", graphs_say_it_for_each_task},
        {"state is each executor's own", state_is_each_executors_own},
        {"many tasks and crashes", many_tasks_and_crashes},
    };
    int64_t first = 1000;
    setenv("DISTMPI_ISOLATE", "tasks", 1);
    setenv("DISTMPI_RESOURCES", "gpu:2", 1);
    if (dmpi_worker_start(begin_counting, &first, sizeof first)) return 1;
    return job_run("isolate", tests, CHECK_COUNT(tests));
}
