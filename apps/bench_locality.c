/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_locality.c - do tasks run where their data lie? Bytes moved from worker
 * to worker, over the least possible, and the time against MPI placed by hand.
 *
 *     scripts/run -np 3 build/apps/bench_locality [--keys N] [--reducers N]
 *                                                 [--runs N]
 *
 * Five phases over keys of 64 KiB, each submitted in one go and waited for:
 *
 *   A make    N keys per worker out of nothing
 *   B map     one task per key of A
 *   C join    each key of B with another at random, every key once
 *   D split   k keys of A (k = --reducers times workers), k pieces of each
 *   D shuffle k reducers, number r sums piece r of all k
 *
 * A task moves those of its inputs that its worker does not hold when the phase
 * begins (dmpi_rank_who_has); tasks write their rank into their output. The
 * least possible is that of the best assignment of the same tasks that gives
 * each worker as many as it ran: "the balance kept".
 *
 * The bare program knows its data flow: A, B and the pieces stay in blocks, a
 * join runs at one of its owners, reducers are dealt in blocks; it sends what
 * is needed elsewhere and computes what it has meanwhile. Both sides do every
 * phase twice, the second time on warm memory; that one counts. */
#include <stdint.h>

#include "bench.h"
#include "bench_least.h"

enum { WORDS = 8192, BYTES = 8 * WORDS, MIB = 1 << 20, PASSES = 2 };

/* A key's value; word 0 is the rank that made it, the others are computed. */
struct value {
    uint64_t word[WORDS];
};

enum phase { MAKE, MAP, JOIN, SPLIT, SHUFFLE, PHASES };

static const char *const phase_names[PHASES] = {"A make", "B map", "C join",
                                                "D split", "D shuffle"};

struct setup {
    int rank, workers;
    size_t keys, maps; /* of A and B; k */
    size_t *partners;  /* join i has keys 2i and 2i + 1 of this permutation */
};

static size_t tasks_of(const struct setup *setup, enum phase phase)
{
    size_t keys = setup->keys, maps = setup->maps;
    return (size_t[PHASES]){keys, keys, keys / 2, maps * maps, maps}[phase];
}

static size_t inputs_of(const struct setup *setup, enum phase phase)
{
    return (size_t[PHASES]){0, 1, 2, 1, setup->maps}[phase];
}

/* The key of A that map I of the shuffle splits: evenly over all. */
static size_t source_of(const struct setup *setup, size_t i)
{
    return i * (setup->keys / setup->maps);
}

/* ---- what is computed, by both sides -------------------------------------*/

static void do_make(struct value *y, uint64_t number)
{
    for (size_t i = 1; i < WORDS; i++) y->word[i] = number * WORDS + i;
}

static void do_map(struct value *y, const struct value *x)
{
    for (size_t i = 1; i < WORDS; i++) y->word[i] = 3 * x->word[i] + 1;
}

static void do_join(struct value *y, const struct value *a,
                    const struct value *b)
{
    for (size_t i = 1; i < WORDS; i++) y->word[i] = a->word[i] + b->word[i];
}

static void do_split(struct value *y, const struct value *x, uint64_t piece)
{
    for (size_t i = 1; i < WORDS; i++) y->word[i] = x->word[i] + piece;
}

static void do_add(struct value *sum, const struct value *x)
{
    for (size_t i = 1; i < WORDS; i++) sum->word[i] += x->word[i];
}

/* Word I of what task NUMBER of PHASE must make. */
static uint64_t expected(const struct setup *setup, enum phase phase,
                         size_t number, size_t i)
{
    uint64_t maps = setup->maps, sum = 0;
    const size_t *pair = setup->partners + 2 * number;
    if (phase == MAKE) return number * WORDS + i;
    if (phase == MAP) return 3 * (number * WORDS + i) + 1;
    if (phase == JOIN) return 3 * ((pair[0] + pair[1]) * WORDS + 2 * i) + 2;
    if (phase == SPLIT)
        return source_of(setup, number / maps) * WORDS + i + number % maps;
    for (size_t k = 0; k < maps; k++)
        sum += source_of(setup, k) * WORDS + i + number;
    return sum;
}

