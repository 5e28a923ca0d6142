/* SPDX-License-Identifier: BSD-3-Clause */
/* test_gang.c - tasks that run on several workers at once and talk in MPI. */
#include <distmpi/comm.h>

#include <stdatomic.h>

#include "job.h"

/* ---- members -------------------------------------------------------------*/

struct place {
    int index, size, comm_rank, comm_size, rank;
};

DMPI_TASK(say_place)
{
    MPI_Comm comm = MPI_COMM_NULL;
    struct place *out = dmpi_task_output(task, sizeof *out);
    *out = (struct place){.index = dmpi_gang_index(task),
                          .size = dmpi_gang_size(task),
                          .rank = dmpi_task_rank(task)};
    if (dmpi_task_comm(task, &comm)) {
        dmpi_fail(task, "%s", dmpi_status_detail());
        return;
    }
    MPI_Comm_rank(comm, &out->comm_rank);
    MPI_Comm_size(comm, &out->comm_size);
}

/* What its inputs and its argument sum up to, over all members; plus 1000 for
 * each before this one. */
DMPI_TASK(sum_up)
{
    int64_t mine = 0, all = 0, before = 0;
    MPI_Comm comm;
    for (size_t i = 0; i < dmpi_task_input_count(task); i++)
        mine += *(const int64_t *)dmpi_task_input(task, i);
    if (dmpi_task_args(task)) mine += *(const int64_t *)dmpi_task_args(task);
    int64_t *out = dmpi_task_output(task, sizeof *out);
    if (dmpi_task_comm(task, &comm)) {
        dmpi_fail(task, "%s", dmpi_status_detail());
        return;
    }
    MPI_Allreduce(&mine, &all, 1, MPI_INT64_T, MPI_SUM, comm);
    int64_t one = 1000;
    MPI_Exscan(&one, &before, 1, MPI_INT64_T, MPI_SUM, comm);
    *out = all + (dmpi_gang_index(task) ? before : 0);
}

/* The last member fails if ARGS say so. */
DMPI_TASK(fail_last)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = dmpi_gang_index(task);
    if (dmpi_gang_index(task) == dmpi_gang_size(task) - 1)
        dmpi_fail(task, "member %d", dmpi_gang_index(task));
}

DMPI_TASK(number)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = *(const int64_t *)dmpi_task_args(task);
}

DMPI_TASK(add_up)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = 0;
    for (size_t i = 0; i < dmpi_task_input_count(task); i++)
        *out += *(const int64_t *)dmpi_task_input(task, i);
}

DMPI_TASK(fail_always)
{
    dmpi_fail(task, "as it should");
}

static void drop_all(dmpi_key keys[], size_t count)
{
    OK(dmpi_drop(pool, keys, count));
}

static void every_member_has_its_index_and_its_communicator(void)
{
    for (int size = 1; size <= job_workers(); size++) {
        struct place places[RANKS_MAX];
        dmpi_key keys[RANKS_MAX];
        OK(dmpi_submit_gang(pool, say_place, NULL, (size_t)size, NULL, keys));
        OK(dmpi_gather(pool, keys, (size_t)size, places, sizeof *places));
        for (int i = 0; i < size; i++) {
            CU_ASSERT_EQUAL(places[i].index, i);
            CU_ASSERT_EQUAL(places[i].size, size);
            CU_ASSERT_EQUAL(places[i].comm_rank, i);
            CU_ASSERT_EQUAL(places[i].comm_size, size);
            CU_ASSERT_EQUAL(places[i].rank, places[0].rank + i);
        }
        drop_all(keys, (size_t)size);
    }
}

static void members_have_their_own_inputs_and_arguments(void)
{
    size_t size = (size_t)job_workers();
    dmpi_gang_member members[RANKS_MAX] = {{0}};
    dmpi_key inputs[RANKS_MAX], keys[RANKS_MAX], after;
    int64_t args[RANKS_MAX], expected = 0;
    for (size_t i = 0; i < size; i++) {
        args[i] = (int64_t)i + 1;
        inputs[i] = job_submit_number(number, 10 * args[i]);
        members[i] =
            (dmpi_gang_member){&inputs[i], i != 1, &args[i], sizeof args[i]};
        expected += args[i] + (i != 1 ? 10 * args[i] : 0);
    }
    OK(dmpi_submit_gang(pool, sum_up, members, size, NULL, keys));
    after = job_submit(add_up, keys, size, NULL, 0);
    drop_all(inputs, size);
    int64_t sum = 0;
    for (size_t i = 0; i < size; i++) {
        CU_ASSERT_EQUAL(job_number(keys[i]), expected + 1000 * (int64_t)i);
        sum += expected + 1000 * (int64_t)i;
    }
    CU_ASSERT_EQUAL(job_take_number(after), sum);
    drop_all(keys, size);
}

