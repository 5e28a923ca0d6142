/* SPDX-License-Identifier: BSD-3-Clause */
/* test_estimate.c - what is learned of a function from its first runs on. */
#include "check.h"
#include "estimate.h"

static void first_run_alone_is_not_known(void)
{
    struct estimate estimate = {0};

    CU_ASSERT_EQUAL(estimate_known_ns(&estimate), 0);
    CU_ASSERT_EQUAL(estimate_ns(&estimate), ESTIMATE_UNKNOWN_NS);
    estimate_learn(&estimate, 20001, 8);
    CU_ASSERT_EQUAL(estimate_known_ns(&estimate), 0);
    CU_ASSERT_EQUAL(estimate_ns(&estimate), 20001);
}

static void slow_first_run_is_forgotten(void)
{
    struct estimate estimate = {0};

    estimate_learn(&estimate, 20001, 8);
    estimate_learn(&estimate, 101, 8);
    CU_ASSERT_EQUAL(estimate_known_ns(&estimate), 101);
}

static void longer_runs_are_learned_in_time(void)
{
    struct estimate estimate = {0};

    for (int i = 0; i < 8; i++) estimate_learn(&estimate, 101, 8);
    for (int i = 0; i < 40; i++) estimate_learn(&estimate, 10001, 8);
    CU_ASSERT_TRUE(estimate_known_ns(&estimate) > 9000);
    CU_ASSERT_TRUE(estimate_known_ns(&estimate) <= 10001);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"first run alone is not known", first_run_alone_is_not_known},
        {"slow first run is forgotten", slow_first_run_is_forgotten},
        {"longer runs are learned in time", longer_runs_are_learned_in_time},
    };
    return check_run("estimate", tests, CHECK_COUNT(tests));
}