static void check(const struct setup *setup, enum phase phase, size_t number,
                  const struct value *value)
{
    if (value->word[1] == expected(setup, phase, number, 1) &&
        value->word[WORDS - 1] == expected(setup, phase, number, WORDS - 1))
        return;
    fprintf(stderr, "%s, task %zu: ", phase_names[phase], number);
    bench_require(DMPI_EFAILED, "wrong result");
}

/* ---- the library: tasks --------------------------------------------------*/

static struct value *new_value(dmpi_task *task)
{
    struct value *y = dmpi_task_output(task, sizeof *y);
    if (y) y->word[0] = (uint64_t)dmpi_task_rank(task);
    return y;
}

DMPI_TASK(make)
{
    const uint64_t *number = dmpi_task_args(task);
    struct value *y = new_value(task);
    if (y) do_make(y, *number);
}

DMPI_TASK(change)
{
    struct value *y = new_value(task);
    if (y) do_map(y, dmpi_task_input(task, 0));
}

DMPI_TASK(join)
{
    struct value *y = new_value(task);
    if (y) do_join(y, dmpi_task_input(task, 0), dmpi_task_input(task, 1));
}

DMPI_TASK(split)
{
    const uint64_t *piece = dmpi_task_args(task);
    struct value *y = new_value(task);
    if (y) do_split(y, dmpi_task_input(task, 0), *piece);
}

DMPI_TASK(reduce)
{
    struct value *y = new_value(task);
    if (y) memset(&y->word[1], 0, sizeof *y - sizeof y->word[0]);
    for (size_t i = 0; y && i < dmpi_task_input_count(task); i++)
        do_add(y, dmpi_task_input(task, i));
}

static const dmpi_function *const functions[PHASES] = {make, change, join,
                                                       split, reduce};

/* ---- the library: one phase ----------------------------------------------*/

/* A phase's tasks, as they are submitted. */
struct job {
    size_t tasks, fan; /* fan: inputs per task */
    dmpi_graph_task *graph;
    dmpi_key *inputs; /* task t: fan of them from t * fan */
    dmpi_key *keys;
    uint64_t *args;
    unsigned *missing; /* by task and worker: inputs that it does not hold */
};

/* Which key is input I of task T? KEYS are those of the phases before. */
static dmpi_key input(const struct setup *setup, enum phase phase,
                      dmpi_key *const keys[], size_t t, size_t i)
{
    if (phase == MAP) return keys[MAKE][t];
    if (phase == JOIN) return keys[MAP][setup->partners[2 * t + i]];
    if (phase == SPLIT) return keys[MAKE][source_of(setup, t / setup->maps)];
    return keys[SPLIT][i * setup->maps + t];
}

static void job_init(struct job *job, const struct setup *setup,
                     enum phase phase, dmpi_key *const keys[])
{
    size_t tasks = tasks_of(setup, phase), fan = inputs_of(setup, phase);
    *job = (struct job){.tasks = tasks, .fan = fan, .keys = keys[phase]};
    job->graph = calloc(tasks, sizeof *job->graph);
    job->inputs = calloc(tasks * fan + 1, sizeof *job->inputs);
    job->args = calloc(tasks, sizeof *job->args);
    job->missing = calloc(tasks * (size_t)setup->workers, sizeof(unsigned));
    for (size_t t = 0; t < tasks; t++) {
        job->args[t] = phase == SPLIT ? t % setup->maps : t;
        for (size_t i = 0; i < fan; i++)
            job->inputs[t * fan + i] = input(setup, phase, keys, t, i);
        job->graph[t] = (dmpi_graph_task){.function = functions[phase],
                                          .inputs = job->inputs + t * fan,
                                          .input_count = fan,
                                          .args = &job->args[t],
                                          .size = sizeof job->args[t]};
    }
}

