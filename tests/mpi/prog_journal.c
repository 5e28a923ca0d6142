/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_journal.c - durable tasks of all kinds; run by journal.sh, which looks at
 * what is printed and at which functions ran.
 *
 *     prog_journal work [INPUT [ARGUMENT [VERSION [CONSTANT]]]]
 *     prog_journal got | gang | unknown | places | wait FILE (until it is there)
 *
 * Every function appends its name to the file JOURNAL_RAN, if that is set. */
#include <fcntl.h>
#include <unistd.h>

#include "job.h"

enum { MAPPED = 20, LARGE = 3000000 };

static const dmpi_task_options durable = {.durable = DMPI_DURABLE};
static const dmpi_task_options fresh = {.durable = DMPI_FRESH};

/* A task has run. One write, so that names are not mixed. */
static void note(const char *name)
{
    const char *path = getenv("JOURNAL_RAN");
    char line[80];
    int size = snprintf(line, sizeof line, "%s\n", name);
    if (!path) return;
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (file < 0 || write(file, line, (size_t)size) != size) abort();
    close(file);
}

static int64_t sum_of_inputs(const dmpi_task *task)
{
    int64_t sum = 0;
    for (size_t i = 0; i < dmpi_task_input_count(task); i++)
        sum += *(const int64_t *)dmpi_task_input(task, i);
    return sum;
}

DMPI_TASK(square)
{
    int64_t x = job_argument(task);
    note("square");
    job_give(task, x * x);
}

DMPI_TASK(sum)
{
    note("sum");
    job_give(task, sum_of_inputs(task));
}

/* Gets a version in main(). */
static void add_one(dmpi_task *task)
{
    note("versioned");
    job_give(task, sum_of_inputs(task) + 1);
}

DMPI_TASK(large)
{
    note("large");
    job_fill(dmpi_task_output(task, LARGE), LARGE, 5);
}

DMPI_TASK(check_large)
{
    note("check_large");
    bool good = dmpi_task_input_size(task, 0) == LARGE &&
                job_is_filled(dmpi_task_input(task, 0), LARGE, 5);
    job_give(task, good);
}

DMPI_TASK(see)
{
    const int64_t *constant = dmpi_task_constant(task, "c", NULL);
    note("see");
    job_give(task, constant ? *constant : -1);
}

DMPI_TASK(empty)
{
    note("empty");
}

DMPI_TASK(fails)
{
    note("fails");
    dmpi_fail(task, "as it should");
}

DMPI_TASK(draw)
{
    dmpi_stream stream;
    note("draw");
    dmpi_random(task, &stream);
    job_give(task, (int64_t)(dmpi_random_64(&stream) >> 1));
}

DMPI_TASK(add)
{
    note("add");
    job_give(task, sum_of_inputs(task));
}

/* Submits tasks, which are part of it, and goes on as their sum. */
DMPI_TASK(parent)
{
    int64_t numbers[3] = {1, 2, 3};
    dmpi_key keys[3];
    note("parent");
    TRY(dmpi_map(dmpi_task_pool(task), square, 3, NULL, numbers,
                 sizeof numbers[0], &durable, keys));
    TRY(dmpi_task_go_on(task, sum, keys, 3, NULL, 0, NULL));
    TRY(dmpi_drop(dmpi_task_pool(task), keys, 3));
}

DMPI_TASK(member)
{
    note("member");
    job_give(task, 10 + dmpi_gang_index(task));
}

/* Its argument is a key, which rank 0 holds: 1 if the value is what large()
 * gives. */
DMPI_TASK(peek)
{
    void *data;
    size_t size;
    TRY(dmpi_get_new(dmpi_task_pool(task),
                     *(const dmpi_key *)dmpi_task_args(task), &data, &size));
    job_give(task, size == LARGE && job_is_filled(data, LARGE, 5));
    free(data);
}

