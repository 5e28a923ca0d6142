/* SPDX-License-Identifier: BSD-3-Clause */
/* test_tasks.c - what a running task sees, gives, and where and when it runs. */
#include "job.h"

static const dmpi_function *by_hand; /* made by dmpi_register() */

/* ---- tasks ---------------------------------------------------------------*/

DMPI_TASK(nothing)
{
}

DMPI_TASK(echo)
{
    size_t size = dmpi_task_args_size(task);
    void *out = dmpi_task_output(task, size);
    if (size) memcpy(out, dmpi_task_args(task), size);
}

DMPI_TASK(describe)
{
    int64_t *out = dmpi_task_output(task, 5 * sizeof *out);
    out[0] = (int64_t)dmpi_task_key(task);
    out[1] = dmpi_task_rank(task);
    out[2] = dmpi_task_worker(task);
    out[3] = dmpi_task_source(task);
    out[4] = dmpi_rank() == dmpi_task_rank(task);
}

/* ARGS: the sizes that the inputs should have. Gives the number of the first
 * input that is not as it should be, or the count. */
DMPI_TASK(check_inputs)
{
    const int64_t *sizes = dmpi_task_args(task);
    size_t count = dmpi_task_input_count(task), i;
    for (i = 0; i < count; i++) {
        const void *data = dmpi_task_input(task, i);
        size_t size = dmpi_task_input_size(task, i);
        uintptr_t align = size >= 256 ? 64 : 16;
        if (!data || (uintptr_t)data % align || size != (size_t)sizes[i] ||
            !job_is_filled(data, size, i))
            break;
    }
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = (int64_t)i;
}

DMPI_TASK(input_keys)
{
    size_t count = dmpi_task_input_count(task);
    dmpi_key *out = dmpi_task_output(task, count * sizeof *out);
    for (size_t i = 0; i < count; i++) out[i] = dmpi_task_input_key(task, i);
}

/* ARGS: size, seed. */
DMPI_TASK(make_bytes)
{
    const int64_t *args = dmpi_task_args(task);
    void *out = dmpi_task_output(task, (size_t)args[0]);
    if (!out || (uintptr_t)out % (args[0] >= 256 ? 64 : 16))
        dmpi_fail(task, "output at %p", out);
    else job_fill(out, (size_t)args[0], (uint64_t)args[1]);
}

DMPI_TASK(add_up)
{
    uint64_t *out = dmpi_task_output(task, sizeof *out);
    *out = 0;
    for (size_t i = 0; i < dmpi_task_input_count(task); i++)
        *out += *(const uint64_t *)dmpi_task_input(task, i);
}

DMPI_TASK(output_twice)
{
    memset(dmpi_task_output(task, 5000), 1, 5000);
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = 77;
}

/* ARGS: size to ask for, size to keep. */
DMPI_TASK(trimmed)
{
    const int64_t *args = dmpi_task_args(task);
    job_fill(dmpi_task_output(task, (size_t)args[0]), (size_t)args[0], 9);
    dmpi_task_output_trim(task, (size_t)args[1]);
}

/* ARGS: which input. */
DMPI_TASK(pass_on)
{
    dmpi_task_pass(task, (size_t) * (const int64_t *)dmpi_task_args(task));
}

DMPI_TASK(pass_after_output)
{
    memset(dmpi_task_output(task, 100), 1, 100);
    dmpi_task_pass(task, 0);
}

DMPI_TASK(output_after_pass)
{
    dmpi_task_pass(task, 0);
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = 55;
}

DMPI_TASK(count_calls)
{
    void **state = dmpi_task_state(task);
    if (!*state) *state = calloc(1, sizeof(int64_t));
    int64_t *calls = *state, *out = dmpi_task_output(task, sizeof *out);
    *out = ++*calls;
}

DMPI_TASK(forget_calls)
{
    free(*dmpi_task_state(task));
    *dmpi_task_state(task) = NULL;
}

