/* SPDX-License-Identifier: BSD-3-Clause */
/* test_patterns.c - reduce, scan, map and reduce: right, in order, the same to
 * the last bit on any number of workers, and nothing is left over. */
#include "job.h"

enum { MANY = 100, LONG = 1000 };

/* ---- tasks ---------------------------------------------------------------*/

static int64_t sum_inputs(const dmpi_task *task)
{
    int64_t sum = 0;
    for (size_t i = 0; i < dmpi_task_input_count(task); i++)
        sum += *(const int64_t *)dmpi_task_input(task, i);
    return sum;
}

DMPI_TASK(add)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = sum_inputs(task);
}

/* The argument, or the input, squared. */
DMPI_TASK(square)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    const int64_t *x = dmpi_task_args(task);
    int64_t value = x ? *x : sum_inputs(task);
    *out = value * value;
}

/* Not commutative, and shows the tree: (a b). */
DMPI_TASK(join)
{
    size_t size = 2, inputs = dmpi_task_input_count(task);
    for (size_t i = 0; i < inputs; i++) size += dmpi_task_input_size(task, i);
    char *out = dmpi_task_output(task, size);
    *out++ = '(';
    for (size_t i = 0; i < inputs; i++) {
        memcpy(out, dmpi_task_input(task, i), dmpi_task_input_size(task, i));
        out += dmpi_task_input_size(task, i);
    }
    *out = ')';
}

DMPI_TASK(add_doubles)
{
    double *out = dmpi_task_output(task, sizeof *out);
    *out = 0;
    for (size_t i = 0; i < dmpi_task_input_count(task); i++)
        *out += *(const double *)dmpi_task_input(task, i);
}

DMPI_TASK(fails)
{
    dmpi_fail(task, "as it should");
}

/* ---- short ways ----------------------------------------------------------*/

/* The numbers 1 .. COUNT, on all workers. */
static void put_numbers(dmpi_key keys[], size_t count)
{
    int64_t numbers[LONG];
    for (size_t i = 0; i < count; i++) numbers[i] = (int64_t)i + 1;
    OK(dmpi_scatter(pool, numbers, count, sizeof *numbers, NULL, keys));
}

static dmpi_key reduced(const dmpi_function *function, size_t fan,
                        const dmpi_key keys[], size_t count)
{
    dmpi_key key = DMPI_KEY_NONE;
    OK(dmpi_reduce(pool, function, fan, keys, count, NULL, &key));
    return key;
}

/* The letters a, b, c, ... combined. */
static void check_tree(size_t fan, size_t count, const char *expected)
{
    char text[512] = "";
    dmpi_key keys[26];
    OK(dmpi_scatter(pool, "abcdefghijklmnopqrstuvwxyz", count, 1, NULL, keys));
    dmpi_key key = reduced(join, fan, keys, count);
    OK(dmpi_get(pool, key, text, sizeof text, NULL));
    CU_ASSERT_STRING_EQUAL(text, expected);
    job_drop(key);
    OK(dmpi_drop(pool, keys, count));
}

/* ---- reduce --------------------------------------------------------------*/

static void sums_are_right_for_any_count_and_fan(void)
{
    dmpi_key keys[LONG];
    put_numbers(keys, LONG);
    for (size_t count = 1; count <= LONG; count += count < 20 ? 1 : 163)
        for (size_t fan = 0; fan < 6; fan++) {
            if (fan == 1) continue;
            int64_t sum = (int64_t)(count * (count + 1) / 2);
            dmpi_key key = reduced(add, fan, keys, count);
            CU_ASSERT_EQUAL(job_take_number(key), sum);
        }
    OK(dmpi_drop(pool, keys, LONG));
}

static void the_tree_depends_on_the_order_alone(void)
{
    check_tree(0, 1, "a");
    check_tree(0, 2, "(ab)");
    check_tree(2, 3, "((ab)c)");
    check_tree(2, 5, "(((ab)(cd))e)");
    check_tree(2, 8, "(((ab)(cd))((ef)(gh)))");
    check_tree(3, 8, "((abc)(def)(gh))");
    check_tree(3, 10, "(((abc)(def)(ghi))j)");
    check_tree(100, 6, "(abcdef)");
}

