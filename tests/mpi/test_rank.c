/* SPDX-License-Identifier: BSD-3-Clause */
/* test_rank.c - rank.h about ranks and keys, from rank 0 and from inside tasks.
 */
#include "job.h"

/* ---- tasks ---------------------------------------------------------------*/

DMPI_TASK(echo)
{
    size_t size = dmpi_task_args_size(task);
    void *out = dmpi_task_output(task, size);
    if (size) memcpy(out, dmpi_task_args(task), size);
}

DMPI_TASK(size_of_input)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = (int64_t)dmpi_task_input_size(task, 0);
}

DMPI_TASK(nap)
{
    job_sleep(*(const double *)dmpi_task_args(task));
}

DMPI_TASK(fails)
{
    dmpi_fail(task, "as it should");
}

/* In a task: go on only if CALL gives STATUS. */
#define NEED(status, call)                                                     \
    do {                                                                       \
        dmpi_status said = call;                                               \
        if (said == (status)) break;                                           \
        dmpi_fail(task, "line %d: %s: %s; %s", __LINE__, #call,                \
                  dmpi_status_text(said), dmpi_status_detail());               \
        return;                                                                \
    } while (0)
#define NEED_THAT(condition)                                                   \
    do {                                                                       \
        if (condition) break;                                                  \
        dmpi_fail(task, "line %d: %s", __LINE__, #condition);                  \
        return;                                                                \
    } while (0)

/* Drops the keys of its arguments, the last one first, until one is refused. */
DMPI_TASK(drop_all)
{
    const dmpi_key *keys = dmpi_task_args(task);
    int64_t *dropped = dmpi_task_output(task, sizeof *dropped);
    size_t count = dmpi_task_args_size(task) / sizeof *keys;
    for (*dropped = 0; count--; ++*dropped)
        if (dmpi_rank_drop(dmpi_rank(), keys[count])) break;
}

/* Gives the worker table. */
DMPI_TASK(ask_workers)
{
    dmpi_worker table[RANKS_MAX];
    size_t count;
    NEED(DMPI_OK, dmpi_rank_workers(table, RANKS_MAX, &count));
    memcpy(dmpi_task_output(task, count * sizeof *table), table,
           count * sizeof *table);
}

DMPI_TASK(ask_ncores)
{
    int cores = 0;
    NEED_THAT(dmpi_rank() == dmpi_task_rank(task));
    for (int rank = 1; rank < dmpi_ranks(); rank++)
        NEED(DMPI_OK, dmpi_rank_ncores(rank, &cores));
    NEED_THAT(cores > 0);
    NEED(DMPI_EINVAL, dmpi_rank_ncores(0, &cores));
    NEED(DMPI_EINVAL, dmpi_rank_ncores(dmpi_ranks(), &cores));
}

/* ARGS: key, the rank that alone holds it, its size; it was filled by 1. */
DMPI_TASK(ask_about_key)
{
    const int64_t *args = dmpi_task_args(task);
    dmpi_key key = (dmpi_key)args[0];
    int holder = (int)args[1], ranks[RANKS_MAX];
    size_t count = 0, size = 0;
    void *data;
    NEED(DMPI_OK, dmpi_rank_who_has(key, ranks, RANKS_MAX, &count));
    NEED_THAT(count == 1 && ranks[0] == holder);
    NEED(DMPI_OK, dmpi_rank_has_what(holder, NULL, 0, &count));
    NEED_THAT(count >= 1);
    NEED(DMPI_OK, dmpi_rank_get(holder, key, &data, &size));
    NEED_THAT(size == (size_t)args[2] && job_is_filled(data, size, 1));
    free(data);
    for (int rank = 1; rank < dmpi_ranks(); rank++)
        if (rank != holder)
            NEED(DMPI_ENOKEY, dmpi_rank_get(rank, key, &data, &size));
    NEED(DMPI_ENOKEY, dmpi_rank_get(holder, key + 999, &data, &size));
    NEED(DMPI_ENOKEY, dmpi_rank_who_has(key + 999, ranks, 1, &count));
    NEED(DMPI_EINVAL, dmpi_rank_get(0, key, &data, &size));
    NEED(DMPI_EINVAL, dmpi_rank_has_what(0, NULL, 0, &count));
}

/* ARGS: rank, size. Puts that many bytes there, gives the key. */
DMPI_TASK(put_there)
{
    const int64_t *args = dmpi_task_args(task);
    size_t size = (size_t)args[1];
    char *data = malloc(size + 1);
    dmpi_key key;
    job_fill(data, size, 1);
    dmpi_status status = dmpi_rank_put((int)args[0], data, size, &key);
    memset(data, 0, size); /* may be reused */
    free(data);
    NEED_THAT(status == DMPI_OK);
    memcpy(dmpi_task_output(task, sizeof key), &key, sizeof key);
}

/* ARGS: key, rank. */
DMPI_TASK(drop_there)
{
    const int64_t *args = dmpi_task_args(task);
    NEED(DMPI_OK, dmpi_rank_drop((int)args[1], (dmpi_key)args[0]));
    NEED(DMPI_ENOKEY, dmpi_rank_drop((int)args[1], (dmpi_key)args[0]));
}

/* Puts a key on every rank, gets it from there, drops it; all by itself. */
DMPI_TASK(put_get_drop)
{
    for (int i = 0; i < 100; i++) {
        int rank = 1 + i % (dmpi_ranks() - 1);
        size_t size, wanted = (size_t)i * (size_t)i * 10;
        char *data = malloc(wanted + 1);
        void *back, *none;
        dmpi_key key;
        job_fill(data, wanted, 3);
        NEED(DMPI_OK, dmpi_rank_put(rank, data, wanted, &key));
        NEED(DMPI_OK, dmpi_rank_get(rank, key, &back, &size));
        NEED_THAT(size == wanted && !memcmp(data, back, size));
        NEED(DMPI_OK, dmpi_rank_drop(rank, key));
        if (rank == dmpi_rank()) /* others hear of it later */
            NEED(DMPI_ENOKEY, dmpi_rank_get(rank, key, &none, &size));
        free(data);
        free(back);
    }
}

/* ARGS: a key that its user, a pending task, still needs, and where it is. */
DMPI_TASK(drop_is_refused)
{
    const int64_t *args = dmpi_task_args(task);
    NEED(DMPI_EBUSY, dmpi_rank_drop((int)args[1], (dmpi_key)args[0]));
    NEED(DMPI_EBUSY, dmpi_rank_drop((int)args[1], dmpi_task_key(task)));
}

/* ---- the tests' own ------------------------------------------------------*/

/* The task of KEY ended well; drop it. */
static void ended_well(dmpi_key key)
{
    dmpi_failure failure;
    OK(dmpi_error(pool, key, &failure));
    if (failure.status)
        fprintf(stderr, "%s: %s\n", failure.function, failure.text);
    CU_ASSERT_EQUAL(failure.status, DMPI_OK);
    job_drop(key);
}

static void on_every_worker(const dmpi_function *function, const void *args,
                            size_t size)
{
    for (int rank = 1; rank < dmpi_ranks(); rank++)
        ended_well(job_submit_on(rank, function, NULL, 0, args, size));
}

static dmpi_key start_nap(int rank, double seconds)
{
    return job_submit_on(rank, nap, NULL, 0, &seconds, sizeof seconds);
}

/* ---- the worker table ----------------------------------------------------*/

static void worker_table_tells_who_is_there(void)
{
    dmpi_worker table[RANKS_MAX];
    size_t count = 0;
    int cores;
    OK(dmpi_rank_workers(table, RANKS_MAX, &count));
    CU_ASSERT_EQUAL(count, dmpi_workers(pool));
    CU_ASSERT_EQUAL((int)count, job_workers());
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_EQUAL(table[i].rank, (int)i + 1);
        CU_ASSERT_EQUAL(table[i].node, 0);
        CU_ASSERT(table[i].cores > 0);
        CU_ASSERT(*table[i].host && *table[i].cpus);
        OK(dmpi_rank_ncores((int)i + 1, &cores));
        CU_ASSERT_EQUAL(cores, table[i].cores);
    }
    OK(dmpi_rank_workers(NULL, 0, &count));
    CU_ASSERT_EQUAL((int)count, job_workers());
    REFUSED(DMPI_EINVAL, dmpi_rank_ncores(0, &cores));
    REFUSED(DMPI_EINVAL, dmpi_rank_ncores(-1, &cores));
    REFUSED(DMPI_EINVAL, dmpi_rank_ncores(dmpi_ranks(), &cores));
    CU_ASSERT_EQUAL(dmpi_rank(), 0);
    on_every_worker(ask_ncores, NULL, 0);
}