static void job_fini(struct job *job)
{
    free(job->graph);
    free(job->inputs);
    free(job->args);
    free(job->missing);
}

/* Note for every task and worker how many inputs are not there. */
static void job_look(struct job *job, int workers)
{
    int *ranks = malloc((size_t)workers * sizeof *ranks);
    for (size_t i = 0; i < job->tasks * job->fan; i++) {
        unsigned *missing = job->missing + i / job->fan * (size_t)workers;
        size_t count;
        bench_require(
            dmpi_rank_who_has(job->inputs[i], ranks, (size_t)workers, &count),
            "dmpi_rank_who_has");
        for (int w = 0; w < workers; w++) missing[w]++;
        for (size_t k = 0; k < count; k++) missing[ranks[k] - 1]--;
    }
    free(ranks);
}

static double job_run(struct job *job, dmpi_pool *pool)
{
    double start = MPI_Wtime();
    bench_require(dmpi_submit_graph(pool, job->graph, job->tasks, job->keys),
                  "dmpi_submit_graph");
    bench_require(
        dmpi_wait(pool, job->keys, job->tasks, DMPI_ALL, DMPI_FOREVER, NULL),
        "dmpi_wait");
    return MPI_Wtime() - start;
}

/* ---- the library: all phases ---------------------------------------------*/

/* What one phase cost, by run. */
struct table {
    struct bench_figures us, them; /* milliseconds */
    struct bench_figures moved;    /* MiB */
    struct bench_figures over;     /* moved over least */
    struct bench_figures balance;  /* largest load over mean load */
};

static void add_moves(struct job *job, const struct setup *setup,
                      const int ranks[], struct table *table)
{
    size_t n = (size_t)setup->workers, moved = 0, most = 0;
    size_t *loads = calloc(n, sizeof *loads);
    for (size_t t = 0; t < job->tasks; t++) {
        moved += job->missing[t * n + (size_t)(ranks[t] - 1)];
        loads[ranks[t] - 1]++;
    }
    for (size_t w = 0; w < n; w++)
        if (loads[w] > most) most = loads[w];
    size_t needed = least_cost(job->missing, job->tasks, setup->workers, loads);
    bench_add(&table->moved, (double)moved * BYTES / MIB);
    bench_add(&table->over,
              moved == needed ? 1 : (double)moved / (double)needed);
    bench_add(&table->balance, (double)(most * n) / (double)job->tasks);
    free(loads);
}

/* Check all values of a phase and find out who made them. */
static void inspect(dmpi_pool *pool, const struct setup *setup,
                    enum phase phase, const dmpi_key keys[], int ranks[])
{
    struct value *value = malloc(sizeof *value);
    for (size_t t = 0; t < tasks_of(setup, phase); t++) {
        bench_require(dmpi_get(pool, keys[t], value, sizeof *value, NULL),
                      "dmpi_get");
        check(setup, phase, t, value);
        ranks[t] = (int)value->word[0];
        if (ranks[t] < 1 || ranks[t] > setup->workers)
            bench_require(DMPI_EFAILED, "wrong rank");
    }
    free(value);
}

static void ours(dmpi_pool *pool, const struct setup *setup, int counts,
                 struct table tables[PHASES])
{
    dmpi_key *keys[PHASES];
    for (enum phase phase = MAKE; phase < PHASES; phase++) {
        size_t tasks = tasks_of(setup, phase);
        int *ranks = malloc(tasks * sizeof *ranks);
        struct job job;
        keys[phase] = malloc(tasks * sizeof(dmpi_key));
        job_init(&job, setup, phase, keys);
        job_look(&job, setup->workers);
        double seconds = job_run(&job, pool);
        inspect(pool, setup, phase, keys[phase], ranks);
        if (counts) bench_add(&tables[phase].us, seconds * 1e3);
        if (counts) add_moves(&job, setup, ranks, &tables[phase]);
        job_fini(&job);
        free(ranks);
    }
    for (enum phase phase = MAKE; phase < PHASES; phase++) {
        dmpi_status status =
            dmpi_drop(pool, keys[phase], tasks_of(setup, phase));
        bench_require(status, "dmpi_drop");
        free(keys[phase]);
    }
}

