/* SPDX-License-Identifier: BSD-3-Clause */
/* check.c - CUnit, and a limit on how long a test may take.
 *
 * The limit is a timer that signals the thread that started the watch. Its
 * handler tells where that thread stands, then signals the others, one after
 * the other, to do the same. */
#include "check.h"

#include <dirent.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <CUnit/Basic.h>

#define DEFAULT_LIMIT 60
#define ASK           SIGURG /* tell where you stand, to other threads */

static const char *watched = "";       /* the suite, borrowed */
static const char *volatile test = ""; /* the test that runs, borrowed */
static pid_t watcher;                  /* the thread that started the watch */
static timer_t timer;
static atomic_int told; /* threads that have told where they stand */

static unsigned limit_default(void)
{
    const char *text = getenv("CHECK_LIMIT");
    int limit = text ? atoi(text) : 0;
    return limit > 0 ? (unsigned)limit : DEFAULT_LIMIT;
}

/* SECONDS, stretched as CHECK_LIMIT stretches the default. */
static unsigned limit_scaled(unsigned seconds)
{
    unsigned limit = limit_default();
    return limit > DEFAULT_LIMIT ? seconds * limit / DEFAULT_LIMIT : seconds;
}

static const char *rank_text(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK",
                                        "PMIX_RANK"};
    for (size_t i = 0; i < CHECK_COUNT(names); i++)
        if (getenv(names[i])) return getenv(names[i]);
    return NULL;
}

/* ---- what the handler does, with nothing but what a handler may ----------*/

static void tell(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0) return;
}

static void tell_number(long number)
{
    char digits[24], *p = digits + sizeof digits;

    *--p = 0;
    do *--p = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    tell(p);
}

static void tell_stack(void)
{
    void *frames[64];
    int count = backtrace(frames, 64);

    tell("check: thread ");
    tell_number(syscall(SYS_gettid));
    tell(" stands at\n");
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
    atomic_fetch_add(&told, 1);
}

static void tell_cause(int signal)
{
    tell("check: ");
    if (rank_text()) {
        tell("rank ");
        tell(rank_text());
        tell(", ");
    }
    tell(watched);
    tell(*test ? ": " : "");
    tell(test);
    tell(signal == SIGTERM ? ": ended by SIGTERM\n" : ": time limit\n");
}

static void on_ask(int signal)
{
    (void)signal;
    tell_stack();
}

static void ask_other_threads(void)
{
    const struct timespec nap = {.tv_nsec = 1000000};
    DIR *threads = opendir("/proc/self/task");
    struct dirent *entry;

    while (threads && (entry = readdir(threads))) {
        pid_t thread = atoi(entry->d_name);
        int before = atomic_load(&told);
        if (thread <= 0 || thread == watcher ||
            syscall(SYS_tgkill, getpid(), thread, ASK))
            continue;
        for (int i = 0; i < 200 && atomic_load(&told) == before; i++)
            nanosleep(&nap, NULL);
    }
}

/* opendir() and the stack's names may want a lock that the stopped thread
 * holds; then alarm() is the end. */
static void end_by_alarm(unsigned seconds)
{
    sigset_t alarm_only;

    signal(SIGALRM, SIG_DFL);
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL);
    alarm(seconds);
}

static void on_signal(int number)
{
    static atomic_flag begun = ATOMIC_FLAG_INIT;

    if (syscall(SYS_gettid) != watcher) {
        syscall(SYS_tgkill, getpid(), watcher, number);
        return;
    }
    if (atomic_flag_test_and_set(&begun)) return;
    end_by_alarm(5);
    tell_cause(number);
    tell_stack();
    ask_other_threads();
    _exit(number == SIGTERM ? 143 : 124);
}

/* ---- the watch -----------------------------------------------------------*/

static void timer_set(unsigned seconds)
{
    struct itimerspec when = {.it_value.tv_sec = seconds};

    timer_settime(timer, 0, &when, NULL);
}

static void watch_begin(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction before;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID,
                             .sigev_signo = SIGALRM};
    void *frame;

    if (watcher) return;
    watcher = (pid_t)syscall(SYS_gettid);
    backtrace(&frame, 1); /* loads what it needs, outside of a handler */
    setvbuf(stdout, NULL, _IOLBF, 0);
    sigaction(SIGALRM, &action, NULL);
    signal(ASK, on_ask);
    sigaction(SIGTERM, NULL, &before);
    if (before.sa_handler == SIG_DFL) sigaction(SIGTERM, &action, NULL);
#ifdef sigev_notify_thread_id
    event.sigev_notify_thread_id = watcher;
#else
    event._sigev_un._tid = watcher;
#endif
    if (timer_create(CLOCK_MONOTONIC, &event, &timer)) {
        perror("check: timer_create");
        exit(2);
    }
}

void check_watch(const char *what, unsigned seconds)
{
    watched = what;
    watch_begin();
    timer_set(limit_scaled(seconds));
}

void check_limit(unsigned seconds)
{
    timer_set(limit_scaled(seconds));
}

/* ---- the suite -----------------------------------------------------------*/

static void test_begin(void)
{
    test = CU_get_current_test()->pName;
    timer_set(limit_default());
}

static void test_end(void)
{
    timer_set(0);
    test = "";
}

int check_run(const char *suite, const struct check_test *tests, size_t count)
{
    unsigned failures;
    CU_pSuite registered;

    watched = suite;
    watch_begin();
    if (CU_initialize_registry() != CUE_SUCCESS) return 1;
    registered = CU_add_suite_with_setup_and_teardown(suite, NULL, NULL,
                                                      test_begin, test_end);
    for (size_t i = 0; registered && i < count; i++)
        CU_add_test(registered, tests[i].name, tests[i].run);
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failures = CU_get_number_of_failures();
    if (CU_get_error() != CUE_SUCCESS) failures++;
    if (CU_get_number_of_tests_run() != count) failures++;
    CU_cleanup_registry();
    return failures != 0;
}
