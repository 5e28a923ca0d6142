/* SPDX-License-Identifier: BSD-3-Clause */
/* test_outside.c - values that lie outside of the pool: recalled when somebody
 * needs them, and only then; and watches of keys that were dropped. */
#include "check.h"

#include <stdlib.h>

#include "cluster.h"
#include "oracle.h"
#include "random.h"
#include "seeds.h"

enum { VALUES = 12, SIZE_STEP = 700, SEEDS = 300 };

struct outside {
    struct cluster *cluster;
    uint64_t keys[VALUES];
    unsigned recalls[VALUES];
    bool dropped[VALUES];
    bool broken; /* they cannot be recalled any more */
};

static size_t size_of(size_t i)
{
    return i * SIZE_STEP;
}

static struct buffer *value_of(size_t i)
{
    return oracle_bytes(1000 + i, size_of(i));
}

static struct buffer *recall(void *arg, uint64_t key)
{
    struct outside *outside = arg;
    size_t i = 0;
    while (i < VALUES && outside->keys[i] != key) i++;
    if (i == VALUES) abort();
    outside->recalls[i]++;
    if (!outside->broken) return value_of(i);
    uint64_t word = i;
    return oracle_call(ORACLE_FAIL, &word, sizeof word, NULL, 0);
}

static void outside_init_with(struct outside *outside,
                              const struct cluster_setup *setup)
{
    *outside = (struct outside){.cluster = cluster_new(setup)};
    center_recall_by(outside->cluster->center, recall, outside);
    for (size_t i = 0; i < VALUES; i++)
        outside->keys[i] =
            center_put_later(outside->cluster->center, size_of(i));
}

static void outside_init(struct outside *outside, uint64_t seed)
{
    const struct cluster_setup setup = {
        .workers = 3, .seed = seed, .steal = true, .check = true};
    outside_init_with(outside, &setup);
}

static void outside_fini(struct outside *outside)
{
    for (size_t i = 0; i < VALUES; i++)
        if (!outside->dropped[i])
            center_drop(outside->cluster->center, outside->keys[i]);
    cluster_run(outside->cluster); /* until no task is unended */
    CU_ASSERT_TRUE(cluster_stop(outside->cluster));
    cluster_free(outside->cluster);
}

static unsigned recalls(const struct outside *outside)
{
    unsigned sum = 0;
    for (size_t i = 0; i < VALUES; i++) sum += outside->recalls[i];
    return sum;
}

static bool is_value(struct outside *outside, size_t i)
{
    struct buffer *got = cluster_get(outside->cluster, outside->keys[i]);
    struct buffer *wanted = value_of(i);
    bool same = oracle_same(wanted, got->data, got->size, got->is_error);
    buffer_unref(got);
    buffer_unref(wanted);
    return same;
}

/* ---- one by one ----------------------------------------------------------*/

static void nobody_recalls_what_nobody_needs(void)
{
    struct outside outside;
    struct center_view view;
    outside_init(&outside, 1);
    cluster_run(outside.cluster);
    CU_ASSERT(center_look(outside.cluster->center, outside.keys[3], &view));
    CU_ASSERT_EQUAL(view.state, DMPI_DONE);
    CU_ASSERT_EQUAL(view.bytes, size_of(3));
    CU_ASSERT_EQUAL(recalls(&outside), 0);
    outside_fini(&outside);
}

static void who_gets_it_asks_no_worker(void)
{
    struct outside outside;
    outside_init(&outside, 1);
    CU_ASSERT(is_value(&outside, 0));
    CU_ASSERT(is_value(&outside, 5));
    CU_ASSERT(is_value(&outside, 5));
    CU_ASSERT_EQUAL(outside.recalls[5], 2);
    for (int rank = 1; rank <= 3; rank++)
        CU_ASSERT_EQUAL(cluster_member(outside.cluster, rank)->bytes, 0);
    outside_fini(&outside);
}

static void a_worker_has_it_from_then_on(void)
{
    struct outside outside;
    outside_init(&outside, 1);
    for (int i = 0; i < 4; i++)
        center_drop(outside.cluster->center,
                    cluster_submit(outside.cluster, ORACLE_WORD,
                                   &outside.keys[5], 1, 7, 0, false));
    cluster_run(outside.cluster);
    CU_ASSERT(is_value(&outside, 5));
    CU_ASSERT_EQUAL(outside.recalls[5], 1);
    outside_fini(&outside);
}

static void who_asks_for_holders_brings_it(void)
{
    struct outside outside;
    struct buffer *ranks = NULL;
    struct request *requests[3];
    outside_init(&outside, 1);
    struct center *center = outside.cluster->center;
    CU_ASSERT_EQUAL(
        errands_holders(center_errands(center), outside.keys[2], &ranks),
        DMPI_OK);
    CU_ASSERT_EQUAL(ranks->size, sizeof(int32_t));
    buffer_unref(ranks);
    CU_ASSERT_EQUAL(outside.recalls[2], 1);
    size_t made = center_replicate(center, outside.keys[4], 3, requests);
    CU_ASSERT_EQUAL(made, 2);
    cluster_run(outside.cluster);
    for (size_t i = 0; i < made; i++) {
        CU_ASSERT(requests[i]->done);
        exchange_close(center_exchange(center), requests[i]);
        center_unneed(center, outside.keys[4]);
    }
    CU_ASSERT_EQUAL(outside.recalls[4], 1);
    outside_fini(&outside);
}

