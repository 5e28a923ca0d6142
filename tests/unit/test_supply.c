/* SPDX-License-Identifier: BSD-3-Clause */
/* test_supply.c - resources are read as they are written, mistakes are named. */
#include "supply.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

enum { RANKS = 5 };

static struct supply supply;
static struct amounts amounts;
static char why[300];

static bool read_supply(const char *text)
{
    *why = 0;
    return supply_read(&supply, text, RANKS, why, sizeof why);
}

static bool read_amounts(const char *text)
{
    *why = 0;
    return supply_read_amounts(&supply, text, &amounts, why, sizeof why);
}

static int count(const char *name, int rank)
{
    return supply_count(&supply, supply_find(&supply, name), rank);
}

static void each_worker_has_what_is_said(void)
{
    CU_ASSERT_TRUE_FATAL(read_supply("gpu:2 fpga"));
    CU_ASSERT_EQUAL(supply.kind_count, 2);
    CU_ASSERT_EQUAL(count("gpu", 1), 2);
    CU_ASSERT_EQUAL(count("gpu", 4), 2);
    CU_ASSERT_EQUAL(count("fpga", 3), 1);
    CU_ASSERT_EQUAL(supply_find(&supply, "gp"), -1);
    CU_ASSERT_EQUAL(supply_find(&supply, "gpus"), -1);
}

static void entries_are_apart_by_blanks_commas_or_plus(void)
{
    CU_ASSERT_TRUE_FATAL(read_supply("  a:1,b:2+c:3 \t d:4\n"));
    CU_ASSERT_EQUAL(supply.kind_count, 4);
    CU_ASSERT_EQUAL(count("c", 1), 3);
    CU_ASSERT_TRUE(read_amounts("a+b:2, c"));
    CU_ASSERT_EQUAL(amounts.of[0], 1);
    CU_ASSERT_EQUAL(amounts.of[1], 2);
    CU_ASSERT_EQUAL(amounts.of[2], 1);
    CU_ASSERT_EQUAL(amounts.of[3], 0);
}

static void single_ranks_may_have_another_number(void)
{
    CU_ASSERT_TRUE_FATAL(read_supply("gpu:2 gpu:4@rank3 gpu:0@rank1"));
    CU_ASSERT_EQUAL(supply.kind_count, 1);
    CU_ASSERT_EQUAL(count("gpu", 1), 0);
    CU_ASSERT_EQUAL(count("gpu", 2), 2);
    CU_ASSERT_EQUAL(count("gpu", 3), 4);
    CU_ASSERT_TRUE_FATAL(read_supply("tape@rank2"));
    CU_ASSERT_EQUAL(count("tape", 1), 0);
    CU_ASSERT_EQUAL(count("tape", 2), 1);
}

static void the_pool_has_some_in_all(void)
{
    CU_ASSERT_TRUE_FATAL(read_supply("license:5@pool gpu"));
    CU_ASSERT_TRUE(supply.kinds[0].of_pool);
    CU_ASSERT_EQUAL(count("license", 1), 5);
    CU_ASSERT_FALSE(supply.kinds[1].of_pool);
}

static void nothing_is_a_list_too(void)
{
    CU_ASSERT_TRUE(read_supply(""));
    CU_ASSERT_EQUAL(supply.kind_count, 0);
    CU_ASSERT_TRUE(read_amounts(" "));
    CU_ASSERT_FALSE(read_amounts("gpu"));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "none"));
}

static void what_a_task_asks_for_adds_up(void)
{
    CU_ASSERT_TRUE_FATAL(read_supply("gpu:2 license:5@pool"));
    CU_ASSERT_TRUE(read_amounts("gpu license:2 gpu:1"));
    CU_ASSERT_EQUAL(amounts.of[0], 2);
    CU_ASSERT_EQUAL(amounts.of[1], 2);
    CU_ASSERT_TRUE(read_amounts("gpu:0"));
    CU_ASSERT_EQUAL(amounts.of[0], 0);
}

