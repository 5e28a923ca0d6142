/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_transfer.c - bytes from rank to rank: put, get, gather, fetch and
 * replicate, 8 B to 256 MiB, each beside bare MPI_Send and MPI_Recv.
 *
 *     scripts/run -np 3 build/apps/bench_transfer [--size BYTES] [--limit MIB]
 *                                                 [--rounds N] [--runs N]
 *
 * One operation is repeated on memory that is warm, and both sides do the same:
 *
 *   put        dmpi_put() to rank 1, again and again; ends when rank 1 has read
 *              the last. Bare: as many MPI_Send, then an answer.
 *   get        dmpi_get() of a value on rank 1. Bare: 8 bytes to ask for it,
 *              and the value back; without asking, rank 1 would have to know.
 *   gather     dmpi_gather() of 64 keys that lie evenly on all workers. Bare: a
 *              question to each worker, 64 messages back.
 *   fetch      a value goes to and fro between rank 1 and rank 2 as the input
 *              of a chain of tasks, on these ranks in turn, each of which hands
 *              it on (dmpi_task_pass). Time per step: one transfer, and one
 *              empty task. Bare: half a ping-pong between the two. (np >= 3)
 *   replicate  dmpi_replicate() from rank 1 to all workers. Bare: a word to
 *              rank 1, MPI_Bcast among the workers, a word back from each.
 *              (np >= 3)
 *
 * Nothing is copied or computed beside: the bare receiver takes all messages
 * into one buffer. The first and the last word of what arrives are checked. */
#include <stdint.h>

#include "bench.h"

enum { KEYS = 64, TAG = 1 };
enum { MIB = 1 << 20, WARM = 2 };

enum kind { PUT, GET, GATHER, FETCH, REPLICATE, KINDS };

static const char *const kind_names[KINDS] = {"put", "get", "gather 64",
                                              "fetch", "replicate"};

struct setup {
    int rank, ranks;
    size_t limit, rounds, runs; /* limit: bytes moved by one operation */
    MPI_Comm workers;           /* all ranks but 0 */
};

static size_t keys_of(enum kind kind)
{
    return kind == GATHER ? KEYS : 1;
}

static int is_possible(const struct setup *setup, enum kind kind, size_t size)
{
    if (setup->ranks < 3 && kind >= FETCH) return 0;
    return keys_of(kind) * size <= setup->limit;
}

/* How often: some milliseconds' worth. */
static size_t rounds_of(const struct setup *setup, enum kind kind, size_t size)
{
    size_t rounds = 64 * (size_t)MIB / size / keys_of(kind);
    if (rounds > setup->rounds / keys_of(kind))
        rounds = setup->rounds / keys_of(kind);
    return rounds ? rounds : 1;
}

/* A value begins and ends with its mark. */
static void mark(void *value, size_t size, uint64_t mark)
{
    memcpy(value, &mark, 8);
    memcpy((char *)value + size - 8, &mark, 8);
}

static void check(const void *value, size_t size, uint64_t mark)
{
    if (!memcmp(value, &mark, 8) &&
        !memcmp((const char *)value + size - 8, &mark, 8))
        return;
    bench_require(DMPI_EFAILED, "a value is not what was sent");
}

/* ---- the library ---------------------------------------------------------*/

DMPI_TASK(ends)
{
    size_t size = dmpi_task_input_size(task, 0);
    const char *value = dmpi_task_input(task, 0);
    char *both = dmpi_task_output(task, 16);
    memcpy(both, value, 8);
    memcpy(both + 8, value + size - 8, 8);
}

DMPI_TASK(hand_on)
{
    dmpi_task_pass(task, 0);
}

static const dmpi_task_options on_rank[3] = {
    {.rank = 0}, {.rank = 1, .hard = 1}, {.rank = 2, .hard = 1}};

static void drop(dmpi_pool *pool, dmpi_key key)
{
    bench_require(dmpi_drop(pool, &key, 1), "dmpi_drop");
}

static dmpi_key put(dmpi_pool *pool, const void *data, size_t size)
{
    dmpi_key key;
    bench_require(dmpi_put(pool, data, size, 1, &key), "dmpi_put");
    return key;
}

