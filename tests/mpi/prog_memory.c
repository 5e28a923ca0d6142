/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_memory.c - a run over more than the workers' memory, for memory.sh.
 *
 *     prog_memory many LIMIT    ten times LIMIT MiB of values, made, kept, used
 *     prog_memory use LIMIT     the same, less often, and whatever it takes
 *     prog_memory put LIMIT     rank 0 puts more than there is memory for
 *     prog_memory never LIMIT   tasks that can never fit among others that do
 *     prog_memory full LIMIT    no file may be larger than a few values
 *     prog_memory disk LIMIT    the same, by the disk itself
 *     prog_memory kill LIMIT    a worker kills itself, when it has written some
 *
 * Exit code 0: all was as it should be. */
#include <distmpi.h>
#include <distmpi/rank.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MIB = 1 << 20, VALUE = MIB, WORDS = VALUE / 8, FILE_MOST = 4 * MIB };

static int wrong = 0;

static void check(int good, const char *what)
{
    if (good) return;
    wrong = 1;
    fprintf(stderr, "prog_memory: %s: %s\n", what, dmpi_status_detail());
}

/* ---- tasks ---------------------------------------------------------------*/

static uint64_t word_of(uint64_t number, size_t i)
{
    return (number << 32 | i) * 0x9e3779b97f4a7c15u;
}

/* VALUE bytes that the number in the arguments decides. */
DMPI_TASK(make)
{
    uint64_t number = *(const uint64_t *)dmpi_task_args(task);
    uint64_t *words = dmpi_task_output(task, VALUE);
    for (size_t i = 0; words && i < WORDS; i++) words[i] = word_of(number, i);
}

/* The numbers of its inputs, added; each is looked at as a whole. */
DMPI_TASK(look)
{
    const uint64_t *numbers = dmpi_task_args(task);
    uint64_t sum = 0;
    for (size_t k = 0; k < dmpi_task_input_count(task); k++) {
        const uint64_t *words = dmpi_task_input(task, k);
        for (size_t i = 0; i < WORDS; i++)
            if (words[i] != word_of(numbers[k], i)) {
                dmpi_fail(task, "word %zu of value %" PRIu64 " is wrong", i,
                          numbers[k]);
                return;
            }
        sum += numbers[k];
    }
    *(uint64_t *)dmpi_task_output(task, sizeof sum) = sum;
}

/* As many MiB as the arguments say. */
DMPI_TASK(make_large)
{
    uint64_t mib = *(const uint64_t *)dmpi_task_args(task);
    char *bytes = dmpi_task_output(task, mib * MIB);
    if (bytes) memset(bytes, 1, mib * MIB);
}

static uint64_t status_kib(const char *name)
{
    char line[256];
    uint64_t kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, name, strlen(name)))
            kib = strtoull(line + strlen(name) + 1, NULL, 10);
    if (file) fclose(file);
    return kib;
}

/* The most that this process has had in memory, in KiB. */
DMPI_TASK(peak)
{
    *(uint64_t *)dmpi_task_output(task, sizeof(uint64_t)) =
        status_kib("VmHWM:");
}

DMPI_TASK(limit_files)
{
    struct rlimit limit = {FILE_MOST, FILE_MOST};
    if (setrlimit(RLIMIT_FSIZE, &limit)) dmpi_fail(task, "cannot be limited");
}

DMPI_TASK(die)
{
    raise(SIGKILL);
}

/* ---- on rank 0 -----------------------------------------------------------*/

static void make_all(dmpi_pool *pool, dmpi_key keys[], size_t count)
{
    uint64_t *numbers = calloc(count, sizeof *numbers);
    for (size_t i = 0; i < count; i++) numbers[i] = i;
    check(!dmpi_map(pool, make, count, NULL, numbers, sizeof *numbers, NULL,
                    keys),
          "map");
    free(numbers);
}

