/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_workers.c - work whose result is known, while workers are killed.
 *
 *     prog_workers graph|map|reduce|nest|idle|long KILLED|center|forNs SEED
 *
 * Prints "right" if the result is. KILLED workers, chosen at random, get SIGKILL
 * at random times, or the center does; it goes on with new rounds of the work
 * until all of them have. "for9s": nobody is killed, for so many seconds. */
#include <distmpi.h>

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum {
    WORKERS_MAX = 16,
    LIMIT_SECONDS = 60,
    KILL_WITHIN_US = 500000, /* one after the other */
    GRAPH_TASKS = 300,
    GRAPH_INPUTS = 3,
    GRAPH_LARGE = 20000, /* words */
    MAP_KEYS = 18,
    MAP_WORDS = 4 << 17, /* 4 MiB */
    REDUCE_TERMS = 3000,
    NEST_DEPTH = 5,
    NEST_WIDTH = 3
};

static dmpi_pool *pool;

/* ---- numbers -------------------------------------------------------------*/

/* splitmix64 */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static uint64_t next(uint64_t *state)
{
    return *state = mix(*state);
}

static void nap_us(uint64_t us)
{
    struct timespec nap = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    nanosleep(&nap, NULL);
}

static void fill(uint64_t *words, size_t count, uint64_t first)
{
    for (size_t i = 0; i < count; i++) words[i] = first + i;
}

static bool is_filled(const uint64_t *words, size_t size)
{
    for (size_t i = 1; i < size / sizeof *words; i++)
        if (words[i] != words[0] + i) return false;
    return size >= sizeof *words;
}

/* What goes wrong is said, and ends the program. */
static void need(bool good, const char *what)
{
    if (good) return;
    fprintf(stderr, "wrong: %s: %s\n", what, dmpi_status_detail());
    exit(1);
}

#define OK(call) need((call) == DMPI_OK, #call)

/* ---- killing -------------------------------------------------------------*/

struct killing {
    pid_t victims[WORKERS_MAX];
    int count;
    uint64_t state; /* of its random numbers */
    int seconds;    /* that pass after that */
    _Atomic bool done;
};

static void *kill_them(void *argument)
{
    struct killing *killing = argument;
    for (int i = 0; i < killing->count; i++) {
        nap_us(next(&killing->state) % KILL_WITHIN_US);
        kill(killing->victims[i], SIGKILL);
    }
    nap_us((uint64_t)killing->seconds * 1000000);
    killing->done = true;
    return NULL;
}

DMPI_TASK(process)
{
    *(int64_t *)dmpi_task_output(task, sizeof(int64_t)) = getpid();
}

static pid_t process_of(int rank)
{
    dmpi_task_options options = {.rank = rank, .hard = 1};
    dmpi_key key;
    int64_t number;
    OK(dmpi_submit(pool, process, NULL, 0, NULL, 0, &options, &key));
    OK(dmpi_get(pool, key, &number, sizeof number, NULL));
    OK(dmpi_drop(pool, &key, 1));
    return (pid_t)number;
}

/* COUNT of the workers, in random order. */
static void choose(struct killing *killing, int count)
{
    int ranks[WORKERS_MAX], workers = dmpi_ranks() - 1;
    for (int i = 0; i < workers; i++) ranks[i] = i + 1;
    for (int i = 0; i < count; i++) {
        int j = i + (int)(next(&killing->state) % (uint64_t)(workers - i));
        int rank = ranks[j];
        ranks[j] = ranks[i];
        killing->victims[i] = process_of(rank);
    }
    killing->count = count;
}

/* ---- a random graph ------------------------------------------------------*/

struct node {
    uint64_t number;
    uint32_t words; /* of its value */
    uint32_t us;    /* that it takes */
};

/* The first word is the value, the others tell whether it came whole. */
DMPI_TASK(hash)
{
    const struct node *node = dmpi_task_args(task);
    uint64_t value = mix(node->number);
    for (size_t i = 0; i < dmpi_task_input_count(task); i++) {
        const uint64_t *input = dmpi_task_input(task, i);
        if (!is_filled(input, dmpi_task_input_size(task, i)))
            dmpi_fail(task, "input %zu is damaged", i);
        value = mix(value ^ input[0]);
    }
    nap_us(node->us);
    fill(dmpi_task_output(task, node->words * sizeof value), node->words,
         value);
}

struct graph {
    dmpi_key keys[GRAPH_TASKS];
    uint64_t values[GRAPH_TASKS];
};

