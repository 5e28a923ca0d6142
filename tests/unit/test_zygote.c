/* SPDX-License-Identifier: BSD-3-Clause */
/* test_zygote.c - executors that a zygote makes: the slot tells how each ended,
 * and there is always another. */
#include "zygote.h"

#include "check.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND 1000000000ull

static struct zygote *zygote;

enum order { ANSWER, DIE, ASK, ANSWER_AND_DIE, HANDLE };

static volatile sig_atomic_t handled;

static void on_signal(int number)
{
    handled = number;
}

static uint64_t handle_own(void)
{
    signal(SIGTERM, on_signal);
    raise(SIGTERM);
    return (uint64_t)handled;
}

/* What the slot was given: FRAME is an order. */
static void serve(struct slot *slot)
{
    for (;;) {
        while (slot_wait(slot, 1u << SLOT_IDLE | 1u << SLOT_DONE, 0,
                         UINT64_MAX) != SLOT_GIVEN) {
        }
        enum order order = (enum order)(intptr_t)slot->frame;
        slot_move(slot, SLOT_GIVEN, SLOT_BEGUN);
        if (order == DIE) raise(SIGKILL);
        if (order == ASK) {
            slot->asked = 5;
            slot_move(slot, SLOT_BEGUN, SLOT_ASKED);
            slot_wait(slot, 1u << SLOT_ASKED, 0, UINT64_MAX);
            slot->size = (uint64_t)(intptr_t)slot->block;
        } else {
            slot->size = order == HANDLE ? handle_own() : (uint64_t)getpid();
        }
        slot_move(slot, SLOT_BEGUN, SLOT_DONE);
        if (order == ANSWER_AND_DIE) _exit(5);
    }
}

static void begin(unsigned executors)
{
    zygote = zygote_new(serve);
    CU_ASSERT_PTR_NOT_NULL_FATAL(zygote);
    zygote_want(zygote, executors);
}

static struct slot *give(enum order order)
{
    struct slot *slot = zygote_slot(zygote, 10 * SECOND);
    CU_ASSERT_PTR_NOT_NULL_FATAL(slot);
    slot->frame = (const void *)(intptr_t)order;
    CU_ASSERT_TRUE(slot_move(slot, SLOT_IDLE, SLOT_GIVEN));
    return slot;
}

static enum slot_state end_of(struct slot *slot)
{
    const unsigned runs = 1u << SLOT_GIVEN | 1u << SLOT_BEGUN;
    enum slot_state state;
    do state = slot_wait(slot, runs, 0, SECOND);
    while (runs >> state & 1);
    return state;
}

/* Of the executor that has the next task; 0: it did not end well. */
static pid_t process(void)
{
    struct slot *slot = give(ANSWER);
    pid_t pid = end_of(slot) == SLOT_DONE ? (pid_t)slot->size : 0;
    zygote_release(slot);
    return pid;
}

static void one_executor_takes_task_after_task(void)
{
    begin(ZYGOTE_EXECUTORS);
    pid_t first = process();
    CU_ASSERT_TRUE(first > 0 && first != getpid());
    for (int i = 0; i < 100; i++) CU_ASSERT_EQUAL(process(), first);
    zygote_free(zygote);
}

static void death_is_told_and_another_is_there(void)
{
    begin(ZYGOTE_EXECUTORS);
    for (int i = 0; i < 50; i++) {
        struct slot *slot = give(DIE);
        CU_ASSERT_EQUAL(end_of(slot), SLOT_CRASHED);
        CU_ASSERT_TRUE(WIFSIGNALED(slot->wait_status));
        CU_ASSERT_EQUAL(WTERMSIG(slot->wait_status), SIGKILL);
        zygote_release(slot);
        CU_ASSERT_TRUE(process() > 0);
    }
    zygote_free(zygote);
}

static void answer_outlives_its_executor(void)
{
    begin(1);
    for (int i = 0; i < 20; i++) {
        struct slot *slot = give(ANSWER_AND_DIE);
        enum slot_state state = end_of(slot);
        CU_ASSERT_TRUE(state == SLOT_DONE || state == SLOT_SPENT);
        while (slot_state(slot) == SLOT_DONE) usleep(100);
        CU_ASSERT_EQUAL(slot_state(slot), SLOT_SPENT);
        CU_ASSERT_EQUAL(WEXITSTATUS(slot->wait_status), 5);
        CU_ASSERT_TRUE(slot->size > 0);
        zygote_release(slot);
    }
    zygote_free(zygote);
}

static void idle_one_that_dies_is_replaced(void)
{
    begin(1);
    for (int i = 0; i < 20; i++) {
        pid_t first = process();
        kill(first, SIGKILL);
        while (!kill(first, 0)) usleep(100);
        CU_ASSERT_NOT_EQUAL(process(), first);
    }
    zygote_free(zygote);
}