/* Each value with the one that is as far from the other end. */
static void look_at_all(dmpi_pool *pool, const dmpi_key keys[], size_t count)
{
    dmpi_key *sums = calloc(count, sizeof *sums);
    for (size_t i = 0; i < count; i++) {
        uint64_t numbers[2] = {i, count - 1 - i};
        dmpi_key inputs[2] = {keys[i], keys[count - 1 - i]};
        check(!dmpi_submit(pool, look, inputs, 2, numbers, sizeof numbers, NULL,
                           &sums[i]),
              "submit");
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t sum = 0;
        check(!dmpi_get(pool, sums[i], &sum, sizeof sum, NULL), "get");
        check(sum == count - 1, "a sum");
    }
    dmpi_drop(pool, sums, count);
    free(sums);
}

/* Some of them come to rank 0 as a whole. */
static void get_some(dmpi_pool *pool, const dmpi_key keys[], size_t count)
{
    uint64_t *words = malloc(VALUE);
    for (size_t k = 0; k < count; k += count / 8 + 1) {
        check(!dmpi_get(pool, keys[k], words, VALUE, NULL), "get a value");
        check(words[0] == word_of(k, 0), "its first word");
        check(words[WORDS - 1] == word_of(k, WORDS - 1), "its last word");
    }
    free(words);
}

/* In one process rank 0's own memory counts, too: it is small. */
static void check_peaks(dmpi_pool *pool, uint64_t limit_mib)
{
    for (int rank = 1; rank <= (int)dmpi_workers(pool); rank++) {
        dmpi_task_options there = {.rank = rank, .hard = 1, .isolate = -1};
        uint64_t kib = 0;
        dmpi_key key;
        dmpi_submit(pool, peak, NULL, 0, NULL, 0, &there, &key);
        check(!dmpi_get(pool, key, &kib, sizeof kib, NULL), "get the peak");
        dmpi_drop(pool, &key, 1);
        printf("rank %d: at most %" PRIu64 " MiB of %" PRIu64 "\n", rank,
               kib / 1024, limit_mib);
        check(kib > 0 && kib * 10 <= limit_mib * 1024 * 12,
              "more than 1.2 of the limit");
    }
}

static void use(dmpi_pool *pool, size_t count)
{
    dmpi_key *keys = calloc(count, sizeof *keys);
    make_all(pool, keys, count);
    look_at_all(pool, keys, count);
    get_some(pool, keys, count);
    dmpi_drop(pool, keys, count);
    free(keys);
}

static void many(dmpi_pool *pool, uint64_t limit_mib)
{
    use(pool, 10 * limit_mib);
    check_peaks(pool, limit_mib);
}

static void several(dmpi_pool *pool, uint64_t limit_mib)
{
    use(pool, 4 * limit_mib * dmpi_workers(pool));
}

/* Blocks of rank 0's memory, over and over, one by one and many at a time; to
 * all, and to one worker alone. Each is looked at, and comes back. */
static void put_all(dmpi_pool *pool, uint64_t limit_mib)
{
    enum { BLOCKS = 4 };
    size_t count = (2 * limit_mib + limit_mib * dmpi_workers(pool)) & ~7u;
    dmpi_key *keys = calloc(count, sizeof *keys);
    uint64_t *words = malloc((size_t)BLOCKS * VALUE);
    for (size_t k = 0; k < count; k += BLOCKS) {
        int ranks[BLOCKS] = {1, 1, 1, 1};
        for (size_t b = 0; b < BLOCKS; b++)
            for (size_t i = 0; i < WORDS; i++)
                words[b * WORDS + i] = word_of(k + b, i);
        check(!dmpi_scatter(pool, words, BLOCKS - 1, VALUE,
                            k / BLOCKS % 2 ? ranks : NULL, keys + k),
              "scatter");
        check(!dmpi_put(pool, words + (BLOCKS - 1) * WORDS, VALUE, 0,
                        &keys[k + BLOCKS - 1]),
              "put");
    }
    free(words);
    look_at_all(pool, keys, count);
    get_some(pool, keys, count);
    check_peaks(pool, limit_mib);
    dmpi_drop(pool, keys, count);
    free(keys);
}

/* KEY is an error for want of memory, which says so. */
static void check_no_memory(dmpi_pool *pool, dmpi_key key, const char *word)
{
    dmpi_failure failure = {0};
    check(!dmpi_error(pool, key, &failure), "dmpi_error");
    check(failure.status == DMPI_ENOMEM, "its status");
    check(strstr(failure.text, word) != NULL, failure.text);
}