/* ---- bare MPI ------------------------------------------------------------*/

/* A worker's memory, and its messages under way. */
struct bare {
    const struct setup *setup;
    int me; /* worker number, from 0; -1 on rank 0 */
    MPI_Comm workers;
    struct value *values[PHASES]; /* those of its tasks, in order */
    struct value *arrived;
    MPI_Request *sends, *receives;
    size_t sent, received;
};

/* Who has key I of COUNT that lie in blocks; the first of worker W. */
static int owner(const struct setup *setup, size_t i, size_t count)
{
    return (int)(i / (count / (size_t)setup->workers));
}

static size_t first_of(const struct bare *bare, size_t count)
{
    return count / (size_t)bare->setup->workers * (size_t)bare->me;
}

/* Where join T runs: at an owner, and at the one that has fewer, if LOADS go
 * along from join 0. */
static int join_place(const struct setup *setup, size_t t, size_t loads[])
{
    int a = owner(setup, setup->partners[2 * t], setup->keys);
    int b = owner(setup, setup->partners[2 * t + 1], setup->keys);
    int place = loads[a] <= loads[b] ? a : b;
    loads[place]++;
    return place;
}

static void bare_init(struct bare *bare, const struct setup *setup)
{
    size_t most = setup->keys + setup->maps * setup->maps;
    *bare = (struct bare){.setup = setup, .me = setup->rank - 1};
    MPI_Comm_split(MPI_COMM_WORLD, setup->rank > 0, 0, &bare->workers);
    bare->sends = malloc(most * sizeof *bare->sends);
    bare->receives = malloc(most * sizeof *bare->receives);
    if (bare->me < 0) return;
    for (enum phase phase = MAKE; phase < PHASES; phase++)
        bare->values[phase] =
            malloc(tasks_of(setup, phase) * sizeof(struct value));
    bare->arrived = malloc(most * sizeof *bare->arrived);
}

static void bare_fini(struct bare *bare)
{
    for (enum phase phase = MAKE; phase < PHASES; phase++)
        free(bare->values[phase]);
    free(bare->arrived);
    free(bare->sends);
    free(bare->receives);
    MPI_Comm_free(&bare->workers);
}

static void bare_send(struct bare *bare, const struct value *value, int to,
                      size_t tag)
{
    MPI_Isend(value, BYTES, MPI_BYTE, to, (int)tag, bare->workers,
              &bare->sends[bare->sent++]);
}

static void bare_receive(struct bare *bare, int from, size_t tag)
{
    size_t i = bare->received++;
    MPI_Irecv(&bare->arrived[i], BYTES, MPI_BYTE, from, (int)tag, bare->workers,
              &bare->receives[i]);
}

static void bare_settle(struct bare *bare)
{
    bench_wait_all(bare->sends, bare->sent);
    bare->sent = bare->received = 0;
}

static void bare_make(struct bare *bare)
{
    size_t first = first_of(bare, bare->setup->keys);
    for (size_t i = 0; i < bare->setup->keys / bare->setup->workers; i++)
        do_make(&bare->values[MAKE][i], first + i);
}

static void bare_map(struct bare *bare)
{
    for (size_t i = 0; i < bare->setup->keys / bare->setup->workers; i++)
        do_map(&bare->values[MAP][i], &bare->values[MAKE][i]);
}

/* Key I of B, if it is here. */
static const struct value *local(const struct bare *bare, size_t i)
{
    const struct setup *setup = bare->setup;
    if (owner(setup, i, setup->keys) != bare->me) return NULL;
    return &bare->values[MAP][i - first_of(bare, setup->keys)];
}

