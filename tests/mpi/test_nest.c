/* SPDX-License-Identifier: BSD-3-Clause */
/* test_nest.c - tasks that use the pool: submit, wait, get, put, drop, go on. */
#include "job.h"

/* ---- what tasks here do --------------------------------------------------*/

DMPI_TASK(plus_one)
{
    job_give(task, job_argument(task) + 1);
}

DMPI_TASK(sum)
{
    int64_t total = 0;
    for (size_t i = 0; i < dmpi_task_input_count(task); i++)
        total += *(const int64_t *)dmpi_task_input(task, i);
    job_give(task, total);
}

DMPI_TASK(fails)
{
    dmpi_fail(task, "as it should");
}

DMPI_TASK(where)
{
    job_give(task, dmpi_task_rank(task));
}

DMPI_TASK(slow)
{
    struct timespec nap = {0, 30000000};
    nanosleep(&nap, NULL);
    job_give(task, job_argument(task));
}

/* plus_one() over 0 .. N - 1, added up by a child too. */
DMPI_TASK(adds_up_children)
{
    dmpi_pool *here = dmpi_task_pool(task);
    int64_t n = job_argument(task), total;
    int64_t *numbers = malloc((size_t)n * sizeof *numbers);
    dmpi_key *keys = malloc((size_t)n * sizeof *keys), whole;
    for (int64_t i = 0; i < n; i++) numbers[i] = i;
    TRY(dmpi_map(here, plus_one, (size_t)n, NULL, numbers, sizeof *numbers,
                 NULL, keys));
    TRY(dmpi_submit(here, sum, keys, (size_t)n, NULL, 0, NULL, &whole));
    TRY(dmpi_drop(here, keys, (size_t)n));
    TRY(dmpi_get(here, whole, &total, sizeof total, NULL));
    TRY(dmpi_drop(here, &whole, 1));
    job_give(task, total);
    free(numbers);
    free(keys);
}

/* Waits for each of its children as they end; gives how many it saw. */
DMPI_TASK(waits_for_any)
{
    enum { COUNT = 12 };
    dmpi_pool *here = dmpi_task_pool(task);
    int64_t numbers[COUNT], seen = 0;
    dmpi_key keys[COUNT];
    size_t left = COUNT, which;
    for (int i = 0; i < COUNT; i++) numbers[i] = i;
    TRY(dmpi_map(here, plus_one, COUNT, NULL, numbers, sizeof *numbers, NULL,
                 keys));
    while (left) {
        TRY(dmpi_wait(here, keys, left, DMPI_ANY, DMPI_FOREVER, &which));
        TRY(dmpi_drop(here, &keys[which], 1));
        keys[which] = keys[--left];
        seen++;
    }
    job_give(task, seen);
}

/* Of itself and a value that is here, the value has ended. */
DMPI_TASK(waits_for_what_is_here)
{
    dmpi_pool *here = dmpi_task_pool(task);
    dmpi_key keys[2] = {dmpi_task_key(task), DMPI_KEY_NONE};
    size_t which = 77;
    TRY(dmpi_put(here, "x", 1, 0, &keys[1]));
    TRY(dmpi_wait(here, keys, 2, DMPI_ANY, DMPI_FOREVER, &which));
    TRY(dmpi_drop(here, &keys[1], 1));
    job_give(task, (int64_t)which);
}

/* Waits for itself, but not for ever; and so does a child. */
DMPI_TASK(waits_too_short)
{
    dmpi_pool *here = dmpi_task_pool(task);
    dmpi_key own = dmpi_task_key(task), child;
    int64_t depth = job_argument(task) - 1, below = DMPI_ETIMEOUT;
    if (depth > 0)
        TRY(dmpi_submit(here, waits_too_short, NULL, 0, &depth, sizeof depth,
                        NULL, &child));
    int all = dmpi_wait(here, &own, 1, DMPI_ALL, 0.01, NULL);
    int any = dmpi_wait(here, &own, 1, DMPI_ANY, 0, NULL);
    if (depth > 0) {
        TRY(dmpi_get(here, child, &below, sizeof below, NULL));
        TRY(dmpi_drop(here, &child, 1));
    }
    job_give(task, all == any && all == below ? all : -1);
}

