/* SPDX-License-Identifier: BSD-3-Clause */
/* test_log.c - the ends of a process that has met a bug of ours. */
#include "check.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"

/* What a child that DOES so says, and its exit code. */
static int end_of(void (*does)(void), char said[], size_t room)
{
    int ends[2], status = 0;
    size_t size = 0;
    ssize_t part;
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    pid_t child = fork();
    if (!child) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        does();
        _exit(0);
    }
    close(ends[1]);
    while ((part = read(ends[0], said + size, room - 1 - size)) > 0)
        size += (size_t)part;
    said[size] = 0;
    close(ends[0]);
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void break_an_invariant(void)
{
    bool two_is_one = false;
    log_set_speaker(3, "host");
    assert(two_is_one);
}

static void assert_ends_with_the_code_of_a_bug(void)
{
    static char said[100000];
    CU_ASSERT_EQUAL(end_of(break_an_invariant, said, sizeof said), 70);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "distmpi: rank 3 (host): a bug"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "'two_is_one'"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "test_log.c"));
}

static void end_otherwise(int code)
{
    _exit(code + 1);
}

static void panic(void)
{
    log_on_panic(end_otherwise);
    log_panic("no %s", "way");
}

static void panic_ends_by_the_hook(void)
{
    char said[1000];
    CU_ASSERT_EQUAL(end_of(panic, said, sizeof said), LOG_EXIT_PANIC + 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "no way\n"));
}

int main(void)
{
    static const struct check_test tests[] = {
        {"an assert ends with the code of a bug",
         assert_ends_with_the_code_of_a_bug},
        {"a panic ends by the hook", panic_ends_by_the_hook},
    };
    return check_run("log", tests, CHECK_COUNT(tests));
}
