/* SPDX-License-Identifier: BSD-3-Clause */
/* tiles.h - what cholesky's workers do: the matrix in tiles, and a task for each
 * thing that is done with a tile.
 *
 * A tile is its elements by columns, without anything else. The tasks of a tile
 * have its place as their argument, and give the tile or what is known of it. */
#ifndef TILES_H
#define TILES_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <distmpi.h>

/* OpenBLAS, by its Fortran names. */
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda,
             int *info);
void dtrsm_(const char *side, const char *uplo, const char *trans,
            const char *diag, const int *m, const int *n, const double *alpha,
            const double *a, const int *lda, double *b, const int *ldb);
void dsyrk_(const char *uplo, const char *trans, const int *n, const int *k,
            const double *alpha, const double *a, const int *lda,
            const double *beta, double *c, const int *ldc);
void dgemm_(const char *transa, const char *transb, const int *m, const int *n,
            const int *k, const double *alpha, const double *a, const int *lda,
            const double *b, const int *ldb, const double *beta, double *c,
            const int *ldc);
void openblas_set_num_threads(int count);
int openblas_get_num_threads(void);
char *openblas_get_corename(void);

static const double one = 1, minus_one = -1;

/* ---- the matrix ----------------------------------------------------------*/

/* A matrix in tiles, of which the last row and column may be smaller. */
struct matrix {
    int32_t n;
    int32_t tile;
    int32_t bad; /* this diagonal element is negative; -1: none */
};

/* The arguments of every task: the tile that it makes. */
struct place {
    struct matrix matrix;
    int32_t row, col; /* of the tile, in tiles */
};

static int tiles_of(const struct matrix *m)
{
    return (m->n + m->tile - 1) / m->tile;
}

/* Rows of the tiles in row I, and columns of those in column I. */
static int extent(const struct matrix *m, int i)
{
    int left = m->n - i * m->tile;
    return left < m->tile ? left : m->tile;
}

/* Where tile (I, J), I >= J, is among all tiles. */
static size_t number(int i, int j)
{
    return (size_t)i * ((size_t)i + 1) / 2 + (size_t)j;
}

/* splitmix64 (Steele, Lea, Flood, OOPSLA 2014). */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

/* Element (I, J) of A, the same for any tiles: between -1 and 1 beside the
 * diagonal, which outweighs its row. */
static double element(const struct matrix *m, int i, int j)
{
    if (i == j) return i == m->bad ? -m->n : m->n;
    uint64_t low = (uint64_t)(i < j ? i : j), high = (uint64_t)(i < j ? j : i);
    return (double)(int64_t)mix(high << 32 | low) * 0x1p-63;
}

/* Tile (ROW, COL) of A, by columns. */
static void fill_tile(double *to, const struct place *place)
{
    const struct matrix *m = &place->matrix;
    int row = place->row * m->tile, col = place->col * m->tile;
    int rows = extent(m, place->row), cols = extent(m, place->col);
    for (int j = 0; j < cols; j++)
        for (int i = 0; i < rows; i++) *to++ = element(m, row + i, col + j);
}

/* ---- tasks ---------------------------------------------------------------*/

static size_t tile_bytes(const struct place *place)
{
    return sizeof(double) * (size_t)extent(&place->matrix, place->row) *
           (size_t)extent(&place->matrix, place->col);
}

DMPI_TASK(make_tile)
{
    const struct place *place = dmpi_task_args(task);
    double *tile = dmpi_task_output(task, tile_bytes(place));
    if (tile) fill_tile(tile, place);
}

/* The output, so far a copy of the first input; NULL: no memory. */
static double *copy_first(dmpi_task *task)
{
    size_t bytes = dmpi_task_input_size(task, 0);
    double *tile = dmpi_task_output(task, bytes);
    if (tile) memcpy(tile, dmpi_task_input(task, 0), bytes);
    return tile;
}

/* TILE -= the product of each pair of inputs from FIRST on, the second one
 * transposed. */
static void subtract_products(dmpi_task *task, size_t first, double *tile)
{
    const struct place *place = dmpi_task_args(task);
    const struct matrix *m = &place->matrix;
    int rows = extent(m, place->row), cols = extent(m, place->col);
    for (size_t k = first; k < dmpi_task_input_count(task); k += 2) {
        const double *left = dmpi_task_input(task, k);
        const double *right = dmpi_task_input(task, k + 1);
        size_t width = dmpi_task_input_size(task, k) / sizeof *left;
        int inner = (int)(width / (size_t)rows);
        dgemm_("N", "T", &rows, &cols, &inner, &minus_one, left, &rows, right,
               &cols, &one, tile, &rows);
    }
}

