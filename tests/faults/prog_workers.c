/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_workers.c - work whose result is known, while workers are killed.
 *
 *     prog_workers WORK KILLED|center|forNs SEED
 *
 * WORK is graph, map, reduce, nest, gang, idle or long. Prints "right" if the result
 * is. KILLED workers, chosen at random, get SIGKILL
 * at random times, or the center does; it goes on with new rounds of the work
 * until all of them have. "for9s": nobody is killed, for so many seconds. */
#include <distmpi.h>
#include <distmpi/comm.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "killing.h"

enum {
    LIMIT_SECONDS = 60,
    GRAPH_TASKS = 300,
    GRAPH_INPUTS = 3,
    GRAPH_LARGE = 20000, /* words */
    MAP_KEYS = 18,
    MAP_WORDS = 4 << 17, /* 4 MiB */
    REDUCE_TERMS = 3000,
    NEST_DEPTH = 5,
    NEST_WIDTH = 3,
    GANGS = 8, /* each on the values of the one before */
    GANG_MAX = 3,
    GANG_STEPS = 40,
    GANG_WORDS = 30000
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

/* ---- gangs ---------------------------------------------------------------*/

struct turn {
    uint64_t number;
    uint64_t words; /* of its value */
};

static uint64_t turn_first(const struct turn *turn, uint64_t before)
{
    return mix(turn->number ^ before);
}

/* Members hand their numbers around, and mix in the sum of all. */
DMPI_TASK(go_round)
{
    const struct turn *turn = dmpi_task_args(task);
    const uint64_t *before = NULL;
    MPI_Comm comm;
    int rank = dmpi_gang_index(task), size = dmpi_gang_size(task);
    if (dmpi_task_input_count(task)) before = dmpi_task_input(task, 0);
    if (before && !is_filled(before, dmpi_task_input_size(task, 0)))
        dmpi_fail(task, "an input is damaged");
    if (dmpi_task_comm(task, &comm)) abort();
    uint64_t mine = turn_first(turn, before ? before[0] : 0), other, sum;
    for (int step = 0; step < GANG_STEPS; step++) {
        MPI_Sendrecv(&mine, 1, MPI_UINT64_T, (rank + 1) % size, 0, &other, 1,
                     MPI_UINT64_T, (rank + size - 1) % size, 0, comm,
                     MPI_STATUS_IGNORE);
        MPI_Allreduce(&other, &sum, 1, MPI_UINT64_T, MPI_SUM, comm);
        mine = mix(other ^ sum);
        nap_us(300);
    }
    fill(dmpi_task_output(task, turn->words * sizeof mine), turn->words, mine);
}

static void go_round_alone(uint64_t numbers[], int size)
{
    for (int step = 0; step < GANG_STEPS; step++) {
        uint64_t last = numbers[size - 1], sum = 0;
        for (int i = size - 1; i > 0; i--) numbers[i] = numbers[i - 1];
        numbers[0] = last;
        for (int i = 0; i < size; i++) sum += numbers[i];
        for (int i = 0; i < size; i++) numbers[i] = mix(numbers[i] ^ sum);
    }
}

/* Of the gangs, and whether that may prove too many: each loss may cost the job
 * all members of one. */
static struct {
    int size;
    bool may_shrink;
} ring;

static void ring_init(int killed, uint64_t seed)
{
    int workers = dmpi_ranks() - 1;
    ring.size = killed < 2 && workers > GANG_MAX ? 2 + (int)(seed / 2 % 2) : 2;
    ring.may_shrink = workers - killed * ring.size < ring.size;
}

/* DMPI_OK, or DMPI_ELOST if that may be. */
static dmpi_status submit_ring(uint64_t *state, const dmpi_key before[],
                               uint64_t numbers[], dmpi_key keys[])
{
    struct turn turns[GANG_MAX];
    dmpi_gang_member members[GANG_MAX];
    for (int i = 0; i < ring.size; i++) {
        int from = (i + 1) % ring.size;
        turns[i] = (struct turn){next(state), 1 + next(state) % GANG_WORDS};
        members[i] =
            (dmpi_gang_member){before ? &before[from] : NULL, before != NULL,
                               &turns[i], sizeof turns[i]};
    }
    uint64_t was[GANG_MAX];
    memcpy(was, numbers, sizeof was);
    for (int i = 0; i < ring.size; i++)
        numbers[i] =
            turn_first(&turns[i], before ? was[(i + 1) % ring.size] : 0);
    go_round_alone(numbers, ring.size);
    dmpi_status status = dmpi_submit_gang(pool, go_round, members,
                                          (size_t)ring.size, NULL, keys);
    need(!status || (status == DMPI_ELOST && ring.may_shrink), "submission");
    return status;
}

static dmpi_status check_member(dmpi_key key, uint64_t number)
{
    dmpi_failure failure;
    void *bytes = NULL;
    size_t size;
    OK(dmpi_error(pool, key, &failure));
    bool few = failure.status == DMPI_ELOST && ring.may_shrink;
    if (few) return DMPI_ELOST;
    need(!failure.status, failure.text);
    OK(dmpi_get_new(pool, key, &bytes, &size));
    need(is_filled(bytes, size), "a member's value is damaged");
    need(*(uint64_t *)bytes == number, "a member's value is wrong");
    free(bytes);
    return DMPI_OK;
}

/* False: gangs of that size cannot be any more. */
static bool run_rings(uint64_t *state)
{
    dmpi_key keys[GANGS][GANG_MAX];
    uint64_t numbers[GANGS][GANG_MAX] = {{0}};
    dmpi_status status = DMPI_OK;
    int count = 0;
    for (; !status && count < GANGS; count++) {
        if (count) memcpy(numbers[count], numbers[count - 1], sizeof *numbers);
        status = submit_ring(state, count ? keys[count - 1] : NULL,
                             numbers[count], keys[count]);
    }
    if (status) count--;
    for (int i = count - 1; i >= 0; i--)
        for (int k = 0; k < ring.size; k++)
            if (!status) status = check_member(keys[i][k], numbers[i][k]);
    for (int i = 0; i < count; i++)
        OK(dmpi_drop(pool, keys[i], (size_t)ring.size));
    return !status;
}

static void run_gang(uint64_t *state)
{
    while (!run_rings(state)) need(--ring.size > 0, "no gang may run");
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
             {"nest", run_nest},   {"gang", run_gang}, {"idle", run_idle},
             {"long", run_long}};

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
    int rounds = 0, seconds = 0;
    if (!strcmp(killed, "center")) killing_add_self(&killing);
    else if (sscanf(killed, "for%ds", &seconds) != 1)
        killing_choose(&killing, pool, atoi(killed));
    ring_init(killing.count, seed);
    killing_begin(&killing, seconds);
    do work->run(&state);
    while (++rounds, !killing.done && !(closes && rounds > 1));
    OK(dmpi_close(pool));
    killing_end(&killing);
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
