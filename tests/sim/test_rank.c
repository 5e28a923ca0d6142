/* SPDX-License-Identifier: BSD-3-Clause */
/* test_rank.c - what a running task may ask of the center and of single
 * workers. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "oracle.h"

enum { LARGE = 5000 };

static struct cluster *three_workers(void)
{
    struct cluster_setup setup = {.workers = 3, .seed = 9, .check = true};
    return cluster_new(&setup);
}

static void stop(struct cluster *cluster)
{
    CU_ASSERT_TRUE(cluster_stop(cluster));
    cluster_free(cluster);
}

static struct exchange *exchange_of(struct cluster *cluster, int rank)
{
    return rank ? worker_exchange(cluster_worker(cluster, rank))
                : center_exchange(cluster->center);
}

static struct request *open_request(struct cluster *cluster, int rank)
{
    return exchange_open(exchange_of(cluster, rank), NULL, 0);
}

/* Wait for REQUEST of RANK; its bytes, or NULL, are the caller's. */
static dmpi_status await(struct cluster *cluster, int rank,
                         struct request *request, void **data, size_t *size)
{
    for (int i = 0; i < 100000 && !request->done; i++) cluster_step(cluster);
    CU_ASSERT_TRUE_FATAL(request->done);
    dmpi_status status = request->status;
    if (size) *size = request->bytes;
    if (data) *data = request->data;
    else free(request->data);
    exchange_close(exchange_of(cluster, rank), request);
    return status;
}

static uint64_t put_by(struct cluster *cluster, int asker, int rank,
                       struct buffer *buffer)
{
    uint64_t key;
    struct request *request = open_request(cluster, asker);
    if (asker)
        key = errand_put(worker_custody(cluster_worker(cluster, asker)), rank,
                         request->id, 0, buffer);
    else
        key = errands_put(center_errands(cluster->center), rank, request->id,
                          buffer);
    CU_ASSERT_EQUAL(await(cluster, asker, request, NULL, NULL), DMPI_OK);
    return key;
}

static dmpi_status drop_by(struct cluster *cluster, int asker, int rank,
                           uint64_t key)
{
    struct request *request = open_request(cluster, asker);
    errand_ask_drop(worker_custody(cluster_worker(cluster, asker)), rank, key,
                    request->id);
    return await(cluster, asker, request, NULL, NULL);
}

static dmpi_status read_by(struct cluster *cluster, int asker, int rank,
                           uint64_t key, void **data, size_t *size)
{
    struct request *request = open_request(cluster, asker);
    if (asker)
        errand_fetch(worker_custody(cluster_worker(cluster, asker)), rank, key,
                     request);
    else errands_fetch(center_errands(cluster->center), rank, key, request);
    return await(cluster, asker, request, data, size);
}

/* The number of holders, the first four of which go to RANKS. */
static size_t holders(struct cluster *cluster, uint64_t key, int32_t ranks[4])
{
    struct request *request = open_request(cluster, 2);
    void *data;
    size_t size;
    errand_ask_holders(worker_custody(cluster_worker(cluster, 2)), key,
                       request->id);
    CU_ASSERT_EQUAL(await(cluster, 2, request, &data, &size), DMPI_OK);
    memcpy(ranks, data, size < 16 ? size : 16);
    free(data);
    return size / sizeof(int32_t);
}

/* ---- values --------------------------------------------------------------*/

static void check_put(int asker, int rank, size_t size)
{
    struct cluster *cluster = three_workers();
    struct buffer *buffer = oracle_bytes(1, size), *got;
    uint64_t key = put_by(cluster, asker, rank, buffer);
    struct center_view view;
    int32_t ranks[4];

    CU_ASSERT_TRUE(center_look(cluster->center, key, &view));
    CU_ASSERT_EQUAL(view.state, DMPI_DONE);
    CU_ASSERT_EQUAL(view.bytes, size);
    CU_ASSERT_EQUAL(holders(cluster, key, ranks), 1);
    CU_ASSERT_EQUAL(ranks[0], rank);
    got = cluster_get(cluster, key);
    CU_ASSERT_TRUE(oracle_same(buffer, got->data, got->size, false));
    buffer_unref(got);
    buffer_unref(buffer);
    CU_ASSERT_EQUAL(center_drop(cluster->center, key), DMPI_OK);
    stop(cluster);
}

