/* SPDX-License-Identifier: BSD-3-Clause */
/* test_refused.c - bad input to every public function, from everywhere: each row
 * of refusals.h is tried, and what it must not touch is looked at afterwards. */
#include <math.h>
#include <pthread.h>

#include <distmpi/comm.h>

#include "job.h"

/* Where a call is made. */
enum {
    POOL = 1,
    TASK = 2,
    GANG = 4,
    CALL = 8,
    THREAD = 16,
    NONE = 32,
};

/* What calls write to: filled with one byte before each. */
static struct outputs {
    dmpi_pool *pool;
    dmpi_set *set;
    const dmpi_function *function;
    dmpi_key key, keys[4];
    size_t size, which, count, sizes[RANKS_MAX];
    void *data, *results[RANKS_MAX];
    dmpi_value values[2];
    dmpi_key_state state;
    dmpi_failure failure;
    char bytes[64];
    int ranks[4];
    dmpi_worker workers[1];
    MPI_Comm comm;
} out;

/* What they are given; rank 0's keys go to tasks as arguments. */
static struct given {
    dmpi_key good, failed, dropped;
    dmpi_key foreign, never, none, nth, far;
    dmpi_pool *pool;
    dmpi_task *task;
    dmpi_set *set;
    double number;
    const char *no_text;
    char long_name[DMPI_NAME_MAX + 1];
    char room[4096];            /* no pool */
    char long_list[100 * 1000]; /* of resources */
} given;

static dmpi_function stranger, far_stranger;
static dmpi_set *set; /* rank 0's, which outlives the pool */

DMPI_TASK(echo)
{
    size_t size = dmpi_task_args_size(task);
    void *output = dmpi_task_output(task, size);
    if (size) memcpy(output, dmpi_task_args(task), size);
}

DMPI_TASK(fails)
{
    dmpi_fail(task, "on purpose");
}

DMPI_TASK(start)
{
}

static void on_end(dmpi_pool *at, dmpi_key key, dmpi_status status, void *arg)
{
}

/* ---- the rows ------------------------------------------------------------*/

#define R(function, where, status, what, call)
#define F(function, where, call)
#define N(function, what, condition)
#define T(function, what, text, call)

struct row {
    int line; /* of refusals.h */
    int where;
    dmpi_status status;
    const char *function, *what, *text;
};