static void what_cannot_be_recalled_is_an_error(void)
{
    struct outside outside;
    outside_init(&outside, 1);
    outside.broken = true;
    uint64_t key = cluster_submit(outside.cluster, ORACLE_WORD,
                                  &outside.keys[5], 1, 7, 0, false);
    cluster_run(outside.cluster);
    struct buffer *got = cluster_get(outside.cluster, key);
    CU_ASSERT(got->is_error);
    buffer_unref(got);
    got = cluster_get(outside.cluster, outside.keys[6]);
    CU_ASSERT(got->is_error);
    buffer_unref(got);
    center_drop(outside.cluster->center, key);
    outside_fini(&outside);
}

/* ---- watches of what was dropped -----------------------------------------*/

static void a_needed_key_is_watched_though_dropped(void)
{
    struct outside outside;
    struct watch watch;
    struct watch_list over = {NULL, NULL};
    struct center_view view;
    outside_init(&outside, 1);
    struct center *center = outside.cluster->center;
    uint64_t key =
        cluster_submit(outside.cluster, ORACLE_WORD, NULL, 0, 7, 0, false);
    center_need(center, key);
    center_watch(center, key, &watch, &over);
    center_drop(center, key);
    CU_ASSERT_PTR_EQUAL(watch_list_take(&over), &watch);
    CU_ASSERT(center_find(center, key, &view) && view.state < DMPI_DONE);
    CU_ASSERT_FALSE(center_look(center, key, &view));
    center_watch(center, key, &watch, &over);
    CU_ASSERT_PTR_NULL(watch_list_take(&over));
    cluster_run(outside.cluster);
    CU_ASSERT_PTR_EQUAL(watch_list_take(&over), &watch);
    CU_ASSERT(center_find(center, key, &view) && view.state == DMPI_DONE);
    center_unneed(center, key);
    CU_ASSERT_FALSE(center_find(center, key, &view));
    outside_fini(&outside);
}

/* ---- at random -----------------------------------------------------------*/

/* Tasks over values that lie here and there, some dropped before they are
 * used. */
static bool is_as_foretold_on(uint64_t seed, const struct cluster_setup *setup)
{
    struct outside outside;
    uint64_t random = seed;
    bool good = true;
    outside_init_with(&outside, setup);
    for (int round = 0; good && round < 20; round++) {
        size_t i = random_below(&random, VALUES);
        size_t j = random_below(&random, VALUES);
        if (outside.dropped[i] || outside.dropped[j]) continue;
        uint64_t inputs[2] = {outside.keys[i], outside.keys[j]}, word = 7;
        struct buffer *values[2] = {value_of(i), value_of(j)};
        uint64_t key = cluster_submit(outside.cluster, ORACLE_SMALL, inputs, 2,
                                      word, 0, false);
        if (random_one_in(&random, 4)) {
            center_drop(outside.cluster->center, inputs[0]);
            outside.dropped[i] = true;
        }
        struct buffer *got = cluster_get(outside.cluster, key);
        struct buffer *wanted =
            oracle_call(ORACLE_SMALL, &word, sizeof word, values, 2);
        good = oracle_same(wanted, got->data, got->size, got->is_error);
        center_drop(outside.cluster->center, key);
        buffer_unref(got);
        buffer_unref(wanted);
        buffer_unref(values[0]);
        buffer_unref(values[1]);
    }
    outside_fini(&outside);
    return good;
}

static bool is_as_foretold(uint64_t seed)
{
    const struct cluster_setup setup = {
        .workers = 3, .seed = seed, .steal = true, .check = true};
    return is_as_foretold_on(seed, &setup);
}

static void tasks_over_them_are_as_foretold(void)
{
    CU_ASSERT_EQUAL(seeds_run(SEEDS, is_as_foretold), 0);
}

/* What was recalled to a worker that is lost is recalled again. */
static bool survives_losses(uint64_t seed)
{
    const struct cluster_setup setup = {.workers = 5,
                                        .seed = seed,
                                        .steal = true,
                                        .check = true,
                                        .recover = true,
                                        .loss_one_in = 60,
                                        .losses_max = 3};
    return is_as_foretold_on(seed, &setup);
}

static void they_survive_losses(void)
{
    CU_ASSERT_EQUAL(seeds_run(SEEDS, survives_losses), 0);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"nobody recalls what nobody needs", nobody_recalls_what_nobody_needs},
        {"who gets it asks no worker", who_gets_it_asks_no_worker},
        {"a worker has it from then on", a_worker_has_it_from_then_on},
        {"who asks for holders brings it", who_asks_for_holders_brings_it},
        {"what cannot be recalled is an error",
         what_cannot_be_recalled_is_an_error},
        {"a needed key is watched though dropped",
         a_needed_key_is_watched_though_dropped},
        {"tasks over them are as foretold", tasks_over_them_are_as_foretold},
        {"they survive losses", they_survive_losses},
    };
    return check_run("outside", tests, CHECK_COUNT(tests));
}