static void put_is_there_and_known_when_it_is_answered(void)
{
    static const size_t sizes[] = {0, 8, 2048, 2049, LARGE};

    for (size_t i = 0; i < CHECK_COUNT(sizes); i++) {
        check_put(1, 2, sizes[i]);
        check_put(3, 3, sizes[i]);
        check_put(0, 2, sizes[i]);
    }
}

static void check_read(size_t size)
{
    struct cluster *cluster = three_workers();
    struct buffer *buffer = oracle_bytes(2, size);
    uint64_t key = put_by(cluster, 1, 2, buffer);
    void *data;
    size_t got;

    for (int asker = 0; asker <= 3; asker++) {
        CU_ASSERT_EQUAL(read_by(cluster, asker, 2, key, &data, &got), DMPI_OK);
        CU_ASSERT_TRUE(oracle_same(buffer, data, got, false));
        free(data);
        CU_ASSERT_EQUAL(read_by(cluster, asker, 1, key, NULL, NULL),
                        DMPI_ENOKEY);
    }
    /* Reading leaves no copy behind. */
    CU_ASSERT_EQUAL(worker_values_known(cluster_worker(cluster, 1)), 0);
    CU_ASSERT_EQUAL(worker_values_known(cluster_worker(cluster, 3)), 0);
    buffer_unref(buffer);
    center_drop(cluster->center, key);
    stop(cluster);
}

static void read_gives_what_the_rank_has(void)
{
    check_read(0);
    check_read(100);
    check_read(LARGE);
}

static void read_tells_the_size_of_what_does_not_fit(void)
{
    struct cluster *cluster = three_workers();
    struct buffer *buffer = oracle_bytes(2, LARGE);
    uint64_t key = put_by(cluster, 1, 2, buffer);
    char room[10] = "untouched";

    for (int asker = 0; asker <= 3; asker++) {
        struct request *request =
            exchange_open(exchange_of(cluster, asker), room, sizeof room);
        if (asker)
            errand_fetch(worker_custody(cluster_worker(cluster, asker)), 2, key,
                         request);
        else errands_fetch(center_errands(cluster->center), 2, key, request);
        cluster_run(cluster);
        CU_ASSERT_TRUE(request->done);
        CU_ASSERT_EQUAL(request->status, DMPI_ESIZE);
        CU_ASSERT_EQUAL(request->bytes, LARGE);
        exchange_close(exchange_of(cluster, asker), request);
    }
    CU_ASSERT_STRING_EQUAL(room, "untouched");
    CU_ASSERT_EQUAL(network_transfers(cluster->network), 1);
    buffer_unref(buffer);
    center_drop(cluster->center, key);
    stop(cluster);
}

static void read_of_an_error_tells_the_failure(void)
{
    struct cluster *cluster = three_workers();
    uint64_t key = cluster_submit(cluster, ORACLE_FAIL, NULL, 0, 5, 2, true),
             word = 5;
    struct buffer *expected =
        oracle_call(ORACLE_FAIL, &word, sizeof word, NULL, 0);

    cluster_run(cluster);
    for (int asker = 1; asker <= 2; asker++) {
        struct request *request = open_request(cluster, asker);
        errand_fetch(worker_custody(cluster_worker(cluster, asker)), 2, key,
                     request);
        cluster_run(cluster);
        CU_ASSERT_EQUAL(request->status, DMPI_EFAILED);
        CU_ASSERT_PTR_NULL(request->data);
        CU_ASSERT_TRUE(oracle_same(expected, request->failure,
                                   sizeof *request->failure, true));
        exchange_close(exchange_of(cluster, asker), request);
    }
    buffer_unref(expected);
    center_drop(cluster->center, key);
    stop(cluster);
}

/* ---- who has, has what ---------------------------------------------------*/

