/* SPDX-License-Identifier: BSD-3-Clause */
/* test_table.c - records under numbers that come and go, mostly in order. */
#include "table.h"

#include "check.h"

#include <stdbool.h>

struct record {
    uint64_t number;
    uint64_t square;
};

static struct record *add(struct table *table, uint64_t number)
{
    struct record *record = table_add(table, number);

    CU_ASSERT_EQUAL(record->square, 0);
    record->number = number + 1; /* never 0 */
    record->square = number * number;
    return record;
}

static void take_out(struct table *table, uint64_t number)
{
    table_remove(table, number, table_find(table, number));
}

static bool has(const struct table *table, uint64_t number)
{
    const struct record *record = table_find(table, number);
    return record && record->number == number + 1 &&
           record->square == number * number;
}

static void empty_table_has_nothing(void)
{
    struct table table;
    uint64_t at = 0;

    table_init(&table, sizeof(struct record));
    CU_ASSERT_PTR_NULL(table_find(&table, 0));
    CU_ASSERT_PTR_NULL(table_find(&table, 1));
    CU_ASSERT_PTR_NULL(table_find(&table, UINT64_MAX));
    CU_ASSERT_PTR_NULL(table_next(&table, &at));
    table_fini(&table);
}

static void records_do_not_move(void)
{
    struct table table;
    struct record *records[5000];

    table_init(&table, sizeof(struct record));
    for (uint64_t i = 0; i < 5000; i++) records[i] = add(&table, i);
    for (uint64_t i = 0; i < 5000; i++)
        CU_ASSERT_PTR_EQUAL(table_find(&table, i), records[i]);
    CU_ASSERT_EQUAL(table.live, 5000);
    CU_ASSERT_PTR_NULL(table_find(&table, 5000));
    table_fini(&table);
}

static void removed_record_is_gone_and_may_come_again(void)
{
    struct table table;

    table_init(&table, sizeof(struct record));
    for (uint64_t i = 0; i < 1000; i++) add(&table, i);
    for (uint64_t i = 0; i < 1000; i += 2) take_out(&table, i);
    for (uint64_t i = 0; i < 1000; i++)
        CU_ASSERT_EQUAL(has(&table, i), i % 2 == 1);
    for (uint64_t i = 0; i < 1000; i += 2) add(&table, i);
    for (uint64_t i = 0; i < 1000; i++) CU_ASSERT_TRUE(has(&table, i));
    CU_ASSERT_EQUAL(table.live, 1000);
    table_fini(&table);
}

static void directory_slides_along_with_the_numbers(void)
{
    struct table table;

    table_init(&table, sizeof(struct record));
    for (uint64_t i = 1; i <= 1000000; i++) {
        add(&table, i);
        if (i > 300) take_out(&table, i - 300);
    }
    CU_ASSERT_EQUAL(table.live, 300);
    CU_ASSERT_TRUE(table.capacity <= 16);
    CU_ASSERT_TRUE(has(&table, 1000000));
    CU_ASSERT_PTR_NULL(table_find(&table, 5));
    table_fini(&table);
}

static void one_old_record_keeps_its_place(void)
{
    struct table table;
    struct record *old;

    table_init(&table, sizeof(struct record));
    old = add(&table, 7);
    for (uint64_t i = 8; i < 200000; i++) {
        add(&table, i);
        if (i > 8) take_out(&table, i - 1);
    }
    CU_ASSERT_PTR_EQUAL(table_find(&table, 7), old);
    CU_ASSERT_EQUAL(table.live, 2);
    table_fini(&table);
}

/* A worker's key may be heard of after its later ones. */
static void number_may_come_late(void)
{
    static const uint64_t numbers[] = {100000, 5, 99999, 50000, 1, 200000, 0};
    struct table table;

    table_init(&table, sizeof(struct record));
    for (size_t i = 0; i < CHECK_COUNT(numbers); i++) {
        add(&table, numbers[i]);
        for (size_t k = 0; k < CHECK_COUNT(numbers); k++)
            CU_ASSERT_EQUAL(has(&table, numbers[k]), k <= i);
    }
    table_fini(&table);
}

static void number_may_come_after_its_page_was_forgotten(void)
{
    struct table table;

    table_init(&table, sizeof(struct record));
    for (uint64_t i = 1000; i < 100000; i++) {
        add(&table, i);
        take_out(&table, i);
    }
    add(&table, 100000);
    add(&table, 3);
    CU_ASSERT_TRUE(has(&table, 3));
    CU_ASSERT_TRUE(has(&table, 100000));
    take_out(&table, 3);
    take_out(&table, 100000);
    add(&table, 4);
    CU_ASSERT_TRUE(has(&table, 4));
    CU_ASSERT_EQUAL(table.live, 1);
    table_fini(&table);
}

static void walk_gives_all_in_order_and_may_remove(void)
{
    struct table table;
    struct record *record;
    uint64_t at = 0, last = 0;
    size_t walked = 0;

    table_init(&table, sizeof(struct record));
    for (uint64_t i = 1; i < 3000; i += 7) add(&table, i * i);
    while ((record = table_next(&table, &at))) {
        uint64_t number = record->number - 1;
        CU_ASSERT_TRUE(number > last);
        last = number;
        table_remove(&table, number, record);
        walked++;
    }
    CU_ASSERT_EQUAL(walked, 429);
    CU_ASSERT_EQUAL(table.live, 0);
    at = 0;
    CU_ASSERT_PTR_NULL(table_next(&table, &at));
    table_fini(&table);
}

/* Against a plain array, in any order. */
static void table_does_what_an_array_does(void)
{
    enum { NUMBERS = 5000 };
    static bool model[NUMBERS];
    struct table table;
    uint64_t state = 3;
    size_t wrong = 0;

    table_init(&table, sizeof(struct record));
    for (int step = 0; step < 200000; step++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        uint64_t number = (state >> 33) % NUMBERS;
        if (model[number]) take_out(&table, number);
        else add(&table, number);
        model[number] = !model[number];
        if (step % 5000) continue;
        for (uint64_t i = 0; i < NUMBERS; i++)
            wrong += has(&table, i) != model[i];
    }
    CU_ASSERT_EQUAL(wrong, 0);
    table_fini(&table);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"empty table has nothing", empty_table_has_nothing},
        {"records do not move", records_do_not_move},
        {"removed record is gone and may come again",
         removed_record_is_gone_and_may_come_again},
        {"directory slides along with the numbers",
         directory_slides_along_with_the_numbers},
        {"one old record keeps its place", one_old_record_keeps_its_place},
        {"number may come late", number_may_come_late},
        {"number may come after its page was forgotten",
         number_may_come_after_its_page_was_forgotten},
        {"walk gives all in order and may remove",
         walk_gives_all_in_order_and_may_remove},
        {"table does what an array does", table_does_what_an_array_does},
    };
    return check_run("table", tests, CHECK_COUNT(tests));
}