/* Has rank 1 all of KEY, with MARK at both ends? */
static void settle(dmpi_pool *pool, dmpi_key key, uint64_t expected)
{
    dmpi_key both;
    uint64_t marks[2];
    bench_require(dmpi_submit(pool, ends, &key, 1, NULL, 0, &on_rank[1], &both),
                  "dmpi_submit");
    bench_require(dmpi_get(pool, both, marks, sizeof marks, NULL), "dmpi_get");
    check(marks, sizeof marks, expected);
    drop(pool, both);
}

static double our_put(dmpi_pool *pool, char *data, size_t size, size_t rounds)
{
    dmpi_key key = DMPI_KEY_NONE;
    double start = MPI_Wtime();
    for (size_t i = 0; i < rounds; i++) {
        drop(pool, key);
        mark(data, size, i);
        key = put(pool, data, size);
    }
    settle(pool, key, rounds - 1);
    double seconds = MPI_Wtime() - start;
    drop(pool, key);
    return seconds;
}

static double our_get(dmpi_pool *pool, char *data, size_t size, size_t rounds)
{
    mark(data, size, rounds);
    dmpi_key key = put(pool, data, size);
    settle(pool, key, rounds);
    mark(data, size, 0);
    double start = MPI_Wtime();
    for (size_t i = 0; i < rounds; i++)
        bench_require(dmpi_get(pool, key, data, size, NULL), "dmpi_get");
    double seconds = MPI_Wtime() - start;
    check(data, size, rounds);
    drop(pool, key);
    return seconds;
}

static double our_gather(dmpi_pool *pool, char *data, size_t size,
                         size_t rounds)
{
    dmpi_key keys[KEYS];
    for (size_t i = 0; i < KEYS; i++) mark(data + i * size, size, i);
    bench_require(dmpi_scatter(pool, data, KEYS, size, NULL, keys),
                  "dmpi_scatter");
    bench_require(dmpi_gather(pool, keys, KEYS, data, size), "dmpi_gather");
    for (size_t i = 0; i < KEYS; i++) mark(data + i * size, size, KEYS);
    double start = MPI_Wtime();
    for (size_t i = 0; i < rounds; i++)
        bench_require(dmpi_gather(pool, keys, KEYS, data, size), "dmpi_gather");
    double seconds = MPI_Wtime() - start;
    for (size_t i = 0; i < KEYS; i++) check(data + i * size, size, i);
    bench_require(dmpi_drop(pool, keys, KEYS), "dmpi_drop");
    return seconds;
}

static double our_fetch(dmpi_pool *pool, char *data, size_t size, size_t rounds)
{
    mark(data, size, rounds);
    dmpi_key key = put(pool, data, size);
    settle(pool, key, rounds);
    double start = MPI_Wtime();
    for (size_t i = 0; i < rounds; i++) {
        dmpi_key next;
        bench_require(dmpi_submit(pool, hand_on, &key, 1, NULL, 0,
                                  &on_rank[2 - i % 2], &next),
                      "dmpi_submit");
        drop(pool, key);
        key = next;
    }
    bench_require(dmpi_wait(pool, &key, 1, DMPI_ALL, DMPI_FOREVER, NULL),
                  "dmpi_wait");
    double seconds = MPI_Wtime() - start;
    settle(pool, key, rounds);
    drop(pool, key);
    return seconds;
}

static double our_replicate(dmpi_pool *pool, char *data, size_t size,
                            size_t rounds)
{
    double seconds = 0;
    for (size_t i = 0; i < rounds; i++) {
        mark(data, size, i);
        dmpi_key key = put(pool, data, size), copy;
        settle(pool, key, i);
        double start = MPI_Wtime();
        bench_require(dmpi_replicate(pool, key, 0), "dmpi_replicate");
        seconds += MPI_Wtime() - start;
        int holders[3];
        size_t count;
        bench_require(dmpi_rank_who_has(key, holders, 3, &count), "who_has");
        if (count != dmpi_workers(pool))
            bench_require(DMPI_EFAILED, "not replicated to all workers");
        bench_require(
            dmpi_submit(pool, ends, &key, 1, NULL, 0, &on_rank[2], &copy),
            "dmpi_submit");
        settle(pool, copy, i);
        drop(pool, copy);
        drop(pool, key);
    }
    return seconds;
}

typedef double our_kind(dmpi_pool *, char *, size_t, size_t);
static our_kind *const our_kinds[KINDS] = {our_put, our_get, our_gather,
                                           our_fetch, our_replicate};

/* ---- bare MPI: seconds on the rank that asks ------------------------------*/

