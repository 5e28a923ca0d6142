/* SPDX-License-Identifier: BSD-3-Clause */
/* wordcount.c - count the words of any number of files of any size.
 *
 *     mpirun -np 3 build/apps/wordcount [--top N] FILE...
 *
 * A word is a run of ASCII letters, in lower case. Prints "word<TAB>count", the
 * most frequent first, words of equal count in the order of the dictionary.
 *
 * The files count as one stream of bytes, as `cat FILE...` would write it: a
 * word may cross from one file into the next. The stream is cut into ranges
 * anywhere, even inside of words. A task counts the complete words of a range
 * and keeps the letters at its two ends apart, since words may go on there.
 * Joining the counts of neighbouring ranges completes the word between them,
 * and joining is associative (Steele, "Organizing functions for parallel
 * execution", ICFP 2009), so a tree of tasks joins them where they lie.
 * Workers read the files; rank 0 receives the text that it prints.
 *
 * For more names than mpirun passes on (Open MPI: 128 KiB, MPICH: less than
 * 1000) let each rank list them:
 *
 *     mpirun -np 3 sh -c 'cd texts && exec ../build/apps/wordcount *.txt' */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <distmpi.h>

#include "words.h"

/* ---- tasks ---------------------------------------------------------------*/

enum { CHUNK = 128 << 10 };

/* A range is a row of pieces of files. After each: the file's path. */
struct piece {
    uint64_t offset;
    uint64_t size;      /* 0: to the end, as the sizes in /proc are all 0 */
    uint64_t path_size; /* with the final 0, rounded up to 8 */
};

/* Returns zero if the task has failed. */
static int count_open_piece(dmpi_task *task, struct counter *c,
                            const struct piece *piece, int fd, void *buffer)
{
    for (uint64_t done = 0; piece->size == 0 || done < piece->size;) {
        uint64_t left = piece->size ? piece->size - done : CHUNK;
        ssize_t got = pread(fd, buffer, left < CHUNK ? left : CHUNK,
                            (off_t)(piece->offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got == 0 && piece->size == 0) break;
        if (got <= 0) {
            dmpi_fail(task, "%s: %s", (const char *)(piece + 1),
                      got ? strerror(errno) : "Became shorter meanwhile");
            return 0;
        }
        counter_add_text(c, buffer, (size_t)got);
        done += (uint64_t)got;
    }
    return 1;
}

/* Returns zero if the task has failed. */
static int count_piece(dmpi_task *task, struct counter *c,
                       const struct piece *piece, void *buffer)
{
    const char *path = (const char *)(piece + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        dmpi_fail(task, "%s: %s", path, strerror(errno));
        return 0;
    }
    int good = count_open_piece(task, c, piece, fd, buffer);
    close(fd);
    return good;
}

static void output_counter(const struct counter *c, dmpi_task *task)
{
    counter_save(c, dmpi_task_output(task, counter_saved_size(c)));
}

DMPI_TASK(count_range)
{
    const unsigned char *at = dmpi_task_args(task);
    const unsigned char *end = at + dmpi_task_args_size(task);
    void *buffer = enlarge(NULL, CHUNK + 16);
    struct counter counter = {0};
    int good = 1;

    while (good && at < end) {
        const struct piece *piece = (const struct piece *)at;
        good = count_piece(task, &counter, piece, buffer);
        at += sizeof *piece + piece->path_size;
    }
    if (good) output_counter(&counter, task);
    counter_fini(&counter);
    free(buffer);
}

static void add_inputs(dmpi_task *task, struct counter *c)
{
    for (size_t i = 0; i < dmpi_task_input_count(task); i++)
        counter_add_saved(c, dmpi_task_input(task, i));
}

DMPI_TASK(join)
{
    struct counter counter = {0};

    if (dmpi_task_input_count(task) == 1) { /* the last, without a neighbour */
        dmpi_task_pass(task, 0);
        return;
    }
    add_inputs(task, &counter);
    output_counter(&counter, task);
    counter_fini(&counter);
}

/* The order of the output. */
static int compare_words(const void *left, const void *right, void *rests)
{
    const struct word *a = left, *b = right;
    const char *letters = rests;
    size_t shorter = a->length < b->length ? a->length : b->length;
    int order = 0;

    if (a->count != b->count) return a->count > b->count ? -1 : 1;
    if (a->lead != b->lead) return a->lead < b->lead ? -1 : 1;
    if (shorter > LEAD)
        order = memcmp(letters + a->rest, letters + b->rest, shorter - LEAD);
    if (order == 0) order = a->length < b->length ? -1 : a->length > b->length;
    return order;
}

static char *print_word(char *to, const struct word *word,
                        const unsigned char *rests)
{
    uint64_t lead = htobe64(word->lead);
    size_t rest = rest_length(word->length);

    to = store(to, &lead, word->length - rest);
    to = rest ? store(to, rests + word->rest, rest) : to;
    return to + sprintf(to, "\t%" PRIu64 "\n", word->count);
}

/* The task's value: the first COUNT words as text. */
static void print_words(dmpi_task *task, const struct table *t, size_t count)
{
    enum { NUMBER = 24 }; /* bytes for tab, number, newline and a final 0 */
    size_t size = 0;

    for (size_t i = 0; i < count; i++) size += t->words[i].length + NUMBER;

    char *text = dmpi_task_output(task, size), *to = text;
    for (size_t i = 0; i < count; i++)
        to = print_word(to, &t->words[i], t->rests.data);
    dmpi_task_output_trim(task, (size_t)(to - text));
}

/* Join the last inputs, which make up the whole stream, and write the result.
 * The argument: how many lines at most. */
DMPI_TASK(arrange)
{
    const uint64_t *top = dmpi_task_args(task);
    struct counter counter = {0};

    add_inputs(task, &counter);
    counter_break(&counter);
    table_add_letters(&counter.table, &counter.head);

    struct table *t = &counter.table;
    if (t->count > 0)
        qsort_r(t->words, t->count, sizeof *t->words, compare_words,
                t->rests.data);
    print_words(task, t, t->count < *top ? t->count : *top);
    counter_fini(&counter);
}

/* ---- rank 0 --------------------------------------------------------------*/

enum {
    FAN_IN = 8,
    RANGES_PER_WORKER = 8,
    OPEN_COST = 64 << 10, /* opening a file takes as long as reading this */
    RANGE_MIN = 1 << 20,
    RANGE_MAX = 32 << 20
};

enum { EXIT_OUTPUT = 1, EXIT_INPUT = 2 };

struct file {
    const char *path; /* borrowed from argv */
    uint64_t size;
};

static dmpi_pool *pool; /* on rank 0; NULL on the workers */

static void check(dmpi_status status)
{
    if (status == DMPI_OK) return;
    fprintf(stderr, "wordcount: %s: %s\n", dmpi_status_text(status),
            dmpi_status_detail());
    dmpi_close(pool);
    exit(EXIT_FAILURE);
}

/* Returns zero, and has said why, if the file cannot be counted. */
static int file_check(struct file *file, const char *path)
{
    struct stat info;
    const char *wrong = NULL;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &info) != 0) wrong = strerror(errno);
    else if (S_ISDIR(info.st_mode)) wrong = strerror(EISDIR);
    else if (!S_ISREG(info.st_mode)) wrong = "Not a regular file";
    else *file = (struct file){path, (uint64_t)info.st_size};
    if (fd >= 0) close(fd);
    if (wrong) fprintf(stderr, "wordcount: %s: %s\n", path, wrong);
    return wrong == NULL;
}

