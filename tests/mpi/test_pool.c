/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pool.c - map, graph, put, scatter, get, gather, wait, state, drop,
 * replicate. */
#include "job.h"

/* ---- tasks ---------------------------------------------------------------*/

DMPI_TASK(echo)
{
    size_t size = dmpi_task_args_size(task);
    void *out = dmpi_task_output(task, size);
    if (size) memcpy(out, dmpi_task_args(task), size);
}

/* The sum of all inputs and the argument, if there is one. */
DMPI_TASK(add)
{
    const int64_t *more = dmpi_task_args(task);
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = more ? *more : 0;
    for (size_t i = 0; i < dmpi_task_input_count(task); i++)
        *out += *(const int64_t *)dmpi_task_input(task, i);
}

DMPI_TASK(where)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = dmpi_task_rank(task);
}

/* ARGS: seconds. */
DMPI_TASK(nap)
{
    job_sleep(*(const double *)dmpi_task_args(task));
}

DMPI_TASK(fails)
{
    dmpi_fail(task, "as it should");
}

static dmpi_key start_nap(int rank, double seconds)
{
    return job_submit_on(rank, nap, NULL, 0, &seconds, sizeof seconds);
}

/* ---- map -----------------------------------------------------------------*/

enum { MANY = 1000 };

static void map_over_arguments(void)
{
    int64_t numbers[MANY], back[MANY];
    dmpi_key keys[MANY];
    for (int i = 0; i < MANY; i++) numbers[i] = i * i;
    OK(dmpi_map(pool, add, MANY, NULL, numbers, sizeof *numbers, NULL, keys));
    OK(dmpi_gather(pool, keys, MANY, back, sizeof *back));
    CU_ASSERT_EQUAL(memcmp(numbers, back, sizeof back), 0);
    OK(dmpi_drop(pool, keys, MANY));
}

static void map_over_keys_and_both(void)
{
    int64_t numbers[MANY], back[MANY], tens[MANY];
    dmpi_key keys[MANY], same[MANY], sums[MANY];
    for (int i = 0; i < MANY; i++) tens[i] = 10 * (numbers[i] = i);
    OK(dmpi_map(pool, echo, MANY, NULL, numbers, sizeof *numbers, NULL, keys));
    OK(dmpi_map(pool, add, MANY, keys, NULL, 0, NULL, same));
    OK(dmpi_map(pool, add, MANY, same, tens, sizeof *tens, NULL, sums));
    OK(dmpi_gather(pool, same, MANY, back, sizeof *back));
    CU_ASSERT_EQUAL(memcmp(numbers, back, sizeof back), 0);
    OK(dmpi_gather(pool, sums, MANY, back, sizeof *back));
    for (int i = 0; i < MANY; i++) CU_ASSERT_EQUAL(back[i], 11 * i);
    OK(dmpi_drop(pool, keys, MANY));
    OK(dmpi_drop(pool, same, MANY));
    OK(dmpi_drop(pool, sums, MANY));
}

static void map_of_nothing(void)
{
    OK(dmpi_map(pool, echo, 0, NULL, NULL, 0, NULL, NULL));
    OK(dmpi_gather(pool, NULL, 0, NULL, 8));
    OK(dmpi_drop(pool, NULL, 0));
    OK(dmpi_wait(pool, NULL, 0, DMPI_ALL, DMPI_FOREVER, NULL));
    OK(dmpi_scatter(pool, NULL, 0, 8, NULL, NULL));
    OK(dmpi_submit_graph(pool, NULL, 0, NULL));
}

static void map_takes_options(void)
{
    dmpi_task_options options = {.rank = job_last(), .hard = 1};
    dmpi_key keys[20];
    OK(dmpi_map(pool, where, 20, NULL, NULL, 0, &options, keys));
    for (int i = 0; i < 20; i++)
        CU_ASSERT_EQUAL(job_take_number(keys[i]), job_last());
}

