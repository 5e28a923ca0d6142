/* SPDX-License-Identifier: BSD-3-Clause */
/* gang.c - a solver in MPI as one task on several workers, then its pieces.
 *
 *     mpirun -np 3 build/apps/gang [--ranks K] [--cells N]
 *
 * A gang of K workers (2, or 1 if there is one worker only) solves
 * -u_xx - u_yy = f on the unit square, u = 0 on its border, by the five-point
 * formula on N x N inner points and conjugate gradients (Hestenes and Stiefel,
 * "Methods of conjugate gradients for solving linear systems", 1952). Each
 * member has a block of rows; border rows and sums go by MPI on the gang's
 * communicator. The blocks stay where they are: single tasks compare each with
 * the solution, x (1 - x) y (1 - y), for which the formula is exact. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <distmpi.h>
#include <distmpi/comm.h>

enum { RANKS_MAX = 1024, CELLS_MAX = 20000 };

#define TOLERANCE 1e-12 /* of the residual, relative */
#define ERROR_MAX 1e-9  /* of the solution, whose largest value is 1/16 */

static dmpi_pool *pool; /* on rank 0; NULL on the workers */

/* Rows FIRST .. FIRST + ROWS - 1 of CELLS x CELLS points. */
struct block {
    int cells, first, rows;
};

static struct block block_of(int cells, int index, int count)
{
    int first = (int)((long)cells * index / count);
    int next = (int)((long)cells * (index + 1) / count);
    return (struct block){cells, first, next - first};
}

/* ---- the solver ----------------------------------------------------------*/

/* A member's part. A vector has a row more on either side: the neighbours'. */
struct part {
    struct block block;
    MPI_Comm comm;
    int above, below; /* ranks, or MPI_PROC_NULL */
    double *x, *r, *p, *q;
};

static size_t vector_size(const struct block *block)
{
    return (size_t)(block->rows + 2) * (size_t)block->cells;
}

static double *row(const struct part *part, double *vector, int i)
{
    return vector + (size_t)(i + 1) * (size_t)part->block.cells;
}

static void exchange_borders(const struct part *part, double *p)
{
    int n = part->block.cells, last = part->block.rows - 1;
    MPI_Sendrecv(row(part, p, 0), n, MPI_DOUBLE, part->above, 0,
                 row(part, p, last + 1), n, MPI_DOUBLE, part->below, 0,
                 part->comm, MPI_STATUS_IGNORE);
    MPI_Sendrecv(row(part, p, last), n, MPI_DOUBLE, part->below, 1,
                 row(part, p, -1), n, MPI_DOUBLE, part->above, 1, part->comm,
                 MPI_STATUS_IGNORE);
}

/* Q = A P, the five-point formula times h^2. */
static void apply(const struct part *part, double *p, double *q)
{
    int n = part->block.cells;
    exchange_borders(part, p);
    for (int i = 0; i < part->block.rows; i++) {
        const double *here = row(part, p, i);
        const double *up = row(part, p, i - 1), *down = row(part, p, i + 1);
        double *out = row(part, q, i);
        for (int j = 0; j < n; j++)
            out[j] = 4 * here[j] - up[j] - down[j] - (j ? here[j - 1] : 0) -
                     (j + 1 < n ? here[j + 1] : 0);
    }
}

static double dot(const struct part *part, double *a, double *b)
{
    size_t count = (size_t)part->block.rows * (size_t)part->block.cells;
    const double *u = row(part, a, 0), *v = row(part, b, 0);
    double mine = 0, all = 0;
    for (size_t i = 0; i < count; i++) mine += u[i] * v[i];
    MPI_Allreduce(&mine, &all, 1, MPI_DOUBLE, MPI_SUM, part->comm);
    return all;
}

/* A += FACTOR B. */
static void add(const struct part *part, double *a, double factor, double *b)
{
    size_t count = (size_t)part->block.rows * (size_t)part->block.cells;
    double *u = row(part, a, 0), *v = row(part, b, 0);
    for (size_t i = 0; i < count; i++) u[i] += factor * v[i];
}

static double bump(double x)
{
    return x * (1 - x);
}

/* The right side, h^2 f: that is the first residual and direction. */
static void start(const struct part *part)
{
    int n = part->block.cells;
    double h = 1.0 / (n + 1);
    for (int i = 0; i < part->block.rows; i++) {
        double y = (part->block.first + i + 1) * h;
        for (int j = 0; j < n; j++)
            row(part, part->r, i)[j] =
                2 * h * h * (bump((j + 1) * h) + bump(y));
    }
    memcpy(part->p, part->r, vector_size(&part->block) * sizeof(double));
}

/* False: it does not converge. All members return the same. */
static int iterate(const struct part *part)
{
    double rr = dot(part, part->r, part->r), goal = TOLERANCE * TOLERANCE * rr;
    size_t count = (size_t)part->block.rows * (size_t)part->block.cells;
    for (int step = 0; step < 20 * part->block.cells; step++) {
        if (rr <= goal) return 1;
        apply(part, part->p, part->q);
        double alpha = rr / dot(part, part->p, part->q), before = rr;
        add(part, part->x, alpha, part->p);
        add(part, part->r, -alpha, part->q);
        rr = dot(part, part->r, part->r);
        double *p = row(part, part->p, 0), *r = row(part, part->r, 0);
        for (size_t i = 0; i < count; i++) p[i] = r[i] + rr / before * p[i];
    }
    return 0;
}