static void range_add(struct bytes *range, const char *path, uint64_t offset,
                      uint64_t size)
{
    static const char zeros[8];
    size_t path_size = strlen(path);
    size_t padding = 8 - path_size % 8;
    struct piece piece = {offset, size, path_size + padding};

    bytes_append(range, &piece, sizeof piece);
    bytes_append(range, path, path_size);
    bytes_append(range, zeros, padding);
}

static void range_submit(struct bytes *range, struct bytes *keys)
{
    dmpi_key key;

    check(dmpi_submit(pool, count_range, NULL, 0, range->data, range->size,
                      NULL, &key));
    bytes_append(keys, &key, sizeof key);
    range->size = 0;
}

/* So much is a range: by bytes, and a bit for each file. */
static uint64_t range_cost(const struct file files[], size_t count)
{
    uint64_t cost = (uint64_t)count * OPEN_COST;

    for (size_t i = 0; i < count; i++) cost += files[i].size;
    cost /= dmpi_workers(pool) * RANGES_PER_WORKER;
    return cost < RANGE_MIN ? RANGE_MIN : cost > RANGE_MAX ? RANGE_MAX : cost;
}

/* Cut the stream into ranges. Appends their keys to KEYS. */
static void count_ranges(const struct file files[], size_t count,
                         struct bytes *keys)
{
    const uint64_t limit = range_cost(files, count);
    struct bytes range = {NULL, 0, 0};
    uint64_t cost = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t at = 0, left, size;
        do {
            left = files[i].size - at;
            size = left < limit - cost ? left : limit - cost;
            range_add(&range, files[i].path, at, size);
            cost += size + OPEN_COST;
            if (cost >= limit) {
                range_submit(&range, keys);
                cost = 0;
            }
            at += size;
        } while (size < left);
    }
    if (range.size > 0) range_submit(&range, keys);
    free(range.data);
}

/* Join neighbours until at most FAN_IN keys are left; returns how many. A
 * join goes before ranges that are still to be counted, so that not all of
 * their counts have to be kept. Counts the tasks in *TASKS. */