static void add_node(struct graph *graph, int i, uint64_t *state)
{
    struct node node = {next(state), 1, (uint32_t)(next(state) % 1000)};
    dmpi_key inputs[GRAPH_INPUTS];
    size_t count = i ? next(state) % (GRAPH_INPUTS + 1) : 0;
    if (next(state) % 4 == 0)
        node.words = 1 + (uint32_t)(next(state) % GRAPH_LARGE);
    graph->values[i] = mix(node.number);
    for (size_t j = 0; i && j < count; j++) {
        uint64_t from = next(state) % (uint64_t)i;
        inputs[j] = graph->keys[from];
        graph->values[i] = mix(graph->values[i] ^ graph->values[from]);
    }
    OK(dmpi_submit(pool, hash, inputs, count, &node, sizeof node, NULL,
                   &graph->keys[i]));
}

static void check_node(const struct graph *graph, int i)
{
    void *bytes = NULL;
    size_t size;
    OK(dmpi_get_new(pool, graph->keys[i], &bytes, &size));
    need(is_filled(bytes, size), "a value is damaged");
    need(*(uint64_t *)bytes == graph->values[i], "a value is wrong");
    free(bytes);
}

static void run_graph(uint64_t *state)
{
    struct graph graph;
    for (int i = 0; i < GRAPH_TASKS; i++) add_node(&graph, i, state);
    for (int i = 0; i < GRAPH_TASKS; i++)
        if (next(state) % 8 == 0 || i == GRAPH_TASKS - 1) check_node(&graph, i);
    OK(dmpi_drop(pool, graph.keys, GRAPH_TASKS));
}

/* ---- large keys ----------------------------------------------------------*/

DMPI_TASK(make)
{
    uint64_t first = *(const uint64_t *)dmpi_task_args(task);
    fill(dmpi_task_output(task, MAP_WORDS * sizeof first), MAP_WORDS, first);
}

/* Of two large values a third one. */
DMPI_TASK(join)
{
    const uint64_t *a = dmpi_task_input(task, 0);
    const uint64_t *b = dmpi_task_input(task, 1);
    if (!is_filled(a, dmpi_task_input_size(task, 0)) ||
        !is_filled(b, dmpi_task_input_size(task, 1)))
        dmpi_fail(task, "an input is damaged");
    fill(dmpi_task_output(task, MAP_WORDS * sizeof *a), MAP_WORDS, a[0] + b[0]);
}

static void check_joined(dmpi_key key, uint64_t first, uint64_t *room)
{
    size_t size;
    OK(dmpi_get(pool, key, room, MAP_WORDS * sizeof *room, &size));
    need(size == MAP_WORDS * sizeof *room && is_filled(room, size),
         "a large value is damaged");
    need(room[0] == first, "a large value is wrong");
}

static void run_map(uint64_t *state)
{
    uint64_t firsts[MAP_KEYS], sums[MAP_KEYS], *room;
    dmpi_key made[MAP_KEYS], joined[MAP_KEYS];
    room = malloc(MAP_WORDS * sizeof *room);
    for (int i = 0; i < MAP_KEYS; i++) firsts[i] = next(state);
    OK(dmpi_map(pool, make, MAP_KEYS, NULL, firsts, sizeof firsts[0], NULL,
                made));
    for (int i = 0; i < MAP_KEYS; i++) {
        uint64_t j = next(state) % MAP_KEYS;
        dmpi_key inputs[2] = {made[i], made[j]};
        sums[i] = firsts[i] + firsts[j];
        OK(dmpi_submit(pool, join, inputs, 2, NULL, 0, NULL, &joined[i]));
    }
    for (int i = 0; i < MAP_KEYS; i++) check_joined(joined[i], sums[i], room);
    OK(dmpi_drop(pool, made, MAP_KEYS));
    OK(dmpi_drop(pool, joined, MAP_KEYS));
    free(room);
}

/* ---- a reduction ---------------------------------------------------------*/

DMPI_TASK(term)
{
    uint64_t number = *(const uint64_t *)dmpi_task_args(task);
    nap_us(100);
    *(uint64_t *)dmpi_task_output(task, sizeof number) = mix(number);
}

DMPI_TASK(add)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < dmpi_task_input_count(task); i++)
        sum += *(const uint64_t *)dmpi_task_input(task, i);
    *(uint64_t *)dmpi_task_output(task, sizeof sum) = sum;
}

static uint64_t take_number(dmpi_key key)
{
    uint64_t number = 0;
    OK(dmpi_get(pool, key, &number, sizeof number, NULL));
    OK(dmpi_drop(pool, &key, 1));
    return number;
}

static void run_reduce(uint64_t *state)
{
    static uint64_t numbers[REDUCE_TERMS];
    uint64_t sum = 0;
    dmpi_key key;
    for (int i = 0; i < REDUCE_TERMS; i++) sum += mix(numbers[i] = next(state));
    OK(dmpi_map_reduce(pool, term, REDUCE_TERMS, NULL, numbers,
                       sizeof numbers[0], add, 4, NULL, &key));
    need(take_number(key) == sum, "the sum is wrong");
}

/* ---- a nested search -----------------------------------------------------*/

/* Where the search stands, and how many levels are below. */
struct spot {
    uint64_t number;
    uint64_t depth;
};

