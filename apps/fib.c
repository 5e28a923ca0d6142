/* SPDX-License-Identifier: BSD-3-Clause */
/* fib.c - Fibonacci numbers by tasks that submit tasks and wait for them.
 *
 *     mpirun -np 3 build/apps/fib [N [SERIAL]]
 *
 * fib(n) submits fib(n - 1) and fib(n - 2) and waits for both; below SERIAL, by
 * default 12, it just computes. Prints the number, and how many tasks ran. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <distmpi.h>

enum { N_MOST = 90 };

struct question {
    int64_t n, serial;
};

struct answer {
    uint64_t value, tasks;
};

static uint64_t compute(int64_t n)
{
    return n < 2 ? (uint64_t)n : compute(n - 1) + compute(n - 2);
}

static dmpi_status ask(dmpi_task *task, struct answer *answer);

DMPI_TASK(fib)
{
    const struct question *question = dmpi_task_args(task);
    struct answer *answer = dmpi_task_output(task, sizeof *answer);

    *answer = (struct answer){0, 1};
    if (question->n < question->serial || question->n < 2)
        answer->value = compute(question->n);
    else if (ask(task, answer)) dmpi_fail(task, "%s", dmpi_status_detail());
}

/* Submit both halves, wait, add up. */
static dmpi_status ask(dmpi_task *task, struct answer *answer)
{
    const struct question *question = dmpi_task_args(task);
    dmpi_pool *pool = dmpi_task_pool(task);
    struct question halves[2] = {{question->n - 1, question->serial},
                                 {question->n - 2, question->serial}};
    struct answer answers[2];
    dmpi_key keys[2];
    dmpi_status status =
        dmpi_map(pool, fib, 2, NULL, halves, sizeof halves[0], NULL, keys);

    if (status) return status;
    status = dmpi_gather(pool, keys, 2, answers, sizeof answers[0]);
    if (!status) status = dmpi_drop(pool, keys, 2);
    if (status) return status;
    answer->value = answers[0].value + answers[1].value;
    answer->tasks += answers[0].tasks + answers[1].tasks;
    return DMPI_OK;
}

/* False: TEXT is no number from 0 to MOST. */
static int read_number(const char *text, int64_t most, int64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoll(text, &end, 10);
    return !errno && end != text && !*end && *number >= 0 && *number <= most;
}

static int lead(dmpi_pool *pool, const struct question *question)
{
    struct answer answer = {0, 0};
    dmpi_key key;
    dmpi_status status =
        dmpi_submit(pool, fib, NULL, 0, question, sizeof *question, NULL, &key);

    if (!status) status = dmpi_get(pool, key, &answer, sizeof answer, NULL);
    if (!status) status = dmpi_drop(pool, &key, 1);
    if (status) fprintf(stderr, "fib: %s\n", dmpi_status_detail());
    else printf("%" PRIu64 "\ntasks %" PRIu64 "\n", answer.value, answer.tasks);
    return status ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct question question = {24, 12};
    dmpi_pool *pool;
    int code = 0;

    if (argc > 3 || (argc > 1 && !read_number(argv[1], N_MOST, &question.n)) ||
        (argc > 2 && !read_number(argv[2], N_MOST, &question.serial))) {
        fprintf(stderr, "usage: fib [N [SERIAL]], both from 0 to %d\n", N_MOST);
        return 2;
    }
    if (dmpi_open(NULL, &pool)) return 2;
    if (pool) {
        code = lead(pool, &question);
        dmpi_close(pool);
    }
    return code;
}
