/* SPDX-License-Identifier: BSD-3-Clause */
/* test_spare.c - blocks come again for their size only, and are not hoarded. */
#include "spare.h"

#include "check.h"

#include <stdlib.h>

/* Give COUNT new blocks for BYTES. */
static void give_new(struct spare *spare, size_t bytes, size_t count)
{
    size_t size = spare_size(bytes);
    for (size_t i = 0; i < count; i++) spare_give(spare, malloc(size), size);
}

static void sizes_grow_by_an_eighth_at_most(void)
{
    for (size_t bytes = SPARE_LEAST; bytes < SPARE_MOST; bytes += 1001) {
        size_t size = spare_size(bytes);
        CU_ASSERT_TRUE(size >= bytes && size - bytes < bytes / SPARE_STEPS + 1);
        CU_ASSERT_EQUAL(spare_size(size), size);
    }
    CU_ASSERT_EQUAL(spare_size(SPARE_LEAST - 1), SPARE_LEAST - 1);
    CU_ASSERT_EQUAL(spare_size(SPARE_MOST), SPARE_MOST);
}

static void newest_block_comes_first(void)
{
    struct spare spare = {0};
    size_t size = spare_size(100000);
    void *blocks[3];

    for (int i = 0; i < 3; i++) {
        blocks[i] = malloc(size);
        spare_give(&spare, blocks[i], size);
    }
    CU_ASSERT_EQUAL(spare.bytes, 3 * size);
    for (int i = 2; i >= 0; i--)
        CU_ASSERT_PTR_EQUAL(spare_take(&spare, size), blocks[i]);
    CU_ASSERT_PTR_NULL(spare_take(&spare, size));
    CU_ASSERT_EQUAL(spare.bytes, 0);
    for (int i = 0; i < 3; i++) free(blocks[i]);
    spare_fini(&spare);
}

/* Every class has a list of its own, and they have all sizes. */
static void block_is_for_its_size_only(void)
{
    struct spare spare = {0};
    size_t size, classes = 0, taken = 0;

    for (size = SPARE_LEAST; size < SPARE_MOST; size = spare_size(size + 1)) {
        CU_ASSERT_PTR_NULL(spare_take(&spare, size));
        give_new(&spare, size, 1);
        void *block = spare_take(&spare, size);
        CU_ASSERT_PTR_NOT_NULL(block);
        spare_give(&spare, block, size);
        classes++;
        taken += size;
        if (taken + 2 * size > SPARE_BYTES) break;
    }
    CU_ASSERT_TRUE(classes > SPARE_CLASSES / 2);
    CU_ASSERT_EQUAL(spare.bytes, taken);
    spare_fini(&spare);
    CU_ASSERT_EQUAL(spare.bytes, 0);
}

static void other_sizes_are_not_kept(void)
{
    struct spare spare = {0};

    give_new(&spare, SPARE_LEAST - 1, 1);
    give_new(&spare, SPARE_MOST, 1);
    CU_ASSERT_EQUAL(spare.bytes, 0);
    CU_ASSERT_PTR_NULL(spare_take(&spare, SPARE_LEAST - 1));
    CU_ASSERT_PTR_NULL(spare_take(&spare, SPARE_MOST));
}

static void one_block_may_be_larger_than_all_others(void)
{
    struct spare spare = {0};
    size_t small = spare_size(1000000), large = spare_size(SPARE_MOST / 2);

    give_new(&spare, small, 3);
    give_new(&spare, large, 2);
    CU_ASSERT_EQUAL(spare.bytes, large);
    give_new(&spare, small, 1);
    CU_ASSERT_EQUAL(spare.bytes, small);
    spare_fini(&spare);
}

static void spares_are_bounded(void)
{
    struct spare spare = {0};
    size_t size = spare_size(1000000);

    give_new(&spare, size, SPARE_BYTES / size + 5);
    CU_ASSERT_EQUAL(spare.bytes, SPARE_BYTES / size * size);
    spare_fini(&spare);
}

static void new_sizes_push_out_old_ones(void)
{
    struct spare spare = {0};
    size_t old = spare_size(1100000), new = spare_size(3000000);

    give_new(&spare, old, SPARE_BYTES / old);
    give_new(&spare, new, SPARE_BYTES / new);
    CU_ASSERT_EQUAL(spare.bytes, SPARE_BYTES / new *new);
    CU_ASSERT_PTR_NULL(spare_take(&spare, old));
    spare_fini(&spare);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"sizes grow by an eighth at most", sizes_grow_by_an_eighth_at_most},
        {"newest block comes first", newest_block_comes_first},
        {"block is for its size only", block_is_for_its_size_only},
        {"other sizes are not kept", other_sizes_are_not_kept},
        {"one block may be larger than all others",
         one_block_may_be_larger_than_all_others},
        {"spares are bounded", spares_are_bounded},
        {"new sizes push out old ones", new_sizes_push_out_old_ones},
    };
    return check_run("spare", tests, CHECK_COUNT(tests));
}