/* x -> (x + 1), (x + 2); their sum; in one call. */
DMPI_TASK(submits_a_graph)
{
    dmpi_pool *here = dmpi_task_pool(task);
    int64_t x = job_argument(task), y = x + 1, total;
    dmpi_key both[2] = {DMPI_NTH(1), DMPI_NTH(2)}, keys[3];
    dmpi_graph_task tasks[3] = {{sum, both, 2, NULL, 0, NULL},
                                {plus_one, NULL, 0, &x, sizeof x, NULL},
                                {plus_one, NULL, 0, &y, sizeof y, NULL}};
    TRY(dmpi_submit_graph(here, tasks, 3, keys));
    TRY(dmpi_get(here, keys[0], &total, sizeof total, NULL));
    TRY(dmpi_drop(here, keys, 3));
    job_give(task, total);
}

/* Puts a number here and on every worker, and lets a child add them up. */
DMPI_TASK(puts_everywhere)
{
    dmpi_pool *here = dmpi_task_pool(task);
    int64_t number = job_argument(task), total;
    size_t count = (size_t)dmpi_ranks();
    dmpi_key *keys = malloc(count * sizeof *keys), whole;
    for (size_t rank = 0; rank < count; rank++)
        TRY(dmpi_put(here, &number, sizeof number, (int)rank, &keys[rank]));
    TRY(dmpi_submit(here, sum, keys, count, NULL, 0, NULL, &whole));
    TRY(dmpi_get(here, whole, &total, sizeof total, NULL));
    TRY(dmpi_drop(here, keys, count));
    TRY(dmpi_drop(here, &whole, 1));
    job_give(task, total);
    free(keys);
}

/* Gives 0 if the error of a child is what it should be. */
DMPI_TASK(looks_at_an_error)
{
    dmpi_pool *here = dmpi_task_pool(task);
    dmpi_key bad, after;
    dmpi_failure failure;
    int64_t nothing;
    TRY(dmpi_submit(here, fails, NULL, 0, NULL, 0, NULL, &bad));
    TRY(dmpi_submit(here, sum, &bad, 1, NULL, 0, NULL, &after));
    int waited = dmpi_wait(here, &after, 1, DMPI_ALL, DMPI_FOREVER, NULL);
    int got = dmpi_get(here, after, &nothing, sizeof nothing, NULL);
    TRY(dmpi_error(here, after, &failure));
    bool good = waited == DMPI_EFAILED && got == DMPI_EFAILED &&
                !strcmp(failure.text, "as it should") &&
                !strcmp(failure.function, "fails");
    dmpi_key both[2] = {bad, after};
    TRY(dmpi_drop(here, both, 2));
    job_give(task, !good);
}

/* The key of its arguments, which is none, as an input and to wait for. */
DMPI_TASK(uses_no_key)
{
    dmpi_pool *here = dmpi_task_pool(task);
    dmpi_key none = (dmpi_key)job_argument(task), child;
    dmpi_failure failure;
    int64_t nothing;
    TRY(dmpi_submit(here, sum, &none, 1, NULL, 0, NULL, &child));
    TRY(dmpi_error(here, child, &failure));
    TRY(dmpi_drop(here, &child, 1));
    bool good =
        failure.status == DMPI_ENOKEY &&
        dmpi_wait(here, &none, 1, DMPI_ALL, DMPI_FOREVER, NULL) ==
            DMPI_ENOKEY &&
        dmpi_get(here, none, &nothing, sizeof nothing, NULL) == DMPI_ENOKEY;
    job_give(task, !good);
}

/* A child for each worker, and there; gives how many were where they should. */
DMPI_TASK(sends_children)
{
    dmpi_pool *here = dmpi_task_pool(task);
    int64_t good = 0, rank;
    for (int i = 1; i < dmpi_ranks(); i++) {
        dmpi_task_options there = {.rank = i, .hard = 1};
        dmpi_key key;
        TRY(dmpi_submit(here, where, NULL, 0, NULL, 0, &there, &key));
        TRY(dmpi_get(here, key, &rank, sizeof rank, NULL));
        TRY(dmpi_drop(here, &key, 1));
        good += rank == i;
    }
    job_give(task, good);
}

/* Waits for a child, that for another, and so on, N of them. */
DMPI_TASK(goes_deep)
{
    dmpi_pool *here = dmpi_task_pool(task);
    int64_t n = job_argument(task) - 1, below = 0;
    dmpi_key key;
    if (n > 0) {
        TRY(dmpi_submit(here, goes_deep, NULL, 0, &n, sizeof n, NULL, &key));
        TRY(dmpi_get(here, key, &below, sizeof below, NULL));
        TRY(dmpi_drop(here, &key, 1));
    }
    job_give(task, below + 1);
}