static void map_is_refused_as_a_whole(void)
{
    dmpi_key in[3] = {job_submit_number(echo, 1), 0x123456, DMPI_KEY_NONE};
    dmpi_key out[3] = {7, 7, 7};
    dmpi_task_options nowhere = {.rank = dmpi_ranks()};
    size_t before = job_keys_held();
    REFUSED(DMPI_ENOKEY, dmpi_map(pool, add, 3, in, NULL, 0, NULL, out));
    REFUSED(DMPI_EINVAL, dmpi_map(pool, add, 1, in, NULL, 0, &nowhere, out));
    REFUSED(DMPI_EINVAL, dmpi_map(pool, NULL, 1, in, NULL, 0, NULL, out));
    REFUSED(DMPI_EINVAL, dmpi_map(pool, add, 1, in, NULL, 0, NULL, NULL));
    CU_ASSERT(out[0] == 7 && out[1] == 7 && out[2] == 7);
    OK(dmpi_wait(pool, in, 1, DMPI_ALL, DMPI_FOREVER, NULL));
    CU_ASSERT(job_keys_held() <= before + 1);
    job_drop(in[0]);
}

/* ---- graphs --------------------------------------------------------------*/

#define NODE(f, in, n)                                                         \
    {                                                                          \
        .function = f, .inputs = in, .input_count = n                          \
    }

static void graph_may_name_tasks_in_any_order(void)
{
    int64_t five = 5;
    dmpi_key outside = job_submit_number(echo, 100), keys[4];
    dmpi_key to_3[] = {DMPI_NTH(3)}, to_0[] = {DMPI_NTH(0), DMPI_NTH(0)};
    dmpi_key to_all[] = {DMPI_NTH(0), DMPI_NTH(1), outside, DMPI_NTH(3)};
    dmpi_graph_task graph[4] = {NODE(add, to_3, 1),
                                NODE(add, to_0, 2),
                                NODE(add, to_all, 4),
                                {.function = echo, .args = &five, .size = 8}};
    OK(dmpi_submit_graph(pool, graph, 4, keys));
    job_drop(outside);
    CU_ASSERT_EQUAL(job_take_number(keys[0]), 5);
    CU_ASSERT_EQUAL(job_take_number(keys[1]), 10);
    CU_ASSERT_EQUAL(job_take_number(keys[2]), 5 + 10 + 100 + 5);
    CU_ASSERT_EQUAL(job_take_number(keys[3]), 5);
}

static void graph_backwards(void)
{
    int64_t one = 1, back;
    dmpi_key in[MANY], keys[MANY];
    dmpi_graph_task graph[MANY];
    for (int i = 0; i < MANY; i++) {
        in[i] = DMPI_NTH(i + 1);
        graph[i] = (dmpi_graph_task){.function = add,
                                     .inputs = &in[i],
                                     .input_count = i + 1 < MANY,
                                     .args = &one,
                                     .size = sizeof one};
    }
    OK(dmpi_submit_graph(pool, graph, MANY, keys));
    OK(dmpi_get(pool, keys[0], &back, sizeof back, NULL));
    CU_ASSERT_EQUAL(back, MANY);
    OK(dmpi_drop(pool, keys, MANY));
}

static void refuse_graph(dmpi_status status, const dmpi_graph_task *graph,
                         size_t count)
{
    dmpi_key keys[3] = {7, 7, 7};
    REFUSED(status, dmpi_submit_graph(pool, graph, count, keys));
    CU_ASSERT(keys[0] == 7 && keys[1] == 7 && keys[2] == 7);
}

