/* SPDX-License-Identifier: BSD-3-Clause */
/* test_calls.c - rank.h about calls: run, run_all, and messages to handlers. */
#include <stdatomic.h>

#include "job.h"

enum { LARGE = 5 << 20 };

/* ---- what is called ------------------------------------------------------*/

/* ARGS come back, behind rank, source, and whether the key is none. */
DMPI_TASK(answer)
{
    size_t size = dmpi_task_args_size(task);
    char *out = dmpi_task_output(task, 3 * sizeof(int32_t) + size);
    int32_t head[3] = {dmpi_task_rank(task), dmpi_task_source(task),
                       dmpi_task_key(task) == DMPI_KEY_NONE &&
                           dmpi_rank() == dmpi_task_rank(task)};
    memcpy(out, head, sizeof head);
    if (size) memcpy(out + sizeof head, dmpi_task_args(task), size);
}

DMPI_TASK(fails_on_last)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = dmpi_task_rank(task);
    if (dmpi_task_rank(task) == dmpi_ranks() - 1) dmpi_fail(task, "the last");
}

DMPI_TASK(count_state)
{
    void **state = dmpi_task_state(task);
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = (int64_t)(intptr_t)*state + 1;
    *state = (void *)(intptr_t)*out;
}

DMPI_TASK(reset_state)
{
    *dmpi_task_state(task) = NULL;
}

DMPI_TASK(nap)
{
    job_sleep(*(const double *)dmpi_task_args(task));
}

/* ARGS: depth. Calls itself on the rank that called, until it is 0. */
DMPI_TASK(bounce)
{
    const int64_t *depth = dmpi_task_args(task);
    int64_t *out = dmpi_task_output(task, sizeof *out), less = *depth - 1;
    void *data;
    *out = 1;
    if (!*depth) return;
    if (dmpi_rank_run(dmpi_task_source(task), bounce, &less, sizeof less, &data,
                      NULL))
        dmpi_fail(task, "%s", dmpi_status_detail());
    else *out += *(int64_t *)data, free(data);
}

/* A task: bounce with rank ARGS[0], ARGS[1] times. */
DMPI_TASK(start_bounce)
{
    const int64_t *args = dmpi_task_args(task);
    int64_t *out = dmpi_task_output(task, sizeof *out);
    void *data;
    if (dmpi_rank_run((int)args[0], bounce, &args[1], sizeof args[1], &data,
                      NULL))
        dmpi_fail(task, "%s", dmpi_status_detail());
    else *out = *(int64_t *)data, free(data);
}

/* A task: run_all from here; gives how many ranks answered rightly. */
DMPI_TASK(call_all)
{
    void *results[RANKS_MAX];
    size_t sizes[RANKS_MAX];
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = 0;
    if (dmpi_rank_run_all(answer, "abc", 3, results, sizes))
        dmpi_fail(task, "%s", dmpi_status_detail());
    for (int rank = 0; rank < dmpi_ranks(); rank++) {
        const int32_t *head = results[rank];
        *out += sizes[rank] == 15 && head[0] == rank &&
                head[1] == dmpi_task_rank(task) && !memcmp(head + 3, "abc", 3);
        free(results[rank]);
    }
}

/* ---- handlers ------------------------------------------------------------*/

static atomic_int flag;       /* raised by a handler, on its rank */
static atomic_int in_order;   /* messages that came as expected */
static atomic_int disorder;   /* others */
static atomic_int slow_ended; /* the slow handler has returned */
static atomic_int overtaken;  /* the quick one was run before that */
static atomic_int hops;

DMPI_TASK(raise_flag)
{
    flag = 1;
}

/* Waits for the flag, at most 20 s; gives whether it came. */
DMPI_TASK(await_flag)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    for (double end = job_now() + 20; !flag && job_now() < end;) {
    }
    *out = flag;
}

DMPI_TASK(lower_all)
{
    flag = in_order = disorder = slow_ended = overtaken = hops = 0;
}

/* ARGS: a number, then bytes filled by it. */
DMPI_TASK(receive)
{
    const int64_t *number = dmpi_task_args(task);
    size_t size = dmpi_task_args_size(task) - sizeof *number;
    bool good = *number == in_order &&
                job_is_filled(number + 1, size, (uint64_t)*number);
    if (good) in_order++;
    else disorder++;
}

DMPI_TASK(count_received)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = disorder ? -disorder : in_order;
}

DMPI_TASK(be_slow)
{
    job_sleep(0.4);
    slow_ended = 1;
}