/* A reduction and a scan, from libdistmpi's own patterns. */
DMPI_TASK(reduces)
{
    enum { COUNT = 50 };
    dmpi_pool *here = dmpi_task_pool(task);
    int64_t numbers[COUNT], total, last;
    dmpi_key keys[COUNT], sums[COUNT], whole;
    for (int i = 0; i < COUNT; i++) numbers[i] = i;
    TRY(dmpi_map_reduce(here, plus_one, COUNT, NULL, numbers, sizeof *numbers,
                        sum, 2, NULL, &whole));
    TRY(dmpi_map(here, plus_one, COUNT, NULL, numbers, sizeof *numbers, NULL,
                 keys));
    TRY(dmpi_scan(here, sum, keys, COUNT, NULL, sums));
    TRY(dmpi_get(here, whole, &total, sizeof total, NULL));
    TRY(dmpi_get(here, sums[COUNT - 1], &last, sizeof last, NULL));
    TRY(dmpi_drop(here, &whole, 1));
    TRY(dmpi_drop(here, keys, COUNT));
    TRY(dmpi_drop(here, sums, COUNT));
    job_give(task, total == last ? total : -1);
}

/* What a constant says here, and what it says to a child. */
DMPI_TASK(reads_constant)
{
    const int64_t *here = dmpi_task_constant(task, "nest", NULL);
    int64_t depth = job_argument(task) - 1, below = here ? *here : 0;
    dmpi_key key;
    if (depth > 0) {
        dmpi_pool *own = dmpi_task_pool(task);
        TRY(dmpi_submit(own, reads_constant, NULL, 0, &depth, sizeof depth,
                        NULL, &key));
        TRY(dmpi_get(own, key, &below, sizeof below, NULL));
        TRY(dmpi_drop(own, &key, 1));
    }
    job_give(task, here && below == *here ? below : -1);
}

/* Its child wants two runs, and something that it must have to itself. */
DMPI_TASK(fails_at_first)
{
    if (!dmpi_task_attempt(task)) dmpi_fail(task, "not yet");
    else job_give(task, dmpi_task_attempt(task));
}

DMPI_TASK(lets_it_retry)
{
    dmpi_pool *here = dmpi_task_pool(task);
    dmpi_task_options patient = {.retries = 2}, picky = {.resources = "yacht"};
    dmpi_key key, refused;
    dmpi_failure failure;
    int64_t attempt;
    TRY(dmpi_submit(here, fails_at_first, NULL, 0, NULL, 0, &patient, &key));
    TRY(dmpi_submit(here, fails_at_first, NULL, 0, NULL, 0, &picky, &refused));
    TRY(dmpi_get(here, key, &attempt, sizeof attempt, NULL));
    TRY(dmpi_error(here, refused, &failure));
    TRY(dmpi_drop(here, &key, 1));
    TRY(dmpi_drop(here, &refused, 1));
    bool told = failure.status == DMPI_EINVAL && strstr(failure.text, "yacht");
    job_give(task, told ? attempt : -1);
}

/* ---- those that go on ----------------------------------------------------*/

DMPI_TASK(goes_on_with_children)
{
    dmpi_pool *here = dmpi_task_pool(task);
    int64_t numbers[3] = {1, 2, 3};
    dmpi_key keys[3];
    TRY(dmpi_map(here, plus_one, 3, NULL, numbers, sizeof *numbers, NULL,
                 keys));
    TRY(dmpi_task_go_on(task, sum, keys, 3, NULL, 0, NULL));
    TRY(dmpi_drop(here, keys, 3));
}

/* Counts down, each time as another. */
DMPI_TASK(counts_down)
{
    int64_t n = job_argument(task) - 1;
    if (n <= 0) job_give(task, 77);
    else TRY(dmpi_task_go_on(task, counts_down, NULL, 0, &n, sizeof n, NULL));
}

DMPI_TASK(goes_on_and_fails)
{
    int64_t n = 1;
    TRY(dmpi_task_go_on(task, plus_one, NULL, 0, &n, sizeof n, NULL));
    dmpi_fail(task, "after all");
}

DMPI_TASK(goes_on_twice)
{
    int64_t first = 1, second = 2;
    TRY(dmpi_task_go_on(task, plus_one, NULL, 0, &first, sizeof first, NULL));
    int again =
        dmpi_task_go_on(task, plus_one, NULL, 0, &second, sizeof second, NULL);
    if (again != DMPI_ESTATE) dmpi_fail(task, "it was not refused");
}

/* ---- keys that go elsewhere ----------------------------------------------*/

