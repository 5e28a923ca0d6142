/* SPDX-License-Identifier: BSD-3-Clause */
/* test_registry.c - task functions by name and number.
 *
 * There is one registry in a process and nothing leaves it, so each order of
 * entry is tried in a process of its own. */
#include "registry.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static dmpi_function functions[] = {
    {"beta", NULL, 0, 0, NULL, NULL},     {"alpha", NULL, 0, 0, NULL, NULL},
    {"gamma", NULL, 0, 0, NULL, NULL},    {"al", NULL, 0, 0, NULL, NULL},
    {"alphabet", NULL, 0, 0, NULL, NULL}, {"beta", NULL, 0, 0, NULL, NULL},
};
enum { BETA, ALPHA, GAMMA, AL, ALPHABET, BETA_AGAIN };

static void enter(const int order[], size_t count)
{
    for (size_t i = 0; i < count; i++) registry_enter(&functions[order[i]]);
}

/* What TEST answers in a process of its own. */
static uint64_t apart(uint64_t (*test)(void))
{
    int ends[2];
    uint64_t answer = 0;

    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        answer = test();
        _exit(write(ends[1], &answer, sizeof answer) != sizeof answer);
    }
    close(ends[1]);
    if (read(ends[0], &answer, sizeof answer) != sizeof answer)
        CU_FAIL("the test ended early");
    close(ends[0]);
    waitpid(child, NULL, 0);
    return answer;
}

/* ---- what is asked in there: 1 if it is so -------------------------------*/

static uint64_t marks_make_other_digests(void)
{
    const char *twice;
    size_t size, marked_size;
    enter((const int[]){BETA, ALPHA}, 2);
    if (!registry_seal(&twice)) return 0;
    uint64_t digest = registry_digest();
    char *names = registry_names(&size);
    if (registry_mark(&functions[GAMMA], REGISTRY_AT_END)) return 0;
    if (!registry_mark(&functions[BETA], REGISTRY_AT_END)) return 0;
    char *marked = registry_names(&marked_size);
    const char *a, *b;
    registry_difference(names, size, marked, marked_size, &a, &b);
    bool good = registry_digest() != digest && !strcmp(a, "beta") &&
                !strcmp(b, "beta at end");
    free(names);
    free(marked);
    return good;
}

static uint64_t numbers_follow_names(void)
{
    const char *twice;
    enter((const int[]){BETA, ALPHA, GAMMA, AL}, 4);
    if (!registry_seal(&twice) || registry_count() != 4) return 0;
    static const int order[] = {AL, ALPHA, BETA, GAMMA};
    for (uint32_t i = 0; i < 4; i++)
        if (registry_at(i) != &functions[order[i]] ||
            functions[order[i]].index != i)
            return 0;
    return 1;
}

static uint64_t found_before_and_after_sealing(void)
{
    const char *twice;
    enter((const int[]){BETA, AL}, 2);
    bool before = registry_find("al") == &functions[AL] &&
                  !registry_find("alpha") && registry_count() == 0 &&
                  !registry_has(&functions[AL]);
    registry_seal(&twice);
    return before && registry_find("beta") == &functions[BETA] &&
           !registry_find("bet") && registry_has(&functions[AL]) &&
           !registry_has(&functions[GAMMA]) && !registry_has(NULL);
}

static uint64_t twin_is_told(void)
{
    const char *twice = "";
    enter((const int[]){BETA, ALPHA, BETA_AGAIN}, 3);
    return !registry_seal(&twice) && !strcmp(twice, "beta");
}

static uint64_t sealed_again_with_more(void)
{
    const char *twice;
    enter((const int[]){BETA, GAMMA}, 2);
    registry_seal(&twice);
    enter((const int[]){ALPHA}, 1);
    bool not_yet = !registry_has(&functions[ALPHA]) && registry_count() == 2;
    return registry_seal(&twice) && not_yet && registry_count() == 3 &&
           functions[GAMMA].index == 2 && registry_has(&functions[ALPHA]);
}

static uint64_t nothing_entered(void)
{
    const char *twice;
    size_t size = 1;
    bool good = registry_seal(&twice) && registry_count() == 0;
    free(registry_names(&size));
    return good && size == 0;
}