static void worker_table_is_the_same_in_a_task(void)
{
    dmpi_worker here[RANKS_MAX], there[RANKS_MAX];
    size_t count, size;
    dmpi_key key = job_submit(ask_workers, NULL, 0, NULL, 0);
    OK(dmpi_get(pool, key, there, sizeof there, &size));
    OK(dmpi_rank_workers(here, RANKS_MAX, &count));
    CU_ASSERT_EQUAL(size, count * sizeof *here);
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_EQUAL(here[i].rank, there[i].rank);
        CU_ASSERT_STRING_EQUAL(here[i].host, there[i].host);
        CU_ASSERT_STRING_EQUAL(here[i].cpus, there[i].cpus);
    }
    job_drop(key);
}

static void worker_table_counts(void)
{
    dmpi_worker before[RANKS_MAX], after[RANKS_MAX];
    size_t count, i = (size_t)job_last() - 1;
    char *data = job_bytes(12345, 1);
    dmpi_key put, run;
    OK(dmpi_rank_workers(before, RANKS_MAX, &count));
    OK(dmpi_put(pool, data, 12345, job_last(), &put));
    run = job_submit_on(job_last(), echo, NULL, 0, data, 10);
    OK(dmpi_wait(pool, &run, 1, DMPI_ALL, DMPI_FOREVER, NULL));
    OK(dmpi_rank_workers(after, RANKS_MAX, &count));
    CU_ASSERT_EQUAL(after[i].bytes - before[i].bytes, 12355);
    CU_ASSERT_EQUAL(after[i].tasks_done - before[i].tasks_done, 1);
    job_drop(put);
    job_drop(run);
    free(data);
}

