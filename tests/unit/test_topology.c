/* SPDX-License-Identifier: BSD-3-Clause */
/* test_topology.c - machines, imagined and real, and binding to their CPUs. */
#include "topology.h"

#include "check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Linux gives the second hardware threads of all cores the numbers after the
 * first ones: core 0 is CPUs 0 and 4. */
#define SMT_AS_LINUX "core:4 pu:2(indexes=0,4,1,5,2,6,3,7)"

static struct machine *machine_or_fail(const char *synthetic)
{
    char why[200] = "";
    struct machine *machine = machine_new(synthetic, why, sizeof why);

    CU_ASSERT_PTR_NOT_NULL_FATAL(machine);
    CU_ASSERT_STRING_EQUAL(why, "");
    return machine;
}

static void check_mask(struct machine *machine, const char *expected)
{
    char mask[MACHINE_CPUS_SIZE];

    machine_mask(machine, mask, sizeof mask);
    CU_ASSERT_STRING_EQUAL(mask, expected);
}

static void bad_description_is_an_error_with_a_reason(void)
{
    static const char *const bad[] = {"nonsense", "", "pack:", "pack:2 core:x"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char why[200] = "";
        CU_ASSERT_PTR_NULL(machine_new(bad[i], why, sizeof why));
        CU_ASSERT_PTR_NOT_NULL(strstr(why, bad[i]));
        CU_ASSERT_PTR_NOT_NULL(strstr(why, "not a description"));
        CU_ASSERT_PTR_NULL(strchr(why, '\n'));
    }
}

static void reason_is_cut_to_its_buffer(void)
{
    char why[8] = "";

    CU_ASSERT_PTR_NULL(machine_new("nonsense", why, sizeof why));
    CU_ASSERT_EQUAL(strlen(why), sizeof why - 1);
}

static void free_of_nothing_is_allowed(void)
{
    machine_free(NULL);
}

static void imagined_machine_lets_the_process_run_everywhere(void)
{
    struct machine *machine = machine_or_fail("pack:2 numa:1 core:4 pu:1");

    check_mask(machine, "0-7");
    machine_free(machine);
}

static void list_too_long_ends_after_a_whole_entry(void)
{
    struct machine *machine;
    char description[4096] = "core:600 pu:1(indexes=";
    char mask[MACHINE_CPUS_SIZE];

    for (int i = 0; i < 600; i++) { /* every other number: no ranges */
        size_t end = strlen(description);
        snprintf(description + end, sizeof description - end, "%d%s", 2 * i,
                 i < 599 ? "," : ")");
    }
    machine = machine_or_fail(description);
    machine_mask(machine, mask, sizeof mask);
    CU_ASSERT(strlen(mask) > sizeof mask - 8);
    CU_ASSERT_EQUAL(atoi(strrchr(mask, ',') + 1) % 2, 0);
    /* An entry cut in the middle would be a small number, there already. */
    CU_ASSERT_EQUAL(2 * (machine_cores(machine, mask) - 1),
                    atoi(strrchr(mask, ',') + 1));
    machine_free(machine);
}

static void cores_count_if_one_of_their_threads_is_listed(void)
{
    struct machine *machine = machine_or_fail(SMT_AS_LINUX);

    CU_ASSERT_EQUAL(machine_cores(machine, "0-7"), 4);
    CU_ASSERT_EQUAL(machine_cores(machine, "0-3"), 4);
    CU_ASSERT_EQUAL(machine_cores(machine, "4-7"), 4);
    CU_ASSERT_EQUAL(machine_cores(machine, "0,4"), 1);
    CU_ASSERT_EQUAL(machine_cores(machine, "1,4-5"), 2);
    CU_ASSERT_EQUAL(machine_cores(machine, "7,0,7"), 2);
    CU_ASSERT_EQUAL(machine_cores(machine, "8-1000"), 0);
    CU_ASSERT_EQUAL(machine_cores(machine, ""), 0);
    machine_free(machine);
}

static void check_first(struct machine *machine, const char *cpus, int count,
                        const char *expected)
{
    char first[MACHINE_CPUS_SIZE] = "untouched";

    CU_ASSERT_EQUAL(
        machine_first_cores(machine, cpus, count, first, sizeof first),
        strcmp(expected, "untouched") != 0);
    CU_ASSERT_STRING_EQUAL(first, expected);
}

static void first_cores_come_with_their_threads(void)
{
    struct machine *machine = machine_or_fail(SMT_AS_LINUX);

    check_first(machine, "0-7", 1, "0,4");
    check_first(machine, "0-7", 3, "0-2,4-6");
    check_first(machine, "0-7", 4, "0-7");
    check_first(machine, "0-7", 5, "untouched");
    check_first(machine, "2-3,6", 1, "2,6"); /* within the mask only */
    check_first(machine, "2-3,6", 2, "2-3,6");
    check_first(machine, "x", 1, "untouched");
    check_first(machine, "", 1, "untouched");
    machine_free(machine);
    machine = machine_or_fail("pack:2 numa:1 core:2 pu:1");
    check_first(machine, "1-3", 2, "1-2"); /* across packages, in order */
    machine_free(machine);
}