/* Gives the key of a child, which is then the receiver's. */
DMPI_TASK(gives_a_key)
{
    int64_t number = job_argument(task);
    dmpi_key *key = dmpi_task_output(task, sizeof *key);
    TRY(dmpi_submit(dmpi_task_pool(task), slow, NULL, 0, &number, sizeof number,
                    NULL, key));
}

/* Its input is a key: takes what is behind it. */
DMPI_TASK(takes_a_key)
{
    dmpi_pool *here = dmpi_task_pool(task);
    dmpi_key key = *(const dmpi_key *)dmpi_task_input(task, 0);
    int64_t number;
    TRY(dmpi_get(here, key, &number, sizeof number, NULL));
    TRY(dmpi_drop(here, &key, 1));
    job_give(task, number);
}

/* ---- those that wait in a circle -----------------------------------------*/

DMPI_TASK(waits_for_itself)
{
    dmpi_key own = dmpi_task_key(task);
    int status =
        dmpi_wait(dmpi_task_pool(task), &own, 1, DMPI_ALL, DMPI_FOREVER, NULL);
    bool named = strstr(dmpi_status_detail(), "waits_for_itself") != NULL;
    job_give(task, status == DMPI_EDEADLOCK && named);
}

/* Its child has it as an input. */
DMPI_TASK(waits_for_its_user)
{
    dmpi_pool *here = dmpi_task_pool(task);
    dmpi_key own = dmpi_task_key(task), child;
    TRY(dmpi_submit(here, sum, &own, 1, NULL, 0, NULL, &child));
    int status = dmpi_wait(here, &child, 1, DMPI_ALL, DMPI_FOREVER, NULL);
    TRY(dmpi_drop(here, &child, 1));
    job_give(task, status == DMPI_EDEADLOCK);
}

/* ---- what is no task of the pool -----------------------------------------*/

DMPI_TASK(called_by_rank)
{
    dmpi_key key;
    int64_t number = 1;
    job_give(task, dmpi_submit(dmpi_task_pool(task), plus_one, NULL, 0, &number,
                               sizeof number, NULL, &key));
}

/* ---- tests ---------------------------------------------------------------*/

static int64_t run(const dmpi_function *function, int64_t number)
{
    return job_take_number(
        job_submit(function, NULL, 0, &number, sizeof number));
}

static void children_are_added_up(void)
{
    CU_ASSERT_EQUAL(run(adds_up_children, 1), 1);
    CU_ASSERT_EQUAL(run(adds_up_children, 300), 45150);
}

static void many_tasks_do_so_at_once(void)
{
    dmpi_key keys[40];
    int64_t n = 25;
    for (int i = 0; i < 40; i++)
        keys[i] = job_submit(adds_up_children, NULL, 0, &n, sizeof n);
    for (int i = 0; i < 40; i++) CU_ASSERT_EQUAL(job_take_number(keys[i]), 325);
}

static void any_of_several_is_seen_one_by_one(void)
{
    CU_ASSERT_EQUAL(run(waits_for_any, 0), 12);
}

static void any_of_several_is_one_that_has_ended(void)
{
    CU_ASSERT_EQUAL(run(waits_for_what_is_here, 0), 1);
}

static void a_wait_may_be_too_short(void)
{
    CU_ASSERT_EQUAL(run(waits_too_short, 4), DMPI_ETIMEOUT);
}

static void a_graph_is_one_call(void)
{
    CU_ASSERT_EQUAL(run(submits_a_graph, 10), 23);
}

static void values_are_put_here_and_elsewhere(void)
{
    CU_ASSERT_EQUAL(run(puts_everywhere, 5), 5 * dmpi_ranks());
}

static void the_error_of_a_child_is_its_parents_to_see(void)
{
    CU_ASSERT_EQUAL(run(looks_at_an_error, 0), 0);
}

static void what_is_no_key_is_an_error(void)
{
    CU_ASSERT_EQUAL(run(uses_no_key, 12345678), 0);
    for (int rank = 1; rank < dmpi_ranks(); rank++)
        CU_ASSERT_EQUAL(run(uses_no_key, (int64_t)rank << 48 | 999999), 0);
}

static void children_run_where_they_are_sent(void)
{
    CU_ASSERT_EQUAL(run(sends_children, 0), dmpi_ranks() - 1);
}

static void waits_go_deep(void)
{
    CU_ASSERT_EQUAL(run(goes_deep, 3000), 3000);
}

static void a_task_goes_on_with_its_childrens_results(void)
{
    CU_ASSERT_EQUAL(run(goes_on_with_children, 0), 9);
    CU_ASSERT_EQUAL(run(counts_down, 500), 77);
}