/* The same tree, on this rank. */
static double sum_in_pairs(double row[], size_t count)
{
    for (; count > 1; count = (count + 1) / 2)
        for (size_t i = 0; i < count; i += 2)
            row[i / 2] = i + 1 < count ? row[i] + row[i + 1] : row[i];
    return row[0];
}

static void floating_point_sums_are_equal_to_the_last_bit(void)
{
    double numbers[LONG], back = 0;
    dmpi_key keys[LONG];
    for (int i = 0; i < LONG; i++) numbers[i] = 1.0 / (i + 1) / (i % 7 + 1e-3);
    OK(dmpi_scatter(pool, numbers, LONG, sizeof *numbers, NULL, keys));
    dmpi_key key = reduced(add_doubles, 2, keys, LONG);
    OK(dmpi_get(pool, key, &back, sizeof back, NULL));
    double expected = sum_in_pairs(numbers, LONG);
    CU_ASSERT_EQUAL(memcmp(&back, &expected, sizeof back), 0);
    job_drop(key);
    OK(dmpi_drop(pool, keys, LONG));
}

static void the_result_of_one_is_a_key_of_its_own(void)
{
    dmpi_key one = job_submit_number(square, 6);
    dmpi_key result = reduced(fails, 2, &one, 1);
    CU_ASSERT(result != one);
    job_drop(one);
    CU_ASSERT_EQUAL(job_take_number(result), 36);
}

static void keys_need_not_have_ended(void)
{
    dmpi_key keys[MANY];
    int64_t numbers[MANY];
    for (int i = 0; i < MANY; i++) numbers[i] = i + 1;
    OK(dmpi_map(pool, square, MANY, NULL, numbers, 8, NULL, keys));
    dmpi_key key = reduced(add, 4, keys, MANY);
    OK(dmpi_drop(pool, keys, MANY));
    CU_ASSERT_EQUAL(job_take_number(key), 338350);
}

static void an_error_among_the_keys_is_the_result(void)
{
    dmpi_key keys[9], key;
    dmpi_failure failure;
    put_numbers(keys, 8);
    keys[8] = job_submit(fails, NULL, 0, NULL, 0);
    key = reduced(add, 2, keys, 9);
    OK(dmpi_error(pool, key, &failure));
    CU_ASSERT_STRING_EQUAL(failure.text, "as it should");
    job_drop(key);
    OK(dmpi_drop(pool, keys, 9));
}

/* ---- map and reduce ------------------------------------------------------*/

static dmpi_key sum_of_squares(size_t count, size_t fan,
                               const dmpi_task_options *options)
{
    int64_t numbers[LONG];
    dmpi_key key = DMPI_KEY_NONE;
    for (size_t i = 0; i < count; i++) numbers[i] = (int64_t)i + 1;
    OK(dmpi_map_reduce(pool, square, count, NULL, numbers, 8, add, fan, options,
                       &key));
    return key;
}

static void squares_are_summed(void)
{
    dmpi_task_options options = {.priority = INT32_MAX, .rank = job_last()};
    CU_ASSERT_EQUAL(job_take_number(sum_of_squares(100, 0, NULL)), 338350);
    CU_ASSERT_EQUAL(job_take_number(sum_of_squares(100, 7, &options)), 338350);
    CU_ASSERT_EQUAL(job_take_number(sum_of_squares(1, 2, NULL)), 1);
    CU_ASSERT_EQUAL(job_take_number(sum_of_squares(LONG, 2, NULL)), 333833500);
}

static void keys_are_mapped_and_reduced(void)
{
    dmpi_key keys[MANY], key;
    put_numbers(keys, MANY);
    OK(dmpi_map_reduce(pool, square, MANY, keys, NULL, 0, add, 2, NULL, &key));
    CU_ASSERT_EQUAL(job_take_number(key), 338350);
    OK(dmpi_drop(pool, keys, MANY));
}