DMPI_TASK(be_quick)
{
    if (!slow_ended) overtaken = 1;
    flag = 1;
}

DMPI_TASK(was_overtaken)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = flag ? overtaken : -1;
}

/* ARGS: hops to go. Sends itself to the next rank. */
DMPI_TASK(hop)
{
    int64_t left = *(const int64_t *)dmpi_task_args(task) - 1;
    hops++;
    int next = (dmpi_task_rank(task) + 1) % dmpi_ranks();
    if (left && dmpi_rank_send(next, hop, &left, sizeof left))
        dmpi_fail(task, "%s", dmpi_status_detail());
}

DMPI_TASK(count_hops)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = hops;
}

/* Begins beside a task, and says so to rank 0 when that has long ended. */
DMPI_TASK(answer_late)
{
    job_sleep(0.3);
    if (dmpi_rank_send(0, raise_flag, NULL, 0))
        dmpi_fail(task, "%s", dmpi_status_detail());
}

/* How large message number I is. */
static size_t message_size(int i)
{
    return i % 50 == 7 ? LARGE : i % 7 == 3 ? 2041 + (size_t)i : (size_t)i % 64;
}

static dmpi_status send_messages(int rank, int count)
{
    dmpi_status status = DMPI_OK;
    int64_t *message = malloc(sizeof *message + LARGE);
    for (int i = 0; i < count && !status; i++) {
        size_t size = message_size(i);
        message[0] = i;
        job_fill(message + 1, size, (uint64_t)i);
        status = dmpi_rank_send(rank, receive, message, sizeof *message + size);
        memset(message, 0, sizeof *message + size);
    }
    free(message);
    return status;
}

/* A task: send the messages to rank ARGS[0]. */
DMPI_TASK(send_there)
{
    const int64_t *args = dmpi_task_args(task);
    if (send_messages((int)args[0], (int)args[1]))
        dmpi_fail(task, "%s", dmpi_status_detail());
}

DMPI_TASK(raise_on_0)
{
    if (dmpi_rank_send(0, raise_flag, NULL, 0))
        dmpi_fail(task, "%s", dmpi_status_detail());
}

/* ---- the tests' own ------------------------------------------------------*/

static int64_t run_number(int rank, const dmpi_function *function)
{
    void *data;
    size_t size = 0;
    int64_t number = 0x5555;
    dmpi_status status = dmpi_rank_run(rank, function, NULL, 0, &data, &size);
    OK(status);
    if (status) return number;
    CU_ASSERT_EQUAL(size, sizeof number);
    if (size == sizeof number) memcpy(&number, data, size);
    free(data);
    return number;
}

static void lower_everywhere(void)
{
    OK(dmpi_rank_run_all(lower_all, NULL, 0, NULL, NULL));
}

/* Poll until the number that FUNCTION gives on RANK is WANTED. */
static void comes_to(int rank, const dmpi_function *function, int64_t wanted)
{
    int64_t got = run_number(rank, function);
    for (int tries = 0; got != wanted && tries < 2000; tries++) {
        job_sleep(0.005);
        got = run_number(rank, function);
    }
    CU_ASSERT_EQUAL(got, wanted);
}

/* ---- run -----------------------------------------------------------------*/

static void is_answer(const void *data, size_t size, int rank, int source,
                      size_t bytes)
{
    const int32_t *head = data;
    CU_ASSERT_EQUAL_FATAL(size, 12 + bytes);
    CU_ASSERT_EQUAL(head[0], rank);
    CU_ASSERT_EQUAL(head[1], source);
    CU_ASSERT_EQUAL(head[2], 1);
    CU_ASSERT(job_is_filled(head + 3, bytes, 8));
}

static void run_brings_the_result_of_any_rank(void)
{
    const size_t sizes[] = {0, 1, 2036, 2037, 2048, 2049, 4000, LARGE};
    for (size_t i = 0; i < CHECK_COUNT(sizes); i++)
        for (int rank = 0; rank < dmpi_ranks(); rank++) {
            char *args = job_bytes(sizes[i], 8);
            void *data = NULL;
            size_t size;
            OK(dmpi_rank_run(rank, answer, args, sizes[i], &data, &size));
            is_answer(data, size, rank, 0, sizes[i]);
            free(data);
            free(args);
        }
}

static void run_may_ignore_the_result(void)
{
    OK(dmpi_rank_run(1, answer, NULL, 0, NULL, NULL));
    OK(dmpi_rank_run(0, answer, NULL, 0, NULL, NULL));
    OK(dmpi_rank_run_all(answer, NULL, 0, NULL, NULL));
}

