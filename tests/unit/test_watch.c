/* SPDX-License-Identifier: BSD-3-Clause */
/* test_watch.c - each watch is over once, in the order in which keys end. */
#include "watch.h"

#include "check.h"

enum { A = 11, B, C };

static struct watches watches;
static struct watch_list over;
static struct watch some[4];

static void watch(int i, uint64_t key)
{
    watches_add(&watches, &some[i], key, &over);
}

/* The next of LIST is number I. */
static void expect(struct watch_list *list, int i)
{
    CU_ASSERT_PTR_EQUAL(watch_list_take(list), &some[i]);
}

static void expect_end(struct watch_list *list)
{
    CU_ASSERT_PTR_NULL(watch_list_take(list));
    CU_ASSERT_EQUAL(watches.by_key.count, 0);
    watches_fini(&watches);
}

static void watches_come_in_the_order_of_ends(void)
{
    watch(0, A);
    watch(1, B);
    watch(2, C);
    CU_ASSERT_PTR_NULL(watch_list_take(&over));
    watches_end(&watches, C);
    watches_end(&watches, A);
    expect(&over, 2);
    watches_end(&watches, B);
    expect(&over, 0);
    expect(&over, 1);
    expect_end(&over);
}

static void watches_of_one_key_come_in_the_order_they_were_added(void)
{
    for (int i = 0; i < 4; i++) watch(i, A);
    watches_end(&watches, A);
    for (int i = 0; i < 4; i++) expect(&over, i);
    expect_end(&over);
}

static void each_goes_to_its_own_list(void)
{
    struct watch_list other = {0};
    watch(0, A);
    watches_add(&watches, &some[1], A, &other);
    watches_end(&watches, A);
    expect(&other, 1);
    expect(&over, 0);
    CU_ASSERT_PTR_NULL(watch_list_take(&over));
    expect_end(&other);
}

static void what_is_removed_does_not_come(void)
{
    for (int gone = 0; gone < 3; gone++) {
        for (int i = 0; i < 3; i++) watch(i, A);
        watches_remove(&watches, &some[gone]);
        watches_remove(&watches, &some[gone]);
        watches_end(&watches, A);
        for (int i = 0; i < 3; i++)
            if (i != gone) expect(&over, i);
        expect_end(&over);
    }
}

static void a_key_that_nobody_watches_may_end(void)
{
    watch(0, A);
    watches_remove(&watches, &some[0]);
    watches_end(&watches, A);
    watches_end(&watches, B);
    expect_end(&over);
}

static void what_has_ended_before_comes_at_once(void)
{
    watch(0, A);
    watch_end(&some[1], B, &over);
    watches_end(&watches, A);
    expect(&over, 1);
    watches_remove(&watches, &some[0]); /* it is over: nothing happens */
    expect(&over, 0);
    expect_end(&over);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"watches come in the order of ends",
         watches_come_in_the_order_of_ends},
        {"watches of one key come in the order they were added",
         watches_of_one_key_come_in_the_order_they_were_added},
        {"each goes to its own list", each_goes_to_its_own_list},
        {"what is removed does not come", what_is_removed_does_not_come},
        {"a key that nobody watches may end",
         a_key_that_nobody_watches_may_end},
        {"what has ended before comes at once",
         what_has_ended_before_comes_at_once},
    };
    return check_run("watch", tests, CHECK_COUNT(tests));
}
