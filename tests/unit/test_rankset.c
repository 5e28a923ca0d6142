/* SPDX-License-Identifier: BSD-3-Clause */
/* test_rankset.c - sets of ranks, empty ones included. */
#include "rankset.h"

#include "check.h"

enum { RANKS = 200 };

static void no_set_is_the_empty_set(void)
{
    rankset_remove(NULL, 5);
    CU_ASSERT_FALSE(rankset_has(NULL, 5));
    CU_ASSERT_EQUAL(rankset_count(NULL), 0);
    CU_ASSERT_EQUAL(rankset_next(NULL, 0), -1);
    CU_ASSERT_EQUAL(rankset_common(NULL, NULL), -1);
    rankset_free(NULL);
}

static void members_are_what_was_added_and_not_removed(void)
{
    struct rankset *set = NULL;

    for (int rank = 0; rank < RANKS; rank += 3) rankset_add(&set, rank, RANKS);
    for (int rank = 0; rank < RANKS; rank += 3) rankset_add(&set, rank, RANKS);
    for (int rank = 0; rank < RANKS; rank += 2) rankset_remove(set, rank);
    size_t count = 0;
    for (int rank = 0; rank < RANKS; rank++) {
        bool member = rank % 3 == 0 && rank % 2 == 1;
        CU_ASSERT_EQUAL(rankset_has(set, rank), member);
        count += member;
    }
    CU_ASSERT_EQUAL(rankset_count(set), count);
    rankset_free(set);
}

static void walk_visits_all_members_in_order(void)
{
    static const int members[] = {0, 1, 63, 64, 65, 127, 128, 199};
    struct rankset *set = NULL;
    size_t i = 0;

    for (size_t k = 0; k < CHECK_COUNT(members); k++)
        rankset_add(&set, members[k], RANKS);
    for (int rank = rankset_next(set, 0); rank >= 0;
         rank = rankset_next(set, rank + 1))
        CU_ASSERT_EQUAL(rank, members[i++]);
    CU_ASSERT_EQUAL(i, CHECK_COUNT(members));
    CU_ASSERT_EQUAL(rankset_next(set, 66), 127);
    CU_ASSERT_EQUAL(rankset_next(set, 199), 199);
    CU_ASSERT_EQUAL(rankset_next(set, 200), -1);
    CU_ASSERT_EQUAL(rankset_next(set, 10000), -1);
    rankset_free(set);
}

static void set_of_64_ranks_ends_there(void)
{
    struct rankset *set = NULL;

    rankset_add(&set, 63, 64);
    CU_ASSERT_EQUAL(rankset_next(set, 0), 63);
    CU_ASSERT_EQUAL(rankset_next(set, 64), -1);
    rankset_free(set);
}

static void common_member_is_in_both(void)
{
    struct rankset *a = NULL, *b = NULL;

    rankset_add(&a, 3, RANKS);
    rankset_add(&a, 150, RANKS);
    rankset_add(&b, 4, RANKS);
    CU_ASSERT_EQUAL(rankset_common(a, b), -1);
    CU_ASSERT_EQUAL(rankset_common(a, NULL), -1);
    rankset_add(&b, 150, RANKS);
    CU_ASSERT_EQUAL(rankset_common(a, b), 150);
    rankset_free(a);
    rankset_free(b);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"no set is the empty set", no_set_is_the_empty_set},
        {"members are what was added and not removed",
         members_are_what_was_added_and_not_removed},
        {"walk visits all members in order", walk_visits_all_members_in_order},
        {"set of 64 ranks ends there", set_of_64_ranks_ends_there},
        {"common member is in both", common_member_is_in_both},
    };
    return check_run("rankset", tests, CHECK_COUNT(tests));
}
