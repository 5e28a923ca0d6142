/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_locality.c - tasks run where their inputs lie, unless they are stolen:
 * run by locality.sh, which looks at what was moved, with DISTMPI_STEAL=0 but for
 * maps and steps.
 *
 *     prog_locality chain | bytes | near | maps [BLOCKS] | steps [BLOCKS] */
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include "job.h"

enum { BYTES = 100000, BLOCK = 64 << 10, MAPS = 3 };

static size_t blocks = 32; /* for maps and steps */

/* Gives its rank. */
DMPI_TASK(where)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = dmpi_task_rank(task);
}

DMPI_TASK(process)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = getpid();
}

/* Gives many bytes. */
DMPI_TASK(copy)
{
    job_fill(dmpi_task_output(task, BYTES), BYTES, 1);
}

/* Gives its input, each byte one more. */
DMPI_TASK(count_up)
{
    const unsigned char *in = dmpi_task_input(task, 0);
    unsigned char *out = dmpi_task_output(task, BLOCK);
    for (size_t i = 0; i < BLOCK; i++) out[i] = (unsigned char)(in[i] + 1);
}

static int64_t take_rank(dmpi_key key)
{
    return job_take_number(key);
}

static int holder_of(dmpi_key key)
{
    int rank = 0;
    size_t count = 0;
    OK(dmpi_rank_who_has(key, &rank, 1, &count));
    CU_ASSERT_EQUAL(count, 1);
    return rank;
}

/* ---- chain ---------------------------------------------------------------*/

static void chain_of_maps_stays_where_it_is(void)
{
    enum { COUNT = 60, LENGTH = 5 };
    dmpi_key keys[LENGTH][COUNT], ends[COUNT];
    OK(dmpi_map(pool, copy, COUNT, NULL, NULL, 0, NULL, keys[0]));
    for (int i = 1; i < LENGTH; i++)
        OK(dmpi_map(pool, copy, COUNT, keys[i - 1], NULL, 0, NULL, keys[i]));
    OK(dmpi_map(pool, where, COUNT, keys[LENGTH - 1], NULL, 0, NULL, ends));
    for (int k = 0; k < COUNT; k++) {
        int64_t end = take_rank(ends[k]);
        for (int i = 0; i < LENGTH; i++)
            CU_ASSERT_EQUAL(holder_of(keys[i][k]), end);
    }
    for (int i = 0; i < LENGTH; i++) OK(dmpi_drop(pool, keys[i], COUNT));
}

/* ---- maps, steps: what moves is what was stolen --------------------------*/

static void check_block(dmpi_key key, const unsigned char *from)
{
    unsigned char *got = malloc(BLOCK);
    size_t bad = 0;
    OK(dmpi_get(pool, key, got, BLOCK, NULL));
    for (size_t i = 0; i < BLOCK; i++)
        bad += got[i] != (unsigned char)(from[i] + MAPS);
    CU_ASSERT_EQUAL(bad, 0);
    free(got);
}

/* A map over a map over a map over blocks that lie evenly; WAIT: each begins
 * when the one before has ended. */
static void map_over_map(bool wait)
{
    unsigned char *data = job_bytes(blocks * BLOCK, 1);
    dmpi_key *keys = malloc(blocks * sizeof *keys);
    OK(dmpi_scatter(pool, data, blocks, BLOCK, NULL, keys));
    for (int map = 0; map < MAPS; map++) {
        dmpi_key *next = malloc(blocks * sizeof *next);
        OK(dmpi_map(pool, count_up, blocks, keys, NULL, 0, NULL, next));
        OK(dmpi_drop(pool, keys, blocks));
        free(keys);
        keys = next;
        if (wait)
            OK(dmpi_wait(pool, keys, blocks, DMPI_ALL, DMPI_FOREVER, NULL));
    }
    for (size_t i = 0; i < blocks; i++) check_block(keys[i], data + i * BLOCK);
    OK(dmpi_drop(pool, keys, blocks));
    free(keys);
    free(data);
}

