/* SPDX-License-Identifier: BSD-3-Clause */
/* test_steal.c - whom an idle worker asks, and when it falls silent. */
#include "steal.h"

#include "check.h"

enum { RANKS = 33 };

/* Ranks 1..16 on node 0, 17..32 on node 1. */
static const int *nodes(void)
{
    static int node_of[RANKS];
    for (int rank = 1; rank < RANKS; rank++) node_of[rank] = (rank - 1) / 16;
    return node_of;
}

static void init(struct steal *steal, int rank, int ranks)
{
    steal_init(steal, rank, ranks, nodes());
}

/* Ask and be refused, until it falls silent. Returns how often. */
static int ask_in_vain(struct steal *steal)
{
    int asked = 0, victim;
    while ((victim = steal_next_victim(steal))) {
        steal_refused(steal, victim);
        asked++;
    }
    return asked;
}

static void one_is_asked_at_a_time(void)
{
    struct steal steal;

    init(&steal, 1, RANKS);
    int victim = steal_next_victim(&steal);
    CU_ASSERT_TRUE(victim > 0);
    CU_ASSERT_EQUAL(steal_next_victim(&steal), 0);
    steal_refused(&steal, victim);
    CU_ASSERT_TRUE(steal_next_victim(&steal) > 0);
    steal_fini(&steal);
}

static void worker_asks_each_once_and_never_itself(void)
{
    struct steal steal;
    int asked[RANKS] = {0}, sum = 0;

    init(&steal, 7, RANKS);
    for (int search = 0; search < 100; search++) {
        int victim;
        while ((victim = steal_next_victim(&steal))) {
            CU_ASSERT_TRUE(victim > 0 && victim < RANKS && victim != 7);
            steal_refused(&steal, victim);
            asked[victim]++;
            sum++;
        }
        steal_rest(&steal);
    }
    for (int rank = 1; rank < RANKS; rank++)
        CU_ASSERT_EQUAL(asked[rank], rank != 7);
    CU_ASSERT_EQUAL(sum, RANKS - 2);
    steal_fini(&steal);
}

static void search_is_short_even_among_many(void)
{
    struct steal steal;
    static int node_of[10001];

    steal_init(&steal, 1, 10001, node_of);
    CU_ASSERT_TRUE(ask_in_vain(&steal) <= 20);
    CU_ASSERT_EQUAL(steal_next_victim(&steal), 0);
    steal_rest(&steal);
    CU_ASSERT_TRUE(steal_next_victim(&steal) > 0);
    steal_fini(&steal);
}

static void last_victim_is_asked_first(void)
{
    for (int victim = 2; victim < RANKS; victim++) {
        struct steal steal;
        init(&steal, 1, RANKS);
        steal_given(&steal, victim);
        steal_rest(&steal);
        CU_ASSERT_EQUAL(steal_next_victim(&steal), victim);
        steal_fini(&steal);
    }
}

static void own_node_is_asked_rather_than_another(void)
{
    int near = 0;

    for (int rank = 1; rank < RANKS; rank++) {
        struct steal steal;
        init(&steal, rank, RANKS);
        int victim = steal_next_victim(&steal);
        near += nodes()[victim] == nodes()[rank];
        steal_fini(&steal);
    }
    CU_ASSERT_TRUE(near > (RANKS - 1) * 3 / 4);
}

static void offer_starts_a_new_search(void)
{
    struct steal steal;

    init(&steal, 1, RANKS);
    ask_in_vain(&steal);
    steal_offered(&steal, 9);
    CU_ASSERT_EQUAL(steal_next_victim(&steal), 9);
    steal_fini(&steal);
}

static void gift_ends_the_waiting(void)
{
    struct steal steal;

    init(&steal, 1, RANKS);
    int victim = steal_next_victim(&steal);
    steal_given(&steal, victim);
    CU_ASSERT_EQUAL(steal_next_victim(&steal), victim);
    steal_fini(&steal);
}

static void single_worker_has_nobody_to_ask(void)
{
    struct steal steal;

    init(&steal, 1, 2);
    CU_ASSERT_EQUAL(steal_next_victim(&steal), 0);
    steal_rest(&steal);
    CU_ASSERT_EQUAL(steal_next_victim(&steal), 0);
    steal_fini(&steal);
}

static void each_hungry_thief_gets_one_offer(void)
{
    struct steal steal;
    int offered[RANKS] = {0};

    init(&steal, 1, RANKS);
    CU_ASSERT_EQUAL(steal_next_thief(&steal), 0);
    for (int thief = 2; thief < 12; thief++) steal_remember(&steal, thief);
    steal_remember(&steal, 5); /* again */
    CU_ASSERT_EQUAL(steal.hungry_count, 10);
    for (int i = 0; i < 10; i++) offered[steal_next_thief(&steal)]++;
    CU_ASSERT_EQUAL(steal_next_thief(&steal), 0);
    for (int thief = 2; thief < 12; thief++) CU_ASSERT_EQUAL(offered[thief], 1);
    steal_remember(&steal, 5);
    CU_ASSERT_EQUAL(steal_next_thief(&steal), 5);
    steal_fini(&steal);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"one is asked at a time", one_is_asked_at_a_time},
        {"worker asks each once and never itself",
         worker_asks_each_once_and_never_itself},
        {"search is short even among many", search_is_short_even_among_many},
        {"last victim is asked first", last_victim_is_asked_first},
        {"own node is asked rather than another",
         own_node_is_asked_rather_than_another},
        {"offer starts a new search", offer_starts_a_new_search},
        {"gift ends the waiting", gift_ends_the_waiting},
        {"single worker has nobody to ask", single_worker_has_nobody_to_ask},
        {"each hungry thief gets one offer", each_hungry_thief_gets_one_offer},
    };
    return check_run("steal", tests, CHECK_COUNT(tests));
}
