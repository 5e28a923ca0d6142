/* SPDX-License-Identifier: BSD-3-Clause */
/* test_queue.c - first in, first out, within an order. */
#include "queue.h"

#include "check.h"

#include <stdint.h>

enum { ITEMS = 2000 };

struct item {
    struct link link; /* first */
    int priority;
    unsigned order; /* of pushing */
};

static struct item items[ITEMS];

static uint64_t order_of(int priority)
{
    return (uint64_t)((int64_t)priority - INT32_MIN) << 20;
}

static struct item *pop(struct queue *queue)
{
    return (struct item *)queue_pop(queue);
}

static void push(struct queue *queue, unsigned i, int priority)
{
    items[i].priority = priority;
    items[i].order = i;
    queue_push(queue, &items[i].link, order_of(priority));
}

static void equal_priorities_leave_as_they_came(void)
{
    struct queue queue = {0};

    for (unsigned i = 0; i < 100; i++) push(&queue, i, 0);
    CU_ASSERT_EQUAL(queue.count, 100);
    for (unsigned i = 0; i < 100; i++)
        CU_ASSERT_PTR_EQUAL(pop(&queue), &items[i]);
    CU_ASSERT_PTR_NULL(pop(&queue));
    CU_ASSERT_PTR_NULL(queue_first(&queue));
    CU_ASSERT_EQUAL(queue.count, 0);
    queue_fini(&queue);
}

static void higher_priority_leaves_first(void)
{
    static const int priorities[] = {0, INT32_MIN, 5, -5, INT32_MAX, 0, 5};
    static const unsigned order[] = {4, 2, 6, 0, 5, 3, 1};
    struct queue queue = {0};

    for (unsigned i = 0; i < 7; i++) push(&queue, i, priorities[i]);
    for (unsigned i = 0; i < 7; i++) {
        CU_ASSERT_PTR_EQUAL(queue_first(&queue), &items[order[i]]);
        CU_ASSERT_PTR_EQUAL(pop(&queue), &items[order[i]]);
    }
    queue_fini(&queue);
}

static void last_is_what_would_be_popped_last(void)
{
    struct queue queue = {0};

    CU_ASSERT_PTR_NULL(queue_last(&queue));
    push(&queue, 0, 1);
    push(&queue, 1, 1);
    CU_ASSERT_PTR_EQUAL(queue_last(&queue), &items[1].link);
    push(&queue, 2, -1);
    push(&queue, 3, 7);
    CU_ASSERT_PTR_EQUAL(queue_last(&queue), &items[2].link);
    queue_remove(&queue, &items[2].link, order_of(-1));
    CU_ASSERT_PTR_EQUAL(queue_last(&queue), &items[1].link);
    while (pop(&queue)) {
    }
    CU_ASSERT_PTR_NULL(queue_last(&queue));
    queue_fini(&queue);
}

static void link_can_be_taken_out_anywhere(void)
{
    struct queue queue = {0};

    for (unsigned i = 0; i < 5; i++) push(&queue, i, 3);
    queue_remove(&queue, &items[0].link, order_of(3));
    queue_remove(&queue, &items[2].link, order_of(3));
    queue_remove(&queue, &items[4].link, order_of(3));
    CU_ASSERT_EQUAL(queue.count, 2);
    CU_ASSERT_PTR_EQUAL(pop(&queue), &items[1]);
    CU_ASSERT_PTR_EQUAL(pop(&queue), &items[3]);
    CU_ASSERT_PTR_NULL(pop(&queue));
    push(&queue, 0, 3);
    CU_ASSERT_PTR_EQUAL(pop(&queue), &items[0]);
    queue_fini(&queue);
}

static void all_can_be_looked_at_from_the_last_one_on(void)
{
    struct queue queue = {0};
    const struct link *link;
    struct item *expected[ITEMS];
    size_t count = 0;

    for (unsigned i = 0; i < ITEMS; i++) push(&queue, i, (int)(i * 31 % 50));
    for (unsigned i = 0; i < ITEMS / 2; i++) expected[0] = pop(&queue);
    push(&queue, (unsigned)(expected[0] - items), 100);
    link = queue_last(&queue);
    while (link) {
        const struct item *item = (const struct item *)link;
        expected[count++] = (struct item *)item;
        link = queue_before(&queue, link, order_of(item->priority));
    }
    CU_ASSERT_EQUAL(count, queue.count);
    while (count) CU_ASSERT_PTR_EQUAL(pop(&queue), expected[--count]);
    queue_fini(&queue);
}

/* Some always wait behind those that come and go. */
static void few_levels_are_kept(void)
{
    struct queue queue = {0};

    push(&queue, 0, -1000000);
    for (int round = 0; round < 10000; round++) {
        push(&queue, 1, round);
        CU_ASSERT_PTR_EQUAL(pop(&queue), &items[1]);
    }
    for (int round = 10000; round-- > 0;) {
        push(&queue, 1, round);
        push(&queue, 2, round - 1);
        CU_ASSERT_PTR_EQUAL(pop(&queue), &items[1]);
        CU_ASSERT_PTR_EQUAL(pop(&queue), &items[2]);
    }
    CU_ASSERT_TRUE(queue_levels(&queue) < 10);
    CU_ASSERT_PTR_EQUAL(pop(&queue), &items[0]);
    queue_fini(&queue);
}

/* Is A to leave before B? */
static int leaves_first(const struct item *a, const struct item *b)
{
    if (a->priority != b->priority) return a->priority > b->priority;
    return a->order < b->order;
}

static void order_holds_with_a_thousand_priorities(void)
{
    struct queue queue = {0};
    struct item *before, *item;

    for (unsigned i = 0; i < ITEMS; i++)
        push(&queue, i, (int)(i * 7919 % 1000) - 500);
    for (unsigned i = 0; i < ITEMS; i += 3)
        queue_remove(&queue, &items[i].link, order_of(items[i].priority));
    CU_ASSERT_EQUAL(queue.count, ITEMS - ITEMS / 3 - 1);
    before = pop(&queue);
    while ((item = pop(&queue))) {
        CU_ASSERT_TRUE(leaves_first(before, item));
        CU_ASSERT_TRUE(item->order % 3 != 0);
        before = item;
    }
    queue_fini(&queue);
}

static void priorities_come_and_go_for_ever(void)
{
    struct queue queue = {0};

    for (int round = 0; round < 100000; round++) {
        push(&queue, 0, round);
        push(&queue, 1, -round);
        CU_ASSERT_PTR_EQUAL(pop(&queue), &items[0]);
        CU_ASSERT_PTR_EQUAL(pop(&queue), &items[1]);
    }
    CU_ASSERT_TRUE(queue_levels(&queue) < 10);
    queue_fini(&queue);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"equal priorities leave as they came",
         equal_priorities_leave_as_they_came},
        {"higher priority leaves first", higher_priority_leaves_first},
        {"last is what would be popped last",
         last_is_what_would_be_popped_last},
        {"link can be taken out anywhere", link_can_be_taken_out_anywhere},
        {"order holds with a thousand priorities",
         order_holds_with_a_thousand_priorities},
        {"all can be looked at from the last one on",
         all_can_be_looked_at_from_the_last_one_on},
        {"few levels are kept", few_levels_are_kept},
        {"priorities come and go for ever", priorities_come_and_go_for_ever},
    };
    return check_run("queue", tests, CHECK_COUNT(tests));
}
