/* SPDX-License-Identifier: BSD-3-Clause */
/* test_next.c - keys in the order in which they end: dmpi_next() and
 * dmpi_on_end(). */
#include <stdatomic.h>

#include "job.h"

enum { MANY = 100 };

/* ---- tasks ---------------------------------------------------------------*/

DMPI_TASK(echo)
{
    size_t size = dmpi_task_args_size(task);
    void *out = dmpi_task_output(task, size);
    if (size) memcpy(out, dmpi_task_args(task), size);
}

DMPI_TASK(fails)
{
    dmpi_fail(task, "as it should");
}

/* ARGS: seconds. */
DMPI_TASK(nap)
{
    job_sleep(*(const double *)dmpi_task_args(task));
}

/* On workers: rank 0 has seen what it wants to see. */
static atomic_int released;
/* On rank 0: keys given so far, from 1 on. */
static atomic_int seen;

DMPI_TASK(release)
{
    released = *(const int *)dmpi_task_args(task);
}

/* Does not end before it is released. In a single process nobody could: there
 * rank 0 has seen what it wants before it begins. */
DMPI_TASK(long_one)
{
    bool alone = seen > 0;
    if (alone && seen != MANY) dmpi_fail(task, "only %d were seen", seen - 1);
    for (int i = 0; !alone && !released; i++) {
        if (i < 10000) job_sleep(0.001);
        else return dmpi_fail(task, "nobody released it");
    }
}

/* Nothing runs: the long one to come is not released. */
static void hold_long_one(void)
{
    int value = 0;
    OK(dmpi_rank_run_all(release, &value, sizeof value, NULL, NULL));
}

/* A handler gets in beside a running task. */
static void release_long_one(void)
{
    int value = 1;
    for (int rank = 1; rank < dmpi_ranks(); rank++)
        OK(dmpi_rank_send(rank, release, &value, sizeof value));
}

static dmpi_set *new_set(const dmpi_key keys[], size_t count)
{
    dmpi_set *set = NULL;
    OK(dmpi_set_new(pool, &set));
    OK(dmpi_set_add(set, keys, count));
    return set;
}

static dmpi_key next_of(dmpi_set *set)
{
    dmpi_key key = DMPI_KEY_NONE;
    OK(dmpi_next(set, DMPI_FOREVER, &key));
    return key;
}

/* It is empty, and goes. */
static void end_set(dmpi_set *set)
{
    dmpi_key key = 7;
    REFUSED(DMPI_ENOKEY, dmpi_next(set, DMPI_FOREVER, &key));
    CU_ASSERT_EQUAL(key, 7);
    OK(dmpi_set_free(set));
}

/* ---- sets ----------------------------------------------------------------*/

static void keys_come_in_the_order_of_their_ends(void)
{
    enum { CHAIN = 20 };
    dmpi_key chain[CHAIN], backwards[CHAIN];
    for (int i = 0; i < CHAIN; i++) {
        chain[i] = job_submit(echo, chain + i - 1, i ? 1 : 0, NULL, 0);
        backwards[CHAIN - 1 - i] = chain[i];
    }
    dmpi_set *set = new_set(backwards, CHAIN);
    for (int i = 0; i < CHAIN; i++) CU_ASSERT_EQUAL(next_of(set), chain[i]);
    end_set(set);
    OK(dmpi_drop(pool, chain, CHAIN));
}

/* The long one is number LONG_NUMBER of the submission, the others are SMALL. */
static void check_long(const dmpi_function *small, int long_number)
{
    double seconds = 0.001;
    dmpi_key keys[MANY];
    hold_long_one();
    seen = 1;
    for (int i = 0; i < MANY; i++)
        keys[i] = i == long_number
                      ? job_submit(long_one, NULL, 0, NULL, 0)
                      : job_submit(small, NULL, 0, &seconds, sizeof seconds);
    dmpi_set *set = new_set(keys, MANY);
    for (int i = 0; i < MANY - 1; i++, seen++)
        CU_ASSERT(next_of(set) != keys[long_number]);
    release_long_one();
    CU_ASSERT_EQUAL(next_of(set), keys[long_number]);
    end_set(set);
    OK(dmpi_drop(pool, keys, MANY));
}

static void ninety_nine_come_before_the_long_one_ends(void)
{
    check_long(nap, MANY - 1);
    check_long(echo, MANY - 1);
}

static void also_if_the_long_one_began_first(void)
{
    if (job_workers() == 1) return;
    check_long(nap, 0);
    check_long(echo, 0); /* too short to be stolen for their own sake */
}