static void send(void *data, size_t size, int to)
{
    MPI_Send(data, (int)size, MPI_BYTE, to, TAG, MPI_COMM_WORLD);
}

static void receive(void *data, size_t size, int from)
{
    MPI_Recv(data, (int)size, MPI_BYTE, from, TAG, MPI_COMM_WORLD,
             MPI_STATUS_IGNORE);
}

static void bare_put(const struct setup *setup, char *data, size_t size,
                     size_t rounds)
{
    uint64_t word = 0;
    for (size_t i = 0; i < rounds && setup->rank == 0; i++) {
        mark(data, size, i);
        send(data, size, 1);
    }
    if (setup->rank == 0) receive(&word, sizeof word, 1);
    if (setup->rank != 1) return;
    for (size_t i = 0; i < rounds; i++) receive(data, size, 0);
    check(data, size, rounds - 1);
    send(&word, sizeof word, 0);
}

static void bare_get(const struct setup *setup, char *data, size_t size,
                     size_t rounds)
{
    uint64_t word = 0;
    for (size_t i = 0; i < rounds && setup->rank == 0; i++) {
        send(&word, sizeof word, 1);
        receive(data, size, 1);
    }
    for (size_t i = 0; i < rounds && setup->rank == 1; i++) {
        receive(&word, sizeof word, 0);
        send(data, size, 0);
    }
}

/* Block I comes from the worker that dmpi_scatter() would choose. */
static int source_of(const struct setup *setup, size_t i)
{
    return 1 + (int)(i * (size_t)(setup->ranks - 1) / KEYS);
}

static void ask_all(const struct setup *setup, char *data, size_t size)
{
    MPI_Request here[KEYS];
    uint64_t word = 0;
    for (size_t i = 0; i < KEYS; i++)
        MPI_Irecv(data + i * size, (int)size, MPI_BYTE, source_of(setup, i),
                  TAG, MPI_COMM_WORLD, &here[i]);
    for (int i = 1; i < setup->ranks; i++) send(&word, sizeof word, i);
    bench_wait_all(here, KEYS);
}

static void answer(const struct setup *setup, char *data, size_t size)
{
    uint64_t word;
    receive(&word, sizeof word, 0);
    for (size_t i = 0; i < KEYS; i++)
        if (source_of(setup, i) == setup->rank) send(data, size, 0);
}

static void bare_gather(const struct setup *setup, char *data, size_t size,
                        size_t rounds)
{
    for (size_t i = 0; i < rounds; i++) {
        if (setup->rank == 0) ask_all(setup, data, size);
        else answer(setup, data, size);
    }
}

static void bare_fetch(const struct setup *setup, char *data, size_t size,
                       size_t rounds)
{
    for (size_t i = 0; i < rounds; i++) {
        if (setup->rank == 1 + (int)(i % 2)) send(data, size, 2 - (int)(i % 2));
        else if (setup->rank == 2 - (int)(i % 2))
            receive(data, size, 1 + (int)(i % 2));
    }
}

static void bare_replicate(const struct setup *setup, char *data, size_t size,
                           size_t rounds)
{
    uint64_t word = 0;
    for (size_t i = 0; i < rounds; i++) {
        if (setup->rank == 0) send(&word, sizeof word, 1);
        if (setup->rank == 1) receive(&word, sizeof word, 0);
        if (setup->rank)
            MPI_Bcast(data, (int)size, MPI_BYTE, 0, setup->workers);
        if (setup->rank) send(&word, sizeof word, 0);
        for (int k = 1; k < setup->ranks && !setup->rank; k++)
            receive(&word, sizeof word, k);
    }
}

typedef void bare_kind(const struct setup *, char *, size_t, size_t);
static bare_kind *const bare_kinds[KINDS] = {bare_put, bare_get, bare_gather,
                                             bare_fetch, bare_replicate};

static double bare(const struct setup *setup, enum kind kind, char *data,
                   size_t size, size_t rounds)
{
    bench_meet();
    double start = MPI_Wtime();
    bare_kinds[kind](setup, data, size, rounds);
    double seconds = MPI_Wtime() - start;
    return bench_share(seconds, kind == FETCH ? 1 : 0);
}

/* ---- both, in turn -------------------------------------------------------*/

/* The figures of one size: microseconds an operation. */
struct table {
    struct bench_figures us[KINDS], them[KINDS];
};

