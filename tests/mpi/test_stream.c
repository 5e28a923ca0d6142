/* SPDX-License-Identifier: BSD-3-Clause */
/* test_stream.c - tasks draw the numbers of their own stream, wherever they run.
 */
#include "job.h"

enum { MANY = 500, NUMBERS = 5 };

/* ARGS, if any: so many numbers are skipped. */
DMPI_TASK(draw)
{
    double *out = dmpi_task_output(task, NUMBERS * sizeof *out);
    const uint64_t *skip = dmpi_task_args(task);
    dmpi_stream stream;
    dmpi_random(task, &stream);
    if (skip) dmpi_random_skip(&stream, *skip);
    dmpi_random_uniforms(&stream, out, NUMBERS);
}

/* Slow enough to be stolen. */
DMPI_TASK(draw_slowly)
{
    job_sleep(0.0002);
    dmpi_call_draw(task);
}

/* Draws, and fails, until the third time. */
DMPI_TASK(draw_again)
{
    if (dmpi_task_attempt(task) < 2) dmpi_fail(task, "not yet");
    dmpi_call_draw(task);
}

DMPI_TASK(who)
{
    uint64_t *out = dmpi_task_output(task, 2 * sizeof *out);
    out[0] = dmpi_task_seed(task);
    out[1] = dmpi_task_number(task);
}

/* The value of KEY, which is dropped, is the beginning of that stream. */
static void check(dmpi_key key, uint64_t seed, uint64_t number)
{
    double numbers[NUMBERS], expected[NUMBERS];
    dmpi_stream stream;
    dmpi_random_start(&stream, seed, number);
    dmpi_random_uniforms(&stream, expected, NUMBERS);
    OK(dmpi_get(pool, key, numbers, sizeof numbers, NULL));
    CU_ASSERT_EQUAL(memcmp(numbers, expected, sizeof numbers), 0);
    job_drop(key);
}

static const dmpi_task_options seeded = {.seed = 0x123456789abcdef0};

static void task_i_of_a_map_draws_from_stream_i(void)
{
    dmpi_key keys[MANY];
    OK(dmpi_map(pool, draw_slowly, MANY, NULL, NULL, 0, &seeded, keys));
    for (int i = 0; i < MANY; i++) check(keys[i], seeded.seed, (uint64_t)i);
}

static void so_does_task_i_of_a_graph_in_any_order(void)
{
    dmpi_graph_task graph[MANY];
    dmpi_key inputs[MANY], keys[MANY];
    dmpi_task_options named = seeded;
    named.name = "named"; /* what lies behind the terms still does */
    for (int i = 0; i < MANY; i++) {
        inputs[i] = DMPI_NTH(i + 1);
        graph[i] = (dmpi_graph_task){.function = draw,
                                     .inputs = &inputs[i],
                                     .input_count = i % 10 != 9,
                                     .options = i % 2 ? &seeded : &named};
    }
    OK(dmpi_submit_graph(pool, graph, MANY, keys));
    for (int i = 0; i < MANY; i++) check(keys[i], seeded.seed, (uint64_t)i);
}

static void a_task_alone_draws_from_stream_0(void)
{
    dmpi_key key;
    uint64_t none = 0;
    OK(dmpi_submit(pool, draw, NULL, 0, &none, sizeof none, &seeded, &key));
    check(key, seeded.seed, 0);
}

static void a_second_run_draws_the_same(void)
{
    dmpi_task_options options = {.seed = 5, .retries = 2};
    dmpi_key keys[20];
    OK(dmpi_map(pool, draw_again, 20, NULL, NULL, 0, &options, keys));
    for (int i = 0; i < 20; i++) check(keys[i], 5, (uint64_t)i);
}

static void who_has_no_seed_has_no_stream(void)
{
    uint64_t got[2] = {7, 7};
    dmpi_failure failure;
    dmpi_key keys[2] = {job_submit(draw, NULL, 0, NULL, 0),
                        job_submit(who, NULL, 0, NULL, 0)};
    OK(dmpi_error(pool, keys[0], &failure));
    CU_ASSERT(strstr(failure.text, "seed") != NULL);
    OK(dmpi_get(pool, keys[1], got, sizeof got, NULL));
    CU_ASSERT(got[0] == 0 && got[1] == 0);
    REFUSED(DMPI_EFAILED, dmpi_rank_run(1, draw, NULL, 0, NULL, NULL));
    OK(dmpi_drop(pool, keys, 2));
}

static void seed_and_number_are_told(void)
{
    uint64_t got[2] = {7, 7};
    dmpi_task_options options = {.seed = UINT64_MAX, .retries = 1};
    dmpi_key keys[3];
    OK(dmpi_map(pool, who, 3, NULL, NULL, 0, &options, keys));
    OK(dmpi_get(pool, keys[2], got, sizeof got, NULL));
    CU_ASSERT(got[0] == UINT64_MAX && got[1] == 2);
    OK(dmpi_drop(pool, keys, 3));
}

int main(void)
{
    static const struct check_test tests[] = {
        {"task i of a map draws from stream i",
         task_i_of_a_map_draws_from_stream_i},
        {"so does task i of a graph, in any order",
         so_does_task_i_of_a_graph_in_any_order},
        {"a task alone draws from stream 0", a_task_alone_draws_from_stream_0},
        {"a second run draws the same", a_second_run_draws_the_same},
        {"who has no seed has no stream", who_has_no_seed_has_no_stream},
        {"seed and number are told", seed_and_number_are_told},
    };
    return job_run("stream", tests, CHECK_COUNT(tests));
}