/* The messages of the join, then what is here, then what comes. */
static void bare_join(struct bare *bare)
{
    const struct setup *setup = bare->setup;
    size_t joins = setup->keys / 2, mine = 0;
    size_t *loads = calloc((size_t)setup->workers, sizeof *loads);
    size_t *late = malloc(joins * sizeof *late); /* the joins that wait */
    const struct value **here = malloc(joins * sizeof *here);
    for (size_t t = 0; t < joins; t++) {
        const struct value *a = local(bare, setup->partners[2 * t]);
        const struct value *b = local(bare, setup->partners[2 * t + 1]);
        int place = join_place(setup, t, loads);
        if (place == bare->me && a && b) {
            do_join(&bare->values[JOIN][mine++], a, b);
        } else if (place == bare->me) {
            size_t other = setup->partners[a ? 2 * t + 1 : 2 * t];
            here[bare->received] = a ? a : b;
            late[bare->received] = mine++;
            bare_receive(bare, owner(setup, other, setup->keys), t);
        } else if (a || b) {
            bare_send(bare, a ? a : b, place, t);
        }
    }
    for (size_t i = 0; i < bare->received; i++) {
        int k;
        MPI_Waitany((int)bare->received, bare->receives, &k, MPI_STATUS_IGNORE);
        do_join(&bare->values[JOIN][late[k]], here[k], &bare->arrived[k]);
    }
    bare_settle(bare);
    free(loads);
    free(late);
    free(here);
}

static void bare_split(struct bare *bare)
{
    const struct setup *setup = bare->setup;
    size_t first = first_of(bare, setup->keys);
    for (size_t i = 0; i < setup->maps / setup->workers; i++) {
        size_t map = first_of(bare, setup->maps) + i;
        for (size_t k = 0; k < setup->maps; k++)
            do_split(&bare->values[SPLIT][i * setup->maps + k],
                     &bare->values[MAKE][source_of(setup, map) - first], k);
    }
}

static void bare_shuffle(struct bare *bare)
{
    const struct setup *setup = bare->setup;
    size_t each = setup->maps / (size_t)setup->workers;
    size_t first = first_of(bare, setup->maps);
    for (size_t r = first; r < first + each; r++)
        for (size_t i = 0; i < setup->maps; i++)
            if (owner(setup, i, setup->maps) != bare->me)
                bare_receive(bare, owner(setup, i, setup->maps), r);
    for (size_t i = 0; i < each * setup->maps; i++)
        if (owner(setup, i % setup->maps, setup->maps) != bare->me)
            bare_send(bare, &bare->values[SPLIT][i],
                      owner(setup, i % setup->maps, setup->maps),
                      i % setup->maps);
    memset(bare->values[SHUFFLE], 0, each * sizeof(struct value));
    for (size_t i = 0; i < each * each; i++)
        do_add(&bare->values[SHUFFLE][i % each],
               &bare->values[SPLIT][i / each * setup->maps + first + i % each]);
    for (size_t i = 0; i < bare->received; i++) {
        int k;
        MPI_Waitany((int)bare->received, bare->receives, &k, MPI_STATUS_IGNORE);
        size_t r = (size_t)k / (setup->maps - each);
        do_add(&bare->values[SHUFFLE][r], &bare->arrived[k]);
    }
    bare_settle(bare);
}

typedef void bare_phase(struct bare *);
static bare_phase *const bare_phases[PHASES] = {bare_make, bare_map, bare_join,
                                                bare_split, bare_shuffle};

/* Seconds of the slowest worker. */
static double bare_run(struct bare *bare, enum phase phase)
{
    double seconds = 0;
    bench_meet();
    if (bare->me >= 0) {
        MPI_Barrier(bare->workers);
        double start = MPI_Wtime();
        bare_phases[phase](bare);
        seconds = MPI_Wtime() - start;
    }
    if (phase == SHUFFLE && bare->me >= 0)
        check(bare->setup, phase, first_of(bare, bare->setup->maps),
              bare->values[phase]);
    return bench_largest(seconds);
}

/* ---- both, in turn -------------------------------------------------------*/