static void measure(const struct setup *setup, char *data, size_t size,
                    int first, struct table *table)
{
    double seconds[KINDS] = {0};
    dmpi_pool *pool = bench_open();
    for (enum kind kind = PUT; pool && kind < KINDS; kind++) {
        if (!is_possible(setup, kind, size)) continue;
        our_kinds[kind](pool, data, size, WARM);
        seconds[kind] =
            our_kinds[kind](pool, data, size, rounds_of(setup, kind, size));
    }
    bench_close(pool);
    for (enum kind kind = PUT; kind < KINDS; kind++) {
        if (!is_possible(setup, kind, size)) continue;
        size_t rounds = rounds_of(setup, kind, size);
        bare(setup, kind, data, size, WARM);
        double theirs = bare(setup, kind, data, size, rounds);
        if (first) continue;
        bench_add(&table->us[kind], seconds[kind] / (double)rounds * 1e6);
        bench_add(&table->them[kind], theirs / (double)rounds * 1e6);
    }
}

static void report(enum kind kind, size_t size, struct table *table)
{
    char what[80];
    double mine = bench_median(&table->us[kind]);
    double theirs = bench_median(&table->them[kind]);
    double bytes = (double)(size * keys_of(kind));
    snprintf(what, sizeof what, "%s, %s", kind_names[kind], bench_size(size));
    bench_print(what, &table->us[kind], "us");
    bench_print("  bare MPI", &table->them[kind], "us");
    if (size < MIB) {
        printf("  time, ours / bare %.2f\n", mine / theirs);
        bench_result(what, mine, "us", theirs, mine / theirs, 2, 1);
        return;
    }
    printf("  %.2f GB/s, bare %.2f, ours / bare %.2f\n", bytes / mine / 1e3,
           bytes / theirs / 1e3, theirs / mine);
    bench_result(what, bytes / mine / 1e3, "GB/s", bytes / theirs / 1e3,
                 theirs / mine, 0.9, 0);
}

/* The largest that any operation of SIZE needs, touched. */
static char *room_for(const struct setup *setup, size_t size)
{
    size_t room = is_possible(setup, GATHER, size) ? KEYS * size : size;
    char *data = malloc(room);
    if (!data) bench_require(DMPI_ENOMEM, "malloc");
    memset(data, 1, room);
    return data;
}

static void run_size(const struct setup *setup, size_t size)
{
    struct table table = {.us[0].count = 0};
    if (size > setup->limit) return;
    char *data = room_for(setup, size);
    for (size_t run = 0; run <= setup->runs; run++) /* the first warms up */
        measure(setup, data, size, run == 0, &table);
    free(data);
    for (enum kind kind = PUT; setup->rank == 0 && kind < KINDS; kind++)
        if (is_possible(setup, kind, size)) report(kind, size, &table);
}

int main(int argc, char **argv)
{
    static const char *const options[] = {"--size", "--limit", "--rounds",
                                          "--runs", NULL};
    static const size_t sizes[] = {8,   1 << 10,  64 << 10,
                                   MIB, 16 * MIB, 256 * MIB};
    struct setup setup;
    bench_check_options(
        argc, argv, options,
        "usage: bench_transfer [--size BYTES] [--limit MIB] [--rounds N] "
        "[--runs N]\n"
        "  --size: this alone, at least 8, below 2 GiB\n"
        "  --limit: skip operations that move more at once (256)\n"
        "  --rounds: how often at most per run, if small (2000)\n");
    size_t size = (size_t)bench_option(argc, argv, "--size", 0);
    setup.limit = (size_t)bench_option(argc, argv, "--limit", 256) * MIB;
    setup.rounds = (size_t)bench_option(argc, argv, "--rounds", 2000);
    setup.runs = (size_t)bench_option(argc, argv, "--runs", 7);
    bench_start(&setup.rank, &setup.ranks);
    if (setup.ranks < 2) {
        puts("bench_transfer: needs two ranks or more");
        MPI_Finalize();
        return 0;
    }
    MPI_Comm_split(MPI_COMM_WORLD, setup.rank > 0, 0, &setup.workers);
    if (setup.rank == 0)
        printf("bench_transfer: np %d, %zu runs\n", setup.ranks, setup.runs);
    if (size) run_size(&setup, size < 8 ? 8 : size);
    for (size_t i = 0; !size && i < sizeof sizes / sizeof sizes[0]; i++)
        run_size(&setup, sizes[i]);
    MPI_Comm_free(&setup.workers);
    MPI_Finalize();
    return 0;
}
