/* SPDX-License-Identifier: BSD-3-Clause */
/* test_mem.c - records do not overlap, and come again. */
#include "mem.h"

#include "check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { RECORDS = 3000 };

static size_t size_of(unsigned i)
{
    static const size_t sizes[] = {0,  1,   31,  32,   33,   64,
                                   96, 500, 992, 1024, 1025, 5000};
    return sizes[i % CHECK_COUNT(sizes)];
}

static int is_filled(const unsigned char *record, size_t size, unsigned i)
{
    for (size_t k = 0; k < size; k++)
        if (record[k] != (unsigned char)i) return 0;
    return 1;
}

static void records_do_not_overlap(void)
{
    struct mem mem = {0};
    static unsigned char *records[RECORDS];

    for (unsigned i = 0; i < RECORDS; i++) {
        records[i] = mem_take(&mem, size_of(i));
        CU_ASSERT_PTR_NOT_NULL_FATAL(records[i]);
        memset(records[i], (int)i, size_of(i));
    }
    for (unsigned i = 0; i < RECORDS; i++)
        CU_ASSERT_TRUE(is_filled(records[i], size_of(i), i));
    for (unsigned i = 0; i < RECORDS; i++)
        mem_give(&mem, records[i], size_of(i));
    mem_fini(&mem);
}

static void records_are_aligned(void)
{
    struct mem mem = {0};

    for (unsigned i = 0; i < 200; i++) {
        void *record = mem_take(&mem, size_of(i));
        CU_ASSERT_EQUAL((uintptr_t)record % 8, 0);
        if (size_of(i) % 16 == 0) CU_ASSERT_EQUAL((uintptr_t)record % 16, 0);
#ifndef __SANITIZE_ADDRESS__
        if (size_of(i) % 64 == 0 && size_of(i) && size_of(i) <= MEM_SMALL)
            CU_ASSERT_EQUAL((uintptr_t)record % 64, 0);
#endif
        mem_give(&mem, record, size_of(i));
    }
    mem_fini(&mem);
}

static void what_was_given_back_is_used_again(void)
{
#ifndef __SANITIZE_ADDRESS__
    struct mem mem = {0};

    void *first = mem_take(&mem, 17), *second = mem_take(&mem, 18);
    mem_give(&mem, first, 17);
    CU_ASSERT_PTR_EQUAL(mem_take(&mem, 24), first);
    mem_give(&mem, second, 18);
    CU_ASSERT_PTR_NOT_EQUAL(mem_take(&mem, 25), second);
    CU_ASSERT_PTR_EQUAL(mem_take(&mem, 24), second);
    mem_fini(&mem);
#endif
}

/* Otherwise the peak of one size would be kept from all others. */
static void chunks_without_records_serve_others_or_go_back(void)
{
#ifndef __SANITIZE_ADDRESS__
    struct mem mem = {0};
    enum { MANY = 100000 };
    void **records = malloc(MANY * sizeof *records);

    for (int i = 0; i < MANY; i++) records[i] = mem_take(&mem, 100);
    size_t most = mem.chunk_count;
    CU_ASSERT_TRUE(most > 100);
    for (int i = 1; i < MANY; i++) mem_give(&mem, records[i], 100);
    CU_ASSERT_EQUAL(mem.chunk_count, 1);
    CU_ASSERT_TRUE(mem.spare_count >= most - 1);
    mem_trim(&mem);
    CU_ASSERT_TRUE(mem.spare_count < most / 4);
    size_t spares = mem.spare_count;
    for (int i = 1; i < 1000; i++) records[i] = mem_take(&mem, 40);
    CU_ASSERT_TRUE(mem.spare_count < spares);
    for (int i = 1; i < 1000; i++) mem_give(&mem, records[i], 40);
    mem_give(&mem, records[0], 100);
    CU_ASSERT_EQUAL(mem.chunk_count, 0);
    mem_fini(&mem);
    free(records);
#endif
}

static void empty_one_can_be_ended(void)
{
    struct mem mem = {0};

    mem_fini(&mem);
    CU_ASSERT_PTR_NULL(mem.chunks);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"records do not overlap", records_do_not_overlap},
        {"records are aligned", records_are_aligned},
        {"what was given back is used again",
         what_was_given_back_is_used_again},
        {"chunks without records serve others or go back",
         chunks_without_records_serve_others_or_go_back},
        {"empty one can be ended", empty_one_can_be_ended},
    };
    return check_run("mem", tests, CHECK_COUNT(tests));
}
