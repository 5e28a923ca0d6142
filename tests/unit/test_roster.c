/* SPDX-License-Identifier: BSD-3-Clause */
/* test_roster.c - who has room, in turn; nobody is passed over. */
#include "roster.h"

#include "check.h"

#include <string.h>

enum { RANKS = 6 };

static void init(struct roster *roster, int ranks)
{
    dmpi_worker info[RANKS];

    memset(info, 0, sizeof info);
    for (int i = 0; i < ranks - 1; i++) {
        info[i].rank = i + 1;
        info[i].node = i % 2;
    }
    roster_init(roster, info, ranks, ROSTER_WINDOW_NS);
}

static void hand(struct roster *roster, int rank, uint32_t ns)
{
    roster_hand(roster, roster_at(roster, rank), ns, true);
}

static void end(struct roster *roster, int rank, uint32_t ns)
{
    roster_end(roster, roster_at(roster, rank), ns, true);
}

static bool has_room(struct roster *roster, int rank)
{
    return roster_at(roster, rank)->next != NULL;
}

static void all_have_room_at_first_and_take_turns(void)
{
    struct roster roster;

    init(&roster, RANKS);
    for (int round = 0; round < 2; round++)
        for (int rank = 1; rank < RANKS; rank++) {
            CU_ASSERT_PTR_EQUAL(roster_turn(&roster), roster_at(&roster, rank));
            roster_pass_turn(&roster);
        }
    roster_fini(&roster);
}

static void worker_gets_two_tasks_however_long_they_take(void)
{
    struct roster roster;

    init(&roster, RANKS);
    hand(&roster, 1, UINT32_MAX);
    CU_ASSERT_TRUE(has_room(&roster, 1));
    hand(&roster, 1, UINT32_MAX);
    CU_ASSERT_FALSE(has_room(&roster, 1));
    end(&roster, 1, UINT32_MAX);
    CU_ASSERT_TRUE(has_room(&roster, 1));
    roster_fini(&roster);
}

static void short_tasks_fill_the_window(void)
{
    enum { COST = ROSTER_WINDOW_NS / 100 };
    struct roster roster;
    int handed = 0;

    init(&roster, RANKS);
    for (; has_room(&roster, 1); handed++) hand(&roster, 1, COST);
    CU_ASSERT_EQUAL(handed, 100);
    /* It gets more when a quarter has ended, in one run. */
    for (; !has_room(&roster, 1); handed--) end(&roster, 1, COST);
    CU_ASSERT_EQUAL(handed, 74);
    roster_fini(&roster);
}

static void tasks_that_take_no_time_are_counted(void)
{
    struct roster roster;
    int handed = 0;

    init(&roster, RANKS);
    for (; has_room(&roster, 1); handed++) hand(&roster, 1, 0);
    CU_ASSERT_EQUAL(handed, ROSTER_TASKS_MAX);
    CU_ASSERT_FALSE(roster_fits(roster_at(&roster, 1)));
    end(&roster, 1, 0);
    CU_ASSERT_TRUE(roster_fits(roster_at(&roster, 1)));
    roster_fini(&roster);
}

static void full_workers_are_not_in_turn(void)
{
    struct roster roster;

    init(&roster, RANKS);
    for (int rank = 1; rank < RANKS; rank += 2)
        for (int i = 0; i < 2; i++) hand(&roster, rank, ROSTER_WINDOW_NS);
    for (int i = 0; i < 10; i++) {
        CU_ASSERT_EQUAL(roster_turn(&roster)->rank % 2, 0);
        roster_pass_turn(&roster);
    }
    for (int rank = 2; rank < RANKS; rank += 2)
        for (int i = 0; i < 2; i++) hand(&roster, rank, ROSTER_WINDOW_NS);
    CU_ASSERT_PTR_NULL(roster_turn(&roster));
    roster_pass_turn(&roster);
    end(&roster, 3, ROSTER_WINDOW_NS);
    CU_ASSERT_PTR_EQUAL(roster_turn(&roster), roster_at(&roster, 3));
    roster_pass_turn(&roster);
    CU_ASSERT_PTR_EQUAL(roster_turn(&roster), roster_at(&roster, 3));
    roster_fini(&roster);
}