/* A value that was fetched twice came once. */
static void worker_table_counts_what_came(void)
{
    dmpi_worker before[RANKS_MAX], after[RANKS_MAX];
    size_t count, last = (size_t)job_last() - 1;
    char *data = job_bytes(12345, 1);
    dmpi_key put, uses[2];
    OK(dmpi_put(pool, data, 12345, 1, &put));
    OK(dmpi_rank_workers(before, RANKS_MAX, &count));
    for (int i = 0; i < 2; i++)
        uses[i] = job_submit_on(job_last(), echo, &put, 1, data, 10);
    OK(dmpi_wait(pool, uses, 2, DMPI_ALL, DMPI_FOREVER, NULL));
    OK(dmpi_rank_workers(after, RANKS_MAX, &count));
    for (size_t i = 0; i < count; i++)
        CU_ASSERT_EQUAL(after[i].bytes_fetched - before[i].bytes_fetched,
                        i == last && last > 0 ? 12345 : 0);
    job_drop(put);
    for (int i = 0; i < 2; i++) job_drop(uses[i]);
    free(data);
}

/* ---- who has what --------------------------------------------------------*/

static void ask_everywhere(dmpi_key key, int holder, int64_t size)
{
    int64_t args[3] = {(int64_t)key, holder, size};
    on_every_worker(ask_about_key, args, sizeof args);
}