static uint64_t names_are_listed(void)
{
    static const char expected[] = "al\0alpha\0beta";
    const char *twice;
    size_t size;
    enter((const int[]){BETA, AL, ALPHA}, 3);
    registry_seal(&twice);
    char *names = registry_names(&size);
    bool good = size == sizeof expected && !memcmp(names, expected, size);
    free(names);
    return good;
}

static uint64_t digest_of(const int order[], size_t count)
{
    const char *twice;
    enter(order, count);
    registry_seal(&twice);
    return registry_digest();
}

static uint64_t digest_one_order(void)
{
    return digest_of((const int[]){BETA, ALPHA, GAMMA}, 3);
}

static uint64_t digest_other_order(void)
{
    return digest_of((const int[]){GAMMA, BETA, ALPHA}, 3);
}

static uint64_t digest_of_fewer(void)
{
    return digest_of((const int[]){GAMMA, BETA}, 2);
}

/* "al" and "alphabet" against "alpha", ... : the bytes without NULs agree. */
static uint64_t digest_cut_elsewhere(void)
{
    return digest_of((const int[]){AL, BETA, GAMMA}, 3);
}

/* ---- the promises --------------------------------------------------------*/

static void numbers_are_given_by_name(void)
{
    CU_ASSERT_TRUE(apart(numbers_follow_names));
    CU_ASSERT_TRUE(apart(sealed_again_with_more));
    CU_ASSERT_TRUE(apart(nothing_entered));
}

static void functions_are_found_by_name(void)
{
    CU_ASSERT_TRUE(apart(found_before_and_after_sealing));
}

static void two_functions_of_one_name_are_refused(void)
{
    CU_ASSERT_TRUE(apart(twin_is_told));
}

static void digest_depends_on_the_names_alone(void)
{
    uint64_t digest = apart(digest_one_order);

    CU_ASSERT_EQUAL(apart(digest_other_order), digest);
    CU_ASSERT_NOT_EQUAL(apart(digest_of_fewer), digest);
    CU_ASSERT_NOT_EQUAL(apart(digest_cut_elsewhere), digest);
    CU_ASSERT_NOT_EQUAL(apart(digest_cut_elsewhere), apart(digest_of_fewer));
}

static void list_of_names_is_in_order(void)
{
    CU_ASSERT_TRUE(apart(names_are_listed));
}

static void check_difference(const char *a, size_t a_size, const char *b,
                             size_t b_size, const char *a_has,
                             const char *b_has)
{
    const char *a_name, *b_name;

    registry_difference(a, a_size, b, b_size, &a_name, &b_name);
    CU_ASSERT_STRING_EQUAL(a_name, a_has);
    CU_ASSERT_STRING_EQUAL(b_name, b_has);
    registry_difference(b, b_size, a, a_size, &b_name, &a_name);
    CU_ASSERT_STRING_EQUAL(a_name, a_has);
    CU_ASSERT_STRING_EQUAL(b_name, b_has);
}

static void difference_is_the_first_name_that_differs(void)
{
    check_difference("a\0b\0c", 6, "a\0x\0c", 6, "b", "x");
    check_difference("a\0b", 4, "a\0b\0c", 6, "", "c");
    check_difference("a\0ab", 5, "a\0a", 4, "ab", "a");
    check_difference("", 0, "a", 2, "", "a");
    check_difference("a\0b", 4, "a\0b", 4, "", "");
    check_difference("", 0, "", 0, "", "");
}

static void marks_are_a_part_of_what_ranks_compare(void)
{
    CU_ASSERT_TRUE(apart(marks_make_other_digests));
}

int main(void)
{
    static const struct check_test tests[] = {
        {"numbers are given by name", numbers_are_given_by_name},
        {"functions are found by name", functions_are_found_by_name},
        {"two functions of one name are refused",
         two_functions_of_one_name_are_refused},
        {"digest depends on the names alone",
         digest_depends_on_the_names_alone},
        {"list of names is in order", list_of_names_is_in_order},
        {"difference is the first name that differs",
         difference_is_the_first_name_that_differs},
        {"marks are a part of what ranks compare",
         marks_are_a_part_of_what_ranks_compare},
    };
    return check_run("registry", tests, CHECK_COUNT(tests));
}
