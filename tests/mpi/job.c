/* SPDX-License-Identifier: BSD-3-Clause */
/* job.c - the common part of the test programs. */
#include "job.h"

#include <unistd.h>

enum { SERVE_SECONDS = 500 };

dmpi_pool *pool;

void job_expect(dmpi_status got, dmpi_status wanted, const char *call,
                const char *file, unsigned line)
{
    char text[512];
    snprintf(text, sizeof text, "%s: %s, not %s; %s", call,
             dmpi_status_text(got), dmpi_status_text(wanted),
             got ? dmpi_status_detail() : "");
    CU_assertImplementation(got == wanted, line, text, file, "", CU_FALSE);
}

DMPI_TASK(job_process)
{
    *(int64_t *)dmpi_task_output(task, sizeof(int64_t)) = getpid();
}

bool job_is_one_process(void)
{
    return job_take_number(job_submit_on(1, job_process, NULL, 0, NULL, 0)) ==
           getpid();
}

/* ---- the run -------------------------------------------------------------*/

/* Tasks whose keys were dropped may still run. */
static bool is_clean(void)
{
    dmpi_worker table[RANKS_MAX];
    size_t count = 0, rest = job_keys_held();
    OK(dmpi_rank_workers(table, RANKS_MAX, &count));
    for (size_t i = 0; i < count; i++)
        rest += table[i].bytes + table[i].tasks_pending;
    return rest == 0;
}

static void every_key_was_dropped(void)
{
    bool clean = is_clean();
    for (int tries = 0; !clean && tries < 50; tries++) {
        job_sleep(0.1);
        clean = is_clean();
    }
    CU_ASSERT(clean);
}

static int run_tests(const char *suite, const struct check_test *tests,
                     size_t count)
{
    struct check_test all[TESTS_MAX];
    if (count >= TESTS_MAX) return 2;
    memcpy(all, tests, count * sizeof *tests);
    all[count] =
        (struct check_test){"every key was dropped", every_key_was_dropped};
    return check_run(suite, all, count + 1);
}

int job_run(const char *suite, const struct check_test *tests, size_t count)
{
    check_watch(suite, SERVE_SECONDS);
    if (dmpi_open(NULL, &pool)) return 1;
    int result = pool ? run_tests(suite, tests, count) : 0;
    check_watch(suite, SERVE_SECONDS);
    if (dmpi_close(pool)) result = 1;
    check_limit(0);
    return result;
}

/* ---- short ways of calling -----------------------------------------------*/

dmpi_key job_submit(const dmpi_function *function, const dmpi_key inputs[],
                    size_t count, const void *args, size_t size)
{
    dmpi_key key = DMPI_KEY_NONE;
    OK(dmpi_submit(pool, function, inputs, count, args, size, NULL, &key));
    return key;
}

dmpi_key job_submit_on(int rank, const dmpi_function *function,
                       const dmpi_key inputs[], size_t count, const void *args,
                       size_t size)
{
    dmpi_task_options options = {.rank = rank, .hard = 1};
    dmpi_key key = DMPI_KEY_NONE;
    OK(dmpi_submit(pool, function, inputs, count, args, size, &options, &key));
    return key;
}

dmpi_key job_submit_number(const dmpi_function *function, int64_t number)
{
    return job_submit(function, NULL, 0, &number, sizeof number);
}

int64_t job_number(dmpi_key key)
{
    int64_t number = 0x5555;
    size_t size = 0;
    OK(dmpi_get(pool, key, &number, sizeof number, &size));
    CU_ASSERT_EQUAL(size, sizeof number);
    return number;
}

void job_drop(dmpi_key key)
{
    OK(dmpi_drop(pool, &key, 1));
}

int64_t job_take_number(dmpi_key key)
{
    int64_t number = job_number(key);
    job_drop(key);
    return number;
}

size_t job_keys_held(void)
{
    size_t sum = 0, count = 0;
    for (int rank = 1; rank < dmpi_ranks(); rank++) {
        OK(dmpi_rank_has_what(rank, NULL, 0, &count));
        sum += count;
    }
    return sum;
}

bool job_keys_become(size_t count)
{
    for (int i = 0; i < 5000 && job_keys_held() != count; i++) job_sleep(0.001);
    return job_keys_held() == count;
}

/* ---- inside tasks --------------------------------------------------------*/

void job_give(dmpi_task *task, int64_t number)
{
    int64_t *output = dmpi_task_output(task, sizeof *output);
    *output = number;
}

int64_t job_argument(const dmpi_task *task)
{
    return *(const int64_t *)dmpi_task_args(task);
}

/* ---- bytes and time ------------------------------------------------------*/

/* Word I of the bytes that belong to SEED (splitmix64). */
static uint64_t word_of(uint64_t seed, uint64_t i)
{
    uint64_t x = (seed << 40) + (i + 1) * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

void job_fill(void *data, size_t size, uint64_t seed)
{
    char *to = data;
    for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
        uint64_t word = word_of(seed, at / sizeof word);
        size_t rest = size - at;
        memcpy(to + at, &word, rest < sizeof word ? rest : sizeof word);
    }
}

bool job_is_filled(const void *data, size_t size, uint64_t seed)
{
    const char *from = data;
    for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
        uint64_t word = word_of(seed, at / sizeof word);
        size_t rest = size - at;
        if (memcmp(from + at, &word, rest < sizeof word ? rest : sizeof word))
            return false;
    }
    return true;
}

void *job_bytes(size_t size, uint64_t seed)
{
    void *data = malloc(size ? size : 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    job_fill(data, size, seed);
    return data;
}

double job_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void job_sleep(double seconds)
{
    struct timespec nap = {.tv_sec = (time_t)seconds};
    nap.tv_nsec = (long)((seconds - (double)nap.tv_sec) * 1e9);
    nanosleep(&nap, NULL);
}

void job_busy(double seconds)
{
    for (double end = job_now() + seconds; job_now() < end;) {
    }
}
