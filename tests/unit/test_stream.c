/* SPDX-License-Identifier: BSD-3-Clause */
/* test_stream.c - the published numbers of Philox4x32-10, and what is made of
 * them. */
#include "distmpi/random.h"

#include <math.h>

#include "check.h"

enum { MANY = 100000 };

/* At block BLOCK of the stream. */
static dmpi_stream at(uint64_t seed, uint64_t number, uint64_t block)
{
    dmpi_stream stream;
    dmpi_random_start(&stream, seed, number);
    for (int i = 0; i < 4; i++) dmpi_random_skip(&stream, block);
    return stream;
}

/* From kat_vectors of Random123, "philox4x32 10": counter, key, result. */
static void known_answers_are_given(void)
{
    static const struct {
        uint32_t counter[4], key[2], result[4];
    } known[] = {
        {{0, 0, 0, 0},
         {0, 0},
         {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int i = 0; i < 3; i++) {
        const uint32_t *c = known[i].counter, *k = known[i].key;
        dmpi_stream stream =
            at(k[0] | (uint64_t)k[1] << 32, c[2] | (uint64_t)c[3] << 32,
               c[0] | (uint64_t)c[1] << 32);
        for (int word = 0; word < 4; word++)
            CU_ASSERT_EQUAL(dmpi_random_32(&stream), known[i].result[word]);
    }
}

static void a_skip_is_as_many_numbers(void)
{
    for (uint64_t before = 0; before < 9; before++)
        for (uint64_t skip = 0; skip < 21; skip++) {
            dmpi_stream one = at(5, 6, 0), other = one;
            for (uint64_t i = 0; i < before; i++)
                CU_ASSERT_EQUAL(dmpi_random_32(&one), dmpi_random_32(&other));
            for (uint64_t i = 0; i < skip; i++) dmpi_random_32(&one);
            dmpi_random_skip(&other, skip);
            for (int i = 0; i < 6; i++)
                CU_ASSERT_EQUAL(dmpi_random_32(&one), dmpi_random_32(&other));
        }
}

static void streams_and_seeds_differ(void)
{
    dmpi_stream one = at(1, 1, 0), two = at(1, 2, 0), three = at(2, 1, 0);
    uint64_t a = dmpi_random_64(&one), b = dmpi_random_64(&two);
    CU_ASSERT(a != b && a != dmpi_random_64(&three));
}

static void long_numbers_are_two_short_ones(void)
{
    for (int odd = 0; odd < 2; odd++) {
        dmpi_stream one = at(1, 2, 0), other = one;
        dmpi_random_skip(&one, (uint64_t)odd);
        dmpi_random_skip(&other, (uint64_t)odd);
        for (int i = 0; i < 10; i++) {
            uint64_t low = dmpi_random_32(&other);
            uint64_t high = dmpi_random_32(&other);
            CU_ASSERT_EQUAL(dmpi_random_64(&one), low | high << 32);
        }
    }
}

/* The mean of COUNT numbers to the power of POWER. */
static double moment(const double numbers[], int power)
{
    double sum = 0;
    for (int i = 0; i < MANY; i++) sum += pow(numbers[i], power);
    return sum / MANY;
}

static void uniform_numbers_are_uniform(void)
{
    static double numbers[MANY];
    dmpi_stream one = at(7, 8, 0), other = one;
    dmpi_random_uniforms(&one, numbers, MANY);
    int outside = 0, wrong = 0;
    for (int i = 0; i < MANY; i++) {
        double low = floor(numbers[i] * 0x1p53) * 0x1p-53;
        outside += numbers[i] < 0 || numbers[i] >= 1 || numbers[i] != low;
        wrong += numbers[i] != dmpi_random_uniform(&other);
    }
    CU_ASSERT(outside == 0 && wrong == 0);
    for (int power = 1; power <= 4; power++)
        CU_ASSERT_DOUBLE_EQUAL(moment(numbers, power), 1.0 / (power + 1),
                               0.005);
}

static void normal_numbers_are_normal(void)
{
    static const double moments[] = {1, 0, 1, 0, 3};
    static double numbers[MANY];
    dmpi_stream one = at(7, 8, 0), other = one;
    dmpi_random_normals(&one, numbers, MANY);
    int wrong = 0, within = 0;
    for (int i = 0; i < MANY; i++) {
        wrong += numbers[i] != dmpi_random_normal(&other);
        within += fabs(numbers[i]) < 1;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_DOUBLE_EQUAL((double)within / MANY, erf(sqrt(0.5)), 0.005);
    for (int power = 1; power <= 4; power++)
        CU_ASSERT_DOUBLE_EQUAL(moment(numbers, power), moments[power], 0.06);
}

static void a_skip_forgets_half_a_pair(void)
{
    dmpi_stream one = at(7, 8, 0), other = one;
    dmpi_random_normal(&one);
    dmpi_random_skip(&one, 0);
    dmpi_random_skip(&other, 4);
    CU_ASSERT(dmpi_random_normal(&one) == dmpi_random_normal(&other));
}

int main(void)
{
    static const struct check_test tests[] = {
        {"known answers are given", known_answers_are_given},
        {"a skip is as many numbers", a_skip_is_as_many_numbers},
        {"streams and seeds differ", streams_and_seeds_differ},
        {"long numbers are two short ones", long_numbers_are_two_short_ones},
        {"uniform numbers are uniform", uniform_numbers_are_uniform},
        {"normal numbers are normal", normal_numbers_are_normal},
        {"a skip forgets half a pair", a_skip_forgets_half_a_pair},
    };
    return check_run("stream", tests, CHECK_COUNT(tests));
}
