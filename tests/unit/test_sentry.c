/* SPDX-License-Identifier: BSD-3-Clause */
/* test_sentry.c - processes that end are seen to. */
#include "sentry.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { RANKS = 3, BEAT_NS = 1000000 };

static struct {
    _Atomic int ended[RANKS];
    _Atomic int beats;
} seen;

static void on_end(void *arg, int rank)
{
    CU_ASSERT_PTR_EQUAL(arg, &seen);
    seen.ended[rank]++;
}

static void on_beat(void *arg)
{
    seen.beats++;
}

static struct sentry *fresh(void)
{
    static const struct sentry_calls calls = {on_end, on_beat, &seen};
    for (int rank = 0; rank < RANKS; rank++) seen.ended[rank] = 0;
    seen.beats = 0;
    return sentry_new(RANKS, &calls, BEAT_NS);
}

/* A process that waits to be killed. */
static pid_t sleeper(void)
{
    pid_t pid = fork();
    if (!pid) {
        for (;;) pause();
    }
    return pid;
}

static void until(const _Atomic int *number, int wanted)
{
    while (*number < wanted) poll(NULL, 0, 1);
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* It stays a zombie meanwhile: nobody waits for it. */
static void end_is_seen_once_before_anybody_waits_for_it(void)
{
    pid_t first = sleeper(), second = sleeper();
    struct sentry *sentry = fresh();
    CU_ASSERT(sentry_watch(sentry, 1, first, sentry_start_of(first)));
    CU_ASSERT(sentry_watch(sentry, 2, second, sentry_start_of(second)));
    CU_ASSERT_FATAL(sentry_begin(sentry));
    kill(first, SIGKILL);
    until(&seen.ended[1], 1);
    until(&seen.beats, seen.beats + 3);
    CU_ASSERT_EQUAL(seen.ended[0] + seen.ended[2], 0);
    CU_ASSERT_EQUAL(seen.ended[1], 1);
    sentry_free(sentry);
    end(first);
    end(second);
}

static void killed_by_the_sentry_is_seen_to_end(void)
{
    int how = 0;
    pid_t pid = sleeper();
    struct sentry *sentry = fresh();
    CU_ASSERT(sentry_watch(sentry, 0, pid, sentry_start_of(pid)));
    CU_ASSERT_FATAL(sentry_begin(sentry));
    CU_ASSERT(sentry_kill(sentry, 0));
    CU_ASSERT_FALSE(sentry_kill(sentry, 1));
    until(&seen.ended[0], 1);
    waitpid(pid, &how, 0);
    CU_ASSERT(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    sentry_free(sentry);
}

static void another_process_of_that_number_is_not_watched(void)
{
    pid_t pid = sleeper();
    uint64_t start = sentry_start_of(pid);
    struct sentry *sentry = fresh();
    CU_ASSERT_NOT_EQUAL(start, 0);
    CU_ASSERT_FALSE(sentry_watch(sentry, 1, pid, start - 1));
    CU_ASSERT_FALSE(sentry_watch(sentry, 1, pid, 0));
    CU_ASSERT(sentry_watch(sentry, 1, pid, start));
    end(pid);
    CU_ASSERT_EQUAL(sentry_start_of(pid), 0);
    CU_ASSERT_FALSE(sentry_watch(sentry, 2, pid, start));
    sentry_free(sentry);
}

static void beats_go_on(void)
{
    struct sentry *sentry = fresh();
    CU_ASSERT_FATAL(sentry_begin(sentry));
    until(&seen.beats, 5);
    sentry_free(sentry);
    int beats = seen.beats;
    poll(NULL, 0, 10);
    CU_ASSERT_EQUAL(seen.beats, beats);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"end is seen once, before anybody waits for it",
         end_is_seen_once_before_anybody_waits_for_it},
        {"killed by the sentry is seen to end",
         killed_by_the_sentry_is_seen_to_end},
        {"another process of that number is not watched",
         another_process_of_that_number_is_not_watched},
        {"beats go on", beats_go_on},
    };
    return check_run("sentry", tests, CHECK_COUNT(tests));
}
