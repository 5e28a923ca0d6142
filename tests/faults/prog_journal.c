/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_journal.c - a job whose progress is watched from outside, for journal.sh.
 *
 *     prog_journal TASKS
 *
 * Durable tasks in a graph: each makes numbers from two earlier ones and from its
 * own, some of them more than 1 MiB. Each notes in the file JOURNAL_RAN that it
 * has run, and when. In the end all values are compared with what rank 0 computes
 * by itself: "right", or "wrong". */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <distmpi.h>

enum { SMALL = 100, LARGE = 140000, LARGE_EVERY = 40, TASK_NS = 4000000 };

static size_t words_of(uint64_t i)
{
    return i % LARGE_EVERY == LARGE_EVERY - 1 ? LARGE : SMALL;
}

/* Word K of task I, of which A and B are word 0 of its inputs. */
static uint64_t word(uint64_t i, uint64_t k, uint64_t a, uint64_t b)
{
    uint64_t x = (i << 32) + k + 3 * a + 5 * b;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* I was run at that time; one write, so that lines are not mixed. */
static void note(uint64_t i)
{
    char line[80];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int size = snprintf(line, sizeof line, "%" PRIu64 " %.3f\n", i,
                        (double)now.tv_sec + (double)now.tv_nsec / 1e9);
    const char *path = getenv("JOURNAL_RAN");
    int file = path ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0666) : -1;
    if (file < 0 || write(file, line, (size_t)size) != size) abort();
    close(file);
}

static uint64_t first_word(const dmpi_task *task, size_t i)
{
    if (i >= dmpi_task_input_count(task)) return 0;
    return *(const uint64_t *)dmpi_task_input(task, i);
}

DMPI_TASK(make)
{
    const uint64_t *i = dmpi_task_args(task);
    const struct timespec work = {0, TASK_NS};
    size_t words = words_of(*i);
    uint64_t *out = dmpi_task_output(task, words * sizeof *out);
    nanosleep(&work, NULL);
    for (size_t k = 0; k < words; k++)
        out[k] = word(*i, k, first_word(task, 0), first_word(task, 1));
    note(*i);
}

/* The two that task I uses. */
static uint64_t one_of(uint64_t i)
{
    return i / 2;
}

static uint64_t other_of(uint64_t i)
{
    return i - 1 - (i * 7) % (i < 30 ? i : 30);
}

static void submit_all(dmpi_pool *pool, uint64_t count, dmpi_key keys[])
{
    dmpi_task_options durable = {.durable = DMPI_DURABLE};
    for (uint64_t i = 0; i < count; i++) {
        dmpi_key inputs[2] = {DMPI_KEY_NONE, DMPI_KEY_NONE};
        if (i) inputs[0] = keys[one_of(i)];
        if (i) inputs[1] = keys[other_of(i)];
        if (dmpi_submit(pool, make, inputs, i ? 2 : 0, &i, sizeof i, &durable,
                        &keys[i]))
            abort();
    }
}

static int is_right(const uint64_t *got, size_t bytes, uint64_t i,
                    const uint64_t firsts[])
{
    uint64_t a = i ? firsts[one_of(i)] : 0, b = i ? firsts[other_of(i)] : 0;
    if (bytes != words_of(i) * sizeof *got) return 0;
    for (size_t k = 0; k < words_of(i); k++)
        if (got[k] != word(i, k, a, b)) return 0;
    return 1;
}

static uint64_t count_wrong(dmpi_pool *pool, uint64_t count, dmpi_key keys[])
{
    uint64_t wrong = 0, *firsts = malloc(count * sizeof *firsts);
    for (uint64_t i = 0; i < count; i++) {
        void *data = NULL;
        size_t bytes = 0;
        firsts[i] = i ? word(i, 0, firsts[one_of(i)], firsts[other_of(i)])
                      : word(0, 0, 0, 0);
        if (dmpi_get_new(pool, keys[i], &data, &bytes) ||
            !is_right(data, bytes, i, firsts))
            wrong++;
        free(data);
    }
    free(firsts);
    return wrong;
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    dmpi_pool *pool;
    if (!count) {
        fprintf(stderr, "usage: prog_journal TASKS\n");
        return 2;
    }
    if (dmpi_open(NULL, &pool)) return 1;
    if (!pool) return 0;
    dmpi_key *keys = malloc(count * sizeof *keys);
    submit_all(pool, count, keys);
    uint64_t wrong = count_wrong(pool, count, keys);
    dmpi_drop(pool, keys, count);
    free(keys);
    if (dmpi_close(pool)) return 1;
    printf(wrong ? "wrong %" PRIu64 "\n" : "right\n", wrong);
    return wrong != 0;
}
