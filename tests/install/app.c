/* SPDX-License-Identifier: BSD-3-Clause */
/* app.c - a user's program, outside of the tree. It is C and C++ at once. */
#include <inttypes.h>
#include <stdio.h>

#include <distmpi.h>

#ifndef __cplusplus
#include <distmpi/comm.h>
#endif

DMPI_TASK(square)
{
    const int64_t *x = (const int64_t *)dmpi_task_args(task);
    int64_t *y = (int64_t *)dmpi_task_output(task, sizeof *y);
    *y = *x * *x;
}

int main(void)
{
    dmpi_pool *pool;
    dmpi_key key;
    int64_t x = 12, y = 0;

    if (dmpi_open(NULL, &pool)) return 1;
    if (!pool) return 0;
    if (dmpi_submit(pool, square, NULL, 0, &x, sizeof x, NULL, &key) ||
        dmpi_get(pool, key, &y, sizeof y, NULL) || dmpi_drop(pool, &key, 1) ||
        dmpi_close(pool))
        return 1;
    printf("distmpi %s: %" PRId64 "\n", dmpi_version(), y);
    return 0;
}