static void graph_is_refused_as_a_whole(void)
{
    dmpi_key to_0 = DMPI_NTH(0), to_1 = DMPI_NTH(1), to_2 = DMPI_NTH(2),
             to_3 = DMPI_NTH(3), foreign = 0x123456;
    dmpi_task_options nowhere = {.rank = -1};
    dmpi_graph_task good = NODE(where, NULL, 0);
    dmpi_graph_task itself[] = {NODE(add, &to_0, 1)};
    dmpi_graph_task cycle[] = {good, NODE(add, &to_2, 1), NODE(add, &to_1, 1)};
    dmpi_graph_task outside[] = {good, good, NODE(add, &to_3, 1)};
    dmpi_graph_task strange[] = {good, NODE(add, &foreign, 1)};
    dmpi_graph_task nothing[] = {good, NODE(NULL, NULL, 0)};
    dmpi_graph_task no_inputs[] = {good, NODE(add, NULL, 1)};
    dmpi_graph_task options[] = {good, good};
    options[1].options = &nowhere;
    refuse_graph(DMPI_EINVAL, itself, 1);
    refuse_graph(DMPI_EINVAL, cycle, 3);
    refuse_graph(DMPI_EINVAL, outside, 3);
    refuse_graph(DMPI_ENOKEY, strange, 2);
    refuse_graph(DMPI_EINVAL, nothing, 2);
    refuse_graph(DMPI_EINVAL, no_inputs, 2);
    refuse_graph(DMPI_EINVAL, options, 2);
    refuse_graph(DMPI_EINVAL, NULL, 2);
    REFUSED(DMPI_EINVAL, dmpi_submit_graph(pool, &good, 1, NULL));
    CU_ASSERT_EQUAL(job_keys_held(), 0); /* none of the good ones has run */
}

/* ---- put and scatter -----------------------------------------------------*/

static bool is_at(dmpi_key key, int rank)
{
    int ranks[RANKS_MAX] = {0};
    size_t count = 0;
    OK(dmpi_rank_who_has(key, ranks, RANKS_MAX, &count));
    return count == 1 && ranks[0] == rank;
}

static void put_goes_to_the_chosen_worker(void)
{
    const size_t sizes[] = {0, 8, 2048, 2049, 4 << 20, 9000001};
    for (size_t i = 0; i < CHECK_COUNT(sizes); i++) {
        int rank = 1 + (int)i % job_workers();
        char *data = job_bytes(sizes[i], i), *back = malloc(sizes[i] + 1);
        size_t got = 0;
        dmpi_key key;
        OK(dmpi_put(pool, data, sizes[i], rank, &key));
        memset(data, 0, sizes[i]); /* may be reused */
        CU_ASSERT(is_at(key, rank));
        OK(dmpi_get(pool, key, back, sizes[i], &got));
        CU_ASSERT_EQUAL(got, sizes[i]);
        CU_ASSERT(job_is_filled(back, sizes[i], i));
        job_drop(key);
        free(data);
        free(back);
    }
}

static void put_chooses_the_least_filled_worker(void)
{
    char *data = job_bytes(5000, 1);
    dmpi_key keys[RANKS_MAX], one;
    int seen[RANKS_MAX] = {0};
    for (int i = 0; i < job_workers(); i++) {
        int rank = 0;
        size_t count;
        OK(dmpi_put(pool, data, 5000, 0, &keys[i]));
        OK(dmpi_rank_who_has(keys[i], &rank, 1, &count));
        seen[rank]++;
    }
    for (int i = 1; i < dmpi_ranks(); i++) CU_ASSERT_EQUAL(seen[i], 1);
    job_drop(keys[0]);
    int emptied = 0;
    for (int i = 1; i < job_workers(); i++) emptied += is_at(keys[i], 1);
    OK(dmpi_put(pool, data, 10, 0, &one));
    CU_ASSERT(is_at(one, 1) == (emptied == 0));
    job_drop(one);
    OK(dmpi_drop(pool, keys + 1, (size_t)job_workers() - 1));
    free(data);
}

static void scatter_is_even_and_keeps_neighbours(void)
{
    enum { COUNT = 12 };
    int64_t numbers[COUNT], back[COUNT];
    dmpi_key keys[COUNT];
    for (int i = 0; i < COUNT; i++) numbers[i] = 3 * i;
    OK(dmpi_scatter(pool, numbers, COUNT, sizeof *numbers, NULL, keys));
    for (int i = 0; i < COUNT; i++)
        CU_ASSERT(is_at(keys[i], 1 + i * job_workers() / COUNT));
    OK(dmpi_gather(pool, keys, COUNT, back, sizeof *back));
    CU_ASSERT_EQUAL(memcmp(numbers, back, sizeof back), 0);
    OK(dmpi_drop(pool, keys, COUNT));
}