static void executor_may_ask(void)
{
    begin(1);
    struct slot *slot = give(ASK);
    CU_ASSERT_EQUAL(end_of(slot), SLOT_ASKED);
    CU_ASSERT_EQUAL(slot->asked, 5);
    slot->block = (void *)77;
    slot_move(slot, SLOT_ASKED, SLOT_BEGUN);
    CU_ASSERT_EQUAL(end_of(slot), SLOT_DONE);
    CU_ASSERT_EQUAL(slot->size, 77);
    zygote_release(slot);
    zygote_free(zygote);
}

static void none_wanted_none_there(void)
{
    begin(ZYGOTE_EXECUTORS);
    pid_t first = process();
    zygote_want(zygote, 0);
    CU_ASSERT_NOT_EQUAL(kill(first, 0), 0);
    CU_ASSERT_PTR_NULL(zygote_slot(zygote, SECOND / 100));
    CU_ASSERT_TRUE(zygote_lives(zygote));
    zygote_want(zygote, 1);
    CU_ASSERT_TRUE(process() > 0);
    zygote_free(zygote);
}

/* The parent dies; how many of its descendants live after that? */
static void all_die_with_their_parent(void)
{
    int ends[2];
    pid_t executor = 0;
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    pid_t parent = fork();
    if (parent == 0) {
        zygote = zygote_new(serve);
        zygote_want(zygote, 1);
        executor = process();
        if (write(ends[1], &executor, sizeof executor) < 0) _exit(1);
        pause();
    }
    CU_ASSERT_EQUAL(read(ends[0], &executor, sizeof executor), sizeof executor);
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    while (!kill(executor, 0)) usleep(100); /* or the test's time is over */
    CU_ASSERT_EQUAL(errno, ESRCH);
    close(ends[0]);
    close(ends[1]);
}

/* A parent in a group of its own ignores what comes to that group; 0: so does its
 * executor. */
static int signal_to_the_group(void)
{
    setpgid(0, 0);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    zygote = zygote_new(serve);
    zygote_want(zygote, 1);
    pid_t before = process();
    kill(0, SIGUSR1);
    kill(0, SIGTERM);
    return process() != before;
}

static void signals_to_the_parents_group_pass_by(void)
{
    int status = 1;
    pid_t parent = fork();
    if (parent == 0) _exit(signal_to_the_group());
    waitpid(parent, &status, 0);
    CU_ASSERT_EQUAL(status, 0);
}

/* What tells the job to end may be sent to each of its processes. */
static void what_ends_the_job_ends_no_executor(void)
{
    static const int signals[] = {SIGUSR1, SIGTERM, SIGINT};
    begin(1);
    pid_t first = process(), group = getpgid(first);
    CU_ASSERT_NOT_EQUAL_FATAL(group, getpgrp());
    for (size_t i = 0; i < CHECK_COUNT(signals); i++) {
        kill(-group, signals[i]);
        CU_ASSERT_EQUAL(process(), first);
    }
    kill(first, SIGHUP);
    while (!kill(first, 0)) usleep(100);
    CU_ASSERT_NOT_EQUAL(process(), first);
    CU_ASSERT_TRUE(zygote_lives(zygote));
    zygote_free(zygote);
}

/* A task may have a handler of its own for them. */
static void a_task_may_handle_them(void)
{
    begin(1);
    struct slot *slot = give(HANDLE);
    CU_ASSERT_EQUAL(end_of(slot), SLOT_DONE);
    CU_ASSERT_EQUAL(slot->size, SIGTERM);
    zygote_release(slot);
    zygote_free(zygote);
}

static void killed_zygote_is_noticed(void)
{
    begin(1);
    struct slot *slot = give(ANSWER);
    CU_ASSERT_EQUAL(end_of(slot), SLOT_DONE);
    pid_t group = getpgid((pid_t)slot->size);
    CU_ASSERT_NOT_EQUAL_FATAL(group, getpgrp());
    kill(group, SIGKILL); /* its first member is the zygote */
    while (zygote_lives(zygote)) usleep(100);
    zygote_free(zygote);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"one executor takes task after task",
         one_executor_takes_task_after_task},
        {"a death is told and another is there",
         death_is_told_and_another_is_there},
        {"an answer outlives its executor", answer_outlives_its_executor},
        {"an idle one that dies is replaced", idle_one_that_dies_is_replaced},
        {"an executor may ask", executor_may_ask},
        {"none wanted, none there", none_wanted_none_there},
        {"all die with their parent", all_die_with_their_parent},
        {"signals to the parent's group pass by",
         signals_to_the_parents_group_pass_by},
        {"what ends the job ends no executor",
         what_ends_the_job_ends_no_executor},
        {"a task may handle them", a_task_may_handle_them},
        {"a killed zygote is noticed", killed_zygote_is_noticed},
    };
    return check_run("zygote", tests, CHECK_COUNT(tests));
}