static struct spot below(const struct spot *spot, uint64_t i)
{
    return (struct spot){mix(spot->number ^ i), spot->depth - 1};
}

static uint64_t search_alone(const struct spot *spot)
{
    uint64_t sum = 0;
    if (!spot->depth) return spot->number;
    for (uint64_t i = 0; i < NEST_WIDTH; i++) {
        struct spot one = below(spot, i);
        sum += search_alone(&one);
    }
    return sum;
}

/* Levels wait for those below, and go on as their sum, by turns. */
static dmpi_status end_search(dmpi_task *task, uint64_t depth, dmpi_key keys[])
{
    uint64_t found[NEST_WIDTH], sum = 0;
    dmpi_pool *inside = dmpi_task_pool(task);
    if (depth % 2)
        return dmpi_task_go_on(task, add, keys, NEST_WIDTH, NULL, 0, NULL);
    dmpi_status status =
        dmpi_gather(inside, keys, NEST_WIDTH, found, sizeof found[0]);
    if (status) return status;
    for (int i = 0; i < NEST_WIDTH; i++) sum += found[i];
    *(uint64_t *)dmpi_task_output(task, sizeof sum) = sum;
    return DMPI_OK;
}

DMPI_TASK(search)
{
    const struct spot *spot = dmpi_task_args(task);
    struct spot spots[NEST_WIDTH];
    dmpi_key keys[NEST_WIDTH];
    dmpi_pool *inside = dmpi_task_pool(task);
    if (!spot->depth) {
        nap_us(200);
        *(uint64_t *)dmpi_task_output(task, sizeof(uint64_t)) = spot->number;
        return;
    }
    for (uint64_t i = 0; i < NEST_WIDTH; i++) spots[i] = below(spot, i);
    dmpi_status status = dmpi_map(inside, search, NEST_WIDTH, NULL, spots,
                                  sizeof spots[0], NULL, keys);
    if (!status) status = end_search(task, spot->depth, keys);
    if (status) dmpi_fail(task, "%s", dmpi_status_detail());
    dmpi_drop(inside, keys, NEST_WIDTH);
}

static void run_nest(uint64_t *state)
{
    struct spot root = {next(state), NEST_DEPTH};
    dmpi_key key;
    OK(dmpi_submit(pool, search, NULL, 0, &root, sizeof root, NULL, &key));
    need(take_number(key) == search_alone(&root), "the search is wrong");
}

/* ---- nothing, and long tasks ---------------------------------------------*/

static void run_idle(uint64_t *state)
{
    nap_us(100000);
}

DMPI_TASK(last)
{
    nap_us(300000);
    *(uint64_t *)dmpi_task_output(task, sizeof(uint64_t)) = 7;
}

static void run_long(uint64_t *state)
{
    dmpi_key keys[WORKERS_MAX];
    size_t count = (size_t)dmpi_ranks() - 1;
    OK(dmpi_map(pool, last, count, NULL, NULL, 0, NULL, keys));
    for (size_t i = 0; i < count; i++)
        need(take_number(keys[i]) == 7, "a long task is wrong");
}

/* ---- the run -------------------------------------------------------------*/

static const struct work {
    const char *name;
    void (*run)(uint64_t *state);
} works[] = {{"graph", run_graph}, {"map", run_map},   {"reduce", run_reduce},
             {"nest", run_nest},   {"idle", run_idle}, {"long", run_long}};

static const struct work *work_named(const char *name)
{
    for (size_t i = 0; i < CHECK_COUNT(works); i++)
        if (!strcmp(works[i].name, name)) return &works[i];
    fprintf(stderr, "no such work: %s\n", name);
    exit(2);
}

/* Some are killed while the pool closes. */
static void lead(const struct work *work, const char *killed, uint64_t seed)
{
    struct killing killing = {.state = mix(seed)};
    uint64_t state = mix(seed + 1);
    bool closes = seed % 8 == 0;
    pthread_t thread;
    int rounds = 0;
    if (!strcmp(killed, "center")) {
        killing.victims[0] = getpid();
        killing.count = 1;
    } else if (sscanf(killed, "for%ds", &killing.seconds) != 1) {
        choose(&killing, atoi(killed));
    }
    pthread_create(&thread, NULL, kill_them, &killing);
    do work->run(&state);
    while (++rounds, !killing.done && !(closes && rounds > 1));
    OK(dmpi_close(pool));
    pthread_join(thread, NULL);
    puts("right");
}

int main(int argc, char *argv[])
{
    if (argc != 4) return 2;
    check_watch("workers", LIMIT_SECONDS);
    const struct work *work = work_named(argv[1]);
    if (dmpi_open(NULL, &pool)) return 2;
    if (pool) lead(work, argv[2], strtoull(argv[3], NULL, 10));
    check_limit(0);
    return 0;
}