static void keys_are_found_and_read_from_any_rank(void)
{
    const size_t sizes[] = {0, 10, 2048, 2049, 6000000};
    for (size_t i = 0; i < CHECK_COUNT(sizes); i++) {
        char *data = job_bytes(sizes[i], 1);
        int holder = 1 + (int)i % job_workers();
        dmpi_key key;
        OK(dmpi_rank_put(holder, data, sizes[i], &key));
        memset(data, 0, sizes[i]);
        ask_everywhere(key, holder, (int64_t)sizes[i]);
        job_drop(key);
        free(data);
    }
}

static void has_what_lists_the_keys(void)
{
    dmpi_key keys[5], listed[5] = {0};
    size_t count, found = 0;
    for (int i = 0; i < 5; i++) OK(dmpi_rank_put(1, "x", 1, &keys[i]));
    OK(dmpi_rank_has_what(1, listed, 5, &count));
    CU_ASSERT_EQUAL(count, 5);
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 5; k++) found += keys[i] == listed[k];
    CU_ASSERT_EQUAL(found, 5);
    listed[2] = 7;
    OK(dmpi_rank_has_what(1, listed, 2, &count));
    CU_ASSERT(count == 5 && listed[2] == 7);
    OK(dmpi_drop(pool, keys, 5));
    OK(dmpi_rank_has_what(1, listed, 5, &count));
    CU_ASSERT_EQUAL(count, 0);
}

static void nobody_has_what_does_not_exist(void)
{
    dmpi_key wait = start_nap(1, 0.05);
    dmpi_key key = job_submit_on(1, echo, NULL, 0, "x", 1);
    size_t count = 9;
    void *data;
    OK(dmpi_rank_who_has(key, NULL, 0, &count));
    CU_ASSERT_EQUAL(count, 0);
    REFUSED(DMPI_ENOKEY, dmpi_rank_get(1, key, &data, &count));
    OK(dmpi_wait(pool, &key, 1, DMPI_ALL, DMPI_FOREVER, NULL));
    OK(dmpi_rank_who_has(key, NULL, 0, &count));
    CU_ASSERT_EQUAL(count, 1);
    job_drop(wait);
    job_drop(key);
}

static void get_of_an_error_says_so(void)
{
    dmpi_key bad = job_submit_on(1, fails, NULL, 0, NULL, 0);
    void *data = NULL;
    dmpi_wait(pool, &bad, 1, DMPI_ALL, DMPI_FOREVER, NULL);
    REFUSED(DMPI_EFAILED, dmpi_rank_get(1, bad, &data, NULL));
    CU_ASSERT_PTR_NULL(data);
    CU_ASSERT(strstr(dmpi_status_detail(), "as it should") != NULL);
    job_drop(bad);
}

/* ---- put -----------------------------------------------------------------*/

static dmpi_key put_from(int rank, int to, int64_t size)
{
    int64_t args[2] = {to, size};
    dmpi_key made = DMPI_KEY_NONE;
    dmpi_key key = job_submit_on(rank, put_there, NULL, 0, args, sizeof args);
    OK(dmpi_get(pool, key, &made, sizeof made, NULL));
    job_drop(key);
    return made;
}

static void task_puts_keys_that_rank_0_uses(void)
{
    const int64_t sizes[] = {0, 8, 2048, 2049, 5000000};
    for (size_t i = 0; i < CHECK_COUNT(sizes); i++) {
        int from = 1 + (int)i % job_workers(), to = job_last(), holder = 0;
        dmpi_key made = put_from(from, to, sizes[i]);
        size_t count, size = (size_t)sizes[i];
        char *back = malloc(size + 1);
        OK(dmpi_rank_who_has(made, &holder, 1, &count));
        CU_ASSERT(count == 1 && holder == to);
        OK(dmpi_get(pool, made, back, size, NULL));
        CU_ASSERT(job_is_filled(back, size, 1));
        dmpi_key user = job_submit_on(1, size_of_input, &made, 1, NULL, 0);
        CU_ASSERT_EQUAL(job_take_number(user), sizes[i]);
        job_drop(made);
        free(back);
    }
}

