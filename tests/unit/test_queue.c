/* SPDX-License-Identifier: BSD-3-Clause */
/* test_queue.c - first in, first out, within a priority. */
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

static struct item *pop(struct queue *queue)
{
    return (struct item *)queue_pop(queue);
}

static void push(struct queue *queue, unsigned i, int priority)
{
    items[i].priority = priority;
    items[i].order = i;
    queue_push(queue, &items[i].link, priority);
}

static void equal_priorities_leave_as_they_came(void)
{
    struct queue queue = {0};

    for (unsigned i = 0; i < 100; i++) push(&queue, i, 0);
    CU_ASSERT_EQUAL(queue.count, 100);
    for (unsigned i = 0; i < 100; i++)
        CU_ASSERT_PTR_EQUAL(pop(&queue), &items[i]);
    CU_ASSERT_PTR_NULL(pop(&queue));
    CU_ASSERT_EQUAL(queue.count, 0);
    queue_fini(&queue);
}

static void higher_priority_leaves_first(void)
{
    static const int priorities[] = {0, INT32_MIN, 5, -5, INT32_MAX, 0, 5};
    static const unsigned order[] = {4, 2, 6, 0, 5, 3, 1};
    struct queue queue = {0};

    for (unsigned i = 0; i < 7; i++) push(&queue, i, priorities[i]);
    for (unsigned i = 0; i < 7; i++)
        CU_ASSERT_PTR_EQUAL(pop(&queue), &items[order[i]]);
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
    queue_remove(&queue, &items[2].link, -1);
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
    queue_remove(&queue, &items[0].link, 3);
    queue_remove(&queue, &items[2].link, 3);
    queue_remove(&queue, &items[4].link, 3);
    CU_ASSERT_EQUAL(queue.count, 2);
    CU_ASSERT_PTR_EQUAL(pop(&queue), &items[1]);
    CU_ASSERT_PTR_EQUAL(pop(&queue), &items[3]);
    CU_ASSERT_PTR_NULL(pop(&queue));
    push(&queue, 0, 3);
    CU_ASSERT_PTR_EQUAL(pop(&queue), &items[0]);
    queue_fini(&queue);
}

/* Is A to leave before B? */
static int leaves_first(const struct item *a, const struct item *b)
{
    if (a->priority != b->priority) return a->priority > b->priority;
    return a->order < b->order;
}

/* More priorities than a queue likes to keep. */
static void order_holds_with_a_thousand_priorities(void)
{
    struct queue queue = {0};
    struct item *before, *item;

    for (unsigned i = 0; i < ITEMS; i++)
        push(&queue, i, (int)(i * 7919 % 1000) - 500);
    for (unsigned i = 0; i < ITEMS; i += 3)
        queue_remove(&queue, &items[i].link, items[i].priority);
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
    CU_ASSERT_TRUE(queue.level_capacity < 100);
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
        {"priorities come and go for ever", priorities_come_and_go_for_ever},
    };
    return check_run("queue", tests, CHECK_COUNT(tests));
}