/* Inputs: the tile, then L(i,k) and L(j,k) for some k. */
DMPI_TASK(gemm)
{
    double *tile = copy_first(task);
    if (tile) subtract_products(task, 1, tile);
}

/* Inputs: the tile on the diagonal, then L(j,k) for some k. */
DMPI_TASK(syrk)
{
    const struct place *place = dmpi_task_args(task);
    int n = extent(&place->matrix, place->row), inner = place->matrix.tile;
    double *tile = copy_first(task);
    if (!tile) return;
    for (size_t k = 1; k < dmpi_task_input_count(task); k++)
        dsyrk_("L", "N", &n, &inner, &minus_one, dmpi_task_input(task, k), &n,
               &one, tile, &n);
}

/* Input: the tile on the diagonal. Above it the factor has zeros. */
DMPI_TASK(potrf)
{
    const struct place *place = dmpi_task_args(task);
    int n = extent(&place->matrix, place->row), info;
    double *tile = copy_first(task);
    if (!tile) return;
    dpotrf_("L", &n, tile, &n, &info);
    if (info)
        dmpi_fail(task,
                  "the matrix is not positive definite: its leading "
                  "minor of order %d is not",
                  place->row * place->matrix.tile + info);
    for (int j = 1; j < n; j++)
        memset(tile + (size_t)j * (size_t)n, 0, (size_t)j * sizeof *tile);
}

/* TILE = TILE L^-T, of ROWS x COLS; L has a leading dimension of LD. By halves,
 * until they are small: where OpenBLAS has no dtrsm for the processor, dgemm is
 * three times as fast. (Elmroth, Gustavson, "Applying recursion to serial and
 * parallel QR", IBM J. Res. Dev. 44, 2000, has the idea.) */
static void solve(double *tile, int rows, int cols, const double *l, int ld)
{
    enum { SMALL = 32, STEP = 8 };
    if (cols <= SMALL) {
        dtrsm_("R", "L", "T", "N", &rows, &cols, &one, l, &ld, tile, &rows);
        return;
    }
    int left = (cols / 2 + STEP - 1) / STEP * STEP, right = cols - left;
    double *rest = tile + (size_t)left * (size_t)rows;
    solve(tile, rows, left, l, ld);
    dgemm_("N", "T", &rows, &right, &left, &minus_one, tile, &rows, l + left,
           &ld, &one, rest, &rows);
    solve(rest, rows, right, l + left + (size_t)left * (size_t)ld, ld);
}

/* Inputs: the tile, the factor on the diagonal. */
DMPI_TASK(trsm)
{
    const struct place *place = dmpi_task_args(task);
    int cols = extent(&place->matrix, place->col);
    double *tile = copy_first(task);
    if (tile)
        solve(tile, extent(&place->matrix, place->row), cols,
              dmpi_task_input(task, 1), cols);
}

/* Of a matrix or some of its tiles. */
struct squares {
    double rest;  /* sum of the squares of the elements of A - L L' */
    double whole; /* of those of A */
};

static double sum_of_squares(const double *x, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += x[i] * x[i];
    return sum;
}

/* Inputs: L(i,k) and L(j,k) for all k <= j. Makes A again, so that a task that
 * changed a tile of it would be seen. What is below the diagonal counts for what
 * is above it too. */
DMPI_TASK(compare_tile)
{
    const struct place *place = dmpi_task_args(task);
    size_t bytes = tile_bytes(place), count = bytes / sizeof(double);
    double weight = place->row == place->col ? 1 : 2;
    struct squares *squares = dmpi_task_output(task, sizeof *squares);
    double *tile = malloc(bytes);
    if (!tile) {
        dmpi_fail(task, "no memory for a tile of %zu bytes", bytes);
        return;
    }
    fill_tile(tile, place);
    squares->whole = weight * sum_of_squares(tile, count);
    subtract_products(task, 0, tile);
    squares->rest = weight * sum_of_squares(tile, count);
    free(tile);
}

DMPI_TASK(add_squares)
{
    struct squares *sum = dmpi_task_output(task, sizeof *sum);
    *sum = (struct squares){0, 0};
    for (size_t i = 0; i < dmpi_task_input_count(task); i++) {
        const struct squares *one_tile = dmpi_task_input(task, i);
        sum->rest += one_tile->rest;
        sum->whole += one_tile->whole;
    }
}

/* Input: a tile of the factor. The output is wrong in one element. */
DMPI_TASK(spoil)
{
    double *tile = copy_first(task);
    if (tile) tile[0] += 1e-6 * (1 + fabs(tile[0]));
}

#endif