/* Each call on a worker gives the next number. */
DMPI_TASK(take_turn)
{
    static int64_t turn;
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = turn++;
}

DMPI_TASK(take_a_while)
{
    job_sleep(0.2);
}

DMPI_TASK(fails)
{
    dmpi_fail(task, "it was %d", 42);
    dmpi_fail(task, "never seen");
}

DMPI_TASK(ask_too_much)
{
    if (!dmpi_task_output(task, SIZE_MAX - 100)) return;
    dmpi_fail(task, "an output of SIZE_MAX bytes");
}

static void call_by_hand(dmpi_task *task)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = 123;
}

/* ---- arguments -----------------------------------------------------------*/

static void echo_bytes(size_t size)
{
    char *args = job_bytes(size, size), *back;
    size_t got;
    dmpi_key key = job_submit(echo, NULL, 0, args, size);
    memset(args, 0, size); /* they were copied */
    OK(dmpi_get_new(pool, key, (void **)&back, &got));
    CU_ASSERT_EQUAL(got, size);
    CU_ASSERT(got == size && job_is_filled(back, size, size));
    job_drop(key);
    free(args);
    free(back);
}

static void arguments_reach_the_task(void)
{
    const size_t sizes[] = {0,    1,    7,    8,    255,  256,     2048,
                            2049, 3900, 4000, 4001, 8000, 1 << 20, 20000001};
    for (size_t i = 0; i < CHECK_COUNT(sizes); i++) echo_bytes(sizes[i]);
}

/* ---- inputs --------------------------------------------------------------*/

static void inputs_have_order_size_and_alignment(void)
{
    int64_t sizes[] = {0, 1, 15, 255, 256, 2048, 2049, 100000, 0, 5000000};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    dmpi_key keys[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        int64_t args[2] = {sizes[i], (int64_t)i};
        keys[i] = job_submit(make_bytes, NULL, 0, args, sizeof args);
    }
    dmpi_key all = job_submit(check_inputs, keys, COUNT, sizes, sizeof sizes);
    CU_ASSERT_EQUAL(job_take_number(all), COUNT);
    OK(dmpi_drop(pool, keys, COUNT));
}

static void input_key_may_be_used_twice(void)
{
    dmpi_key x = job_submit_number(echo, 5), same[4] = {x, x, x, x}, got[4];
    dmpi_key sum = job_submit(add_up, same, 4, NULL, 0);
    dmpi_key names = job_submit(input_keys, same, 4, NULL, 0);
    CU_ASSERT_EQUAL(job_take_number(sum), 20);
    OK(dmpi_get(pool, names, got, sizeof got, NULL));
    CU_ASSERT_EQUAL(memcmp(got, same, sizeof same), 0);
    job_drop(names);
    job_drop(x);
}

static void hundred_thousand_inputs(void)
{
    enum { COUNT = 100000 };
    int64_t *numbers = malloc(COUNT * sizeof *numbers);
    dmpi_key *keys = malloc(COUNT * sizeof *keys);
    for (int i = 0; i < COUNT; i++) numbers[i] = i;
    OK(dmpi_map(pool, echo, COUNT, NULL, numbers, sizeof *numbers, NULL, keys));
    dmpi_key sum = job_submit(add_up, keys, COUNT, NULL, 0);
    OK(dmpi_drop(pool, keys, COUNT)); /* before it has run */
    CU_ASSERT_EQUAL(job_take_number(sum), (int64_t)COUNT * (COUNT - 1) / 2);
    free(numbers);
    free(keys);
}

