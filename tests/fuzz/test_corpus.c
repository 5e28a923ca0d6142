/* SPDX-License-Identifier: BSD-3-Clause */
/* test_corpus.c - what libFuzzer has kept, once more: a file in
 * tests/data/fuzz/TARGET is one call of fuzz_TARGET(). */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "check.h"
#include "fuzz.h"

enum { FILE_MOST = 1 << 16 };
#define MEMORY_MOST ((rlim_t)4 << 30) /* a key may ask for any */

static void run_file(const char *path,
                     int (*target)(const uint8_t *data, size_t size))
{
    static uint8_t bytes[FILE_MOST];
    FILE *file = fopen(path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    uint8_t *own = malloc(size ? size : 1); /* reading on is seen */
    CU_ASSERT_PTR_NOT_NULL_FATAL(own);
    for (size_t i = 0; i < size; i++) own[i] = bytes[i];
    CU_ASSERT_EQUAL(target(own, size), 0);
    free(own);
}

static void run_all(const char *name,
                    int (*target)(const uint8_t *data, size_t size))
{
    char path[512];
    int count = 0;
    snprintf(path, sizeof path, "tests/data/fuzz/%s", name);
    DIR *folder = opendir(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "tests/data/fuzz/%s/%s", name,
                 entry->d_name);
        run_file(path, target);
        count++;
    }
    closedir(folder);
    CU_ASSERT(count > 0);
}

static void inbox(void)
{
    run_all("inbox", fuzz_inbox);
}

static void hello(void)
{
    run_all("hello", fuzz_hello);
}

static void config(void)
{
    run_all("config", fuzz_config);
}

static void supply(void)
{
    run_all("supply", fuzz_supply);
}

/* The roles may look into a NULL, which is a trap as an assertion is: a sanitizer
 * tells of it, and of what a role leaves behind. scripts/fuzz knows. */
#ifdef __SANITIZE_ADDRESS__
static const int with_roles = 0;
#else
static const int with_roles = 1;
#endif

static void worker(void)
{
    if (with_roles) run_all("worker", fuzz_worker);
}

static void center(void)
{
    if (with_roles) run_all("center", fuzz_center);
}

int main(void)
{
    const struct rlimit most = {MEMORY_MOST, MEMORY_MOST};
    if (with_roles) setrlimit(RLIMIT_AS, &most);
    static const struct check_test tests[] = {
        {"envelopes", inbox},
        {"names of functions", hello},
        {"settings", config},
        {"resources", supply},
        {"messages to a worker", worker},
        {"messages to the center", center},
    };
    return check_run("corpus", tests, CHECK_COUNT(tests));
}
