/* SPDX-License-Identifier: BSD-3-Clause */
/* test_size.c - sizes as people write them, and what a machine and its control
 * groups allow. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "quota.h"
#include "size.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

static void sizes_have_units(void)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"0", 0},
                {"17", 17},
                {"17b", 17},
                {"3K", 3 * KIB},
                {"512M", 512 * MIB},
                {"512m", 512 * MIB},
                {"1536KiB", 1536 * KIB},
                {"4GB", 4 * GIB},
                {"2t", 2048 * GIB},
                {"18446744073709551615", UINT64_MAX},
                {"16777215T", (uint64_t)16777215 << 40}};
    for (size_t i = 0; i < CHECK_COUNT(good); i++) {
        uint64_t bytes = 1;
        CU_ASSERT_TRUE(size_read(good[i].text, &bytes));
        CU_ASSERT_EQUAL(bytes, good[i].bytes);
    }
}

static void what_is_no_size_is_refused(void)
{
    static const char *const bad[] = {"",
                                      "M",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1 M",
                                      "1x",
                                      "1.5G",
                                      "1e3",
                                      "0x10",
                                      "1Mi",
                                      "1MM",
                                      "1kbb",
                                      "1iB",
                                      "16777216T",
                                      "18446744073709551616"};
    for (size_t i = 0; i < CHECK_COUNT(bad); i++) {
        uint64_t bytes = 7;
        CU_ASSERT_FALSE(size_read(bad[i], &bytes));
        CU_ASSERT_EQUAL(bytes, 7);
    }
}

/* ---- control groups ------------------------------------------------------*/

static char root[] = "/tmp/distmpi-test-XXXXXX";

static char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s%s", root, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
}

static void make_directory(const char *name)
{
    CU_ASSERT_EQUAL_FATAL(mkdir(path_of(name), 0700), 0);
}

static uint64_t quota_of(const char *groups)
{
    char file[256];
    write_file("/groups", groups);
    snprintf(file, sizeof file, "%s/groups", root);
    return quota_memory_by(8 * GIB, file, root);
}

static void least_limit_of_a_group_and_those_around_it_counts(void)
{
    make_directory("/job");
    make_directory("/job/step");
    write_file("/job/memory.max", "1073741824\n");
    write_file("/job/step/memory.max", "max\n");
    CU_ASSERT_EQUAL(quota_of("0::/job/step\n"), GIB);
    write_file("/job/step/memory.max", "536870912\n");
    CU_ASSERT_EQUAL(quota_of("0::/job/step\n"), 512 * MIB);
    CU_ASSERT_EQUAL(quota_of("0::/job\n"), GIB);
    CU_ASSERT_EQUAL(quota_of("0::/\n"), 8 * GIB);
    write_file("/memory.max", "4294967296\n");
    CU_ASSERT_EQUAL(quota_of("0::/\n"), 4 * GIB);
    CU_ASSERT_EQUAL(quota_of("0::/gone/away\n"), 4 * GIB);
    unlink(path_of("/memory.max"));
}

static void groups_of_version_1_count_as_well(void)
{
    make_directory("/memory");
    make_directory("/memory/batch");
    write_file("/memory/memory.limit_in_bytes", "9223372036854771712\n");
    write_file("/memory/batch/memory.limit_in_bytes", "268435456\n");
    CU_ASSERT_EQUAL(quota_of("7:cpuset:/batch\n5:memory:/batch/1\n0::/\n"),
                    256 * MIB);
    CU_ASSERT_EQUAL(quota_of("7:cpuset:/batch\n"), 8 * GIB);
    CU_ASSERT_EQUAL(quota_of("5:memory:/\n"), 8 * GIB);
}

static void without_groups_the_machine_counts(void)
{
    CU_ASSERT_EQUAL(quota_memory_by(GIB, "/nowhere/cgroup", root), GIB);
    CU_ASSERT_EQUAL(quota_of(""), 8 * GIB);
    CU_ASSERT_EQUAL(quota_of("nonsense\n1:\n"), 8 * GIB);
    CU_ASSERT_TRUE(quota_memory() > MIB);
    CU_ASSERT_TRUE(quota_resident() > 64 * KIB);
}

static void remove_all(void)
{
    char command[sizeof root + 16];
    snprintf(command, sizeof command, "rm -rf %s", root);
    CU_ASSERT_EQUAL(system(command), 0);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"sizes have units", sizes_have_units},
        {"what is no size is refused", what_is_no_size_is_refused},
        {"least limit of a group and those around it counts",
         least_limit_of_a_group_and_those_around_it_counts},
        {"groups of version 1 count as well",
         groups_of_version_1_count_as_well},
        {"without groups the machine counts",
         without_groups_the_machine_counts},
        {"nothing is left", remove_all},
    };
    if (!mkdtemp(root)) return 1;
    return check_run("size", tests, CHECK_COUNT(tests));
}
