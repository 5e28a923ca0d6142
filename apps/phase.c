/* SPDX-License-Identifier: BSD-3-Clause */
/* phase.c - one phase of an MPI program in a pool, on half of its ranks.
 *
 *     mpirun -np 4 build/apps/phase
 *
 * An ordinary MPI program: heat spreads on a plate, whose rows are divided
 * among the ranks, which exchange their border rows after each step. Halfway
 * the first half of the ranks opens a pool on a communicator of its own, sums
 * up its rows by tasks and closes the pool, while the other half does the same
 * sums for its rows by MPI alone. Then all go on with the plate. The plate and
 * the sums must be, bit by bit, what one process computes alone. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <distmpi.h>
#include <distmpi/comm.h>

enum { ROWS = 96, COLS = 64, STEPS = 100 };

/* Rows FIRST .. FIRST + COUNT - 1 of the plate. cells[0] and cells[COUNT + 1]
 * are the rows before and after them, at the plate's edges 0. */
struct block {
    int first, count;
    double (*cells)[COLS]; /* owned */
    double (*next)[COLS];  /* owned */
};

/* ---- the plate -----------------------------------------------------------*/

/* The first row of block I out of N. */
static int block_first(int i, int n)
{
    return ROWS * i / n;
}

static void block_init(struct block *b, int i, int n)
{
    b->first = block_first(i, n);
    b->count = block_first(i + 1, n) - b->first;
    b->cells = calloc((size_t)b->count + 2, sizeof *b->cells);
    b->next = calloc((size_t)b->count + 2, sizeof *b->next);
    if (!b->cells || !b->next) MPI_Abort(MPI_COMM_WORLD, 1);
    for (int row = 1; row <= b->count; row++)
        for (int col = 0; col < COLS; col++)
            b->cells[row][col] = (b->first + row) * 37 % 101 + col * 53 % 97;
}

static void block_fini(struct block *b)
{
    free(b->cells);
    free(b->next);
}

/* Send the border rows to the neighbours in COMM, receive theirs. */
static void block_exchange(struct block *b, MPI_Comm comm)
{
    int rank, ranks;

    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &ranks);
    int above = rank > 0 ? rank - 1 : MPI_PROC_NULL;
    int below = rank < ranks - 1 ? rank + 1 : MPI_PROC_NULL;
    MPI_Sendrecv(b->cells[1], COLS, MPI_DOUBLE, above, 0,
                 b->cells[b->count + 1], COLS, MPI_DOUBLE, below, 0, comm,
                 MPI_STATUS_IGNORE);
    MPI_Sendrecv(b->cells[b->count], COLS, MPI_DOUBLE, below, 0, b->cells[0],
                 COLS, MPI_DOUBLE, above, 0, comm, MPI_STATUS_IGNORE);
}

/* One step: each cell becomes the mean of itself and its four neighbours. */
static void block_step(struct block *b)
{
    for (int row = 1; row <= b->count; row++) {
        for (int col = 0; col < COLS; col++) {
            double left = col > 0 ? b->cells[row][col - 1] : 0;
            double right = col < COLS - 1 ? b->cells[row][col + 1] : 0;
            double above = b->cells[row - 1][col];
            double below = b->cells[row + 1][col];
            double here = b->cells[row][col];
            b->next[row][col] = (here + left + right + above + below) / 5;
        }
    }
    double(*cells)[COLS] = b->cells;
    b->cells = b->next;
    b->next = cells;
}

static void block_steps(struct block *b, int steps, MPI_Comm comm)
{
    for (int i = 0; i < steps; i++) {
        block_exchange(b, comm);
        block_step(b);
    }
}

static double row_sum(const double row[COLS])
{
    double sum = 0;

    for (int col = 0; col < COLS; col++) sum += row[col];
    return sum;
}

/* Collect the rows of the ranks of COMM on its rank 0. COMM begins with the
 * first rank of all, among whom the plate is divided: RANKS. */
static void gather_rows(const struct block *b, double rows[][COLS], int ranks,
                        MPI_Comm comm)
{
    int counts[ROWS], places[ROWS], size;

    MPI_Comm_size(comm, &size);
    for (int i = 0; i < size; i++) {
        places[i] = block_first(i, ranks) * COLS;
        counts[i] = block_first(i + 1, ranks) * COLS - places[i];
    }
    MPI_Gatherv(b->cells[1], b->count * COLS, MPI_DOUBLE, rows, counts, places,
                MPI_DOUBLE, 0, comm);
}

/* ---- the phase -----------------------------------------------------------*/

DMPI_TASK(sum_row)
{
    double *sum = dmpi_task_output(task, sizeof *sum);

    *sum = row_sum(dmpi_task_input(task, 0));
}