static void a_set_grows_while_it_is_drained(void)
{
    dmpi_key keys[MANY], key;
    int made = 1, drained = 0;
    keys[0] = job_submit_number(echo, 0);
    dmpi_set *set = new_set(keys, 1);
    while (dmpi_next(set, DMPI_FOREVER, &key) == DMPI_OK) {
        drained++;
        for (int i = 0; i < 2 && made < MANY; i++, made++) {
            keys[made] = job_submit(echo, &key, 1, NULL, 0);
            OK(dmpi_set_add(set, &keys[made], 1));
        }
    }
    CU_ASSERT_EQUAL(drained, MANY);
    end_set(set);
    OK(dmpi_drop(pool, keys, MANY));
}

static void failed_keys_come_too(void)
{
    dmpi_key bad = job_submit(fails, NULL, 0, NULL, 0), key = 0;
    dmpi_set *set = new_set(&bad, 1);
    REFUSED(DMPI_EFAILED, dmpi_next(set, DMPI_FOREVER, &key));
    CU_ASSERT_EQUAL(key, bad);
    end_set(set);
    job_drop(bad);
}

static void ended_keys_come_at_once_and_again(void)
{
    dmpi_key keys[2] = {job_submit_number(echo, 1), 0};
    OK(dmpi_put(pool, "x", 1, 0, &keys[1]));
    OK(dmpi_wait(pool, keys, 2, DMPI_ALL, DMPI_FOREVER, NULL));
    dmpi_set *set = new_set(keys, 2);
    CU_ASSERT_EQUAL(next_of(set), keys[0]);
    CU_ASSERT_EQUAL(next_of(set), keys[1]);
    OK(dmpi_set_add(set, keys, 1));
    CU_ASSERT_EQUAL(next_of(set), keys[0]);
    end_set(set);
    OK(dmpi_drop(pool, keys, 2));
}

static void a_key_is_in_a_set_once_and_in_two_sets(void)
{
    dmpi_key key = job_submit_number(echo, 1);
    dmpi_key twice[2] = {key, key};
    dmpi_set *one = new_set(twice, 2), *other = new_set(&key, 1);
    OK(dmpi_set_add(one, &key, 1));
    CU_ASSERT_EQUAL(next_of(one), key);
    CU_ASSERT_EQUAL(next_of(other), key);
    end_set(one);
    end_set(other);
    job_drop(key);
}

static void a_wait_has_a_limit(void)
{
    double seconds = 0.05;
    dmpi_key key = job_submit(nap, NULL, 0, &seconds, sizeof seconds), got = 7;
    dmpi_key before = job_submit(echo, &key, 1, NULL, 0);
    dmpi_set *set = new_set(&before, 1);
    dmpi_status status = dmpi_next(set, 0, &got);
    CU_ASSERT(status == DMPI_OK || (status == DMPI_ETIMEOUT && got == 7));
    if (status) CU_ASSERT_EQUAL(next_of(set), before);
    end_set(set);
    job_drop(key);
    job_drop(before);
}

static void dropped_keys_leave(void)
{
    double seconds = 0.01;
    dmpi_key keys[4];
    for (int i = 0; i < 4; i++)
        keys[i] = job_submit(nap, NULL, 0, &seconds, sizeof seconds);
    dmpi_set *set = new_set(keys, 4);
    OK(dmpi_drop(pool, &keys[1], 1)); /* has not ended */
    OK(dmpi_wait(pool, &keys[2], 1, DMPI_ALL, DMPI_FOREVER, NULL));
    OK(dmpi_drop(pool, &keys[2], 1)); /* has ended, was not given */
    dmpi_key a = next_of(set), b = next_of(set);
    CU_ASSERT((a == keys[0] && b == keys[3]) || (a == keys[3] && b == keys[0]));
    end_set(set);
    job_drop(a);
    job_drop(b);
}

static void freed_set_leaves_its_keys(void)
{
    dmpi_key keys[MANY];
    int64_t back[MANY];
    for (int i = 0; i < MANY; i++) keys[i] = job_submit_number(echo, i);
    dmpi_set *set = new_set(keys, MANY), *other = new_set(keys, MANY);
    next_of(set);
    OK(dmpi_set_free(set));
    OK(dmpi_gather(pool, keys, MANY, back, sizeof *back));
    for (int i = 0; i < MANY; i++) next_of(other);
    end_set(other);
    OK(dmpi_drop(pool, keys, MANY));
}

static void bad_arguments_are_refused(void)
{
    dmpi_key good = job_submit_number(echo, 1);
    dmpi_key bad[2] = {good, 0x123456}, key;
    dmpi_set *set = new_set(NULL, 0);
    REFUSED(DMPI_EINVAL, dmpi_set_new(pool, NULL));
    REFUSED(DMPI_ENOKEY, dmpi_set_add(set, bad, 2));
    REFUSED(DMPI_ENOKEY, dmpi_next(set, 0, &key)); /* none was added */
    REFUSED(DMPI_EINVAL, dmpi_set_add(set, NULL, 1));
    REFUSED(DMPI_EINVAL, dmpi_next(set, 0, NULL));
    REFUSED(DMPI_EINVAL, dmpi_next(NULL, 0, &key));
    REFUSED(DMPI_EINVAL, dmpi_on_end(pool, good, NULL, NULL));
    OK(dmpi_set_free(NULL));
    end_set(set);
    job_drop(good);
}