static void task_works_with_keys_on_its_own(void)
{
    dmpi_key keys[RANKS_MAX];
    for (int rank = 1; rank < dmpi_ranks(); rank++) /* all at once */
        keys[rank] = job_submit_on(rank, put_get_drop, NULL, 0, NULL, 0);
    for (int rank = 1; rank < dmpi_ranks(); rank++) ended_well(keys[rank]);
    CU_ASSERT_EQUAL(job_keys_held(), 0);
}

static void put_refuses_bad_arguments(void)
{
    dmpi_key key = 7;
    void *data;
    REFUSED(DMPI_EINVAL, dmpi_rank_put(0, "x", 1, &key));
    REFUSED(DMPI_EINVAL, dmpi_rank_put(dmpi_ranks(), "x", 1, &key));
    REFUSED(DMPI_EINVAL, dmpi_rank_put(1, NULL, 1, &key));
    REFUSED(DMPI_EINVAL, dmpi_rank_put(1, "x", 1, NULL));
    REFUSED(DMPI_EINVAL, dmpi_rank_get(0, key, &data, NULL));
    REFUSED(DMPI_EINVAL, dmpi_rank_get(1, key, NULL, NULL));
    REFUSED(DMPI_ENOKEY, dmpi_rank_get(1, key, &data, NULL));
    REFUSED(DMPI_EINVAL, dmpi_rank_drop(0, key));
    REFUSED(DMPI_ENOKEY, dmpi_rank_drop(1, key));
    REFUSED(DMPI_ENOKEY, dmpi_rank_drop(1, UINT64_MAX));
    REFUSED(DMPI_ENOKEY, dmpi_rank_who_has(DMPI_NTH(1), NULL, 0, NULL));
    CU_ASSERT_EQUAL(key, 7);
}

/* ---- drop ----------------------------------------------------------------*/

static void drop_of_the_last_copy_ends_the_key(void)
{
    dmpi_key key;
    int64_t args[2];
    size_t count;
    OK(dmpi_rank_put(1, "x", 1, &key));
    OK(dmpi_replicate(pool, key, 0));
    for (int rank = dmpi_ranks() - 1; rank > 1; rank--) {
        OK(dmpi_rank_drop(rank, key));
        OK(dmpi_rank_who_has(key, NULL, 0, &count));
        CU_ASSERT_EQUAL((int)count, rank - 1);
        REFUSED(DMPI_ENOKEY, dmpi_rank_drop(rank, key));
    }
    args[0] = (int64_t)key;
    args[1] = 1;
    ended_well(
        job_submit_on(job_last(), drop_there, NULL, 0, args, sizeof args));
    REFUSED(DMPI_ENOKEY, dmpi_rank_who_has(key, NULL, 0, &count));
    REFUSED(DMPI_ENOKEY, dmpi_drop(pool, &key, 1));
}

/* The owner's copy goes first, the others stay of use. */
static void drop_of_the_first_copy_leaves_the_others(void)
{
    dmpi_key key;
    char *data = job_bytes(30000, 2), *back = malloc(30000);
    OK(dmpi_put(pool, data, 30000, 1, &key));
    OK(dmpi_replicate(pool, key, 0));
    for (int rank = 1; rank < job_last(); rank++) {
        OK(dmpi_rank_drop(rank, key));
        memset(back, 0, 30000);
        OK(dmpi_get(pool, key, back, 30000, NULL));
        CU_ASSERT(job_is_filled(back, 30000, 2));
        dmpi_key user = job_submit_on(1, size_of_input, &key, 1, NULL, 0);
        CU_ASSERT_EQUAL(job_take_number(user), 30000);
        if (rank > 1) OK(dmpi_rank_drop(1, key)); /* the user fetched it */
    }
    job_drop(key);
    free(data);
    free(back);
}