static void check(dmpi_status status)
{
    if (status == DMPI_OK) return;
    fprintf(stderr, "phase: %s: %s\n", dmpi_status_text(status),
            dmpi_status_detail());
    MPI_Abort(MPI_COMM_WORLD, 1);
}

/* Rank 0 of the half: each row becomes a key, each sum a task. */
static void sum_rows(dmpi_pool *pool, double rows[][COLS], size_t count,
                     double sums[])
{
    dmpi_key row_keys[ROWS], sum_keys[ROWS];

    check(dmpi_scatter(pool, rows, count, sizeof rows[0], NULL, row_keys));
    check(dmpi_map(pool, sum_row, count, row_keys, NULL, 0, NULL, sum_keys));
    check(dmpi_gather(pool, sum_keys, count, sums, sizeof sums[0]));
    check(dmpi_drop(pool, row_keys, count));
    check(dmpi_drop(pool, sum_keys, count));
}

/* On the ranks of HALF: sum up the first COUNT rows in a pool. */
static void phase_pool(const struct block *b, size_t count, int ranks,
                       MPI_Comm half, double sums[])
{
    static double rows[ROWS][COLS];
    dmpi_pool *pool;

    gather_rows(b, rows, ranks, half);
    check(dmpi_open_comm(half, NULL, &pool));
    if (pool) {
        sum_rows(pool, rows, count, sums);
        check(dmpi_close(pool));
    }
}

/* On the ranks of HALF meanwhile: sum up the other rows by MPI; all of them
 * get all sums. They say it a thousand times, to keep MPI busy. */
static void phase_mpi(const struct block *b, MPI_Comm half, double sums[])
{
    double mine[ROWS] = {0};

    for (int row = 1; row <= b->count; row++)
        mine[b->first + row - 1] = row_sum(b->cells[row]);
    for (int i = 0; i < 1000; i++)
        MPI_Allreduce(mine, sums, ROWS, MPI_DOUBLE, MPI_SUM, half);
}

/* The sums of all rows, on rank 0. */
static void run_phase(const struct block *b, double sums[ROWS])
{
    double known[ROWS] = {0};
    int rank, ranks, half_rank;
    MPI_Comm half;

    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    int pool_ranks = ranks > 1 ? ranks / 2 : 1;
    int in_pool = rank < pool_ranks;
    MPI_Comm_split(MPI_COMM_WORLD, in_pool, rank, &half);
    if (in_pool)
        phase_pool(b, (size_t)block_first(pool_ranks, ranks), ranks, half,
                   known);
    else phase_mpi(b, half, known);
    MPI_Comm_rank(half, &half_rank);
    MPI_Comm_free(&half);
    if (half_rank > 0) /* the first of each half speaks for it */
        memset(known, 0, sizeof known);
    MPI_Reduce(known, sums, ROWS, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
}

/* ---- the check -----------------------------------------------------------*/

/* Compute all alone; returns zero, and says it, if ROWS or SUMS differ. */
static int is_right(double rows[][COLS], const double sums[])
{
    struct block all;
    int wrong = 0;

    block_init(&all, 0, 1);
    block_steps(&all, STEPS / 2, MPI_COMM_SELF);
    for (int row = 0; row < ROWS && !wrong; row++) {
        double sum = row_sum(all.cells[row + 1]);
        wrong = sums[row] != sum;
        if (wrong)
            printf("phase: the sum of row %d is %.17g, not %.17g\n", row,
                   sums[row], sum);
    }
    block_steps(&all, STEPS / 2, MPI_COMM_SELF);
    for (int row = 0; row < ROWS && !wrong; row++) {
        wrong = memcmp(rows[row], all.cells[row + 1], sizeof rows[row]) != 0;
        if (wrong)
            printf("phase: row %d is wrong after %d steps\n", row, STEPS);
    }
    block_fini(&all);
    return !wrong;
}

int main(int argc, char *argv[])
{
    static double rows[ROWS][COLS];
    double sums[ROWS] = {0};
    struct block block;
    int provided, rank, ranks, right = 1;

    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (ranks > ROWS) {
        if (rank == 0) fprintf(stderr, "phase: at most %d ranks\n", ROWS);
        MPI_Finalize();
        return 1;
    }

    block_init(&block, rank, ranks);
    block_steps(&block, STEPS / 2, MPI_COMM_WORLD);
    run_phase(&block, sums);
    block_steps(&block, STEPS / 2, MPI_COMM_WORLD);
    gather_rows(&block, rows, ranks, MPI_COMM_WORLD);
    block_fini(&block);

    if (rank == 0) right = is_right(rows, sums);
    if (rank == 0 && right)
        printf("phase: ok, %d rows of %d cells after %d steps\n", ROWS, COLS,
               STEPS);
    MPI_Finalize();
    return right ? 0 : 1;
}