static void print(const char *what, dmpi_key key)
{
    int64_t number = 0;
    dmpi_status status = dmpi_get(pool, key, &number, sizeof number, NULL);
    if (status) printf("%s: %s\n", what, dmpi_status_text(status));
    else printf("%s %" PRId64 "\n", what, number);
    dmpi_drop(pool, &key, 1);
}

static dmpi_key submit(const dmpi_function *function, const dmpi_key inputs[],
                       size_t count, int64_t number,
                       const dmpi_task_options *options)
{
    dmpi_key key = DMPI_KEY_NONE;
    if (dmpi_submit(pool, function, inputs, count, &number, sizeof number,
                    options, &key))
        fprintf(stderr, "submit: %s\n", dmpi_status_detail());
    return key;
}

/* ---- work ----------------------------------------------------------------*/

/* Only the durable sum of a map is kept, whose parts are all known. */
static void map_and_drop(void)
{
    int64_t numbers[MAPPED];
    dmpi_key keys[MAPPED], total;
    for (int i = 0; i < MAPPED; i++) numbers[i] = i;
    dmpi_map(pool, square, MAPPED, NULL, numbers, sizeof numbers[0], &durable,
             keys);
    dmpi_submit(pool, sum, keys, MAPPED, NULL, 0, NULL, &total);
    dmpi_drop(pool, keys, MAPPED);
    print("map", total);
    dmpi_map_reduce(pool, square, MAPPED, NULL, numbers, sizeof numbers[0], add,
                    4, &durable, &total);
    print("reduce", total);
}

static void graph(void)
{
    dmpi_task_options seeded = {.durable = DMPI_DURABLE, .seed = 3};
    dmpi_key both[2] = {DMPI_NTH(0), DMPI_NTH(2)}, first = DMPI_NTH(1), keys[4];
    int64_t number = 100;
    dmpi_graph_task tasks[4] = {
        {sum, both, 2, NULL, 0, &durable},
        {draw, NULL, 0, NULL, 0, &seeded},
        {sum, &first, 1, NULL, 0, &durable},
        {square, NULL, 0, &number, sizeof number, &durable},
    };
    both[0] = DMPI_NTH(3);
    dmpi_submit_graph(pool, tasks, 4, keys);
    for (int i = 0; i < 4; i++) print("graph", keys[i]);
}

/* Arguments: see above. */
static void work(int argc, char **argv, const dmpi_function *versioned)
{
    int64_t input = argc > 2 ? atoll(argv[2]) : 1, put = input + 10;
    int64_t argument = argc > 3 ? atoll(argv[3]) : 1;
    int64_t constant = argc > 5 ? atoll(argv[5]) : 1;
    dmpi_key key, two[2];
    dmpi_put(pool, &put, sizeof put, 0, &key);
    two[0] = key;
    two[1] = submit(versioned, &key, 1, 0, &durable);
    print("put and versioned", submit(sum, two, 2, 0, &durable));
    dmpi_drop(pool, two, 2);
    print("argument", submit(square, NULL, 0, argument, &durable));
    key = submit(large, NULL, 0, 0, &durable);
    print("large", submit(check_large, &key, 1, 0, NULL));
    dmpi_drop(pool, &key, 1);
    key = submit(empty, NULL, 0, 0, &durable);
    dmpi_drop(pool, &key, 1);
    map_and_drop();
    graph();
    print("nested", submit(parent, NULL, 0, 0, &durable));
    print("failure", submit(fails, NULL, 0, 0, &durable));
    print("fresh", submit(square, NULL, 0, argument, &fresh));
    dmpi_constant(pool, "c", &constant, sizeof constant);
    print("constant", submit(see, NULL, 0, 0, &durable));
    dmpi_constant(pool, "c", NULL, 0);
    print("no constant", submit(see, NULL, 0, 0, &durable));
}

/* ---- other modes ---------------------------------------------------------*/

