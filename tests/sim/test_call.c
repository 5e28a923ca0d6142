/* SPDX-License-Identifier: BSD-3-Clause */
/* test_call.c - calls of functions on ranks: they keep their order, and each
 * that wants an answer gets its own. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "oracle.h"
#include "random.h"
#include "seeds.h"

enum { RANKS = 4, CALLS = 150, SIZE_MAX_ARGS = 6000 };

/* What a call says; filled up with bytes made of its number. */
struct head {
    uint64_t number; /* among those from this rank to that one */
    uint64_t size;
};

struct question {
    struct request *request;
    int from;
    uint64_t size;
};

struct game {
    struct cluster *cluster;
    uint64_t random;
    uint64_t said[RANKS][RANKS], heard[RANKS][RANKS]; /* calls */
    struct question open[CALLS];
    size_t open_count;
    bool good;
};

static struct exchange *exchange_of(struct cluster *cluster, int rank)
{
    return rank ? worker_exchange(cluster_worker(cluster, rank))
                : center_exchange(cluster->center);
}

static struct buffer *args_of(uint64_t number, uint64_t size)
{
    struct buffer *args = oracle_bytes(number, size);
    memcpy(args->data, &(struct head){number, size}, sizeof(struct head));
    return args;
}

static void say_one(struct game *game)
{
    int from = (int)random_below(&game->random, RANKS);
    int to = (int)random_below(&game->random, RANKS);
    bool wanted = random_one_in(&game->random, 2);
    uint64_t size =
        sizeof(struct head) +
        random_below(&game->random,
                     random_one_in(&game->random, 2) ? SIZE_MAX_ARGS : 100);
    struct exchange *exchange = exchange_of(game->cluster, from);
    struct buffer *args = args_of(++game->said[from][to], size);
    struct request *request = wanted ? exchange_open(exchange, NULL, 0) : NULL;
    exchange_call(exchange, to, ORACLE_SMALL, args, request ? request->id : 0);
    buffer_unref(args);
    if (request)
        game->open[game->open_count++] = (struct question){request, from, size};
}

/* The output is as long as the arguments, and sometimes an error. */
static void run_one(struct game *game, int rank)
{
    struct exchange *exchange = exchange_of(game->cluster, rank);
    struct call *call = exchange_take_call(exchange, false);
    struct head head;
    if (!call) return;
    memcpy(&head, call->args->data, sizeof head);
    struct buffer *args = args_of(head.number, head.size);
    bool right = head.number == ++game->heard[call->from][rank] &&
                 call->function == ORACLE_SMALL &&
                 oracle_same(args, call->args->data, call->args->size, false);
    if (!right)
        fprintf(stderr, "call %llu to %d is not as it was said\n",
                (unsigned long long)head.number, rank);
    game->good = game->good && right;
    exchange_called(exchange, call, args);
}

static void look_at_answers(struct game *game)
{
    for (size_t i = 0; i < game->open_count;) {
        struct question *open = &game->open[i];
        struct head head = {0};
        if (!open->request->done) {
            i++;
            continue;
        }
        memcpy(&head, open->request->data, sizeof head);
        if (open->request->status || open->request->bytes != open->size ||
            head.size != open->size)
            game->good = false;
        free(open->request->data);
        exchange_close(exchange_of(game->cluster, open->from), open->request);
        *open = game->open[--game->open_count];
    }
}

static bool play(uint64_t seed)
{
    struct cluster_setup setup = {.workers = RANKS - 1, .seed = seed};
    struct game game = {
        .cluster = cluster_new(&setup), .random = seed, .good = true};
    int left = CALLS;
    for (int steps = 0; (left || game.open_count) && steps < 100000; steps++) {
        if (left && random_one_in(&game.random, 6)) {
            say_one(&game);
            left--;
        }
        cluster_step(game.cluster);
        run_one(&game, (int)random_below(&game.random, RANKS));
        look_at_answers(&game);
    }
    cluster_run(game.cluster);
    for (int i = 0; i < RANKS * CALLS; i++) run_one(&game, i % RANKS);
    game.good = game.good && !game.open_count &&
                !memcmp(game.said, game.heard, sizeof game.said) &&
                cluster_stop(game.cluster);
    cluster_free(game.cluster);
    return game.good;
}

static void calls_arrive_whole_in_order_and_are_answered(void)
{
    CU_ASSERT_EQUAL(seeds_run(200, play), 0);
}

/* ---- one by one ----------------------------------------------------------*/