static void scatter_goes_where_it_is_told(void)
{
    enum { COUNT = 9, SIZE = 7001 };
    char *data = job_bytes((size_t)COUNT * SIZE, 3);
    int ranks[COUNT];
    dmpi_key keys[COUNT];
    for (int i = 0; i < COUNT; i++) ranks[i] = 1 + (COUNT - i) % job_workers();
    OK(dmpi_scatter(pool, data, COUNT, SIZE, ranks, keys));
    for (int i = 0; i < COUNT; i++) CU_ASSERT(is_at(keys[i], ranks[i]));
    char *back = malloc((size_t)COUNT * SIZE);
    OK(dmpi_gather(pool, keys, COUNT, back, SIZE));
    CU_ASSERT_EQUAL(memcmp(data, back, (size_t)COUNT * SIZE), 0);
    OK(dmpi_drop(pool, keys, COUNT));
    free(data);
    free(back);
}

static void scatterv_and_gatherv_of_any_size(void)
{
    enum { COUNT = 6 };
    const size_t sizes[COUNT] = {0, 1, 3000000, 2048, 5000, 100};
    dmpi_value blocks[COUNT], back[COUNT];
    dmpi_key keys[COUNT];
    for (int i = 0; i < COUNT; i++)
        blocks[i] = (dmpi_value){job_bytes(sizes[i], (uint64_t)i), sizes[i]};
    OK(dmpi_scatterv(pool, blocks, COUNT, NULL, keys));
    for (int i = 0; i < COUNT; i++) { /* every second into fresh memory */
        back[i] = (dmpi_value){NULL, 0};
        if (i % 2) back[i] = (dmpi_value){malloc(9000), 9000};
    }
    OK(dmpi_gatherv(pool, keys, COUNT, back));
    for (int i = 0; i < COUNT; i++) {
        CU_ASSERT_EQUAL(back[i].size, sizes[i]);
        CU_ASSERT(back[i].size == sizes[i] &&
                  job_is_filled(back[i].data, sizes[i], (uint64_t)i));
        free(blocks[i].data);
        free(back[i].data);
    }
    OK(dmpi_drop(pool, keys, COUNT));
}

/* ---- get and gather ------------------------------------------------------*/

static void get_tells_the_size_that_does_not_fit(void)
{
    const size_t sizes[] = {1, 100, 2048, 2049, 5000000};
    for (size_t i = 0; i < CHECK_COUNT(sizes); i++) {
        char *data = job_bytes(sizes[i], 1), guard[100] = "guard";
        size_t got = 0;
        dmpi_key key;
        OK(dmpi_put(pool, data, sizes[i], 0, &key));
        REFUSED(DMPI_ESIZE, dmpi_get(pool, key, NULL, 0, &got));
        CU_ASSERT_EQUAL(got, sizes[i]);
        got = 0;
        REFUSED(DMPI_ESIZE, dmpi_get(pool, key, guard, 0, &got));
        CU_ASSERT_EQUAL(got, sizes[i]);
        REFUSED(DMPI_ESIZE, dmpi_get(pool, key, data, sizes[i] - 1, NULL));
        CU_ASSERT_STRING_EQUAL(guard, "guard");
        memset(data, 0, sizes[i]);
        OK(dmpi_get(pool, key, data, sizes[i], NULL));
        CU_ASSERT(job_is_filled(data, sizes[i], 1));
        job_drop(key);
        free(data);
    }
}

static void get_of_no_bytes(void)
{
    size_t got = 9;
    void *fresh = NULL;
    dmpi_key key;
    OK(dmpi_put(pool, NULL, 0, 0, &key));
    OK(dmpi_get(pool, key, NULL, 0, &got));
    CU_ASSERT_EQUAL(got, 0);
    OK(dmpi_get_new(pool, key, &fresh, &got));
    CU_ASSERT_PTR_NOT_NULL(fresh);
    CU_ASSERT_EQUAL(got, 0);
    free(fresh);
    job_drop(key);
}