static void key_is_used_before_its_value_exists(void)
{
    enum { LENGTH = 500 };
    dmpi_key wait = job_submit(take_a_while, NULL, 0, NULL, 0), x[2];
    int64_t zero = 0;
    dmpi_key_state state;
    x[0] = job_submit(echo, NULL, 0, &zero, sizeof zero);
    x[1] = job_submit_number(echo, 1);
    for (int i = 0; i < LENGTH; i++) { /* Fibonacci, modulo 2^64 */
        dmpi_key next = job_submit(add_up, x, 2, NULL, 0);
        job_drop(x[0]);
        x[0] = x[1];
        x[1] = next;
    }
    OK(dmpi_state(pool, x[1], &state));
    uint64_t a = 0, b = 1;
    for (int i = 0; i < LENGTH; i++) {
        uint64_t next = a + b;
        a = b;
        b = next;
    }
    CU_ASSERT_EQUAL((uint64_t)job_number(x[1]), b);
    OK(dmpi_drop(pool, x, 2));
    job_drop(wait);
}

/* ---- outputs -------------------------------------------------------------*/

static size_t size_of(dmpi_key key)
{
    char *data = NULL;
    size_t size = SIZE_MAX;
    OK(dmpi_get_new(pool, key, (void **)&data, &size));
    CU_ASSERT_PTR_NOT_NULL(data);
    free(data);
    return size;
}

static void task_without_output_gives_no_bytes(void)
{
    dmpi_key key = job_submit(nothing, NULL, 0, NULL, 0);
    CU_ASSERT_EQUAL(size_of(key), 0);
    job_drop(key);
}

static void output_can_be_replaced(void)
{
    dmpi_key key = job_submit(output_twice, NULL, 0, NULL, 0);
    CU_ASSERT_EQUAL(job_take_number(key), 77);
}

static void output_can_be_trimmed(void)
{
    const int64_t cases[][2] = {{100, 50}, {100, 0},     {100, 100},
                                {9000, 1}, {2049, 2048}, {10000000, 3000}};
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        void *data;
        size_t size;
        dmpi_key key = job_submit(trimmed, NULL, 0, cases[i], sizeof cases[i]);
        OK(dmpi_get_new(pool, key, &data, &size));
        CU_ASSERT_EQUAL(size, (size_t)cases[i][1]);
        CU_ASSERT(job_is_filled(data, (size_t)cases[i][1], 9));
        free(data);
        job_drop(key);
    }
}

static void output_trimmed_to_more_fails(void)
{
    const int64_t args[2] = {100, 101};
    dmpi_key key = job_submit(trimmed, NULL, 0, args, sizeof args);
    EXPECT(DMPI_EFAILED,
           dmpi_wait(pool, &key, 1, DMPI_ALL, DMPI_FOREVER, NULL));
    job_drop(key);
}

static void output_without_memory_fails(void)
{
    dmpi_key key = job_submit(ask_too_much, NULL, 0, NULL, 0);
    dmpi_failure failure = {0};
    OK(dmpi_error(pool, key, &failure));
    CU_ASSERT_EQUAL(failure.status, DMPI_ENOMEM);
    CU_ASSERT(strstr(failure.text, "memory") != NULL);
    job_drop(key);
}

static void input_is_passed_on(void)
{
    int64_t big[2] = {3000000, 4}, which = 1;
    dmpi_key in[2] = {job_submit_number(echo, 8),
                      job_submit(make_bytes, NULL, 0, big, sizeof big)};
    dmpi_key out = job_submit(pass_on, in, 2, &which, sizeof which);
    OK(dmpi_drop(pool, in, 2)); /* the value lives on under the new key */
    void *data;
    size_t size;
    OK(dmpi_get_new(pool, out, &data, &size));
    CU_ASSERT_EQUAL(size, (size_t)big[0]);
    CU_ASSERT(job_is_filled(data, size, 4));
    free(data);
    job_drop(out);
}

static void last_of_pass_and_output_counts(void)
{
    dmpi_key in = job_submit_number(echo, 8);
    dmpi_key passed = job_submit(pass_after_output, &in, 1, NULL, 0);
    dmpi_key made = job_submit(output_after_pass, &in, 1, NULL, 0);
    CU_ASSERT_EQUAL(job_take_number(passed), 8);
    CU_ASSERT_EQUAL(job_take_number(made), 55);
    job_drop(in);
}

/* ---- who and where -------------------------------------------------------*/