/* Nothing is marked. */
static void get_all(void)
{
    int64_t numbers[MAPPED], values[MAPPED];
    dmpi_key keys[MAPPED], total;
    for (int i = 0; i < MAPPED; i++) numbers[i] = i;
    dmpi_map(pool, square, MAPPED, NULL, numbers, sizeof numbers[0], NULL,
             keys);
    dmpi_submit(pool, sum, keys, MAPPED, NULL, 0, NULL, &total);
    dmpi_gather(pool, keys, MAPPED / 2, values, sizeof values[0]);
    for (int i = 0; i < MAPPED / 2; i++)
        if (values[i] != (int64_t)i * i) printf("wrong\n");
    dmpi_drop(pool, keys, MAPPED);
    print("total", total);
}

static void gang(void)
{
    dmpi_key keys[2];
    if (dmpi_submit_gang(pool, member, NULL, 2, &durable, keys)) {
        printf("%s\n", dmpi_status_detail());
        return;
    }
    print("member", keys[0]);
    print("member", keys[1]);
}

/* A durable task of what nobody knows again. */
static void unknown(void)
{
    dmpi_key key = submit(square, NULL, 0, 7, &fresh);
    print("sum", submit(sum, &key, 1, 0, &durable));
    print("sum", submit(sum, &key, 1, 1, &durable));
    dmpi_drop(pool, &key, 1);
}

/* It has ended, and all who wait for that hear of it. */
static void hear_end(dmpi_key key)
{
    dmpi_set *set;
    dmpi_key next = DMPI_KEY_NONE;
    dmpi_key_state state;
    if (dmpi_set_new(pool, &set) || dmpi_set_add(set, &key, 1) ||
        dmpi_next(set, DMPI_FOREVER, &next) || next != key ||
        dmpi_state(pool, key, &state) || state != DMPI_DONE)
        printf("wrong: %s\n", dmpi_status_detail());
    dmpi_set_free(set);
}

/* A value that lies outside is asked for in all ways. */
static void places(void)
{
    int ranks[RANKS_MAX];
    size_t count = 0;
    dmpi_key key = submit(large, NULL, 0, 0, &durable);
    dmpi_wait(pool, &key, 1, DMPI_ALL, DMPI_FOREVER, NULL);
    hear_end(key);
    print("peek", submit(peek, NULL, 0, (int64_t)key, NULL));
    if (dmpi_rank_who_has(key, ranks, RANKS_MAX, &count) || count < 1)
        printf("wrong: %s\n", dmpi_status_detail());
    if (dmpi_replicate(pool, key, 0) ||
        dmpi_rank_who_has(key, ranks, RANKS_MAX, &count) ||
        (int)count != job_workers())
        printf("wrong: %s\n", dmpi_status_detail());
    print("large", submit(check_large, &key, 1, 0, NULL));
    dmpi_drop(pool, &key, 1);
}

static void run(int argc, char **argv, const dmpi_function *versioned)
{
    const char *mode = argc > 1 ? argv[1] : "work";
    if (!strcmp(mode, "work")) work(argc, argv, versioned);
    if (!strcmp(mode, "got")) get_all();
    if (!strcmp(mode, "gang")) gang();
    if (!strcmp(mode, "unknown")) unknown();
    if (!strcmp(mode, "places")) places();
    if (!strcmp(mode, "wait") && argc > 2) {
        printf("open\n");
        fflush(stdout);
        while (access(argv[2], F_OK)) job_sleep(0.05);
    }
}

int main(int argc, char **argv)
{
    const dmpi_function *versioned;
    check_watch("journal", 60);
    if (dmpi_register_version("versioned", add_one, argc > 4 ? argv[4] : "1",
                              &versioned))
        return 1;
    if (dmpi_open(NULL, &pool)) return 1;
    if (pool) run(argc, argv, versioned);
    if (dmpi_close(pool)) return 1;
    check_limit(0);
    return 0;
}