#undef R
#define R(function, where, status, what, call)                                 \
    {__LINE__, where, status, #function, what, ""},
static const struct row refused[] = {
#include "refusals.h"
};

#undef R
#define R(function, where, status, what, call)                                 \
    case __LINE__: return call;
static dmpi_status try_refused(int line)
{
    switch (line) {
#include "refusals.h"
    }
    return DMPI_OK;
}
#undef R
#define R(function, where, status, what, call)

#undef F
#define F(function, where, call)                                               \
    {__LINE__, where, DMPI_ESTATE, #function, "this place", ""},
static const struct row allowed[] = {
#include "refusals.h"
};

#undef F
#define F(function, where, call)                                               \
    case __LINE__: return call;
static dmpi_status try_elsewhere(int line)
{
    switch (line) {
#include "refusals.h"
    }
    return DMPI_OK;
}
#undef F
#define F(function, where, call)

#undef N
#define N(function, what, condition)                                           \
    {__LINE__, 0, DMPI_OK, #function, what, ""},
static const struct row conditions[] = {
#include "refusals.h"
};

#undef N
#define N(function, what, condition)                                           \
    case __LINE__: return condition;
static bool holds(int line)
{
    switch (line) {
#include "refusals.h"
    }
    return false;
}
#undef N
#define N(function, what, condition)

#undef T
#define T(function, what, text, call)                                          \
    {__LINE__, 0, DMPI_EFAILED, #function, what, text},
static const struct row failing[] = {
#include "refusals.h"
};

#undef T
#define T(function, what, text, call)                                          \
    case __LINE__: (void)(call); return;
static void fail_by(dmpi_task *task, int line)
{
    switch (line) {
#include "refusals.h"
    }
}

/* ---- trying them ---------------------------------------------------------*/

static void given_init(dmpi_pool *at)
{
    given = (struct given){.foreign = 0xabcdef,
                           .never = (dmpi_key)1 << 48 | 1,
                           .nth = DMPI_NTH(0),
                           .far = (dmpi_key)99 << 48 | 1,
                           .pool = at,
                           .set = set};
    memset(given.long_name, 'n', DMPI_NAME_MAX);
    memset(given.long_list, '+', sizeof given.long_list - 1);
    stranger = (dmpi_function){.name = "stranger", .call = dmpi_call_echo};
    far_stranger = stranger;
    far_stranger.index = UINT32_MAX;
}

enum { FILL = 0x5a, WORD = 256 };

static bool is_untouched(void)
{
    const unsigned char *bytes = (const unsigned char *)&out;
    for (size_t i = 0; i < sizeof out; i++)
        if (bytes[i] != FILL) return false;
    return true;
}

/* One call: TEXT, of WORD bytes, tells what is wrong with its answer. */
static bool is_good(const struct row *row, dmpi_status (*call)(int line),
                    char text[])
{
    memset(&out, FILL, sizeof out);
    dmpi_status_set(DMPI_OK, "%s", "");
    dmpi_status got = call(row->line);
    const char *wrong = got != row->status       ? dmpi_status_text(got)
                        : !*dmpi_status_detail() ? "without a word"
                        : !is_untouched()        ? "outputs are touched"
                                                 : NULL;
    if (!wrong) return true;
    snprintf(text, WORD, "%s, %s: %s, not %s (%s)", row->function, row->what,
             wrong, dmpi_status_text(row->status), dmpi_status_detail());
    return false;
}

/* All rows that concern this place. Returns how many were tried. */
static int try_all(int place, char text[])
{
    int tried = 0;
    for (size_t i = 0; i < CHECK_COUNT(refused); i++)
        if (refused[i].where & place) {
            if (!is_good(&refused[i], try_refused, text)) return 0;
            tried++;
        }
    for (size_t i = 0; i < CHECK_COUNT(allowed); i++)
        if (!(allowed[i].where & place)) {
            if (!is_good(&allowed[i], try_elsewhere, text)) return 0;
            tried++;
        }
    for (size_t i = 0; i < CHECK_COUNT(conditions); i++) {
        memset(&out, FILL, sizeof out);
        if (!holds(conditions[i].line) || !is_untouched()) {
            snprintf(text, WORD, "%s, %s: not as it should be",
                     conditions[i].function, conditions[i].what);
            return 0;
        }
        tried++;
    }
    return tried;
}

static void expect_all(int place)
{
    char text[WORD] = "";
    CU_ASSERT(try_all(place, text) > 0);
    if (*text) fprintf(stderr, "\n    %s\n", text);
}

/* ---- in a task -----------------------------------------------------------*/

struct order {
    dmpi_key good, failed, dropped;
    int place;
};

static struct order order_for(int place)
{
    return (struct order){given.good, given.failed, given.dropped, place};
}

/* In a process of its own, or in rank 0's, whose state it gives back. */
DMPI_TASK(try_here)
{
    const struct order *order = dmpi_task_args(task);
    static struct given before; /* one at a time */
    before = given;
    char text[WORD] = "";
    given_init(dmpi_task_pool(task));
    given.good = order->good;
    given.failed = order->failed;
    given.dropped = order->dropped;
    given.task = task;
    int tried = try_all(order->place, text);
    given = before;
    if (!tried) dmpi_fail(task, "%s", text);
    job_give(task, tried);
}

static void in_tasks_of_the_pool(void)
{
    struct order order = order_for(TASK);
    for (int rank = 1; rank < dmpi_ranks(); rank++)
        CU_ASSERT(job_take_number(job_submit_on(rank, try_here, NULL, 0, &order,
                                                sizeof order)) > 100);
}

static void in_gangs(void)
{
    struct order order = order_for(GANG);
    dmpi_gang_member member = {.args = &order, .size = sizeof order};
    dmpi_key key;
    OK(dmpi_submit_gang(pool, try_here, &member, 1, NULL, &key));
    CU_ASSERT(job_take_number(key) > 100);
}

static void in_functions_that_ranks_call(void)
{
    struct order order = order_for(CALL);
    for (int rank = 1; rank < dmpi_ranks(); rank++) {
        int64_t *tried = NULL;
        OK(dmpi_rank_run(rank, try_here, &order, sizeof order, (void **)&tried,
                         NULL));
        CU_ASSERT(tried && *tried > 100);
        free(tried);
    }
}

/* ---- at rank 0 -----------------------------------------------------------*/

static void at_the_pool(void)
{
    expect_all(POOL);
}

static void *try_elsewhere_in_rank_0(void *text)
{
    static int tried;
    tried = try_all(THREAD, text);
    return &tried;
}

static void in_another_thread(void)
{
    char text[WORD] = "";
    pthread_t thread;
    void *tried;
    pthread_create(&thread, NULL, try_elsewhere_in_rank_0, text);
    pthread_join(thread, &tried);
    CU_ASSERT(*(int *)tried > 50);
    if (*text) fprintf(stderr, "\n    %s\n", text);
}

/* ---- tasks that fail -----------------------------------------------------*/

DMPI_TASK(fail_at)
{
    const int64_t *line = dmpi_task_args(task);
    dmpi_key before = given.good;
    fail_by(task, (int)*line);
    given.good = before;
}

static void tasks_that_ask_badly_fail(void)
{
    for (size_t i = 0; i < CHECK_COUNT(failing); i++) {
        int64_t line = failing[i].line;
        dmpi_failure failure;
        dmpi_key key = job_submit(fail_at, &given.good, 1, &line, sizeof line);
        OK(dmpi_error(pool, key, &failure));
        bool memory = strstr(failing[i].text, "no memory");
        CU_ASSERT_EQUAL(failure.status, memory ? DMPI_ENOMEM : DMPI_EFAILED);
        CU_ASSERT(strstr(failure.text, failing[i].text) != NULL);
        if (!strstr(failure.text, failing[i].text))
            fprintf(stderr, "\n    %s, %s: '%s'\n", failing[i].function,
                    failing[i].what, failure.text);
        job_drop(key);
    }
}

/* ---- the run -------------------------------------------------------------*/

static void keys_of_all_kinds_are_made(void)
{
    given_init(pool);
    given.good = job_submit_number(echo, 1);
    given.failed = job_submit(fails, NULL, 0, NULL, 0);
    given.dropped = job_submit_number(echo, 2);
    dmpi_key both[] = {given.good, given.failed, given.dropped};
    EXPECT(DMPI_EFAILED,
           dmpi_wait(pool, both, 3, DMPI_ALL, DMPI_FOREVER, NULL));
    job_drop(given.dropped);
    OK(dmpi_set_new(pool, &set));
    given.set = set;
}

static void good_input_still_works(void)
{
    CU_ASSERT_EQUAL(job_take_number(given.good), 1);
    job_drop(given.failed);
}

static const struct check_test tests[] = {
    {"keys of all kinds are made", keys_of_all_kinds_are_made},
    {"refused at the pool", at_the_pool},
    {"refused in another thread", in_another_thread},
    {"refused in tasks of the pool", in_tasks_of_the_pool},
    {"refused in gangs", in_gangs},
    {"refused in functions that ranks call", in_functions_that_ranks_call},
    {"tasks that ask badly fail", tasks_that_ask_badly_fail},
    {"good input still works", good_input_still_works},
};

/* On every rank, while no pool is open. */
static bool is_refused_without_a_pool(dmpi_pool *at)
{
    char text[WORD] = "";
    given_init(at);
    if (try_all(NONE, text) && dmpi_rank() == -1 && dmpi_ranks() == -1)
        return true;
    fprintf(stderr, "without a pool: %s\n", text);
    return false;
}

int main(void)
{
    MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &(int){0});
    bool good = is_refused_without_a_pool(NULL);
    int result = job_run("refused", tests, CHECK_COUNT(tests));
    good = is_refused_without_a_pool(pool) && good; /* it has been closed */
    good = !dmpi_set_free(set) && good;
    MPI_Finalize();
    return good ? result : 1;
}