static void gather_places_all_that_can_be_had(void)
{
    int64_t number = 4, back[4] = {-1, -1, -1, -1};
    dmpi_key keys[4] = {job_submit_number(echo, 1),
                        job_submit(fails, NULL, 0, NULL, 0),
                        job_submit_number(echo, 3)};
    OK(dmpi_put(pool, &number, 4, 0, &keys[3])); /* of another size */
    REFUSED(DMPI_EFAILED, dmpi_gather(pool, keys, 4, back, 8));
    CU_ASSERT(back[0] == 1 && back[2] == 3);
    CU_ASSERT_EQUAL(back[1], -1);
    REFUSED(DMPI_ESIZE, dmpi_gather(pool, keys + 2, 2, back, 8));
    OK(dmpi_drop(pool, keys, 4));
}

static void gatherv_leaves_the_others_untouched(void)
{
    char small[4] = "abc";
    dmpi_key keys[4] = {job_submit(fails, NULL, 0, NULL, 0),
                        job_submit_number(echo, 6), 0x123456,
                        job_submit_number(echo, 7)};
    dmpi_value values[4] = {{NULL, 0}, {small, 4}, {small, 4}, {NULL, 0}};
    REFUSED(DMPI_EFAILED, dmpi_gatherv(pool, keys, 4, values));
    CU_ASSERT(values[0].data == NULL && values[0].size == 0);
    CU_ASSERT(values[1].data == small && values[1].size == 4);
    CU_ASSERT(values[2].data == small && values[2].size == 4);
    CU_ASSERT_STRING_EQUAL(small, "abc");
    CU_ASSERT_EQUAL(values[3].size, 8);
    CU_ASSERT(values[3].data && *(int64_t *)values[3].data == 7);
    free(values[3].data);
    REFUSED(DMPI_ESIZE, dmpi_gatherv(pool, keys + 1, 2, values + 1));
    keys[2] = DMPI_KEY_NONE;
    OK(dmpi_drop(pool, keys, 4));
}

/* ---- wait and state ------------------------------------------------------*/

static void wait_for_any_gives_the_one_that_ended(void)
{
    size_t which = 99;
    dmpi_key keys[3] = {start_nap(1, 0.3), start_nap(1, 0),
                        job_submit_on(job_last(), where, NULL, 0, NULL, 0)};
    OK(dmpi_wait(pool, keys, 3, DMPI_ANY, DMPI_FOREVER, &which));
    if (job_workers() > 1) CU_ASSERT_EQUAL(which, 2);
    OK(dmpi_wait(pool, keys, 3, DMPI_ALL, DMPI_FOREVER, NULL));
    OK(dmpi_drop(pool, keys, 3));
}

/* In a single process the tasks run inside the call that waits. */
static void wait_ends_at_its_timeout(void)
{
    size_t which = 99;
    double start = job_now();
    dmpi_key keys[2] = {job_submit_number(echo, 1), start_nap(1, 0.5)};
    OK(dmpi_wait(pool, keys, 1, DMPI_ALL, DMPI_FOREVER, NULL));
    dmpi_status status = dmpi_wait(pool, keys, 2, DMPI_ALL, 0.05, &which);
    if (status == DMPI_ETIMEOUT) {
        CU_ASSERT_EQUAL(which, 1);
        CU_ASSERT(job_now() - start > 0.05);
        CU_ASSERT(*dmpi_status_detail() != 0);
    } else {
        CU_ASSERT(job_now() - start > 0.5);
    }
    OK(dmpi_wait(pool, keys, 2, DMPI_ALL, 1e300, NULL));
    OK(dmpi_wait(pool, keys, 2, DMPI_ALL, 0, NULL));
    OK(dmpi_drop(pool, keys, 2));
}

static void wait_tells_the_first_that_failed(void)
{
    size_t which = 99;
    dmpi_key bad = job_submit(fails, NULL, 0, NULL, 0);
    dmpi_key keys[4] = {job_submit_number(echo, 1), bad,
                        job_submit_number(echo, 1), bad};
    REFUSED(DMPI_EFAILED,
            dmpi_wait(pool, keys, 4, DMPI_ALL, DMPI_FOREVER, &which));
    CU_ASSERT_EQUAL(which, 1);
    REFUSED(DMPI_EFAILED,
            dmpi_wait(pool, keys + 3, 1, DMPI_ANY, DMPI_FOREVER, &which));
    CU_ASSERT_EQUAL(which, 0);
    OK(dmpi_drop(pool, keys, 3));
}