static void run_goes_between_tasks(void)
{
    double long_time = 0.2;
    dmpi_key wait = job_submit_on(1, nap, NULL, 0, &long_time, 8);
    OK(dmpi_rank_run(1, answer, NULL, 0, NULL, NULL));
    job_drop(wait);
}

static void failing_run_says_why(void)
{
    void *data = &data;
    size_t size = 9;
    REFUSED(DMPI_EFAILED,
            dmpi_rank_run(job_last(), fails_on_last, NULL, 0, &data, &size));
    CU_ASSERT(strstr(dmpi_status_detail(), "the last") != NULL);
    CU_ASSERT(strstr(dmpi_status_detail(), "fails_on_last") != NULL);
    CU_ASSERT(data == &data && size == 9);
}

static void run_all_reaches_all(void)
{
    void *results[RANKS_MAX];
    size_t sizes[RANKS_MAX];
    char *args = job_bytes(LARGE, 8);
    OK(dmpi_rank_run_all(answer, args, LARGE, results, sizes));
    for (int rank = 0; rank < dmpi_ranks(); rank++) {
        is_answer(results[rank], sizes[rank], rank, 0, LARGE);
        free(results[rank]);
    }
    free(args);
    for (int rank = 1; rank < dmpi_ranks(); rank++)
        CU_ASSERT_EQUAL(
            job_take_number(job_submit_on(rank, call_all, NULL, 0, NULL, 0)),
            dmpi_ranks());
}

static void run_all_keeps_the_good_results(void)
{
    void *results[RANKS_MAX];
    size_t sizes[RANKS_MAX];
    REFUSED(DMPI_EFAILED,
            dmpi_rank_run_all(fails_on_last, NULL, 0, results, sizes));
    for (int rank = 0; rank < job_last(); rank++) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(results[rank]);
        CU_ASSERT_EQUAL(*(int64_t *)results[rank], rank);
        free(results[rank]);
    }
    CU_ASSERT_PTR_NULL(results[job_last()]);
}

static void each_rank_has_its_own_state(void)
{
    void *results[RANKS_MAX];
    OK(dmpi_rank_run_all(count_state, NULL, 0, results, NULL));
    for (int rank = 0; rank < dmpi_ranks(); rank++) {
        CU_ASSERT_EQUAL(*(int64_t *)results[rank], 1);
        free(results[rank]);
    }
    OK(dmpi_rank_run_all(reset_state, NULL, 0, NULL, NULL));
}

static void ranks_may_call_each_other_in_turn(void)
{
    for (int to = 0; to < dmpi_ranks(); to++) {
        int64_t args[2] = {to, 20};
        dmpi_key key =
            job_submit_on(1, start_bounce, NULL, 0, args, sizeof args);
        CU_ASSERT_EQUAL(job_take_number(key), 21);
    }
    int64_t depth = 20;
    void *data = NULL;
    OK(dmpi_rank_run(job_last(), bounce, &depth, sizeof depth, &data, NULL));
    CU_ASSERT_EQUAL(*(int64_t *)data, 21);
    free(data);
}

static void calls_refuse_bad_arguments(void)
{
    dmpi_function stranger = {.name = "stranger", .call = dmpi_call_answer};
    void *results[RANKS_MAX] = {NULL};
    REFUSED(DMPI_EINVAL, dmpi_rank_run(-1, answer, NULL, 0, NULL, NULL));
    REFUSED(DMPI_EINVAL,
            dmpi_rank_run(dmpi_ranks(), answer, NULL, 0, NULL, NULL));
    REFUSED(DMPI_EINVAL, dmpi_rank_run(1, NULL, NULL, 0, NULL, NULL));
    REFUSED(DMPI_EINVAL, dmpi_rank_run(1, &stranger, NULL, 0, NULL, NULL));
    REFUSED(DMPI_EINVAL, dmpi_rank_run(1, answer, NULL, 8, NULL, NULL));
    REFUSED(DMPI_EINVAL, dmpi_rank_run_all(&stranger, NULL, 0, results, NULL));
    REFUSED(DMPI_EINVAL, dmpi_rank_run_all(answer, NULL, 8, results, NULL));
    REFUSED(DMPI_EINVAL, dmpi_rank_send(dmpi_ranks(), answer, NULL, 0));
    REFUSED(DMPI_EINVAL, dmpi_rank_send(1, NULL, NULL, 0));
    REFUSED(DMPI_EINVAL, dmpi_rank_send(1, answer, NULL, 8));
}

/* ---- messages to handlers ------------------------------------------------*/