static void drop_is_refused_while_tasks_need_the_key(void)
{
    dmpi_key key, wait, user;
    OK(dmpi_put(pool, "x", 1, 1, &key));
    wait = start_nap(1, 0.3);
    user = job_submit_on(1, size_of_input, &key, 1, NULL, 0);
    REFUSED(DMPI_EBUSY, dmpi_rank_drop(1, key));
    REFUSED(DMPI_EBUSY, dmpi_rank_drop(1, user));
    if (job_workers() > 1) {
        int64_t args[2] = {(int64_t)key, 1};
        ended_well(
            job_submit_on(2, drop_is_refused, NULL, 0, args, sizeof args));
    }
    CU_ASSERT_EQUAL(job_number(user), 1);
    OK(dmpi_rank_drop(1, key));
    OK(dmpi_rank_drop(1, user));
    REFUSED(DMPI_ENOKEY, dmpi_rank_drop(1, user));
    job_drop(wait);
}

/* A long map turns the loop: what it has checked must not go meanwhile. */
static void drop_during_a_map_takes_nothing_from_it(void)
{
    enum { COUNT = 20000 };
    dmpi_key *keys = calloc(COUNT, sizeof *keys);
    dmpi_key *sizes = calloc(COUNT, sizeof *sizes);
    int *ranks = calloc(COUNT, sizeof *ranks);
    for (int i = 0; i < COUNT; i++) ranks[i] = 1;
    OK(dmpi_scatter(pool, ranks, COUNT, sizeof *ranks, ranks, keys));
    dmpi_key dropper =
        job_submit_on(1, drop_all, NULL, 0, keys, COUNT * sizeof *keys);
    dmpi_status status =
        dmpi_map(pool, size_of_input, COUNT, keys, NULL, 0, NULL, sizes);
    CU_ASSERT_TRUE(status == DMPI_OK || status == DMPI_ENOKEY);
    if (!status) {
        OK(dmpi_wait(pool, sizes, COUNT, DMPI_ALL, DMPI_FOREVER, NULL));
        OK(dmpi_drop(pool, sizes, COUNT));
    }
    int64_t dropped = job_take_number(dropper);
    OK(dmpi_drop(pool, keys, COUNT - (size_t)dropped));
    free(ranks);
    free(sizes);
    free(keys);
}

static const struct check_test tests[] = {
    {"the worker table tells who is there", worker_table_tells_who_is_there},
    {"the worker table is the same in a task",
     worker_table_is_the_same_in_a_task},
    {"the worker table counts bytes and tasks", worker_table_counts},
    {"the worker table counts what came from peers",
     worker_table_counts_what_came},
    {"keys are found and read from any rank",
     keys_are_found_and_read_from_any_rank},
    {"has_what lists the keys", has_what_lists_the_keys},
    {"nobody has what does not exist", nobody_has_what_does_not_exist},
    {"get of an error says so", get_of_an_error_says_so},
    {"a task puts keys that rank 0 uses", task_puts_keys_that_rank_0_uses},
    {"a task works with keys on its own", task_works_with_keys_on_its_own},
    {"put, get and drop refuse bad arguments", put_refuses_bad_arguments},
    {"drop of the last copy ends the key", drop_of_the_last_copy_ends_the_key},
    {"drop of the first copy leaves the others",
     drop_of_the_first_copy_leaves_the_others},
    {"drop is refused while tasks need the key",
     drop_is_refused_while_tasks_need_the_key},
    {"drop during a map takes nothing from it",
     drop_during_a_map_takes_nothing_from_it},
};

int main(void)
{
    return job_run("rank", tests, CHECK_COUNT(tests));
}