static void holders_are_none_before_the_value_exists(void)
{
    struct cluster *cluster = three_workers();
    uint64_t key = cluster_submit(cluster, ORACLE_WORD, NULL, 0, 0, 2, true);
    uint64_t other = cluster_submit(cluster, ORACLE_WORD, &key, 1, 0, 3, true);
    struct buffer *ranks;
    int32_t first[4];

    CU_ASSERT_EQUAL(
        errands_holders(center_errands(cluster->center), key, &ranks), DMPI_OK);
    CU_ASSERT_EQUAL(ranks->size, 0);
    buffer_unref(ranks);
    cluster_run(cluster);
    CU_ASSERT_EQUAL(holders(cluster, key, first), 2);
    CU_ASSERT_EQUAL(first[0], 2);
    CU_ASSERT_EQUAL(first[1], 3);
    CU_ASSERT_EQUAL(
        errands_holders(center_errands(cluster->center), 12345, &ranks),
        DMPI_ENOKEY);
    center_drop(cluster->center, key);
    center_drop(cluster->center, other);
    stop(cluster);
}

static void rank_tells_its_keys(void)
{
    struct cluster *cluster = three_workers();
    struct buffer *buffer = oracle_bytes(1, 10);
    uint64_t keys[2] = {put_by(cluster, 1, 2, buffer),
                        put_by(cluster, 3, 2, buffer)};
    uint64_t sum = keys[0] + keys[1], *data;
    size_t size;

    for (int asker = 0; asker <= 3; asker++) {
        struct request *request = open_request(cluster, asker);
        if (asker)
            errand_ask_keys(worker_custody(cluster_worker(cluster, asker)), 2,
                            request->id);
        else errands_ask_keys(center_errands(cluster->center), 2, request->id);
        CU_ASSERT_EQUAL(await(cluster, asker, request, (void **)&data, &size),
                        DMPI_OK);
        CU_ASSERT_EQUAL_FATAL(size, sizeof keys);
        CU_ASSERT_EQUAL(data[0] + data[1], sum);
        free(data);
    }
    buffer_unref(buffer);
    for (int i = 0; i < 2; i++) center_drop(cluster->center, keys[i]);
    stop(cluster);
}

static void worker_table_tells_bytes_and_tasks(void)
{
    struct cluster *cluster = three_workers();
    struct buffer *buffer = oracle_bytes(1, 1000);
    uint64_t put = put_by(cluster, 1, 2, buffer);
    uint64_t key = cluster_submit(cluster, ORACLE_WORD, NULL, 0, 0, 3, true);
    dmpi_worker *table;
    size_t size;

    for (int ended = 0; ended <= 1; ended++) {
        struct request *request = open_request(cluster, 1);
        if (ended) cluster_run(cluster);
        errand_ask_workers(worker_custody(cluster_worker(cluster, 1)),
                           request->id);
        network_deliver(cluster->network, 1, 0);
        CU_ASSERT_EQUAL(await(cluster, 1, request, (void **)&table, &size),
                        DMPI_OK);
        CU_ASSERT_EQUAL_FATAL(size, 3 * sizeof *table);
        CU_ASSERT_EQUAL(table[0].rank, 1);
        CU_ASSERT_EQUAL(table[1].bytes, 1000);
        CU_ASSERT_EQUAL(table[2].tasks_done, ended);
        CU_ASSERT_EQUAL(table[2].tasks_pending, !ended);
        CU_ASSERT_EQUAL(table[2].bytes, ended ? 8 : 0);
        free(table);
    }
    buffer_unref(buffer);
    center_drop(cluster->center, put);
    center_drop(cluster->center, key);
    stop(cluster);
}

/* ---- dropping single copies ----------------------------------------------*/

static void drop_of_what_is_not_there_is_refused(void)
{
    struct cluster *cluster = three_workers();
    struct buffer *buffer = oracle_bytes(1, 10);
    uint64_t key = put_by(cluster, 1, 2, buffer);

    CU_ASSERT_EQUAL(drop_by(cluster, 1, 2, 12345), DMPI_ENOKEY);
    CU_ASSERT_EQUAL(drop_by(cluster, 1, 2, 0), DMPI_ENOKEY);
    CU_ASSERT_EQUAL(drop_by(cluster, 1, 2, UINT64_MAX), DMPI_ENOKEY);
    CU_ASSERT_EQUAL(drop_by(cluster, 1, 3, key), DMPI_ENOKEY);
    CU_ASSERT_EQUAL(drop_by(cluster, 1, 2, key), DMPI_OK);
    CU_ASSERT_EQUAL(drop_by(cluster, 1, 2, key), DMPI_ENOKEY);
    CU_ASSERT_EQUAL(center_drop(cluster->center, key), DMPI_ENOKEY);
    buffer_unref(buffer);
    stop(cluster);
}