static void wait_names_what_is_no_key(void)
{
    size_t which = 99;
    dmpi_key keys[3] = {job_submit_number(echo, 1), 0x77777,
                        job_submit_number(echo, 1)};
    REFUSED(DMPI_ENOKEY,
            dmpi_wait(pool, keys, 3, DMPI_ALL, DMPI_FOREVER, &which));
    CU_ASSERT_EQUAL(which, 1);
    keys[1] = DMPI_KEY_NONE;
    OK(dmpi_drop(pool, keys, 3));
}

static void state_goes_from_pending_to_done(void)
{
    dmpi_key wait = start_nap(1, 0.1), next;
    dmpi_key bad = job_submit(fails, NULL, 0, NULL, 0);
    dmpi_key_state state;
    next = job_submit_on(1, add, NULL, 0, NULL, 0);
    OK(dmpi_state(pool, next, &state));
    CU_ASSERT(state <= DMPI_DONE);
    while (state != DMPI_DONE && !dmpi_state(pool, next, &state)) {
    }
    CU_ASSERT_EQUAL(state, DMPI_DONE);
    OK(dmpi_state(pool, wait, &state));
    CU_ASSERT_EQUAL(state, DMPI_DONE);
    dmpi_wait(pool, &bad, 1, DMPI_ALL, DMPI_FOREVER, NULL);
    OK(dmpi_state(pool, bad, &state));
    CU_ASSERT_EQUAL(state, DMPI_FAILED);
    job_drop(wait);
    job_drop(next);
    job_drop(bad);
}

/* ---- drop and replicate --------------------------------------------------*/

static void dropped_keys_are_gone(void)
{
    dmpi_key key = job_submit_number(echo, 1);
    dmpi_key_state state = DMPI_PLACED;
    dmpi_key gone[3] = {key, DMPI_KEY_NONE, key};
    int64_t number = 5;
    REFUSED(DMPI_ENOKEY, dmpi_drop(pool, gone, 3)); /* it is there twice */
    REFUSED(DMPI_ENOKEY, dmpi_get(pool, key, &number, sizeof number, NULL));
    REFUSED(DMPI_ENOKEY, dmpi_state(pool, key, &state));
    CU_ASSERT_EQUAL(number, 5);
    CU_ASSERT_EQUAL(state, DMPI_PLACED);
}

static void keys_dropped_before_their_tasks_ran(void)
{
    int64_t numbers[100] = {0}, sum;
    dmpi_key wait = start_nap(1, 0.1), first[100], second[100], total;
    OK(dmpi_map(pool, echo, 100, NULL, numbers, 8, NULL, first));
    numbers[0] = 1;
    OK(dmpi_map(pool, add, 100, first, numbers, 8, NULL, second));
    OK(dmpi_drop(pool, first, 100));
    total = job_submit(add, second, 100, NULL, 0);
    OK(dmpi_drop(pool, second, 100));
    job_drop(wait);
    sum = job_number(total);
    CU_ASSERT_EQUAL(sum, 1);
    CU_ASSERT(job_keys_become(1));
    job_drop(total);
    CU_ASSERT(job_keys_become(0));
}

static void dropped_key_is_no_input(void)
{
    dmpi_key wait = start_nap(1, 0.1), key = job_submit_number(echo, 1);
    dmpi_key user = job_submit_on(1, add, &key, 1, NULL, 0), out = 7;
    dmpi_graph_task graph = NODE(add, &key, 1);
    job_drop(key);
    REFUSED(DMPI_ENOKEY, dmpi_submit(pool, add, &key, 1, NULL, 0, NULL, &out));
    REFUSED(DMPI_ENOKEY, dmpi_map(pool, add, 1, &key, NULL, 0, NULL, &out));
    REFUSED(DMPI_ENOKEY, dmpi_submit_graph(pool, &graph, 1, &out));
    CU_ASSERT_EQUAL(out, 7);
    CU_ASSERT_EQUAL(job_take_number(user), 1);
    job_drop(wait);
}