static void never(dmpi_pool *pool, uint64_t limit_mib)
{
    enum { SMALL = 8 };
    uint64_t mib = 2 * limit_mib, one = 1;
    dmpi_task_options large = {.output_bytes = 2 * limit_mib * MIB};
    dmpi_task_options exact = {.output_bytes = MIB};
    dmpi_key declared, undeclared, good, keys[SMALL], user;
    make_all(pool, keys, SMALL);
    dmpi_submit(pool, make_large, NULL, 0, &one, sizeof one, &large, &declared);
    dmpi_submit(pool, make_large, NULL, 0, &mib, sizeof mib, NULL, &undeclared);
    dmpi_submit(pool, make_large, NULL, 0, &one, sizeof one, &exact, &good);
    dmpi_submit(pool, look, &declared, 1, &one, sizeof one, NULL, &user);
    check_no_memory(pool, declared, "DISTMPI_MEMORY");
    check_no_memory(pool, undeclared, "DISTMPI_MEMORY");
    check_no_memory(pool, user, "DISTMPI_MEMORY");
    check(!dmpi_wait(pool, &good, 1, DMPI_ALL, DMPI_FOREVER, NULL), "one fits");
    look_at_all(pool, keys, SMALL);
    dmpi_drop(pool, (dmpi_key[]){declared, undeclared, good, user}, 4);
    dmpi_drop(pool, keys, SMALL);
}

/* What was made is right, the rest is an error that names the file's place. */
static void fill(dmpi_pool *pool, uint64_t limit_mib)
{
    size_t count = 4 * limit_mib * dmpi_workers(pool), failed = 0;
    dmpi_key *keys = calloc(count, sizeof *keys);
    make_all(pool, keys, count);
    uint64_t *words = malloc(VALUE);
    for (size_t k = 0; k < count; k++) {
        dmpi_status status = dmpi_get(pool, keys[k], words, VALUE, NULL);
        check(status == DMPI_OK || status == DMPI_EFAILED, "get");
        if (status) check_no_memory(pool, keys[k], "DISTMPI_SCRATCH");
        else check(words[WORDS - 1] == word_of(k, WORDS - 1), "a value");
        failed += status != DMPI_OK;
    }
    printf("%zu of %zu values found no room\n", failed, count);
    check(failed > 0 && failed < count, "some, not all");
    dmpi_drop(pool, keys, count);
    free(words);
    free(keys);
}

static void full(dmpi_pool *pool, uint64_t limit_mib)
{
    for (int rank = 1; rank <= (int)dmpi_workers(pool); rank++) {
        dmpi_task_options there = {.rank = rank, .hard = 1, .isolate = -1};
        dmpi_key key;
        dmpi_submit(pool, limit_files, NULL, 0, NULL, 0, &there, &key);
        check(!dmpi_wait(pool, &key, 1, DMPI_ALL, DMPI_FOREVER, NULL),
              "limit the files");
        dmpi_drop(pool, &key, 1);
    }
    fill(pool, limit_mib);
}

static void die_with_files(dmpi_pool *pool, uint64_t limit_mib)
{
    size_t count = 4 * limit_mib;
    dmpi_key *keys = calloc(count, sizeof *keys), key;
    make_all(pool, keys, count);
    dmpi_wait(pool, keys, count, DMPI_ALL, DMPI_FOREVER, NULL);
    dmpi_task_options itself = {.isolate = -1};
    dmpi_submit(pool, die, NULL, 0, NULL, 0, &itself, &key);
    dmpi_wait(pool, &key, 1, DMPI_ALL, DMPI_FOREVER, NULL);
    check(0, "a task that died");
    free(keys);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(dmpi_pool *pool, uint64_t limit_mib);
    } modes[] = {{"many", many},          {"use", several}, {"put", put_all},
                 {"never", never},        {"full", full},   {"disk", fill},
                 {"kill", die_with_files}};
    char options[64] = "";
    dmpi_pool *pool;
    if (argc != 3) return 2;
    snprintf(options, sizeof options, "memory=%sM", argv[2]);
    if (dmpi_open(options, &pool)) return 1;
    if (!pool) return 0;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(argv[1], modes[i].name))
            modes[i].run(pool, strtoull(argv[2], NULL, 10));
    dmpi_close(pool);
    return wrong;
}