static void bind_on_an_imagined_machine_needs_a_cpu_of_it(void)
{
    struct machine *machine = machine_or_fail("core:4 pu:1");

    CU_ASSERT_TRUE(machine_bind(machine, "3-9"));
    CU_ASSERT_FALSE(machine_bind(machine, "4-9"));
    CU_ASSERT_FALSE(machine_bind(machine, ""));
    machine_free(machine);
}

static void what_is_not_a_list_has_no_cores_and_is_not_bound_to(void)
{
    static const char *const bad[] = {
        "x",    "0-",      "-1",         "3-1",  "0--3",
        "0-3x", ",",       "0,,1",       "0,",   "0 1",
        " 0",   "1048576", "0-99999999", "0x1",  "0-1-2",
        "0;",   "0-3,",    "0- 3",       "0-3 ", "18446744073709551616"};
    struct machine *machine = machine_or_fail("core:4 pu:1");

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CU_ASSERT_EQUAL(machine_cores(machine, bad[i]), 0);
        CU_ASSERT_FALSE(machine_bind(machine, bad[i]));
    }
    machine_free(machine);
}

static void real_machine_has_a_core_to_run_on(void)
{
    struct machine *machine = machine_or_fail(NULL);
    char mask[MACHINE_CPUS_SIZE];

    machine_mask(machine, mask, sizeof mask);
    CU_ASSERT(machine_cores(machine, mask) >= 1);
    machine_free(machine);
}

static void bind_outside_of_the_machine_changes_nothing(void)
{
    struct machine *machine = machine_or_fail(NULL);
    char mask[MACHINE_CPUS_SIZE];

    machine_mask(machine, mask, sizeof mask);
    CU_ASSERT_FALSE(machine_bind(machine, ""));
    CU_ASSERT_FALSE(machine_bind(machine, "100000-100001"));
    CU_ASSERT_FALSE(machine_bind(machine, "0-"));
    check_mask(machine, mask);
    machine_free(machine);
}

static void bind_takes_the_part_that_is_there(void)
{
    struct machine *machine = machine_or_fail(NULL);
    char mask[MACHINE_CPUS_SIZE], one[32], more[64];

    machine_mask(machine, mask, sizeof mask);
    snprintf(one, sizeof one, "%d", atoi(mask));
    snprintf(more, sizeof more, "%s,100000", one);
    CU_ASSERT_TRUE(machine_bind(machine, more));
    check_mask(machine, one);
    CU_ASSERT_EQUAL(machine_cores(machine, one), 1);
    CU_ASSERT_TRUE(machine_bind(machine, mask));
    check_mask(machine, mask);
    machine_free(machine);
}

static void *look_at_own_cpus(void *cpus)
{
    CU_ASSERT_EQUAL(
        pthread_getaffinity_np(pthread_self(), sizeof(cpu_set_t), cpus), 0);
    return NULL;
}

static void threads_made_later_are_bound_too(void)
{
    struct machine *machine = machine_or_fail(NULL);
    char mask[MACHINE_CPUS_SIZE], one[32];
    cpu_set_t cpus;
    pthread_t thread;

    machine_mask(machine, mask, sizeof mask);
    snprintf(one, sizeof one, "%d", atoi(mask));
    CU_ASSERT_TRUE(machine_bind(machine, one));
    CU_ASSERT_FATAL(!pthread_create(&thread, NULL, look_at_own_cpus, &cpus));
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(CPU_COUNT(&cpus), 1);
    CU_ASSERT(CPU_ISSET(atoi(mask), &cpus));
    CU_ASSERT_TRUE(machine_bind(machine, mask));
    machine_free(machine);
}

static const struct check_test tests[] = {
    {"a bad description is an error with a reason",
     bad_description_is_an_error_with_a_reason},
    {"the reason is cut to its buffer", reason_is_cut_to_its_buffer},
    {"free of nothing is allowed", free_of_nothing_is_allowed},
    {"an imagined machine lets the process run everywhere",
     imagined_machine_lets_the_process_run_everywhere},
    {"a list too long ends after a whole entry",
     list_too_long_ends_after_a_whole_entry},
    {"cores count if one of their threads is listed",
     cores_count_if_one_of_their_threads_is_listed},
    {"first cores come with their threads",
     first_cores_come_with_their_threads},
    {"bind on an imagined machine needs a CPU of it",
     bind_on_an_imagined_machine_needs_a_cpu_of_it},
    {"what is not a list has no cores and is not bound to",
     what_is_not_a_list_has_no_cores_and_is_not_bound_to},
    {"the real machine has a core to run on",
     real_machine_has_a_core_to_run_on},
    {"bind outside of the machine changes nothing",
     bind_outside_of_the_machine_changes_nothing},
    {"bind takes the part that is there", bind_takes_the_part_that_is_there},
    {"threads made later are bound too", threads_made_later_are_bound_too},
};

int main(void)
{
    return check_run("topology", tests, sizeof tests / sizeof *tests);
}