static void an_unknown_name_is_told_with_what_there_is(void)
{
    CU_ASSERT_TRUE_FATAL(read_supply("gpu:2 license:5@pool gpu:4@rank3"));
    CU_ASSERT_FALSE(read_amounts("gpus:1"));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "'gpus'"));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "gpu:2 license:5@pool gpu:4@rank3"));
}

static void mistakes_are_named(void)
{
    static const struct {
        const char *text, *word;
    } cases[] = {
        {"gpu:two", "gpu:COUNT"},
        {"gpu:", "gpu:COUNT"},
        {"gpu:5000", "gpu:COUNT"},
        {"gpu:-1", "gpu:COUNT"},
        {"gpu=2", "gpu:COUNT"},
        {":2", "no name"},
        {"gpu:2@", "rank4"},
        {"gpu:2@node1", "rank4"},
        {"gpu:2@rank0", "rank4"},
        {"gpu:2@rank5", "rank4"},
        {"gpu:2@rank1x", "rank4"},
        {"gpu:2 gpu:3", "twice"},
        {"gpu@pool gpu@rank1", "pool"},
        {"gpu:1 gpu:2@pool", "twice"},
        {"gpu:99999999999", "COUNT"},
        {"gpu:2@rank99999999999", "rank4"},
        {"abcdefghijabcdefghijabcdefghijab", "no name"},
        {"a b c d e f g h i j k l m n o p q", "16"},
    };
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        CU_ASSERT_FALSE(read_supply(cases[i].text));
        if (!strstr(why, cases[i].word)) {
            fprintf(stderr, "'%s' gives: %s\n", cases[i].text, why);
            CU_FAIL("the reason does not name the mistake");
        }
        CU_ASSERT_PTR_NULL(strchr(why, '\n'));
    }
    CU_ASSERT_TRUE_FATAL(read_supply("gpu:2"));
    CU_ASSERT_FALSE(read_amounts("gpu:1@pool"));
    CU_ASSERT_FALSE(read_amounts("gpu:x"));
}

static void too_many_of_all_do_not_wrap(void)
{
    char text[SUPPLY_TEXT_MAX] = "";
    CU_ASSERT_TRUE_FATAL(read_supply("gpu:2"));
    for (int i = 0; i < 20; i++) strcat(text, "gpu:4095 ");
    CU_ASSERT_TRUE(read_amounts(text));
    CU_ASSERT_EQUAL(amounts.of[0], UINT16_MAX);
}

static void text_is_cut_to_its_room(void)
{
    char text[8];
    CU_ASSERT_TRUE_FATAL(read_supply("gpu:2 license:5@pool"));
    supply_print(&supply, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "gpu:2 l");
    CU_ASSERT_TRUE(read_amounts("license:3 gpu"));
    char all[64];
    supply_print_amounts(&supply, &amounts, all, sizeof all);
    CU_ASSERT_STRING_EQUAL(all, "gpu:1 license:3");
}

int main(void)
{
    static const struct check_test tests[] = {
        {"each worker has what is said", each_worker_has_what_is_said},
        {"entries are apart by blanks, commas or plus",
         entries_are_apart_by_blanks_commas_or_plus},
        {"single ranks may have another number",
         single_ranks_may_have_another_number},
        {"the pool has some in all", the_pool_has_some_in_all},
        {"nothing is a list too", nothing_is_a_list_too},
        {"what a task asks for adds up", what_a_task_asks_for_adds_up},
        {"an unknown name is told, with what there is",
         an_unknown_name_is_told_with_what_there_is},
        {"mistakes are named", mistakes_are_named},
        {"too many of all do not wrap", too_many_of_all_do_not_wrap},
        {"text is cut to its room", text_is_cut_to_its_room},
    };
    return check_run("supply", tests, CHECK_COUNT(tests));
}