/* On each worker: results of MAP that are not combined yet. */
static int alive, alive_most;

DMPI_TASK(make_block)
{
    int64_t *out = dmpi_task_output(task, 100000);
    if (++alive > alive_most) alive_most = alive;
    *out = 1;
}

DMPI_TASK(add_blocks)
{
    int64_t *out = dmpi_task_output(task, 100000);
    alive -= (int)dmpi_task_input_count(task) - 1;
    *out = sum_inputs(task);
}

DMPI_TASK(most_alive)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = alive_most;
    alive = alive_most = 0;
}

/* On one worker a row of the tree is used up while it is made: about one value
 * for each of its 10 rows is there at a time, of 1000. */
static void few_results_exist_at_a_time(void)
{
    int64_t most = 0;
    void *data;
    dmpi_key key;
    OK(dmpi_rank_run(1, most_alive, NULL, 0, NULL, NULL));
    OK(dmpi_map_reduce(pool, make_block, LONG, NULL, NULL, 0, add_blocks, 2,
                       NULL, &key));
    OK(dmpi_wait(pool, &key, 1, DMPI_ALL, DMPI_FOREVER, NULL));
    OK(dmpi_rank_run(1, most_alive, NULL, 0, &data, NULL));
    memcpy(&most, data, sizeof most);
    free(data);
    if (job_workers() == 1) CU_ASSERT(most <= 40);
    job_drop(key);
}

/* ---- scan ----------------------------------------------------------------*/

static void squares_are_scanned(void)
{
    static const int64_t expected[10] = {1,  5,   14,  30,  55,
                                         91, 140, 204, 285, 385};
    int64_t numbers[10], back[10];
    dmpi_key squares[10], keys[10];
    for (int i = 0; i < 10; i++) numbers[i] = i + 1;
    OK(dmpi_map(pool, square, 10, NULL, numbers, 8, NULL, squares));
    OK(dmpi_scan(pool, add, squares, 10, NULL, keys));
    OK(dmpi_drop(pool, squares, 10));
    OK(dmpi_gather(pool, keys, 10, back, 8));
    CU_ASSERT_EQUAL(memcmp(back, expected, sizeof back), 0);
    OK(dmpi_drop(pool, keys, 10));
}

static void check_scan(const dmpi_key keys[], size_t count)
{
    int64_t back[LONG];
    dmpi_key sums[LONG];
    OK(dmpi_scan(pool, add, keys, count, NULL, sums));
    OK(dmpi_gather(pool, sums, count, back, 8));
    for (size_t i = 0; i < count; i++)
        CU_ASSERT_EQUAL(back[i], (int64_t)((i + 1) * (i + 2) / 2));
    OK(dmpi_drop(pool, sums, count));
}

static void scans_are_right_for_any_count(void)
{
    dmpi_key keys[LONG];
    put_numbers(keys, LONG);
    for (size_t count = 0; count <= 70; count++) check_scan(keys, count);
    check_scan(keys, LONG);
    OK(dmpi_drop(pool, keys, LONG));
}

/* TEXT without brackets is the first COUNT letters. */
static bool is_prefix(const char *text, int count)
{
    char next = 'a';
    for (; *text; text++)
        if (*text != '(' && *text != ')' && *text != next++) return false;
    return next == 'a' + count;
}

static void scans_keep_the_order(void)
{
    dmpi_key keys[26], joined[26];
    OK(dmpi_scatter(pool, "abcdefghijklmnopqrstuvwxyz", 26, 1, NULL, keys));
    OK(dmpi_scan(pool, join, keys, 26, NULL, joined));
    for (int i = 0; i < 26; i++) {
        char text[512] = "";
        OK(dmpi_get(pool, joined[i], text, sizeof text, NULL));
        CU_ASSERT(is_prefix(text, i + 1));
        if (i == 6) CU_ASSERT_STRING_EQUAL(text, "((((ab)(cd))(ef))g)");
    }
    OK(dmpi_drop(pool, joined, 26));
    OK(dmpi_drop(pool, keys, 26));
}

