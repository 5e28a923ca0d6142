/* SPDX-License-Identifier: BSD-3-Clause */
/* queens.c - in how many ways N queens stand on a board of N by N so that none
 * attacks another, by tasks that go on as the sum of their tasks.
 *
 *     mpirun -np 3 build/apps/queens [N [SERIAL-DEPTH]]
 *
 * A task has the queens of the first rows. It submits a task for each place of
 * the next queen and goes on as the sum of their counts, so that no task waits;
 * from SERIAL-DEPTH queens on, by default 3, it just counts. N is 8 by default. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <distmpi.h>

enum { N_MOST = 20 };

/* What the queens so far leave of the next row: bit i of the masks is column i,
 * taken by one above it or on a diagonal, which moves by a column a row. */
struct board {
    uint32_t n, serial, queens;
    uint32_t columns, left, right;
};

static uint32_t free_columns(const struct board *board)
{
    uint32_t all = (1u << board->n) - 1;

    return all & ~(board->columns | board->left | board->right);
}

/* The board with one more queen, at the column of the bit PLACE. */
static struct board with_queen(const struct board *board, uint32_t place)
{
    struct board next = *board;

    next.queens++;
    next.columns |= place;
    next.left = (board->left | place) << 1;
    next.right = (board->right | place) >> 1;
    return next;
}

static uint64_t count(const struct board *board)
{
    uint64_t ways = 0;

    if (board->queens == board->n) return 1;
    for (uint32_t left = free_columns(board); left; left &= left - 1) {
        struct board next = with_queen(board, left & -left);
        ways += count(&next);
    }
    return ways;
}

DMPI_TASK(add)
{
    uint64_t *sum = dmpi_task_output(task, sizeof *sum);

    *sum = 0;
    for (size_t i = 0; i < dmpi_task_input_count(task); i++)
        *sum += *(const uint64_t *)dmpi_task_input(task, i);
}

static dmpi_status spread(dmpi_task *task, const struct board *board);

DMPI_TASK(place_queens)
{
    const struct board *board = dmpi_task_args(task);

    if (board->queens < board->serial && board->queens < board->n) {
        if (spread(task, board)) dmpi_fail(task, "%s", dmpi_status_detail());
        return;
    }
    uint64_t *ways = dmpi_task_output(task, sizeof *ways);
    *ways = count(board);
}

/* A task for each place of the next queen, and TASK goes on as their sum. */
static dmpi_status spread(dmpi_task *task, const struct board *board)
{
    dmpi_pool *pool = dmpi_task_pool(task);
    struct board boards[N_MOST];
    dmpi_key keys[N_MOST];
    size_t places = 0;

    for (uint32_t left = free_columns(board); left; left &= left - 1)
        boards[places++] = with_queen(board, left & -left);
    dmpi_status status = dmpi_map(pool, place_queens, places, NULL, boards,
                                  sizeof boards[0], NULL, keys);
    if (status) return status;
    status = dmpi_task_go_on(task, add, keys, places, NULL, 0, NULL);
    dmpi_drop(pool, keys, places);
    return status;
}

/* False: TEXT is no number from LEAST to N_MOST. */
static int read_number(const char *text, long least, uint32_t *number)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    *number = (uint32_t)value;
    return !errno && end != text && !*end && value >= least && value <= N_MOST;
}

static int lead(dmpi_pool *pool, const struct board *board)
{
    uint64_t ways;
    dmpi_key key;
    dmpi_status status = dmpi_submit(pool, place_queens, NULL, 0, board,
                                     sizeof *board, NULL, &key);

    if (!status) status = dmpi_get(pool, key, &ways, sizeof ways, NULL);
    if (!status) status = dmpi_drop(pool, &key, 1);
    if (status) fprintf(stderr, "queens: %s\n", dmpi_status_detail());
    else printf("%" PRIu64 "\n", ways);
    return status ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct board board = {.n = 8, .serial = 3};
    dmpi_pool *pool;
    int code = 0;

    if (argc > 3 || (argc > 1 && !read_number(argv[1], 1, &board.n)) ||
        (argc > 2 && !read_number(argv[2], 0, &board.serial))) {
        fprintf(stderr,
                "usage: queens [N [SERIAL-DEPTH]], N from 1 to %d, "
                "SERIAL-DEPTH from 0\n",
                N_MOST);
        return 2;
    }
    if (dmpi_open(NULL, &pool)) return 2;
    if (pool) {
        code = lead(pool, &board);
        dmpi_close(pool);
    }
    return code;
}