static void drop_of_what_is_needed_is_refused(void)
{
    struct cluster *cluster = three_workers();
    struct buffer *buffer = oracle_bytes(1, 10);
    uint64_t input = put_by(cluster, 1, 2, buffer);
    uint64_t key = cluster_submit(cluster, ORACLE_WORD, &input, 1, 0, 3, true);

    CU_ASSERT_EQUAL(
        errands_drop_copy(center_errands(cluster->center), input, 2),
        DMPI_EBUSY);
    CU_ASSERT_EQUAL(errands_drop_copy(center_errands(cluster->center), key, 3),
                    DMPI_EBUSY);
    cluster_run(cluster);
    CU_ASSERT_EQUAL(drop_by(cluster, 1, 2, input), DMPI_OK);
    CU_ASSERT_EQUAL(drop_by(cluster, 1, 3, key), DMPI_OK);
    CU_ASSERT_EQUAL(drop_by(cluster, 1, 3, input), DMPI_OK);
    buffer_unref(buffer);
    stop(cluster);
}

static void drop_while_copies_are_made_is_refused(void)
{
    struct cluster *cluster = three_workers();
    struct buffer *buffer = oracle_bytes(1, LARGE);
    uint64_t key = put_by(cluster, 1, 2, buffer);
    struct request *requests[3];

    size_t made = center_replicate(cluster->center, key, 3, requests);
    CU_ASSERT_EQUAL(made, 2);
    CU_ASSERT_EQUAL(errands_drop_copy(center_errands(cluster->center), key, 2),
                    DMPI_EBUSY);
    CU_ASSERT_EQUAL(center_drop(cluster->center, key), DMPI_OK);
    cluster_run(cluster);
    for (size_t i = 0; i < made; i++) {
        CU_ASSERT_TRUE(requests[i]->done);
        exchange_close(exchange_of(cluster, 0), requests[i]);
        center_unneed(cluster->center, key);
    }
    buffer_unref(buffer);
    stop(cluster);
}

static void key_lives_on_with_its_other_copies(void)
{
    struct cluster *cluster = three_workers();
    struct buffer *buffer = oracle_bytes(1, LARGE), *got;
    uint64_t input = put_by(cluster, 1, 2, buffer);
    uint64_t keys[2];

    keys[0] = cluster_submit(cluster, ORACLE_WORD, &input, 1, 0, 3, true);
    cluster_run(cluster);
    CU_ASSERT_EQUAL(drop_by(cluster, 1, 2, input), DMPI_OK);
    keys[1] = cluster_submit(cluster, ORACLE_WORD, &input, 1, 0, 2, true);
    got = cluster_get(cluster, input);
    CU_ASSERT_TRUE(oracle_same(buffer, got->data, got->size, false));
    cluster_run(cluster);
    CU_ASSERT_EQUAL(center_unended(cluster->center), 0);
    buffer_unref(got);
    buffer_unref(buffer);
    for (int i = 0; i < 2; i++) center_drop(cluster->center, keys[i]);
    center_drop(cluster->center, input);
    stop(cluster);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"put is there and known when it is answered",
         put_is_there_and_known_when_it_is_answered},
        {"read gives what the rank has", read_gives_what_the_rank_has},
        {"read tells the size of what does not fit",
         read_tells_the_size_of_what_does_not_fit},
        {"read of an error tells the failure",
         read_of_an_error_tells_the_failure},
        {"holders are none before the value exists",
         holders_are_none_before_the_value_exists},
        {"rank tells its keys", rank_tells_its_keys},
        {"worker table tells bytes and tasks",
         worker_table_tells_bytes_and_tasks},
        {"drop of what is not there is refused",
         drop_of_what_is_not_there_is_refused},
        {"drop of what is needed is refused",
         drop_of_what_is_needed_is_refused},
        {"drop while copies are made is refused",
         drop_while_copies_are_made_is_refused},
        {"key lives on with its other copies",
         key_lives_on_with_its_other_copies},
    };
    return check_run("rank", tests, CHECK_COUNT(tests));
}