static void gangs_of_all_sizes_mix_with_single_tasks(void)
{
    enum { ROUNDS = 30 };
    dmpi_key gangs[ROUNDS][RANKS_MAX], singles[ROUNDS][4];
    size_t sizes[ROUNDS];
    for (int64_t i = 0; i < ROUNDS; i++) {
        dmpi_task_options options = {.priority = (int)(i % 3)};
        sizes[i] = 1 + (size_t)(i * 7 % job_workers());
        OK(dmpi_submit_gang(pool, sum_up, NULL, sizes[i], &options, gangs[i]));
        for (int k = 0; k < 4; k++)
            singles[i][k] = job_submit_number(number, 4 * i + k);
    }
    for (int64_t i = 0; i < ROUNDS; i++) {
        for (size_t m = 0; m < sizes[i]; m++)
            CU_ASSERT_EQUAL(job_take_number(gangs[i][m]), 1000 * (int64_t)m);
        for (int k = 0; k < 4; k++)
            CU_ASSERT_EQUAL(job_take_number(singles[i][k]), 4 * i + k);
    }
}

/* ---- others go on --------------------------------------------------------*/

static _Atomic int released = 0;

DMPI_TASK(release)
{
    released++;
}

/* The last member waits for a handler to be called here, the others for it, in
 * MPI. */
DMPI_TASK(meet)
{
    MPI_Comm comm;
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = dmpi_gang_index(task);
    if (dmpi_task_comm(task, &comm)) return;
    bool last = dmpi_gang_index(task) == dmpi_gang_size(task) - 1;
    while (last && !released) job_sleep(0.001);
    released = 0;
    MPI_Barrier(comm);
}

static bool is_alone(void)
{
    int size;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    return size == 1;
}

static void keys_are_fetched_from_members_that_wait_in_mpi(void)
{
    size_t size = (size_t)job_workers();
    dmpi_key values[RANKS_MAX], keys[RANKS_MAX];
    dmpi_key_state state;
    if (is_alone()) return; /* who would release it? */
    for (size_t i = 0; i < size; i++)
        OK(dmpi_put(pool, &i, sizeof i, (int)i + 1, &values[i]));
    OK(dmpi_submit_gang(pool, meet, NULL, size, NULL, keys));
    for (size_t i = 0; i < size; i++) {
        size_t value = 99;
        OK(dmpi_get(pool, values[i], &value, sizeof value, NULL));
        CU_ASSERT_EQUAL(value, i);
        OK(dmpi_state(pool, keys[i], &state));
        CU_ASSERT_EQUAL(state, DMPI_PLACED);
    }
    OK(dmpi_rank_send(job_last(), release, NULL, 0));
    for (size_t i = 0; i < size; i++)
        CU_ASSERT_EQUAL(job_take_number(keys[i]), (int64_t)i);
    drop_all(values, size);
}

static void worker_outside_runs_single_tasks_meanwhile(void)
{
    size_t size = (size_t)job_workers() - 1;
    dmpi_key keys[RANKS_MAX];
    dmpi_key_state state;
    if (size < 2) return;
    OK(dmpi_submit_gang(pool, meet, NULL, size, NULL, keys));
    for (int64_t i = 0; i < 50; i++)
        CU_ASSERT_EQUAL(job_take_number(job_submit_number(number, i)), i);
    OK(dmpi_state(pool, keys[0], &state));
    CU_ASSERT_EQUAL(state, DMPI_PLACED);
    for (int rank = 1; rank <= job_workers(); rank++)
        OK(dmpi_rank_send(rank, release, NULL, 0));
    OK(dmpi_wait(pool, keys, size, DMPI_ALL, DMPI_FOREVER, NULL));
    drop_all(keys, size);
}

/* ---- errors --------------------------------------------------------------*/

static void is_failure(dmpi_key key, const char *text)
{
    dmpi_failure failure;
    OK(dmpi_error(pool, key, &failure));
    CU_ASSERT_EQUAL(failure.status, DMPI_EFAILED);
    CU_ASSERT_STRING_EQUAL(failure.text, text);
}