/* In a single process a task has the only thread. */
static void handler_runs_at_once_beside_a_task(void)
{
    lower_everywhere();
    if (job_is_one_process()) return;
    for (int rank = 1; rank < dmpi_ranks(); rank++) {
        dmpi_key key = job_submit_on(rank, await_flag, NULL, 0, NULL, 0);
        job_sleep(0.05);
        OK(dmpi_rank_send(rank, raise_flag, NULL, 0));
        CU_ASSERT_EQUAL(job_take_number(key), 1);
    }
}

static void handler_runs_while_the_application_computes(void)
{
    lower_everywhere();
    dmpi_key key = job_submit(raise_on_0, NULL, 0, NULL, 0);
    if (job_is_one_process())
        OK(dmpi_wait(pool, &key, 1, DMPI_ALL, DMPI_FOREVER, NULL));
    for (double end = job_now() + 20; !flag && job_now() < end;) {
    }
    CU_ASSERT_EQUAL(flag, 1);
    job_drop(key);
}

static void messages_are_handled_in_order(void)
{
    enum { COUNT = 200 };
    for (int rank = 0; rank < dmpi_ranks(); rank++) {
        lower_everywhere();
        OK(send_messages(rank, COUNT));
        comes_to(rank, count_received, COUNT);
    }
}

static void messages_of_tasks_are_handled_in_order(void)
{
    enum { COUNT = 100 };
    for (int rank = 0; rank < dmpi_ranks(); rank++) {
        int64_t args[2] = {rank, COUNT};
        lower_everywhere();
        dmpi_key key =
            job_submit_on(job_last(), send_there, NULL, 0, args, sizeof args);
        comes_to(rank, count_received, COUNT);
        job_drop(key);
    }
}

/* The first is handled beside a task, which ends meanwhile. */
static void slow_handler_is_not_overtaken(void)
{
    double time = 0.2;
    lower_everywhere();
    dmpi_key key = job_submit_on(1, nap, NULL, 0, &time, sizeof time);
    job_sleep(0.05);
    OK(dmpi_rank_send(1, be_slow, NULL, 0));
    OK(dmpi_rank_send(1, be_quick, NULL, 0));
    comes_to(1, was_overtaken, 0);
    job_drop(key);
}

static void handler_may_outlive_the_task_beside_it(void)
{
    double time = 0.1;
    lower_everywhere();
    dmpi_key key = job_submit_on(1, nap, NULL, 0, &time, sizeof time);
    job_sleep(0.05);
    OK(dmpi_rank_send(1, answer_late, NULL, 0));
    OK(dmpi_wait(pool, &key, 1, DMPI_ALL, DMPI_FOREVER, NULL));
    for (double end = job_now() + 5; !flag && job_now() < end;) {
        dmpi_key_state state;
        OK(dmpi_state(pool, key, &state));
        job_sleep(0.01);
    }
    CU_ASSERT_EQUAL(flag, 1);
    job_drop(key);
}

static void handlers_may_send_on(void)
{
    int64_t left = 100 * dmpi_ranks();
    lower_everywhere();
    OK(dmpi_rank_send(1, hop, &left, sizeof left));
    if (job_is_one_process()) comes_to(0, count_hops, left);
    else
        for (int rank = 0; rank < dmpi_ranks(); rank++)
            comes_to(rank, count_hops, 100);
}

static const struct check_test tests[] = {
    {"run brings the result of any rank", run_brings_the_result_of_any_rank},
    {"run may ignore the result", run_may_ignore_the_result},
    {"run goes between tasks", run_goes_between_tasks},
    {"a failing run says why", failing_run_says_why},
    {"run_all reaches all ranks", run_all_reaches_all},
    {"run_all keeps the good results", run_all_keeps_the_good_results},
    {"each rank has its own state", each_rank_has_its_own_state},
    {"ranks may call each other in turn", ranks_may_call_each_other_in_turn},
    {"calls refuse bad arguments", calls_refuse_bad_arguments},
    {"a handler runs at once beside a task",
     handler_runs_at_once_beside_a_task},
    {"a handler runs while the application computes",
     handler_runs_while_the_application_computes},
    {"messages are handled in order", messages_are_handled_in_order},
    {"messages of tasks are handled in order",
     messages_of_tasks_are_handled_in_order},
    {"a slow handler is not overtaken", slow_handler_is_not_overtaken},
    {"a handler may outlive the task beside it",
     handler_may_outlive_the_task_beside_it},
    {"handlers may send on", handlers_may_send_on},
};

int main(void)
{
    return job_run("calls", tests, CHECK_COUNT(tests));
}
