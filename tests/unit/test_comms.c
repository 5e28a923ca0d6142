/* SPDX-License-Identifier: BSD-3-Clause */
/* test_comms.c - which communicators are kept; one process, gangs of one. */
#include <mpi.h>

#include "comms.h"

#include "check.h"
#include "world.h"

static struct world *world;

static const int me[1] = {0};

/* A gang with that NUMBER: is the communicator the same as that of the last one
 * with it? Marks it for the next. */
static bool is_known(struct comms *comms, uint32_t number)
{
    static int mark = MPI_KEYVAL_INVALID;
    void *value;
    int found;
    if (mark == MPI_KEYVAL_INVALID)
        MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, MPI_COMM_NULL_DELETE_FN,
                               &mark, NULL);
    comms_enter(comms, number, me, 1);
    MPI_Comm comm = *(const MPI_Comm *)comms_current(comms);
    MPI_Comm_get_attr(comm, mark, &value, &found);
    MPI_Comm_set_attr(comm, mark, (void *)1);
    comms_leave(comms);
    return found;
}

static void communicator_is_of_the_members_alone(void)
{
    struct comms *comms = comms_new(world);
    int size = 0, rank = 7, result;
    comms_enter(comms, 1, me, 1);
    MPI_Comm comm = *(const MPI_Comm *)comms_current(comms);
    MPI_Comm_size(comm, &size);
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_compare(comm, world_comm(world), &result);
    CU_ASSERT_EQUAL(size, 1);
    CU_ASSERT_EQUAL(rank, 0);
    CU_ASSERT_EQUAL(result, MPI_CONGRUENT); /* not identical */
    comms_leave(comms);
    comms_free(comms);
}

static void those_with_a_number_are_kept(void)
{
    enum { NUMBERS = 100 };
    struct comms *comms = comms_new(world);
    for (uint32_t number = 1; number <= NUMBERS; number++)
        CU_ASSERT_FALSE(is_known(comms, number));
    for (uint32_t number = 1; number <= NUMBERS; number++)
        CU_ASSERT_TRUE(is_known(comms, number));
    comms_free(comms);
}

/* More than MPI could have at a time. */
static void those_without_are_freed(void)
{
    enum { GANGS = 10000 };
    struct comms *comms = comms_new(world);
    unsigned known = 0;
    for (int i = 0; i < GANGS; i++) known += is_known(comms, 0);
    CU_ASSERT_EQUAL(known, 0);
    comms_free(comms);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"communicator is of the members alone",
         communicator_is_of_the_members_alone},
        {"those with a number are kept", those_with_a_number_are_kept},
        {"those without are freed", those_without_are_freed},
    };
    if (world_open(NULL, &world)) return 1;
    int result = check_run("comms", tests, CHECK_COUNT(tests));
    world_close(world);
    return result;
}