static void a_task_that_goes_on_may_fail_after_all(void)
{
    dmpi_failure failure;
    dmpi_key key = job_submit(goes_on_and_fails, NULL, 0, NULL, 0);
    OK(dmpi_error(pool, key, &failure));
    CU_ASSERT_STRING_EQUAL(failure.text, "after all");
    job_drop(key);
}

static void a_task_goes_on_once(void)
{
    CU_ASSERT_EQUAL(run(goes_on_twice, 0), 2);
}

static void keys_may_be_handed_out(void)
{
    int64_t number = 41;
    dmpi_key made = job_submit(gives_a_key, NULL, 0, &number, sizeof number);
    dmpi_key key;
    OK(dmpi_get(pool, made, &key, sizeof key, NULL));
    CU_ASSERT_EQUAL(job_take_number(key), 41);
    job_drop(made);
}

static void keys_may_go_to_other_ranks(void)
{
    int last = dmpi_ranks() - 1;
    for (int64_t i = 0; i < 20; i++) {
        dmpi_key made = job_submit_on(1, gives_a_key, NULL, 0, &i, sizeof i);
        dmpi_key taken = job_submit_on(last, takes_a_key, &made, 1, NULL, 0);
        CU_ASSERT_EQUAL(job_take_number(taken), i);
        job_drop(made);
    }
}

static void a_task_that_waits_for_itself_is_told(void)
{
    CU_ASSERT_EQUAL(run(waits_for_itself, 0), 1);
}

static void a_task_that_waits_for_its_user_is_told(void)
{
    CU_ASSERT_EQUAL(run(waits_for_its_user, 0), 1);
}

static void patterns_work_in_tasks(void)
{
    CU_ASSERT_EQUAL(run(reduces, 0), 1275);
}

static void children_see_their_parents_constants(void)
{
    int64_t first = 5, second = 6;
    OK(dmpi_constant(pool, "nest", &first, sizeof first));
    CU_ASSERT_EQUAL(run(reads_constant, 3), 5);
    int64_t depth = 4;
    dmpi_key key = job_submit(reads_constant, NULL, 0, &depth, sizeof depth);
    OK(dmpi_constant(pool, "nest", &second, sizeof second));
    CU_ASSERT_EQUAL(job_take_number(key), 5);
    CU_ASSERT_EQUAL(run(reads_constant, 2), 6);
    OK(dmpi_constant(pool, "nest", NULL, 0));
}

static void options_of_children_count(void)
{
    CU_ASSERT_EQUAL(run(lets_it_retry, 0), 1);
}

static void calls_of_rank_cannot_use_the_pool(void)
{
    void *result;
    OK(dmpi_rank_run(1, called_by_rank, NULL, 0, &result, NULL));
    CU_ASSERT_EQUAL(*(int64_t *)result, DMPI_ESTATE);
    free(result);
}

static const struct check_test tests[] = {
    {"children are added up", children_are_added_up},
    {"many tasks do so at once", many_tasks_do_so_at_once},
    {"any of several is seen one by one", any_of_several_is_seen_one_by_one},
    {"any of several is one that has ended",
     any_of_several_is_one_that_has_ended},
    {"a wait may be too short", a_wait_may_be_too_short},
    {"a graph is one call", a_graph_is_one_call},
    {"values are put here and elsewhere", values_are_put_here_and_elsewhere},
    {"the error of a child is its parent's to see",
     the_error_of_a_child_is_its_parents_to_see},
    {"what is no key is an error", what_is_no_key_is_an_error},
    {"children run where they are sent", children_run_where_they_are_sent},
    {"waits go deep", waits_go_deep},
    {"a task goes on with its children's results",
     a_task_goes_on_with_its_childrens_results},
    {"a task that goes on may fail after all",
     a_task_that_goes_on_may_fail_after_all},
    {"a task goes on once", a_task_goes_on_once},
    {"keys may be handed out", keys_may_be_handed_out},
    {"keys may go to other ranks", keys_may_go_to_other_ranks},
    {"a task that waits for itself is told",
     a_task_that_waits_for_itself_is_told},
    {"a task that waits for its user is told",
     a_task_that_waits_for_its_user_is_told},
    {"patterns work in tasks", patterns_work_in_tasks},
    {"children see their parent's constants",
     children_see_their_parents_constants},
    {"options of children count", options_of_children_count},
    {"calls of rank.h cannot use the pool", calls_of_rank_cannot_use_the_pool},
};

int main(void)
{
    return job_run("nest", tests, CHECK_COUNT(tests));
}