static void task_knows_itself(void)
{
    for (int rank = 1; rank < dmpi_ranks(); rank++) {
        int64_t told[5];
        dmpi_key key = job_submit_on(rank, describe, NULL, 0, NULL, 0);
        OK(dmpi_get(pool, key, told, sizeof told, NULL));
        CU_ASSERT_EQUAL((dmpi_key)told[0], key);
        CU_ASSERT_EQUAL(told[1], rank);
        CU_ASSERT_EQUAL(told[2], rank - 1);
        CU_ASSERT_EQUAL(told[3], 0);
        CU_ASSERT_EQUAL(told[4], 1);
        job_drop(key);
    }
}

static void state_outlives_tasks_on_each_worker(void)
{
    for (int round = 1; round <= 3; round++)
        for (int rank = 1; rank < dmpi_ranks(); rank++)
            CU_ASSERT_EQUAL(job_take_number(job_submit_on(rank, count_calls,
                                                          NULL, 0, NULL, 0)),
                            round);
    for (int rank = 1; rank < dmpi_ranks(); rank++) {
        dmpi_key key = job_submit_on(rank, forget_calls, NULL, 0, NULL, 0);
        OK(dmpi_wait(pool, &key, 1, DMPI_ALL, DMPI_FOREVER, NULL));
        job_drop(key);
    }
}

static int64_t rank_of(dmpi_key key)
{
    int64_t told[5];
    OK(dmpi_get(pool, key, told, sizeof told, NULL));
    job_drop(key);
    return told[1];
}

static void hard_target_is_obeyed_under_load(void)
{
    enum { COUNT = 200 };
    dmpi_key keys[COUNT], load[3];
    for (int i = 0; i < 3; i++)
        load[i] = job_submit_on(1, take_a_while, NULL, 0, NULL, 0);
    for (int i = 0; i < COUNT; i++)
        keys[i] = job_submit_on(1, describe, NULL, 0, NULL, 0);
    for (int i = 0; i < COUNT; i++) CU_ASSERT_EQUAL(rank_of(keys[i]), 1);
    OK(dmpi_drop(pool, load, 3));
}

static void soft_target_is_obeyed_when_idle(void)
{
    for (int rank = 1; rank < dmpi_ranks(); rank++) {
        dmpi_task_options options = {.rank = rank};
        dmpi_key key;
        OK(dmpi_submit(pool, describe, NULL, 0, NULL, 0, &options, &key));
        CU_ASSERT_EQUAL(rank_of(key), rank);
    }
}

/* ---- when ----------------------------------------------------------------*/

static dmpi_key turn_with(int priority)
{
    dmpi_task_options options = {.priority = priority, .rank = 1, .hard = 1};
    dmpi_key key = DMPI_KEY_NONE;
    OK(dmpi_submit(pool, take_turn, NULL, 0, NULL, 0, &options, &key));
    return key;
}

static void higher_priority_runs_earlier(void)
{
    dmpi_task_options first = {.priority = 1000, .rank = 1, .hard = 1};
    dmpi_key wait, low[3], middle[3], high[3];
    OK(dmpi_submit(pool, take_a_while, NULL, 0, NULL, 0, &first, &wait));
    for (int i = 0; i < 3; i++) {
        middle[i] = turn_with(0);
        low[i] = turn_with(-7);
        high[i] = turn_with(9);
    }
    int64_t start = job_number(high[0]);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(job_take_number(high[i]), start + i);
        CU_ASSERT_EQUAL(job_take_number(middle[i]), start + 3 + i);
        CU_ASSERT_EQUAL(job_take_number(low[i]), start + 6 + i);
    }
    job_drop(wait);
}

/* ---- names, registration -------------------------------------------------*/