static size_t join_levels(dmpi_key keys[], size_t count, size_t *tasks)
{
    dmpi_task_options options = {.priority = 1};

    for (; count > FAN_IN; options.priority++) {
        size_t joined = 0;
        for (size_t i = 0; i < count; i += FAN_IN) {
            size_t inputs = count - i < FAN_IN ? count - i : FAN_IN;
            dmpi_key key;
            check(dmpi_submit(pool, join, keys + i, inputs, NULL, 0, &options,
                              &key));
            check(dmpi_drop(pool, keys + i, inputs));
            keys[joined++] = key;
        }
        *tasks += joined;
        count = joined;
    }
    return count;
}

/* Submit everything. Returns the key of the text to print. */
static dmpi_key submit_all(const struct file files[], size_t count,
                           uint64_t top, size_t *tasks)
{
    struct bytes list = {NULL, 0, 0};
    dmpi_key key;

    count_ranges(files, count, &list);
    dmpi_key *keys = (dmpi_key *)list.data;
    *tasks = list.size / sizeof *keys;
    size_t left = join_levels(keys, *tasks, tasks);
    check(dmpi_submit(pool, arrange, keys, left, &top, sizeof top, NULL, &key));
    check(dmpi_drop(pool, keys, left));
    *tasks += 1;
    free(list.data);
    return key;
}

static uint64_t tasks_done(void)
{
    size_t count = dmpi_workers(pool);
    dmpi_worker *workers = enlarge(NULL, count * sizeof *workers);
    uint64_t done = 0;

    check(dmpi_rank_workers(workers, count, &count));
    for (size_t i = 0; i < count; i++) done += workers[i].tasks_done;
    free(workers);
    return done;
}

/* Show how far the tasks are, until KEY is there. */
static void show_progress(dmpi_key key, size_t tasks)
{
    const double interval = 0.2; /* seconds */

    while (dmpi_wait(pool, &key, 1, DMPI_ALL, interval, NULL) == DMPI_ETIMEOUT)
        fprintf(stderr, "\rwordcount: %" PRIu64 " of %zu tasks done",
                tasks_done(), tasks);
    fprintf(stderr, "\r\033[K");
}

static int print_result(dmpi_key key)
{
    void *text;
    size_t size;
    dmpi_status status = dmpi_get_new(pool, key, &text, &size);

    if (status == DMPI_EFAILED) {
        dmpi_failure failure;
        check(dmpi_error(pool, key, &failure));
        fprintf(stderr, "wordcount: %s (rank %d on host %s)\n", failure.text,
                (int)failure.rank, failure.host);
        return EXIT_INPUT;
    }
    check(status);

    int bad = fwrite(text, 1, size, stdout) != size || fflush(stdout) != 0;
    if (bad)
        fprintf(stderr, "wordcount: standard output: %s\n", strerror(errno));
    free(text);
    return bad ? EXIT_OUTPUT : 0;
}

static int count_files(char *const paths[], size_t count, uint64_t top)
{
    struct file *files = enlarge(NULL, count * sizeof *files);
    int code = 0;

    for (size_t i = 0; i < count && code == 0; i++)
        if (!file_check(&files[i], paths[i])) code = EXIT_INPUT;
    if (code == 0) {
        size_t tasks;
        dmpi_key key = submit_all(files, count, top, &tasks);
        if (isatty(STDERR_FILENO)) show_progress(key, tasks);
        code = print_result(key);
        check(dmpi_drop(pool, &key, 1));
    }
    free(files);
    return code;
}

static const char usage[] = "usage: wordcount [--top N] FILE...\n";

static const char help[] =
    "Count the words of the files, which are runs of the letters A-Z and a-z\n"
    "in lower case, and print \"word<TAB>count\", the most frequent first.\n"
    "Several files count as one, as if written by cat.\n"
    "\n"
    "  --top N   print the first N words only; N is at least 1\n"
    "  --help    print this\n"
    "\n"
    "Exit status: 0, 1 if the output cannot be written, 2 if a file cannot be\n"
    "read or the call is wrong.\n";

/* Returns zero if TEXT is not a number from 1 on. */
static int parse_top(const char *text, uint64_t *top)
{
    char *end;

    errno = 0;
    *top = strtoull(text, &end, 10);
    return isdigit((unsigned char)*text) && !*end && !errno && *top > 0;
}

static int rank_0(int argc, char *argv[])
{
    static const struct option options[] = {
        {"top", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    uint64_t top = UINT64_MAX;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'h') {
            printf("%s%s", usage, help);
            return 0;
        }
        if (option != 't') return EXIT_INPUT; /* getopt_long() has said why */
        if (!parse_top(optarg, &top)) {
            fprintf(stderr, "wordcount: --top %s: not a number from 1 on\n",
                    optarg);
            return EXIT_INPUT;
        }
    }
    if (optind == argc) {
        fputs(usage, stderr);
        return EXIT_INPUT;
    }
    return count_files(argv + optind, (size_t)(argc - optind), top);
}

int main(int argc, char *argv[])
{
    if (dmpi_open(NULL, &pool) != DMPI_OK) return 2;
    if (!pool) return 0;
    int code = rank_0(argc, argv);
    check(dmpi_close(pool));
    return code;
}