static void error_among_the_inputs_of_one_is_the_value_of_all(void)
{
    size_t size = (size_t)job_workers();
    dmpi_key bad = job_submit(fail_always, NULL, 0, NULL, 0);
    dmpi_gang_member members[RANKS_MAX] = {{0}};
    dmpi_key keys[RANKS_MAX];
    members[size - 1] = (dmpi_gang_member){.inputs = &bad, .input_count = 1};
    OK(dmpi_submit_gang(pool, sum_up, members, size, NULL, keys));
    for (size_t i = 0; i < size; i++) is_failure(keys[i], "as it should");
    drop_all(keys, size);
    job_drop(bad);
}

static void all_members_are_cancelled_with_one(void)
{
    size_t size = (size_t)job_workers();
    dmpi_key first[RANKS_MAX], second[RANKS_MAX];
    dmpi_failure failure;
    if (is_alone()) return; /* the first one would be over */
    OK(dmpi_submit_gang(pool, meet, NULL, size, NULL, first));
    OK(dmpi_submit_gang(pool, meet, NULL, size, NULL, second));
    OK(dmpi_cancel(pool, &second[size - 1], 1));
    for (size_t i = 0; i < size; i++) {
        OK(dmpi_error(pool, second[i], &failure));
        CU_ASSERT_EQUAL(failure.status, DMPI_ECANCELLED);
    }
    OK(dmpi_rank_send(job_last(), release, NULL, 0));
    OK(dmpi_wait(pool, first, size, DMPI_ALL, DMPI_FOREVER, NULL));
    drop_all(first, size);
    drop_all(second, size);
}

static void member_that_fails_fails_alone(void)
{
    size_t size = (size_t)job_workers();
    dmpi_key keys[RANKS_MAX];
    char text[32];
    OK(dmpi_submit_gang(pool, fail_last, NULL, size, NULL, keys));
    for (size_t i = 0; i + 1 < size; i++)
        CU_ASSERT_EQUAL(job_number(keys[i]), (int64_t)i);
    snprintf(text, sizeof text, "member %zu", size - 1);
    is_failure(keys[size - 1], text);
    drop_all(keys, size);
}

static void gangs_that_make_no_sense_are_refused(void)
{
    static const dmpi_function stranger = {.name = "stranger"};
    size_t size = (size_t)job_workers();
    dmpi_key keys[RANKS_MAX + 1], none = DMPI_KEY_NONE;
    dmpi_gang_member lost = {.inputs = &none, .input_count = 1};
    dmpi_task_options placed = {.rank = 1}, tried = {.retries = 1};
    REFUSED(DMPI_EINVAL, dmpi_submit_gang(pool, meet, NULL, 0, NULL, keys));
    REFUSED(DMPI_EINVAL,
            dmpi_submit_gang(pool, meet, NULL, size + 1, NULL, keys));
    REFUSED(DMPI_EINVAL, dmpi_submit_gang(pool, meet, NULL, 1, NULL, NULL));
    REFUSED(DMPI_EINVAL,
            dmpi_submit_gang(pool, &stranger, NULL, 1, NULL, keys));
    REFUSED(DMPI_EINVAL, dmpi_submit_gang(pool, meet, NULL, 1, &placed, keys));
    REFUSED(DMPI_EINVAL, dmpi_submit_gang(pool, meet, NULL, 1, &tried, keys));
    REFUSED(DMPI_ENOKEY, dmpi_submit_gang(pool, meet, &lost, 1, NULL, keys));
}

static void task_that_is_no_gang_has_no_communicator(void)
{
    dmpi_key key = job_submit(say_place, NULL, 0, NULL, 0);
    dmpi_failure failure;
    OK(dmpi_error(pool, key, &failure));
    CU_ASSERT_PTR_NOT_NULL(strstr(failure.text, "dmpi_submit_gang()"));
    job_drop(key);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"every member has its index and its communicator",
         every_member_has_its_index_and_its_communicator},
        {"members have their own inputs and arguments",
         members_have_their_own_inputs_and_arguments},
        {"gangs of all sizes mix with single tasks",
         gangs_of_all_sizes_mix_with_single_tasks},
        {"keys are fetched from members that wait in MPI",
         keys_are_fetched_from_members_that_wait_in_mpi},
        {"worker outside runs single tasks meanwhile",
         worker_outside_runs_single_tasks_meanwhile},
        {"error among the inputs of one is the value of all",
         error_among_the_inputs_of_one_is_the_value_of_all},
        {"all members are cancelled with one",
         all_members_are_cancelled_with_one},
        {"member that fails fails alone", member_that_fails_fails_alone},
        {"gangs that make no sense are refused",
         gangs_that_make_no_sense_are_refused},
        {"task that is no gang has no communicator",
         task_that_is_no_gang_has_no_communicator},
    };
    return job_run("gang", tests, CHECK_COUNT(tests));
}
