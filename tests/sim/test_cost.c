/* SPDX-License-Identifier: BSD-3-Clause */
/* test_cost.c - how many messages and bytes things cost. */
#include "check.h"

#include "cluster.h"
#include "oracle.h"

enum { STEPS = 200 };

static struct cluster *cluster_of(int workers)
{
    struct cluster_setup setup = {.workers = workers, .seed = 7, .check = true};
    return cluster_new(&setup);
}

static uint64_t said(struct cluster *cluster, unsigned kind)
{
    return network_said(cluster->network, kind);
}

/* Nobody holds keys any more: the tests drop them all before. */
static void stop(struct cluster *cluster)
{
    CU_ASSERT_TRUE(cluster_stop(cluster));
    cluster_free(cluster);
}

static void drop(struct cluster *cluster, const uint64_t keys[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        CU_ASSERT_EQUAL(center_drop(cluster->center, keys[i]), DMPI_OK);
}

static uint64_t put(struct cluster *cluster, int rank, size_t size)
{
    struct buffer *buffer = oracle_bytes((uint64_t)rank, size);
    uint64_t key = center_put(cluster->center, rank, buffer);
    buffer_unref(buffer);
    return key;
}

/* ---- messages per task ---------------------------------------------------*/

static void check_independent_tasks(int workers)
{
    struct cluster *cluster = cluster_of(workers);
    uint64_t keys[2000];

    for (size_t i = 0; i < 2000; i++)
        keys[i] = cluster_submit(cluster, ORACLE_WORD, NULL, 0, i, 0, false);
    cluster_run(cluster);
    CU_ASSERT_EQUAL(said(cluster, MSG_TASK_RUN), 2000);
    CU_ASSERT_EQUAL(said(cluster, MSG_TASK_DONE), 2000);
    CU_ASSERT_EQUAL(network_said_in_all(cluster->network), 4000);
    CU_ASSERT_EQUAL(cluster_busy_workers(cluster), workers);
    drop(cluster, keys, 2000);
    stop(cluster);
}

static void independent_task_costs_one_message_there_and_one_back(void)
{
    check_independent_tasks(1);
    check_independent_tasks(3);
    check_independent_tasks(64);
    check_independent_tasks(200);
}

/* Worker of step I, and how many messages besides RUN and DONE that makes. */
static void check_chain(int (*worker_of)(int step), uint64_t fetches)
{
    struct cluster *cluster = cluster_of(3);
    uint64_t keys[STEPS];

    for (int i = 0; i < STEPS; i++)
        keys[i] = cluster_submit(cluster, ORACLE_SMALL, i ? &keys[i - 1] : NULL,
                                 i != 0, (uint64_t)i, worker_of(i),
                                 worker_of(i) != 0);
    cluster_run(cluster);
    CU_ASSERT_EQUAL(said(cluster, MSG_TASK_RUN), STEPS);
    CU_ASSERT_EQUAL(said(cluster, MSG_TASK_DONE), STEPS);
    CU_ASSERT_EQUAL(said(cluster, MSG_KEY_FETCH), fetches);
    CU_ASSERT_EQUAL(said(cluster, MSG_KEY_VALUE), fetches);
    CU_ASSERT_EQUAL(network_said_in_all(cluster->network),
                    2 * STEPS + 2 * fetches);
    drop(cluster, keys, STEPS);
    stop(cluster);
}

static int first_worker(int step)
{
    return 1;
}

static int first_worker_then_where_it_lies(int step)
{
    return step ? 0 : 1;
}

static int one_worker_after_the_other(int step)
{
    return 1 + step % 2;
}

static void chain_on_one_worker_fetches_nothing(void)
{
    check_chain(first_worker, 0);
}

static void chain_stays_where_it_began(void)
{
    check_chain(first_worker_then_where_it_lies, 0);
}

static void step_to_another_worker_costs_a_fetch_and_a_value(void)
{
    check_chain(one_worker_after_the_other, STEPS - 1);
}

static void all_steps_are_sent_before_the_first_has_run(void)
{
    struct cluster *cluster = cluster_of(2);
    uint64_t keys[STEPS];

    for (int i = 0; i < STEPS; i++)
        keys[i] = cluster_submit(cluster, ORACLE_WORD, i ? &keys[i - 1] : NULL,
                                 i != 0, (uint64_t)i, 1 + i % 2, true);
    CU_ASSERT_EQUAL(said(cluster, MSG_TASK_RUN), STEPS);
    cluster_run(cluster);
    drop(cluster, keys, STEPS);
    stop(cluster);
}

/* ---- bytes ---------------------------------------------------------------*/

static void maps_over_evenly_placed_keys_move_no_value(void)
{
    struct cluster *cluster = cluster_of(8);
    uint64_t keys[4][64];

    for (int i = 0; i < 64; i++) keys[0][i] = put(cluster, 1 + i % 8, 4000);
    for (int map = 1; map < 4; map++)
        for (int i = 0; i < 64; i++)
            keys[map][i] = cluster_submit(cluster, ORACLE_LARGE,
                                          &keys[map - 1][i], 1, 0, 0, false);
    cluster_run(cluster);
    CU_ASSERT_EQUAL(said(cluster, MSG_KEY_FETCH), 0);
    CU_ASSERT_EQUAL(cluster_busy_workers(cluster), 8);
    drop(cluster, keys[0], 4 * 64);
    CU_ASSERT_TRUE(cluster_stop(cluster));
    struct msg_counts counts = cluster_counts(cluster);
    CU_ASSERT_EQUAL(counts.bytes_to_workers, 0);
    CU_ASSERT_EQUAL(counts.bytes_to_center, 0);
    CU_ASSERT_EQUAL(counts.tasks_run, 3 * 64);
    CU_ASSERT_EQUAL(counts.inputs, 3 * 64);
    CU_ASSERT_EQUAL(counts.inputs_local, 3 * 64);
    CU_ASSERT_EQUAL(center_bytes_put(cluster->center), 64 * 4000);
    cluster_free(cluster);
}

static void task_goes_where_most_bytes_of_its_inputs_lie(void)
{
    struct cluster *cluster = cluster_of(4);
    uint64_t inputs[] = {put(cluster, 1, 3000), put(cluster, 3, 2000),
                         put(cluster, 3, 2000)};
    uint64_t key = cluster_submit(cluster, ORACLE_WORD, inputs, 3, 0, 0, false);

    cluster_run(cluster);
    CU_ASSERT_EQUAL(cluster_member(cluster, 3)->jobs, 1);
    CU_ASSERT_EQUAL(said(cluster, MSG_KEY_FETCH), 1);
    drop(cluster, inputs, 3);
    drop(cluster, &key, 1);
    CU_ASSERT_TRUE(cluster_stop(cluster));
    CU_ASSERT_EQUAL(cluster_counts(cluster).bytes_to_workers, 3000);
    cluster_free(cluster);
}

static void value_is_fetched_once_by_a_worker(void)
{
    struct cluster *cluster = cluster_of(4);
    uint64_t input = put(cluster, 1, 3000), keys[90];

    for (int i = 0; i < 90; i++)
        keys[i] = cluster_submit(cluster, ORACLE_WORD, &input, 1, (uint64_t)i,
                                 2 + i % 3, true);
    cluster_run(cluster);
    CU_ASSERT_EQUAL(said(cluster, MSG_KEY_FETCH), 3);
    CU_ASSERT_EQUAL(said(cluster, MSG_KEY_VALUE), 3);
    CU_ASSERT_EQUAL(network_transfers(cluster->network), 1 + 3);
    drop(cluster, keys, 90);
    drop(cluster, &input, 1);
    stop(cluster);
}

static void input_named_twice_is_fetched_once(void)
{
    struct cluster *cluster = cluster_of(2);
    uint64_t input = put(cluster, 1, 100), twice[] = {input, input};
    uint64_t key = cluster_submit(cluster, ORACLE_WORD, twice, 2, 0, 2, true);

    cluster_run(cluster);
    CU_ASSERT_EQUAL(said(cluster, MSG_KEY_FETCH), 1);
    drop(cluster, &input, 1);
    drop(cluster, &key, 1);
    stop(cluster);
}

static void drop_costs_a_message_for_each_holder(void)
{
    struct cluster *cluster = cluster_of(4);
    uint64_t input = put(cluster, 1, 100), keys[2];

    for (int i = 0; i < 2; i++)
        keys[i] =
            cluster_submit(cluster, ORACLE_WORD, &input, 1, 0, 2 + i, true);
    cluster_run(cluster);
    network_count_anew(cluster->network);
    drop(cluster, &input, 1);
    CU_ASSERT_EQUAL(said(cluster, MSG_KEY_DROP), 3);
    drop(cluster, keys, 2);
    CU_ASSERT_EQUAL(said(cluster, MSG_KEY_DROP), 5);
    stop(cluster);
}

static void key_in_use_is_not_dropped_before_its_task_has_run(void)
{
    struct cluster *cluster = cluster_of(2);
    uint64_t input = put(cluster, 1, 100);
    uint64_t key = cluster_submit(cluster, ORACLE_WORD, &input, 1, 0, 2, true);
    struct center_view view;

    drop(cluster, &input, 1);
    CU_ASSERT_FALSE(center_look(cluster->center, input, &view));
    CU_ASSERT_EQUAL(center_drop(cluster->center, input), DMPI_ENOKEY);
    CU_ASSERT_EQUAL(said(cluster, MSG_KEY_DROP), 0);
    cluster_run(cluster);
    CU_ASSERT_EQUAL(said(cluster, MSG_KEY_DROP), 2);
    drop(cluster, &key, 1);
    stop(cluster);
}

static void dropped_key_is_no_input(void)
{
    struct cluster *cluster = cluster_of(2);
    uint64_t input = put(cluster, 1, 100);
    uint64_t key = cluster_submit(cluster, ORACLE_WORD, &input, 1, 0, 2, true);
    struct task_order order = {.inputs = &input, .input_count = 1};

    CU_ASSERT_EQUAL(center_check_order(cluster->center, &order), DMPI_OK);
    drop(cluster, &input, 1);
    CU_ASSERT_EQUAL(center_check_order(cluster->center, &order), DMPI_ENOKEY);
    cluster_run(cluster);
    CU_ASSERT_EQUAL(center_check_order(cluster->center, &order), DMPI_ENOKEY);
    drop(cluster, &key, 1);
    stop(cluster);
}

/* ---- copies --------------------------------------------------------------*/

static void copies_are_made_by_workers_that_have_one(void)
{
    struct cluster *cluster = cluster_of(16);
    struct exchange *exchange = center_exchange(cluster->center);
    struct request *requests[16];
    uint64_t key = put(cluster, 5, 3000);

    cluster_run(cluster);
    size_t made = center_replicate(cluster->center, key, 16, requests);
    CU_ASSERT_EQUAL(made, 15);
    cluster_run(cluster);
    for (size_t i = 0; i < made; i++) {
        CU_ASSERT_TRUE(requests[i]->done);
        exchange_close(exchange, requests[i]);
        center_unneed(cluster->center, key);
    }
    for (int rank = 1; rank <= 16; rank++)
        CU_ASSERT_EQUAL(worker_values_held(cluster_worker(cluster, rank)), 1);
    CU_ASSERT_EQUAL(said(cluster, MSG_KEY_COPY), 15);
    CU_ASSERT_EQUAL(said(cluster, MSG_KEY_VALUE), 15);
    CU_ASSERT_EQUAL(center_replicate(cluster->center, key, 16, requests), 0);
    /* A tree: nobody sends to all. */
    for (int rank = 1; rank <= 16; rank++)
        CU_ASSERT_TRUE(port_messages(network_port(cluster->network, rank)) <=
                       2 + 2);
    drop(cluster, &key, 1);
    stop(cluster);
}

static void copy_on_the_own_node_is_fetched(void)
{
    struct cluster_setup setup = {.workers = 4, .nodes = 2, .seed = 3};
    struct cluster *cluster = cluster_new(&setup);
    uint64_t input = put(cluster, 1, 100); /* 1 and 3 share a node */
    uint64_t keys[3];

    keys[0] = cluster_submit(cluster, ORACLE_WORD, &input, 1, 0, 2, true);
    cluster_run(cluster);
    keys[1] = cluster_submit(cluster, ORACLE_WORD, &input, 1, 0, 4, true);
    cluster_run(cluster);
    CU_ASSERT_EQUAL(network_port(cluster->network, 4)->sent[2], 1);
    CU_ASSERT_EQUAL(network_port(cluster->network, 4)->sent[1], 0);
    drop(cluster, &input, 1);
    drop(cluster, keys, 2);
    stop(cluster);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"independent task costs one message there and one back",
         independent_task_costs_one_message_there_and_one_back},
        {"chain on one worker fetches nothing",
         chain_on_one_worker_fetches_nothing},
        {"chain stays where it began", chain_stays_where_it_began},
        {"step to another worker costs a fetch and a value",
         step_to_another_worker_costs_a_fetch_and_a_value},
        {"all steps are sent before the first has run",
         all_steps_are_sent_before_the_first_has_run},
        {"maps over evenly placed keys move no value",
         maps_over_evenly_placed_keys_move_no_value},
        {"task goes where most bytes of its inputs lie",
         task_goes_where_most_bytes_of_its_inputs_lie},
        {"value is fetched once by a worker",
         value_is_fetched_once_by_a_worker},
        {"input named twice is fetched once",
         input_named_twice_is_fetched_once},
        {"drop costs a message for each holder",
         drop_costs_a_message_for_each_holder},
        {"key in use is not dropped before its task has run",
         key_in_use_is_not_dropped_before_its_task_has_run},
        {"dropped key is no input", dropped_key_is_no_input},
        {"copies are made by workers that have one",
         copies_are_made_by_workers_that_have_one},
        {"copy on the own node is fetched", copy_on_the_own_node_is_fetched},
    };
    return check_run("cost", tests, CHECK_COUNT(tests));
}