/* In map_as_completed's way: results as they come, in any order, each once. */
static void many_keys_come_once_each(void)
{
    enum { CROWD = 20000 };
    int64_t *numbers = malloc(CROWD * sizeof *numbers), sum = 0;
    dmpi_key *keys = malloc(CROWD * sizeof *keys), key;
    for (int i = 0; i < CROWD; i++) numbers[i] = i;
    OK(dmpi_map(pool, echo, CROWD, NULL, numbers, 8, NULL, keys));
    dmpi_set *set = new_set(keys, CROWD);
    while (dmpi_next(set, DMPI_FOREVER, &key) == DMPI_OK) {
        sum += job_number(key);
        job_drop(key);
    }
    CU_ASSERT_EQUAL(sum, (int64_t)CROWD * (CROWD - 1) / 2);
    end_set(set);
    free(numbers);
    free(keys);
}

/* ---- calls on the end of a key -------------------------------------------*/

struct heard {
    dmpi_key keys[MANY];
    dmpi_status status[MANY];
    int count;
};

static void hear(dmpi_pool *from, dmpi_key key, dmpi_status status, void *arg)
{
    struct heard *heard = arg;
    CU_ASSERT_PTR_EQUAL(from, pool);
    heard->keys[heard->count] = key;
    heard->status[heard->count++] = status;
}

static void each_end_is_told_once(void)
{
    struct heard heard = {.count = 0};
    dmpi_key good = job_submit_number(echo, 1);
    dmpi_key bad = job_submit(fails, NULL, 0, NULL, 0);
    double seconds = 0.001;
    dmpi_key dropped = job_submit(nap, NULL, 0, &seconds, sizeof seconds);
    dmpi_key keys[2] = {good, bad};
    OK(dmpi_on_end(pool, good, hear, &heard));
    OK(dmpi_on_end(pool, bad, hear, &heard));
    OK(dmpi_on_end(pool, dropped, hear, &heard));
    job_drop(dropped);
    CU_ASSERT_EQUAL(heard.count, 0); /* nothing has waited */
    EXPECT(DMPI_EFAILED,
           dmpi_wait(pool, keys, 2, DMPI_ALL, DMPI_FOREVER, NULL));
    CU_ASSERT_EQUAL(heard.count, 3);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(heard.status[i], heard.keys[i] == good  ? DMPI_OK
                                         : heard.keys[i] == bad ? DMPI_EFAILED
                                                                : DMPI_ENOKEY);
    OK(dmpi_on_end(pool, good, hear, &heard)); /* it has ended */
    CU_ASSERT_EQUAL(heard.count, 3);
    CU_ASSERT_EQUAL(job_number(good), 1);
    CU_ASSERT(heard.count == 4 && heard.keys[3] == good);
    OK(dmpi_drop(pool, keys, 2));
}

/* A task per end, down to none. */
struct descent {
    int64_t left, calls, inside;
    dmpi_key last;
};

static void descend(dmpi_pool *from, dmpi_key key, dmpi_status status,
                    void *arg)
{
    struct descent *descent = arg;
    CU_ASSERT_EQUAL(status, DMPI_OK);
    CU_ASSERT_EQUAL(descent->inside++, 0); /* one after the other */
    CU_ASSERT_EQUAL(job_number(key), descent->left);
    descent->calls++;
    job_drop(key);
    descent->last = job_submit_number(echo, --descent->left);
    if (descent->left) OK(dmpi_on_end(pool, descent->last, descend, descent));
    OK(dmpi_wait(from, &descent->last, 1, DMPI_ALL, DMPI_FOREVER, NULL));
    descent->inside--;
}

static void a_call_may_submit_and_wait(void)
{
    struct descent descent = {.left = 10};
    dmpi_key first = job_submit_number(echo, 10), other;
    OK(dmpi_on_end(pool, first, descend, &descent));
    while (descent.left) {
        other = job_submit_number(echo, 3);
        CU_ASSERT_EQUAL(job_take_number(other), 3);
    }
    CU_ASSERT_EQUAL(descent.calls, 10);
    CU_ASSERT_EQUAL(job_take_number(descent.last), 0);
}

static void drop_it(dmpi_pool *from, dmpi_key key, dmpi_status status,
                    void *arg)
{
    *(dmpi_status *)arg = status;
    OK(dmpi_drop(from, &key, 1));
}