/* Against a scan: a worker is in the ring if and only if it should be. */
static void ring_holds_those_with_room_whatever_happens(void)
{
    struct roster roster;
    uint32_t costs[RANKS][64];
    size_t counts[RANKS] = {0}, wrong = 0;
    uint64_t state = 1;

    init(&roster, RANKS);
    for (int step = 0; step < 100000; step++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        int rank = 1 + (int)((state >> 33) % (RANKS - 1));
        if (state >> 63 && counts[rank] < 64) {
            uint32_t cost = (uint32_t)(state >> 20) % 50000;
            costs[rank][counts[rank]++] = cost;
            hand(&roster, rank, cost);
        } else if (counts[rank]) {
            end(&roster, rank, costs[rank][--counts[rank]]);
        }
        const struct worker_entry *worker = roster_at(&roster, rank);
        bool empty = worker->load_ns < ROSTER_WINDOW_NS / 2;
        bool full = worker->load_ns >= ROSTER_WINDOW_NS && counts[rank] >= 2;
        wrong += (empty && !worker->next) || (full && worker->next) ||
                 worker->tasks != counts[rank];
    }
    CU_ASSERT_EQUAL(wrong, 0);
    roster_fini(&roster);
}

static void least_filled_is_the_one_with_fewest_bytes(void)
{
    struct roster roster;

    init(&roster, RANKS);
    for (int rank = 1; rank < RANKS; rank++)
        roster_at(&roster, rank)->bytes = 100 - (uint64_t)(rank == 3);
    CU_ASSERT_EQUAL(roster_least_filled(&roster)->rank, 3);
    roster_fini(&roster);
}

static void ranks_of_a_node_are_known(void)
{
    struct roster roster;

    init(&roster, RANKS);
    CU_ASSERT_EQUAL(roster.node_count, 2);
    for (int rank = 1; rank < RANKS; rank++)
        for (int node = 0; node < 2; node++)
            CU_ASSERT_EQUAL(rankset_has(roster.nodes[node], rank),
                            (rank - 1) % 2 == node);
    roster_fini(&roster);
}

static void the_picked_one_has_fewest_tasks_of_a_few(void)
{
    struct roster roster;
    struct rankset *set = NULL;

    init(&roster, RANKS);
    for (int rank = 1; rank <= 3; rank++) rankset_add(&set, rank, RANKS);
    roster_at(&roster, 1)->tasks = roster_at(&roster, 3)->tasks = 5;
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(roster_pick(&roster, set, -1)->rank, 2);
    roster_at(&roster, 3)->tasks = 4;
    CU_ASSERT_EQUAL(roster_pick(&roster, set, 0)->rank, 3); /* 1, 3: node 0 */
    CU_ASSERT_EQUAL(roster_pick(&roster, set, 1)->rank, 2);
    CU_ASSERT_PTR_NULL(roster_pick(&roster, set, 7));
    CU_ASSERT_PTR_NULL(roster_pick(&roster, NULL, -1));
    rankset_free(set);
    roster_fini(&roster);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"the picked one has fewest tasks of a few",
         the_picked_one_has_fewest_tasks_of_a_few},
        {"all have room at first and take turns",
         all_have_room_at_first_and_take_turns},
        {"worker gets two tasks however long they take",
         worker_gets_two_tasks_however_long_they_take},
        {"short tasks fill the window", short_tasks_fill_the_window},
        {"tasks that take no time are counted",
         tasks_that_take_no_time_are_counted},
        {"full workers are not in turn", full_workers_are_not_in_turn},
        {"ring holds those with room whatever happens",
         ring_holds_those_with_room_whatever_happens},
        {"least filled is the one with fewest bytes",
         least_filled_is_the_one_with_fewest_bytes},
        {"ranks of a node are known", ranks_of_a_node_are_known},
    };
    return check_run("roster", tests, CHECK_COUNT(tests));
}