static void replicate_holds_as_many_copies(void)
{
    char *data = job_bytes(100000, 5), *back = malloc(100000);
    size_t count;
    dmpi_key key;
    OK(dmpi_put(pool, data, 100000, job_last(), &key));
    for (int copies = 1; copies <= job_workers(); copies++) {
        OK(dmpi_replicate(pool, key, (size_t)copies));
        OK(dmpi_rank_who_has(key, NULL, 0, &count));
        CU_ASSERT_EQUAL(count, copies);
    }
    OK(dmpi_replicate(pool, key, 1)); /* there are more: fine */
    OK(dmpi_replicate(pool, key, 0));
    for (int rank = 1; rank < dmpi_ranks(); rank++) {
        void *copy;
        OK(dmpi_rank_get(rank, key, &copy, &count));
        CU_ASSERT(count == 100000 && job_is_filled(copy, count, 5));
        free(copy);
    }
    OK(dmpi_get(pool, key, back, 100000, NULL));
    CU_ASSERT(job_is_filled(back, 100000, 5));
    job_drop(key);
    OK(dmpi_rank_has_what(job_last(), NULL, 0, &count));
    CU_ASSERT_EQUAL(count, 0);
    free(data);
    free(back);
}

static void replicate_waits_for_the_value(void)
{
    dmpi_key wait = start_nap(1, 0.1), key, bad;
    size_t count;
    key = job_submit(add, NULL, 0, NULL, 0);
    bad = job_submit(fails, NULL, 0, NULL, 0);
    OK(dmpi_replicate(pool, key, 0));
    OK(dmpi_rank_who_has(key, NULL, 0, &count));
    CU_ASSERT_EQUAL(count, job_workers());
    REFUSED(DMPI_EFAILED, dmpi_replicate(pool, bad, 0));
    REFUSED(DMPI_EINVAL, dmpi_replicate(pool, key, (size_t)job_workers() + 1));
    job_drop(wait);
    job_drop(key);
    job_drop(bad);
}

static const struct check_test tests[] = {
    {"map over arguments", map_over_arguments},
    {"map over keys, and over both", map_over_keys_and_both},
    {"map of nothing", map_of_nothing},
    {"map takes options", map_takes_options},
    {"map is refused as a whole", map_is_refused_as_a_whole},
    {"a graph may name tasks in any order", graph_may_name_tasks_in_any_order},
    {"a long graph backwards", graph_backwards},
    {"a graph is refused as a whole", graph_is_refused_as_a_whole},
    {"put goes to the chosen worker", put_goes_to_the_chosen_worker},
    {"put chooses the least filled worker",
     put_chooses_the_least_filled_worker},
    {"scatter is even and keeps neighbours together",
     scatter_is_even_and_keeps_neighbours},
    {"scatter goes where it is told", scatter_goes_where_it_is_told},
    {"scatterv and gatherv of any size", scatterv_and_gatherv_of_any_size},
    {"get tells the size that does not fit",
     get_tells_the_size_that_does_not_fit},
    {"get of 0 bytes", get_of_no_bytes},
    {"gather places all that can be had", gather_places_all_that_can_be_had},
    {"gatherv leaves the others untouched",
     gatherv_leaves_the_others_untouched},
    {"wait for any gives the one that ended",
     wait_for_any_gives_the_one_that_ended},
    {"wait ends at its timeout", wait_ends_at_its_timeout},
    {"wait tells the first that failed", wait_tells_the_first_that_failed},
    {"wait names what is no key", wait_names_what_is_no_key},
    {"a key's state goes from pending to done",
     state_goes_from_pending_to_done},
    {"dropped keys are gone", dropped_keys_are_gone},
    {"keys dropped before their tasks ran",
     keys_dropped_before_their_tasks_ran},
    {"a dropped key is no input", dropped_key_is_no_input},
    {"replicate holds as many copies", replicate_holds_as_many_copies},
    {"replicate waits for the value", replicate_waits_for_the_value},
};

int main(void)
{
    return job_run("pool", tests, CHECK_COUNT(tests));
}