/* ARGS: the number of cells. Gives this member's rows of u. */
DMPI_TASK(solve)
{
    int index = dmpi_gang_index(task), size = dmpi_gang_size(task);
    const int *cells = dmpi_task_args(task);
    struct part part = {
        .block = block_of(*cells, index, size),
        .above = index ? index - 1 : MPI_PROC_NULL,
        .below = index + 1 < size ? index + 1 : MPI_PROC_NULL,
    };
    size_t all = vector_size(&part.block);
    size_t rows = (size_t)part.block.rows * (size_t)*cells * sizeof(double);
    double *vectors = calloc(4 * all, sizeof *vectors);
    double *out = dmpi_task_output(task, rows);
    dmpi_status status = dmpi_task_comm(task, &part.comm);
    int ready = vectors && out && !status;

    /* All or none go on. */
    if (!status)
        MPI_Allreduce(MPI_IN_PLACE, &ready, 1, MPI_INT, MPI_LAND, part.comm);
    part.x = vectors;
    part.r = vectors + all;
    part.p = vectors + 2 * all;
    part.q = vectors + 3 * all;
    if (ready) start(&part);
    if (!ready) dmpi_fail(task, "no memory, or no gang");
    else if (!iterate(&part)) dmpi_fail(task, "it does not converge");
    else memcpy(out, row(&part, part.x, 0), rows);
    free(vectors);
}

/* ---- what becomes of the pieces ------------------------------------------*/

struct verdict {
    double error; /* the largest */
    int rank;     /* where it was looked at */
};

/* ARGS: which block it is. */
DMPI_TASK(compare)
{
    const struct block *block = dmpi_task_args(task);
    const double *u = dmpi_task_input(task, 0);
    struct verdict *out = dmpi_task_output(task, sizeof *out);
    double h = 1.0 / (block->cells + 1);
    *out = (struct verdict){.rank = dmpi_task_rank(task)};

    for (int i = 0; i < block->rows; i++)
        for (int j = 0; j < block->cells; j++) {
            double y = (block->first + i + 1) * h, x = (j + 1) * h;
            double error = fabs(*u++ - bump(x) * bump(y));
            if (!(error <= out->error)) out->error = error;
        }
}

static void check(dmpi_status status)
{
    if (status == DMPI_OK) return;
    fprintf(stderr, "gang: %s: %s\n", dmpi_status_text(status),
            dmpi_status_detail());
    dmpi_close(pool);
    exit(1);
}

/* Is RANK the only one that holds PIECE? */
static int lies_only_at(dmpi_key piece, int rank)
{
    int holder;
    size_t count;
    check(dmpi_rank_who_has(piece, &holder, 1, &count));
    return count == 1 && holder == rank;
}

static void submit(int cells, int ranks, dmpi_key pieces[],
                   struct block blocks[])
{
    dmpi_gang_member members[RANKS_MAX];
    for (int i = 0; i < ranks; i++) {
        members[i] = (dmpi_gang_member){.args = &cells, .size = sizeof cells};
        blocks[i] = block_of(cells, i, ranks);
    }
    check(dmpi_submit_gang(pool, solve, members, (size_t)ranks, NULL, pieces));
}

static int run(int cells, int ranks)
{
    dmpi_key pieces[RANKS_MAX], looks[RANKS_MAX];
    struct block blocks[RANKS_MAX];
    struct verdict verdicts[RANKS_MAX];
    size_t count = (size_t)ranks;
    double error = 0;
    int moved = 0;

    submit(cells, ranks, pieces, blocks);
    check(dmpi_map(pool, compare, count, pieces, blocks, sizeof *blocks, NULL,
                   looks));
    check(dmpi_gather(pool, looks, count, verdicts, sizeof *verdicts));
    for (size_t i = 0; i < count; i++) {
        if (!(verdicts[i].error <= error)) error = verdicts[i].error;
        moved += !lies_only_at(pieces[i], verdicts[i].rank);
    }
    check(dmpi_drop(pool, pieces, count));
    check(dmpi_drop(pool, looks, count));
    int good = error <= ERROR_MAX && !moved;
    printf("gang: %s, %d x %d cells on %d rank%s, %d pieces moved\n",
           good ? "ok" : "wrong", cells, cells, ranks, ranks == 1 ? "" : "s",
           moved);
    if (!good) fprintf(stderr, "gang: error %g\n", error);
    return !good;
}

/* ---- what is asked for ---------------------------------------------------*/

static int usage(const char *why)
{
    fprintf(stderr,
            "gang: %s; usage: gang [--ranks 1..%d] [--cells 1..%d], not "
            "fewer cells than ranks\n",
            why, RANKS_MAX, CELLS_MAX);
    return 2;
}

/* A number of 1 .. MOST; 0: it is none. */
static int number(const char *text, long most)
{
    char *end;
    long value = strtol(text, &end, 10);
    return *end || value < 1 || value > most ? 0 : (int)value;
}

static int run_as_told(int argc, char *argv[])
{
    int cells = 200, ranks = dmpi_workers(pool) > 1 ? 2 : 1;
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--ranks")) ranks = number(value, RANKS_MAX);
        else if (!strcmp(argv[i], "--cells")) cells = number(value, CELLS_MAX);
        else return usage("no such option");
        if (!ranks || !cells) return usage("no such number");
    }
    if (ranks > cells) return usage("too many ranks");
    return run(cells, ranks);
}

int main(int argc, char *argv[])
{
    if (dmpi_open(NULL, &pool) != DMPI_OK) return 2;
    if (!pool) return 0;
    int result = run_as_told(argc, argv);
    check(dmpi_close(pool));
    return result;
}