/* An error is in all that come after it, and in none before. */
static void an_error_goes_on_from_where_it_is(void)
{
    dmpi_key keys[16], sums[16];
    put_numbers(keys, 16);
    job_drop(keys[9]);
    keys[9] = job_submit(fails, NULL, 0, NULL, 0);
    OK(dmpi_scan(pool, add, keys, 16, NULL, sums));
    for (int i = 0; i < 16; i++) {
        dmpi_failure failure;
        OK(dmpi_error(pool, sums[i], &failure));
        CU_ASSERT_EQUAL(failure.status, i < 9 ? DMPI_OK : DMPI_EFAILED);
    }
    OK(dmpi_drop(pool, sums, 16));
    OK(dmpi_drop(pool, keys, 16));
}

/* ---- what is refused -----------------------------------------------------*/

static void what_makes_no_sense_is_refused(void)
{
    dmpi_key good = job_submit_number(square, 1), key = 7;
    dmpi_key bad[3] = {good, 0x123456, good}, nth[2] = {good, DMPI_NTH(0)};
    REFUSED(DMPI_EINVAL, dmpi_reduce(pool, add, 2, NULL, 0, NULL, &key));
    REFUSED(DMPI_EINVAL, dmpi_reduce(pool, add, 2, NULL, 2, NULL, &key));
    REFUSED(DMPI_EINVAL, dmpi_reduce(pool, add, 1, &good, 1, NULL, &key));
    REFUSED(DMPI_EINVAL, dmpi_reduce(pool, add, 2, &good, 1, NULL, NULL));
    REFUSED(DMPI_EINVAL, dmpi_reduce(pool, NULL, 2, bad, 2, NULL, &key));
    REFUSED(DMPI_ENOKEY, dmpi_reduce(pool, add, 2, bad, 3, NULL, &key));
    REFUSED(DMPI_ENOKEY, dmpi_reduce(pool, add, 2, nth, 2, NULL, &key));
    REFUSED(DMPI_EINVAL, dmpi_map_reduce(pool, square, 0, NULL, NULL, 0, add, 2,
                                         NULL, &key));
    REFUSED(DMPI_ENOKEY,
            dmpi_map_reduce(pool, square, 3, bad, NULL, 0, add, 2, NULL, &key));
    REFUSED(DMPI_ENOKEY, dmpi_scan(pool, add, bad, 3, NULL, nth));
    REFUSED(DMPI_EINVAL, dmpi_scan(pool, add, bad, 3, NULL, NULL));
    REFUSED(DMPI_ESTATE, dmpi_scan(NULL, add, NULL, 0, NULL, NULL));
    OK(dmpi_scan(pool, add, NULL, 0, NULL, NULL));
    CU_ASSERT_EQUAL(key, 7);
    job_drop(good);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"sums are right for any count and fan",
         sums_are_right_for_any_count_and_fan},
        {"the tree depends on the order alone",
         the_tree_depends_on_the_order_alone},
        {"floating-point sums are equal to the last bit",
         floating_point_sums_are_equal_to_the_last_bit},
        {"the result of one is a key of its own",
         the_result_of_one_is_a_key_of_its_own},
        {"keys need not have ended", keys_need_not_have_ended},
        {"an error among the keys is the result",
         an_error_among_the_keys_is_the_result},
        {"squares are summed", squares_are_summed},
        {"keys are mapped and reduced", keys_are_mapped_and_reduced},
        {"few results exist at a time", few_results_exist_at_a_time},
        {"squares are scanned", squares_are_scanned},
        {"scans are right for any count", scans_are_right_for_any_count},
        {"scans keep the order", scans_keep_the_order},
        {"an error goes on from where it is",
         an_error_goes_on_from_where_it_is},
        {"what makes no sense is refused", what_makes_no_sense_is_refused},
    };
    return job_run("patterns", tests, CHECK_COUNT(tests));
}