static void name_is_in_the_error(void)
{
    char name[] = "step 17";
    dmpi_task_options options = {.name = name};
    dmpi_failure failure;
    dmpi_key key;
    OK(dmpi_submit(pool, fails, NULL, 0, NULL, 0, &options, &key));
    memset(name, 'x', sizeof name - 1); /* it was copied */
    OK(dmpi_error(pool, key, &failure));
    CU_ASSERT_STRING_EQUAL(failure.name, "step 17");
    CU_ASSERT_STRING_EQUAL(failure.function, "fails");
    CU_ASSERT_STRING_EQUAL(failure.text, "it was 42");
    job_drop(key);
}

static void long_name_is_cut(void)
{
    char name[1000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    dmpi_task_options options = {.name = name};
    dmpi_failure failure;
    dmpi_key key;
    OK(dmpi_submit(pool, fails, NULL, 0, NULL, 0, &options, &key));
    OK(dmpi_error(pool, key, &failure));
    CU_ASSERT_EQUAL(strlen(failure.name), DMPI_NAME_MAX - 1);
    job_drop(key);
}

static void function_registered_by_hand_runs(void)
{
    CU_ASSERT_EQUAL(job_take_number(job_submit(by_hand, NULL, 0, NULL, 0)),
                    123);
}

static void registering_while_open_is_refused(void)
{
    const dmpi_function *function = by_hand;
    REFUSED(DMPI_ESTATE, dmpi_register("late", call_by_hand, &function));
    CU_ASSERT_PTR_EQUAL(function, by_hand);
}

/* On every rank, before the pool is open. */
static bool register_by_hand(void)
{
    const dmpi_function *again = NULL, *other = NULL;
    char name[] = "made by hand";
    if (dmpi_register(name, call_by_hand, &by_hand)) return false;
    memset(name, 'x', sizeof name - 1); /* it was copied */
    if (dmpi_register("made by hand", call_by_hand, &again)) return false;
    return again == by_hand && !dmpi_register("unwanted", call_by_hand, NULL) &&
           dmpi_register("made by hand", dmpi_call_echo, &other) ==
               DMPI_EINVAL &&
           dmpi_register("echo", call_by_hand, &other) == DMPI_EINVAL &&
           dmpi_register(NULL, call_by_hand, &other) == DMPI_EINVAL &&
           dmpi_register("", call_by_hand, &other) == DMPI_EINVAL &&
           dmpi_register("none", NULL, &other) == DMPI_EINVAL && !other;
}

static const struct check_test tests[] = {
    {"arguments of any size reach the task", arguments_reach_the_task},
    {"inputs have order, size and alignment",
     inputs_have_order_size_and_alignment},
    {"an input key may be used twice", input_key_may_be_used_twice},
    {"a task may have 100 000 inputs", hundred_thousand_inputs},
    {"a key is used before its value exists",
     key_is_used_before_its_value_exists},
    {"a task without output gives 0 bytes", task_without_output_gives_no_bytes},
    {"an output can be replaced", output_can_be_replaced},
    {"an output can be trimmed", output_can_be_trimmed},
    {"an output trimmed to more fails", output_trimmed_to_more_fails},
    {"an output without memory fails", output_without_memory_fails},
    {"an input is passed on", input_is_passed_on},
    {"the last of pass and output counts", last_of_pass_and_output_counts},
    {"a task knows its key, rank, worker and source", task_knows_itself},
    {"a worker's state outlives tasks", state_outlives_tasks_on_each_worker},
    {"a hard target is obeyed under load", hard_target_is_obeyed_under_load},
    {"a soft target is obeyed when idle", soft_target_is_obeyed_when_idle},
    {"higher priority runs earlier", higher_priority_runs_earlier},
    {"a task's name is in its error", name_is_in_the_error},
    {"a long name is cut", long_name_is_cut},
    {"a function registered by hand runs", function_registered_by_hand_runs},
    {"registering while a pool is open is refused",
     registering_while_open_is_refused},
};

int main(void)
{
    if (!register_by_hand()) {
        fprintf(stderr, "dmpi_register() does not keep its promise\n");
        return 1;
    }
    return job_run("tasks", tests, CHECK_COUNT(tests));
}