static void measure(struct bare *bare, int counts, struct table tables[PHASES])
{
    dmpi_pool *pool = bench_open();
    for (int pass = 1; pool && pass <= PASSES; pass++)
        ours(pool, bare->setup, counts && pass == PASSES, tables);
    bench_close(pool);
    for (int pass = 1; pass <= PASSES; pass++)
        for (enum phase phase = MAKE; phase < PHASES; phase++) {
            double theirs = bare_run(bare, phase);
            if (counts && pass == PASSES)
                bench_add(&tables[phase].them, theirs * 1e3);
        }
}

static void report(enum phase phase, struct table *table)
{
    char what[80];
    double mine = bench_median(&table->us), theirs = bench_median(&table->them);
    double moved = bench_median(&table->moved);
    bench_print(phase_names[phase], &table->us, "ms");
    bench_print("  bare MPI, placed by hand", &table->them, "ms");
    printf("  ratio ours / bare %.2f\n", mine / theirs);
    snprintf(what, sizeof what, "%s, makespan", phase_names[phase]);
    bench_result(what, mine, "ms", theirs, mine / theirs, 1.1, 1);
    bench_print("  balance, most / mean", &table->balance, "");
    if (phase == MAKE) return;
    bench_print("  moved", &table->moved, "MiB");
    bench_print("  moved / least possible", &table->over, "");
    double over = bench_median(&table->over);
    snprintf(what, sizeof what, "%s, bytes moved", phase_names[phase]);
    if (phase == MAP) bench_result(what, moved, "MiB", 0, NAN, 0, 1);
    else
        bench_result(what, moved, "MiB", moved / over, over,
                     phase == JOIN ? 1.05 : NAN, 1);
}

/* Every key of B once, in random order, the same in every run. */
static void shuffle_partners(struct setup *setup)
{
    uint64_t random = 88172645463325252u;
    setup->partners = malloc(setup->keys * sizeof *setup->partners);
    for (size_t i = 0; i < setup->keys; i++) {
        random ^= random << 13; /* xorshift64 (Marsaglia 2003) */
        random ^= random >> 7;
        random ^= random << 17;
        size_t k = random % (i + 1);
        setup->partners[i] = setup->partners[k];
        setup->partners[k] = i;
    }
}

int main(int argc, char **argv)
{
    static const char *const options[] = {"--keys", "--reducers", "--runs",
                                          NULL};
    struct setup setup;
    struct bare bare;
    struct table tables[PHASES] = {{.us = {.count = 0}}};
    int ranks;
    bench_check_options(
        argc, argv, options,
        "usage: bench_locality [--keys N] [--reducers N] [--runs N]\n"
        "  --keys: per worker (256); even, a multiple of --reducers\n"
        "  --reducers: per worker (16); pieces are their number squared\n");
    size_t keys = (size_t)bench_option(argc, argv, "--keys", 256);
    size_t reducers = (size_t)bench_option(argc, argv, "--reducers", 16);
    long runs = bench_option(argc, argv, "--runs", 7);
    bench_start(&setup.rank, &ranks);
    if (ranks < 2 || keys % reducers || keys % 2) {
        if (!setup.rank) puts("bench_locality: needs np 2 and suitable --keys");
        MPI_Finalize();
        return ranks < 2 ? 0 : 2;
    }
    setup.workers = ranks - 1;
    setup.keys = keys * (size_t)setup.workers;
    setup.maps = reducers * (size_t)setup.workers;
    shuffle_partners(&setup);
    bare_init(&bare, &setup);
    for (long run = 0; run <= runs; run++) /* the first warms up */
        measure(&bare, run > 0, tables);
    if (setup.rank == 0)
        printf("bench_locality: np %d, %zu keys, %zu pieces, %ld runs\n", ranks,
               setup.keys, setup.maps * setup.maps, runs);
    for (enum phase phase = MAKE; !setup.rank && phase < PHASES; phase++)
        report(phase, &tables[phase]);
    bare_fini(&bare);
    free(setup.partners);
    MPI_Finalize();
    return 0;
}