static struct cluster *two_workers(void)
{
    struct cluster_setup setup = {.workers = 2, .seed = 9};
    return cluster_new(&setup);
}

static void stop(struct cluster *cluster)
{
    CU_ASSERT_TRUE(cluster_stop(cluster));
    cluster_free(cluster);
}

static void call_whose_arguments_are_on_their_way_holds_back_later_ones(void)
{
    struct cluster *cluster = two_workers();
    struct exchange *one = exchange_of(cluster, 1);
    struct exchange *two = exchange_of(cluster, 2);
    struct buffer *large = oracle_bytes(1, 5000);
    struct call *call;

    exchange_call(one, 2, 1, large, 0);
    exchange_call(one, 2, 2, NULL, 0);
    buffer_unref(large);
    CU_ASSERT_EQUAL(network_deliver(cluster->network, 1, 2), MSG_CALL);
    CU_ASSERT_EQUAL(network_deliver(cluster->network, 1, 2), MSG_CALL);
    CU_ASSERT_PTR_NULL(exchange_take_call(two, false));
    CU_ASSERT_TRUE(network_end_transfer(cluster->network));
    for (uint32_t function = 1; function <= 2; function++) {
        call = exchange_take_call(two, false);
        CU_ASSERT_PTR_NOT_NULL_FATAL(call);
        CU_ASSERT_EQUAL(call->function, function);
        CU_ASSERT_EQUAL(call->from, 1);
        CU_ASSERT_EQUAL(call->args != NULL, function == 1);
        exchange_called(two, call, NULL);
    }
    CU_ASSERT_PTR_NULL(exchange_take_call(two, false));
    stop(cluster);
}

static void handlers_may_be_taken_before_calls_that_want_an_answer(void)
{
    struct cluster *cluster = two_workers();
    struct exchange *one = exchange_of(cluster, 1);
    struct exchange *two = exchange_of(cluster, 2);
    struct request *request = exchange_open(one, NULL, 0);
    static const uint32_t order[] = {2, 4, 1, 5};
    struct call *call;

    exchange_call(one, 2, 1, NULL, request->id);
    exchange_call(one, 2, 2, NULL, 0);
    exchange_call(one, 2, 4, NULL, 0);
    cluster_run(cluster);
    for (size_t i = 0; i < 4; i++) {
        if (i == 2) exchange_call(two, 2, 5, NULL, 0);
        call = exchange_take_call(two, i < 2);
        CU_ASSERT_PTR_NOT_NULL_FATAL(call);
        CU_ASSERT_EQUAL(call->function, order[i]);
        exchange_called(two, call, NULL);
    }
    CU_ASSERT_PTR_NULL(exchange_take_call(two, false));
    cluster_run(cluster);
    CU_ASSERT_TRUE(request->done);
    CU_ASSERT_EQUAL(request->status, DMPI_OK);
    exchange_close(one, request);
    stop(cluster);
}

static void check_failing_call(int from, int to)
{
    struct cluster *cluster = two_workers();
    struct exchange *here = exchange_of(cluster, from);
    struct exchange *there = exchange_of(cluster, to);
    struct request *request = exchange_open(here, NULL, 0);
    struct buffer *failure = oracle_call(ORACLE_FAIL, NULL, 0, NULL, 0);

    exchange_call(here, to, 1, NULL, request->id);
    cluster_run(cluster);
    exchange_called(there, exchange_take_call(there, false),
                    buffer_ref(failure));
    cluster_run(cluster);
    CU_ASSERT_TRUE_FATAL(request->done);
    CU_ASSERT_EQUAL(request->status, DMPI_EFAILED);
    CU_ASSERT_TRUE(
        oracle_same(failure, request->failure, sizeof *request->failure, true));
    CU_ASSERT_PTR_NULL(request->data);
    exchange_close(here, request);
    buffer_unref(failure);
    stop(cluster);
}

static void call_that_fails_answers_with_its_failure(void)
{
    check_failing_call(1, 2);
    check_failing_call(0, 1);
    check_failing_call(2, 0);
    check_failing_call(2, 2);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"calls arrive whole, in order, and are answered",
         calls_arrive_whole_in_order_and_are_answered},
        {"call whose arguments are on their way holds back later ones",
         call_whose_arguments_are_on_their_way_holds_back_later_ones},
        {"handlers may be taken before calls that want an answer",
         handlers_may_be_taken_before_calls_that_want_an_answer},
        {"call that fails answers with its failure",
         call_that_fails_answers_with_its_failure},
    };
    return check_run("call", tests, CHECK_COUNT(tests));
}
