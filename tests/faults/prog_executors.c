/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_executors.c - a random graph of isolated tasks, of whose runs two in a
 * hundred end their executor; every value is compared.
 *
 *     prog_executors SEED
 *
 * A task's value is a block of bytes whose first word comes from the words of its
 * inputs. Exits 0 and tells the number of crashes if all were right. */
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <distmpi.h>

enum {
    TASKS = 1500,
    INPUTS = 3,
    RETRIES = 20,
    PERCENT = 2,
    BACK = 200 /* inputs are at most so many tasks old */
};

enum way { SEGV, ABORT, EXIT, KILL, LOOP, WAYS, NONE };

struct order {
    uint64_t seed;
    int64_t number;
};

/* As in the SplitMix64 generator. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static uint64_t draw(uint64_t seed, int64_t number, uint64_t what)
{
    return mix(mix(mix(seed) + (uint64_t)number) + what);
}

/* How that run ends. */
static enum way way_of(uint64_t seed, int64_t number, int attempt)
{
    uint64_t x = draw(seed, number, 1000 + (uint64_t)attempt);
    if (x % 100 >= PERCENT) return NONE;
    return (enum way)(x / 100 % WAYS);
}

static size_t words_of(uint64_t seed, int64_t number)
{
    static const size_t words[] = {1, 2, 100, 1000, 20000};
    return words[draw(seed, number, 1) % 5];
}

static int inputs_of(uint64_t seed, int64_t number, int64_t inputs[])
{
    int count = number ? (int)(draw(seed, number, 2) % (INPUTS + 1)) : 0;
    for (int i = 0; i < count; i++) {
        uint64_t most = (uint64_t)(number < BACK ? number : BACK);
        inputs[i] =
            number - 1 - (int64_t)(draw(seed, number, 3 + (uint64_t)i) % most);
    }
    return count;
}

static volatile int sink;

static void end_by(enum way way)
{
    switch (way) {
    case SEGV: *(volatile int *)(intptr_t)sink = 1; break;
    case ABORT: abort();
    case EXIT: exit(0);
    case KILL: kill(getpid(), SIGKILL); break;
    case LOOP:
        for (;;) sink = 0;
    default: break;
    }
}

DMPI_TASK(grow)
{
    const struct order *order = dmpi_task_args(task);
    enum way way = way_of(order->seed, order->number, dmpi_task_attempt(task));
    size_t words = words_of(order->seed, order->number);
    uint64_t sum = (uint64_t)order->number;
    for (size_t i = 0; i < dmpi_task_input_count(task); i++) {
        const uint64_t *input = dmpi_task_input(task, i);
        size_t count = dmpi_task_input_size(task, i) / sizeof *input;
        if (input[count - 1] != input[0] + count - 1)
            dmpi_fail(task, "input %zu is damaged", i);
        sum = mix(sum + input[0]);
    }
    if (way % 2) end_by(way); /* before it has an output, or after */
    uint64_t *output = dmpi_task_output(task, words * sizeof *output);
    if (!output) return;
    for (size_t i = 0; i < words; i++) output[i] = sum + i;
    end_by(way);
}

static void require(dmpi_status status, const char *what)
{
    if (!status) return;
    fprintf(stderr, "%s: %s: %s\n", what, dmpi_status_text(status),
            dmpi_status_detail());
    exit(1);
}

static void submit_all(dmpi_pool *pool, uint64_t seed, dmpi_key keys[])
{
    dmpi_task_options options = {.retries = RETRIES, .timeout = 0.05};
    for (int64_t i = 0; i < TASKS; i++) {
        int64_t inputs[INPUTS];
        dmpi_key in[INPUTS];
        struct order order = {seed, i};
        int count = inputs_of(seed, i, inputs);
        for (int k = 0; k < count; k++) in[k] = keys[inputs[k]];
        require(dmpi_submit(pool, grow, in, (size_t)count, &order, sizeof order,
                            &options, &keys[i]),
                "dmpi_submit");
    }
}

/* How many values are not what they should be. */
static int compare(dmpi_pool *pool, uint64_t seed, const dmpi_key keys[],
                   int *crashes)
{
    static uint64_t right[TASKS];
    int wrong = 0;
    for (int64_t i = 0; i < TASKS; i++) {
        int64_t inputs[INPUTS];
        int count = inputs_of(seed, i, inputs), attempt = 0;
        right[i] = (uint64_t)i;
        for (int k = 0; k < count; k++)
            right[i] = mix(right[i] + right[inputs[k]]);
        while (way_of(seed, i, attempt) != NONE) attempt++;
        *crashes += attempt;
        void *data;
        size_t size, words = words_of(seed, i);
        dmpi_status status = dmpi_get_new(pool, keys[i], &data, &size);
        if (status) {
            fprintf(stderr, "task %" PRId64 ": %s\n", i, dmpi_status_detail());
            wrong++;
            continue;
        }
        const uint64_t *got = data;
        bool same = size == words * sizeof *got;
        for (size_t w = 0; same && w < words; w++)
            same = got[w] == right[i] + w;
        wrong += !same;
        free(data);
    }
    return wrong;
}

int main(int argc, char **argv)
{
    static dmpi_key keys[TASKS];
    uint64_t seed = argc == 2 ? strtoull(argv[1], NULL, 10) : 0;
    int wrong = 0, crashes = 0;
    dmpi_pool *pool;
    if (!seed) {
        fprintf(stderr, "usage: prog_executors SEED (from 1)\n");
        return 2;
    }
    require(dmpi_open("isolate=process", &pool), "dmpi_open");
    if (!pool) return 0;
    submit_all(pool, seed, keys);
    wrong = compare(pool, seed, keys, &crashes);
    require(dmpi_drop(pool, keys, TASKS), "dmpi_drop");
    require(dmpi_close(pool), "dmpi_close");
    printf("%d tasks, %d crashes, %d wrong\n", TASKS, crashes, wrong);
    return wrong != 0;
}