static void maps_at_once(void)
{
    map_over_map(false);
}

static void maps_step_by_step(void)
{
    map_over_map(true);
}

/* ---- bytes ---------------------------------------------------------------*/

static void task_runs_where_most_bytes_lie(void)
{
    char *data = job_bytes(BYTES, 1);
    for (int most = 1; most < dmpi_ranks(); most++) {
        dmpi_key in[RANKS_MAX];
        size_t count = 0;
        for (int rank = 1; rank < dmpi_ranks(); rank++, count++)
            OK(dmpi_put(pool, data, rank == most ? BYTES : BYTES / 3, rank,
                        &in[count]));
        CU_ASSERT_EQUAL(take_rank(job_submit(where, in, count, NULL, 0)), most);
        OK(dmpi_drop(pool, in, count));
    }
    free(data);
}

/* Two small ones weigh more than a middle one. */
static void bytes_of_inputs_are_added_up(void)
{
    char *data = job_bytes(BYTES, 1);
    dmpi_key in[3];
    OK(dmpi_put(pool, data, 30000, 1, &in[0]));
    OK(dmpi_put(pool, data, 40000, job_last(), &in[1]));
    OK(dmpi_put(pool, data, 30000, 1, &in[2]));
    CU_ASSERT_EQUAL(take_rank(job_submit(where, in, 3, NULL, 0)), 1);
    OK(dmpi_drop(pool, in, 3));
    free(data);
}

/* ---- near: with two nodes at least ---------------------------------------*/

static int node_of(int rank)
{
    dmpi_worker table[RANKS_MAX];
    size_t count;
    OK(dmpi_rank_workers(table, RANKS_MAX, &count));
    return table[rank - 1].node;
}

/* The key lies on 1, alone on its node, and on 2. A task on 3 takes it from 2,
 * although 1 had it first: 1 stands still. */
static void value_comes_from_the_same_node(void)
{
    char *data = job_bytes(BYTES, 1);
    dmpi_key key;
    CU_ASSERT(node_of(2) == node_of(3) && node_of(1) != node_of(2));
    pid_t one =
        (pid_t)job_take_number(job_submit_on(1, process, NULL, 0, NULL, 0));
    OK(dmpi_put(pool, data, BYTES, 1, &key));
    OK(dmpi_replicate(pool, key, 2));
    CU_ASSERT_EQUAL(kill(one, SIGSTOP), 0);
    dmpi_key user = job_submit_on(3, where, &key, 1, NULL, 0);
    OK(dmpi_wait(pool, &user, 1, DMPI_ALL, 10, NULL));
    CU_ASSERT_EQUAL(kill(one, SIGCONT), 0);
    CU_ASSERT_EQUAL(take_rank(user), 3);
    job_drop(key);
    free(data);
}

static const struct check_test tests[] = {
    {"a chain of maps stays where it is", chain_of_maps_stays_where_it_is},
    {"a task runs where most bytes lie", task_runs_where_most_bytes_lie},
    {"the bytes of inputs are added up", bytes_of_inputs_are_added_up},
    {"a value comes from the same node", value_comes_from_the_same_node},
    {"maps over maps, all at once", maps_at_once},
    {"maps over maps, step by step", maps_step_by_step},
};

int main(int argc, char *argv[])
{
    const char *what = argc > 1 ? argv[1] : "chain";
    if (argc > 2) blocks = strtoul(argv[2], NULL, 10);
    if (!strcmp(what, "maps")) return job_run("maps", tests + 4, 1);
    if (!strcmp(what, "steps")) return job_run("steps", tests + 5, 1);
    if (!strcmp(what, "chain")) return job_run("chain", tests, 1);
    if (!strcmp(what, "bytes")) return job_run("bytes", tests + 1, 2);
    return job_run("near", tests + 3, 1);
}