static void a_call_may_drop_what_is_waited_for(void)
{
    dmpi_key key = job_submit_number(echo, 5), last;
    dmpi_status status = DMPI_EBUSY;
    OK(dmpi_on_end(pool, key, drop_it, &status));
    REFUSED(DMPI_ENOKEY,
            dmpi_wait(pool, &key, 1, DMPI_ANY, DMPI_FOREVER, NULL));
    CU_ASSERT_EQUAL(status, DMPI_OK);
    key = job_submit_number(echo, 6);
    dmpi_set *set = new_set(&key, 1);
    OK(dmpi_on_end(pool, key, drop_it, &status));
    REFUSED(DMPI_ENOKEY, dmpi_next(set, DMPI_FOREVER, &last));
    OK(dmpi_set_free(set));
    key = job_submit_number(echo, 7);
    OK(dmpi_on_end(pool, key, drop_it, &status));
    dmpi_failure failure;
    REFUSED(DMPI_ENOKEY, dmpi_error(pool, key, &failure));
}

/* What may not be done inside. */
static void try_to_end(dmpi_pool *from, dmpi_key key, dmpi_status status,
                       void *arg)
{
    dmpi_set **set = arg;
    REFUSED(DMPI_ESTATE, dmpi_close(from));
    REFUSED(DMPI_EBUSY, dmpi_set_free(*set));
    OK(dmpi_set_add(*set, &key, 1));
}

static void a_call_cannot_end_what_waits(void)
{
    double seconds = 0.001;
    dmpi_key a = job_submit_number(echo, 5), b, first, second;
    b = job_submit(nap, &a, 1, &seconds, sizeof seconds);
    dmpi_set *set = new_set(&b, 1);
    OK(dmpi_on_end(pool, a, try_to_end, &set));
    first = next_of(set);
    second = next_of(set);
    CU_ASSERT((first == a && second == b) || (first == b && second == a));
    end_set(set);
    job_drop(a);
    job_drop(b);
}

/* ---- the end of the pool -------------------------------------------------*/

static int late;

static void call_late(dmpi_pool *from, dmpi_key key, dmpi_status status,
                      void *arg)
{
    dmpi_key next;
    if (++late == 3) return;
    dmpi_submit(from, echo, &key, 1, NULL, 0, NULL, &next);
    dmpi_on_end(from, next, call_late, NULL);
}

/* What is due when the pool closes is called, and nothing after it. */
static int close_calls_what_is_left(void)
{
    dmpi_key keys[2], key;
    dmpi_set *set;
    if (dmpi_open(NULL, &pool)) return 1;
    if (!pool) return 0;
    dmpi_submit(pool, echo, NULL, 0, NULL, 0, NULL, &keys[0]);
    dmpi_put(pool, "x", 1, 0, &keys[1]);
    dmpi_set_new(pool, &set);
    dmpi_set_add(set, keys, 2);
    dmpi_on_end(pool, keys[0], call_late, NULL);
    bool good = dmpi_close(pool) == DMPI_OK && late == 3;
    good &= dmpi_set_add(set, keys, 1) == DMPI_ESTATE;
    good &= dmpi_next(set, 0, &key) == DMPI_ESTATE;
    good &= dmpi_set_free(set) == DMPI_OK;
    if (!good) fprintf(stderr, "close: %d late calls, or a set lives\n", late);
    return !good;
}

int main(void)
{
    static const struct check_test tests[] = {
        {"keys come in the order of their ends",
         keys_come_in_the_order_of_their_ends},
        {"ninety-nine come before the long one ends",
         ninety_nine_come_before_the_long_one_ends},
        {"also if the long one began first", also_if_the_long_one_began_first},
        {"a set grows while it is drained", a_set_grows_while_it_is_drained},
        {"failed keys come too", failed_keys_come_too},
        {"ended keys come at once, and again",
         ended_keys_come_at_once_and_again},
        {"a key is in a set once, and in two sets",
         a_key_is_in_a_set_once_and_in_two_sets},
        {"a wait has a limit", a_wait_has_a_limit},
        {"dropped keys leave", dropped_keys_leave},
        {"a freed set leaves its keys", freed_set_leaves_its_keys},
        {"bad arguments are refused", bad_arguments_are_refused},
        {"many keys come once each", many_keys_come_once_each},
        {"each end is told once", each_end_is_told_once},
        {"a call may submit and wait", a_call_may_submit_and_wait},
        {"a call may drop what is waited for",
         a_call_may_drop_what_is_waited_for},
        {"a call cannot end what waits", a_call_cannot_end_what_waits},
    };
    int failed = job_run("next", tests, CHECK_COUNT(tests));
    return close_calls_what_is_left() || failed;
}
