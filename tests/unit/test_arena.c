/* SPDX-License-Identifier: BSD-3-Clause */
/* test_arena.c - blocks that do not overlap, that a child sees, and whose memory
 * goes back. */
#include "arena.h"

#include "check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 1 << ARENA_PAGE_BITS, MIB = 1 << 20 };

static struct arena *arena;

static void begin(void)
{
    arena = arena_new((size_t)64 << 30);
    CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
}

/* Pages of BLOCK that have memory behind them. */
static size_t pages_in_use(void *block, size_t size)
{
    size_t pages = (size + PAGE - 1) / PAGE, used = 0;
    unsigned char *in = malloc(pages);
    CU_ASSERT_EQUAL_FATAL(mincore(block, size, in), 0);
    for (size_t i = 0; i < pages; i++) used += in[i] & 1;
    free(in);
    return used;
}

static void blocks_do_not_overlap(void)
{
    enum { BLOCKS = 300 };
    static unsigned char *blocks[BLOCKS];
    begin();
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t size = 1 + i * 1013;
        blocks[i] = arena_take(arena, size);
        CU_ASSERT_PTR_NOT_NULL_FATAL(blocks[i]);
        CU_ASSERT_EQUAL((uintptr_t)blocks[i] % PAGE, 0);
        CU_ASSERT_TRUE(arena_holds(arena, blocks[i]));
        CU_ASSERT_TRUE(arena_holds(arena, blocks[i] + size - 1));
        memset(blocks[i], (int)(i % 251), size);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t size = 1 + i * 1013, right = 0;
        while (right < size && blocks[i][right] == i % 251) right++;
        CU_ASSERT_EQUAL(right, size);
        arena_give(arena, blocks[i], size);
    }
    arena_free(arena);
}

static void block_comes_again_for_its_size(void)
{
    begin();
    void *block = arena_take(arena, 100000);
    arena_give(arena, block, 100000);
    CU_ASSERT_TRUE(arena_warm(arena) >= 100000);
    CU_ASSERT_PTR_NOT_EQUAL(arena_take(arena, 200000), block);
    CU_ASSERT_PTR_EQUAL(arena_take(arena, 99999), block);
    CU_ASSERT_EQUAL(arena_warm(arena), 0);
    arena_free(arena);
}

static void memory_of_free_blocks_goes_back(void)
{
    begin();
    char *block = arena_take(arena, 8 * MIB);
    memset(block, 1, 8 * MIB);
    CU_ASSERT_EQUAL(pages_in_use(block, 8 * MIB), 8 * MIB / PAGE);
    arena_give(arena, block, 8 * MIB);
    CU_ASSERT_EQUAL(pages_in_use(block, 8 * MIB), 8 * MIB / PAGE);
    arena_trim(arena);
    CU_ASSERT_EQUAL(pages_in_use(block, 8 * MIB), 0);
    CU_ASSERT_EQUAL(arena_warm(arena), 0);
    CU_ASSERT_PTR_EQUAL(arena_take(arena, 8 * MIB), block);
    CU_ASSERT_EQUAL(*block, 0);
    arena_free(arena);
}

static void not_too_much_is_kept(void)
{
    enum { BLOCKS = 40 };
    const size_t size = 16 * MIB;
    char *blocks[BLOCKS];
    size_t used = 0;
    begin();
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = arena_take(arena, size);
        *blocks[i] = 1;
    }
    for (int i = 0; i < BLOCKS; i++) {
        arena_give(arena, blocks[i], size);
        CU_ASSERT_TRUE(arena_warm(arena) <= ARENA_WARM_BYTES);
    }
    for (int i = 0; i < BLOCKS; i++) used += pages_in_use(blocks[i], size);
    CU_ASSERT_EQUAL(used, ARENA_WARM_BYTES / size);
    arena_keep(arena, 3 * size);
    CU_ASSERT_EQUAL(arena_warm(arena), 3 * size);
    arena_give(arena, arena_take(arena, 2 * size), 2 * size);
    CU_ASSERT_TRUE(arena_warm(arena) <= 3 * size);
    arena_free(arena);
}

static void end_of_the_addresses_is_told(void)
{
    arena = arena_new((size_t)1 << 30);
    CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
    CU_ASSERT_PTR_NULL(arena_take(arena, SIZE_MAX / 2));
    CU_ASSERT_PTR_NULL(arena_take(arena, (size_t)2 << 30));
    void *all = arena_take(arena, (size_t)1 << 30);
    CU_ASSERT_PTR_NOT_NULL(all);
    CU_ASSERT_PTR_NULL(arena_take(arena, 1));
    arena_give(arena, all, (size_t)1 << 30);
    CU_ASSERT_PTR_NOT_NULL(arena_take(arena, (size_t)1 << 30));
    CU_ASSERT_FALSE(arena_holds(arena, &arena));
    CU_ASSERT_FALSE(arena_holds(NULL, all));
    arena_free(arena);
}

/* How a child ends that writes to one of two blocks, of which one is open. */
static int end_of_writer(char *closed, char *open, bool to_open)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        arena_protect(arena);
        arena_open(open, PAGE, true);
        if (closed[0] != 1) _exit(2);
        (to_open ? open : closed)[5] = 7;
        arena_open(open, PAGE, false);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return status;
}

static void child_writes_to_what_is_open_only(void)
{
    begin();
    char *closed = arena_take(arena, PAGE), *open = arena_take(arena, PAGE);
    memset(closed, 1, PAGE);
    memset(open, 1, PAGE);
    CU_ASSERT_EQUAL(end_of_writer(closed, open, true), 0);
    CU_ASSERT_EQUAL(open[5], 7);
    CU_ASSERT_NOT_EQUAL(end_of_writer(closed, open, false), 0);
    CU_ASSERT_EQUAL(closed[5], 1);
    arena_free(arena);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"blocks do not overlap", blocks_do_not_overlap},
        {"a block comes again for its size", block_comes_again_for_its_size},
        {"memory of free blocks goes back", memory_of_free_blocks_goes_back},
        {"not too much is kept", not_too_much_is_kept},
        {"the end of the addresses is told", end_of_the_addresses_is_told},
        {"a child writes to what is open only",
         child_writes_to_what_is_open_only},
    };
    return check_run("arena", tests, CHECK_COUNT(tests));
}
