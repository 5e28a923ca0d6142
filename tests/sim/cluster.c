/* SPDX-License-Identifier: BSD-3-Clause */
/* cluster.c - members that run jobs, and three ways to go on. */
#include "cluster.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "oracle.h"
#include "random.h"

enum {
    SPILL_LEAST = 64,       /* smaller values stay in memory */
    STEP_NS_MAX = 20000,    /* in random order, unless set */
    LOSS_TOLD_ONE_IN = 40,  /* steps after a worker has died */
    LOSS_KEEP_MAX = 5,      /* of what it has said, still on its way */
    JOB_ENDS_ONE_IN = 4,    /* looks at its worker */
    DISKS_ONE_IN = 4,       /* steps look at a disk, if there are any */
    ROUNDS_MAX = 100 * 1000 /* that a stop may need */
};

/* ---- beginning and end ---------------------------------------------------*/

void cluster_touch(struct member *member)
{
    struct cluster *cluster = member->cluster;
    if (member->touched) return;
    member->touched = true;
    cluster->touched[cluster->touched_count++] = member->rank;
}

static void check(struct member *member)
{
    if (member->cluster->setup.check) worker_check(member->worker);
}

static void member_receive(void *role, int from, const struct message *message)
{
    struct member *member = role;
    worker_set_time(member->worker, member->cluster->now_ns);
    worker_receive(member->worker, from, message);
    member->cluster->doomed |= worker_is_doomed(member->worker);
    check(member);
    cluster_touch(member);
}

static void member_arrived(void *role, struct port_cookie cookie,
                           struct buffer *buffer)
{
    struct member *member = role;
    worker_set_time(member->worker, member->cluster->now_ns);
    worker_arrived(member->worker, cookie, buffer);
    check(member);
    cluster_touch(member);
}

static void head_receive(void *role, int from, const struct message *message)
{
    struct cluster *cluster = role;
    center_receive(cluster->center, from, message);
    if (cluster->setup.check) center_check(cluster->center);
}

static void head_arrived(void *role, struct port_cookie cookie,
                         struct buffer *buffer)
{
    struct cluster *cluster = role;
    center_arrived(cluster->center, cookie, buffer);
}

static void add_member(struct cluster *cluster, int rank)
{
    struct member *member = cluster_member(cluster, rank);
    struct port *port = network_port(cluster->network, rank);
    struct worker_setup setup = {.nodes = cluster->nodes,
                                 .cores = cluster->cores,
                                 .functions = ORACLE_FUNCTIONS,
                                 .steal = cluster->setup.steal,
                                 .recover = cluster->setup.recover};
    *member = (struct member){.cluster = cluster, .rank = rank};
    if (cluster->setup.memory) {
        member->drum =
            drum_new(random_next(&cluster->random), cluster->setup.disk,
                     cluster->setup.disk_fails_one_in);
        setup.memory =
            (struct memory_setup){.disk = drum_disk(member->drum),
                                  .limit_bytes = cluster->setup.memory,
                                  .least_bytes = SPILL_LEAST};
    }
    member->worker = worker_new(port, &setup);
    port->client = (struct port_client){member, member_receive, member_arrived};
    cluster_touch(member);
}

static void read_resources(struct cluster *cluster)
{
    char why[200];
    const char *text = cluster->setup.resources;
    bool good = supply_read(&cluster->supply, text ? text : "", cluster->ranks,
                            why, sizeof why);
    assert(good);
}

static void add_center(struct cluster *cluster)
{
    struct port *port = network_port(cluster->network, 0);
    size_t count = (size_t)cluster->setup.workers;
    dmpi_worker *info = calloc(count, sizeof *info);
    for (size_t i = 0; i < count; i++) {
        info[i].rank = (int)i + 1;
        info[i].node = cluster->nodes[i + 1];
        info[i].cores = cluster->cores[i + 1];
    }
    struct center_setup setup = {.workers = info,
                                 .supply = &cluster->supply,
                                 .functions = ORACLE_FUNCTIONS,
                                 .window_ns = ROSTER_WINDOW_NS,
                                 .steal = cluster->setup.steal,
                                 .recover = cluster->setup.recover,
                                 .crash_limit = cluster->setup.crash_limit,
                                 .replicas = cluster->setup.replicas};
    cluster->center = center_new(port, &setup);
    free(info);
    port->client = (struct port_client){cluster, head_receive, head_arrived};
}

struct cluster *cluster_new(const struct cluster_setup *setup)
{
    struct cluster *cluster = log_alloc(sizeof *cluster);
    int ranks = setup->workers + 1, nodes = setup->nodes ? setup->nodes : 1;
    *cluster = (struct cluster){
        .setup = *setup, .ranks = ranks, .random = setup->seed};
    cluster->network = network_new(ranks, random_next(&cluster->random));
    cluster->members = calloc((size_t)ranks, sizeof *cluster->members);
    cluster->touched = calloc((size_t)ranks, sizeof *cluster->touched);
    cluster->nodes = calloc((size_t)ranks, sizeof *cluster->nodes);
    cluster->cores = calloc((size_t)ranks, sizeof *cluster->cores);
    for (int rank = 1; rank < ranks; rank++) {
        int cores = setup->cores ? setup->cores : 1;
        cluster->nodes[rank] = rank % nodes;
        cluster->cores[rank] = cores - (rank - 1) % cores;
    }
    read_resources(cluster);
    if (setup->costs)
        network_set_costs(cluster->network, setup->costs, cluster->nodes);
    add_center(cluster);
    for (int rank = 1; rank < ranks; rank++) add_member(cluster, rank);
    return cluster;
}

/* What a lost worker has asked for is not answered. */
static void close_requests(struct exchange *exchange)
{
    while (exchange->requests.count) {
        size_t at = 0;
        struct request *request = map_next(&exchange->requests, &at);
        if (request->fresh) free(request->data);
        exchange_close(exchange, request);
    }
}

void cluster_free(struct cluster *cluster)
{
    for (int rank = 1; rank < cluster->ranks; rank++) {
        struct drum *drum = cluster_member(cluster, rank)->drum;
        while (drum && drum_step(drum)) {
        }
        if (cluster_member(cluster, rank)->dead)
            close_requests(worker_exchange(cluster_worker(cluster, rank)));
        worker_free(cluster_worker(cluster, rank));
        if (drum) drum_free(drum);
    }
    if (cluster->deserted) close_requests(center_exchange(cluster->center));
    center_free(cluster->center);
    network_free(cluster->network);
    timeline_fini(&cluster->ends);
    free(cluster->members);
    free(cluster->nodes);
    free(cluster->cores);
    free(cluster->touched);
    free(cluster);
}

/* ---- a worker's thread ---------------------------------------------------*/

struct buffer *cluster_oracle(const struct member *member, uint32_t function)
{
    struct job *job = member->job;
    const struct constant_set *set = member->constants;
    uint32_t constants = set ? set->count : 0, count = job->inputs + constants;
    struct buffer **inputs = log_alloc((count + 1) * sizeof(struct buffer *));
    for (uint32_t i = 0; i < job->inputs; i++)
        inputs[i] = job_inputs(job)[i]->buffer;
    for (uint32_t i = 0; i < constants; i++)
        inputs[job->inputs + i] = set->constants[i]->buffer;
    struct buffer *output =
        oracle_call(function, job_args(job), job->args, inputs, count);
    free(inputs);
    return output;
}

static struct buffer *call(struct member *member)
{
    const struct cluster_setup *setup = &member->cluster->setup;
    struct job *job = member->job;
    if (setup->call) return setup->call(setup->app, member->rank, job);
    return cluster_oracle(member, job->function);
}

static void set_end(struct member *member)
{
    struct cluster *cluster = member->cluster;
    const struct cluster_setup *setup = &cluster->setup;
    uint64_t ns =
        setup->duration_ns
            ? setup->duration_ns(setup->app, member->rank, member->job)
            : 0;
    member->ends_ns = cluster->now_ns + ns;
    if (setup->costs) timeline_add(&cluster->ends, member->ends_ns, member);
}

static bool lost_one(struct cluster *cluster, const struct muster *gang)
{
    for (uint32_t i = 0; i < gang->size; i++)
        if (cluster_member(cluster, gang->ranks[i])->dead) return true;
    return false;
}

/* The members that have begun; those that have not must be waiting. Without one
 * that is dead they never all do. */
static uint32_t count_begun(struct cluster *cluster, const struct muster *gang)
{
    uint32_t begun = 0;
    if (lost_one(cluster, gang)) return 0;
    for (uint32_t i = 0; i < gang->size; i++) {
        struct member *other = cluster_member(cluster, gang->ranks[i]);
        const struct muster *theirs = worker_gang(other->worker);
        bool there = other->job || theirs->waiting;
        if (theirs->start != gang->start || theirs->index != i || !there)
            cluster->mixed_up = true;
        begun += other->job && other->job->flags & RUN_GANG;
    }
    return begun;
}

static void begin_in_gang(struct member *member)
{
    struct cluster *cluster = member->cluster;
    const struct muster *gang = worker_gang(member->worker);
    member->ends_ns = UINT64_MAX;
    if (count_begun(cluster, gang) < gang->size) return;
    cluster->gangs++;
    for (uint32_t i = 0; i < gang->size; i++)
        set_end(cluster_member(cluster, gang->ranks[i]));
}

/* One that waited goes before one that begins. */
static struct job *next_job(struct worker *worker)
{
    struct waiter *waiter = worker_awake(worker);
    if (!waiter) return worker_take(worker);
    nest_resume(worker_nest(worker), waiter);
    return waiter->job;
}

bool cluster_start_job(struct cluster *cluster, int rank)
{
    struct member *member = cluster_member(cluster, rank);
    if (member->job) return false;
    worker_set_time(member->worker, cluster->now_ns);
    member->job = next_job(member->worker);
    check(member);
    if (!member->job) return false;
    member->constants = worker_constants(member->worker, member->job);
    member->began_ns = cluster->now_ns;
    if (member->job->flags & RUN_GANG) begin_in_gang(member);
    else set_end(member);
    return true;
}

void cluster_end_job(struct cluster *cluster, int rank)
{
    struct member *member = cluster_member(cluster, rank);
    const struct cluster_setup *setup = &cluster->setup;
    struct job *job = member->job;
    worker_set_time(member->worker, cluster->now_ns);
    if (setup->waits && setup->waits(setup->app, rank, job)) {
        member->job = NULL;
        constant_set_unref(member->constants);
        check(member);
        cluster_touch(member);
        return;
    }
    struct buffer *output = call(member);
    uint64_t ns = cluster->now_ns - member->began_ns;
    member->job = NULL;
    member->jobs++;
    constant_set_unref(member->constants);
    worker_set_time(member->worker, cluster->now_ns);
    worker_finish(member->worker, job, output, ns ? ns : 1);
    check(member);
    cluster_touch(member);
}

void cluster_turn(struct cluster *cluster, int rank)
{
    struct member *member = cluster_member(cluster, rank);
    worker_set_time(member->worker, cluster->now_ns);
    worker_turn(member->worker);
    check(member);
}

/* ---- losses --------------------------------------------------------------*/

void cluster_kill(struct cluster *cluster, int rank, size_t keep)
{
    struct member *member = cluster_member(cluster, rank);
    assert(!member->dead);
    member->dead = true;
    member->ran = member->job ? member->job->key : 0;
    if (member->job) constant_set_unref(member->constants);
    member->job = NULL;
    cluster->losses++;
    cluster->untold++;
    network_kill(cluster->network, rank, keep);
}

void cluster_tell(struct cluster *cluster, int rank)
{
    struct member *member = cluster_member(cluster, rank);
    assert(member->dead && !member->told);
    member->told = true;
    cluster->untold--;
    port_forget(network_port(cluster->network, 0), rank);
    center_lost(cluster->center, rank, member->ran);
    if (cluster->setup.check) center_check(cluster->center);
}

static int count_living(struct cluster *cluster)
{
    int living = 0;
    for (int rank = 1; rank < cluster->ranks; rank++)
        living += !cluster_member(cluster, rank)->dead;
    return living;
}

/* They might wait in MPI for who is lost. */
static void kill_doomed(struct cluster *cluster)
{
    cluster->doomed = false;
    for (int rank = 1; rank < cluster->ranks; rank++)
        if (!cluster_member(cluster, rank)->dead &&
            worker_is_doomed(cluster_worker(cluster, rank)))
            cluster_kill(cluster, rank,
                         random_below(&cluster->random, LOSS_KEEP_MAX));
    cluster->deserted = !count_living(cluster);
}

/* A few of those that died, and one that dies now. */
static void lose_some(struct cluster *cluster)
{
    uint64_t *random = &cluster->random;
    uint64_t workers = (uint64_t)cluster->setup.workers;
    for (int rank = 1; cluster->untold && rank < cluster->ranks; rank++) {
        struct member *member = cluster_member(cluster, rank);
        if (member->dead && !member->told &&
            random_one_in(random, LOSS_TOLD_ONE_IN))
            cluster_tell(cluster, rank);
    }
    if (!cluster->setup.loss_one_in ||
        !random_one_in(random, cluster->setup.loss_one_in))
        return;
    int rank = 1 + (int)random_below(random, workers);
    if (cluster->losses >= cluster->setup.losses_max ||
        cluster->losses + 1 >= (int)workers ||
        cluster_member(cluster, rank)->dead)
        return;
    cluster_kill(cluster, rank, random_below(random, LOSS_KEEP_MAX));
}

/* The blows that are due; a dead worker feels none. */
static void strike(struct cluster *cluster)
{
    const struct cluster_setup *setup = &cluster->setup;
    uint64_t events = network_events(cluster->network);
    while (cluster->blows < setup->blow_count &&
           setup->blows[cluster->blows].at <= events) {
        const struct cluster_blow *blow = &setup->blows[cluster->blows++];
        if (!cluster_member(cluster, blow->rank)->dead)
            cluster_kill(cluster, blow->rank, blow->keep);
    }
}

/* ---- in any order --------------------------------------------------------*/

static void look_at(struct cluster *cluster, int rank)
{
    if (cluster_member(cluster, rank)->dead) return;
    cluster_turn(cluster, rank);
    if (!cluster_member(cluster, rank)->job) cluster_start_job(cluster, rank);
    else if (cluster_member(cluster, rank)->ends_ns != UINT64_MAX &&
             random_one_in(&cluster->random, JOB_ENDS_ONE_IN))
        cluster_end_job(cluster, rank);
}

/* A read or write ends, of one worker. */
static bool disk_step(struct cluster *cluster)
{
    int rank = 1 + (int)random_below(&cluster->random,
                                     (uint64_t)cluster->setup.workers);
    struct member *member = cluster_member(cluster, rank);
    if (member->dead || !drum_step(member->drum)) return false;
    check(member);
    cluster_touch(member);
    return true;
}

void cluster_step(struct cluster *cluster)
{
    uint64_t *random = &cluster->random;
    uint64_t longest_ns = cluster->setup.step_ns_max;
    if (cluster->deserted) return;
    cluster->now_ns +=
        random_below(random, longest_ns ? longest_ns : STEP_NS_MAX);
    if (cluster->doomed) kill_doomed(cluster);
    if (cluster->setup.blow_count) strike(cluster);
    if (cluster->setup.loss_one_in || cluster->untold) lose_some(cluster);
    if (cluster->setup.memory && random_one_in(random, DISKS_ONE_IN) &&
        disk_step(cluster))
        return;
    if (random_one_in(random, 2) && network_step(cluster->network)) return;
    look_at(cluster,
            1 + (int)random_below(random, (uint64_t)cluster->setup.workers));
}

static bool disks_busy(const struct cluster *cluster)
{
    if (!cluster->setup.memory) return false;
    for (int rank = 1; rank < cluster->ranks; rank++) {
        const struct member *member = &cluster->members[rank - 1];
        if (!member->dead && drum_under_way(member->drum)) return true;
    }
    return false;
}

static bool anybody_busy(const struct cluster *cluster)
{
    for (int rank = 1; rank < cluster->ranks; rank++)
        if (cluster->members[rank - 1].job) return true;
    return disks_busy(cluster);
}

static bool is_quiet(struct cluster *cluster)
{
    if (cluster->deserted) return true;
    if (network_under_way(cluster->network) || anybody_busy(cluster) ||
        cluster->untold || cluster->doomed)
        return false;
    for (int rank = 1; rank < cluster->ranks; rank++) {
        if (cluster_member(cluster, rank)->dead) continue;
        cluster_turn(cluster, rank);
        cluster_start_job(cluster, rank);
    }
    return !network_under_way(cluster->network) && !anybody_busy(cluster);
}

void cluster_run(struct cluster *cluster)
{
    do {
        for (int i = 0; i < 4 * cluster->ranks; i++) cluster_step(cluster);
    } while (!is_quiet(cluster));
}

static void turn_all(struct cluster *cluster)
{
    for (int rank = 1; rank < cluster->ranks; rank++)
        if (!cluster_member(cluster, rank)->dead) cluster_turn(cluster, rank);
}

void cluster_deliver(struct cluster *cluster)
{
    do {
        while (network_step(cluster->network)) {
        }
        turn_all(cluster);
    } while (network_under_way(cluster->network));
}

/* ---- the end -------------------------------------------------------------*/

static bool all_ended(const struct cluster *cluster)
{
    for (int rank = 1; rank < cluster->ranks; rank++) {
        const struct member *member = &cluster->members[rank - 1];
        if (!member->dead && !worker_ended(member->worker)) return false;
    }
    /* Who has ended may still be told of a loss. */
    return !cluster->untold &&
           (!cluster->losses || !network_under_way(cluster->network));
}

static void turn_living(struct cluster *cluster)
{
    for (int rank = 1; rank < cluster->ranks; rank++)
        if (!cluster_member(cluster, rank)->dead) cluster_turn(cluster, rank);
}

static bool nothing_is_left(const struct cluster *cluster)
{
    bool good = true;
    for (int rank = 1; rank < cluster->ranks; rank++) {
        if (cluster->members[rank - 1].dead) continue;
        size_t known = worker_values_known(cluster->members[rank - 1].worker);
        bool busy = worker_has_tasks(cluster->members[rank - 1].worker);
        if (known)
            fprintf(stderr, "rank %d still knows %zu keys\n", rank, known);
        if (busy) fprintf(stderr, "rank %d still has tasks\n", rank);
        good = good && !known && !busy;
    }
    size_t held = center_known(cluster->center);
    size_t left = network_under_way(cluster->network);
    if (held) fprintf(stderr, "the center still knows %zu keys\n", held);
    if (left) fprintf(stderr, "%zu messages were not heard\n", left);
    return good && !held && !left;
}

bool cluster_stop(struct cluster *cluster)
{
    if (cluster->setup.costs)
        network_set_costs(cluster->network, NULL, cluster->nodes);
    center_stop(cluster->center, DMPI_OK);
    for (int round = 0; round < ROUNDS_MAX; round++) {
        for (int i = 0; i < cluster->ranks; i++) cluster_step(cluster);
        center_turn(cluster->center);
        if (cluster->deserted) return true;
        if (!all_ended(cluster)) continue;
        turn_living(cluster);
        return center_stopped(cluster->center) && nothing_is_left(cluster);
    }
    fprintf(stderr, "the workers do not end\n");
    return false;
}

/* ---- what came of it -----------------------------------------------------*/

struct msg_counts cluster_counts(const struct cluster *cluster)
{
    struct msg_counts sum = {0};
    for (int rank = 1; rank < cluster->ranks; rank++) {
        const struct msg_counts *one = center_counts(cluster->center, rank);
        sum.tasks_run += one->tasks_run;
        sum.tasks_stolen += one->tasks_stolen;
        sum.busy_ns += one->busy_ns;
        sum.inputs += one->inputs;
        sum.inputs_local += one->inputs_local;
        sum.bytes_to_workers += one->bytes_to_workers;
        sum.bytes_to_center += one->bytes_to_center;
        sum.keys_held += one->keys_held;
        sum.spilled += one->spilled;
        sum.read_back += one->read_back;
        sum.messages += one->messages;
        sum.envelopes += one->envelopes;
    }
    return sum;
}

int cluster_busy_workers(const struct cluster *cluster)
{
    int busy = 0;
    for (int rank = 1; rank < cluster->ranks; rank++)
        busy += cluster->members[rank - 1].jobs != 0;
    return busy;
}

/* ---- short forms ---------------------------------------------------------*/

void cluster_submit_gang(struct cluster *cluster, uint32_t function,
                         uint32_t size, uint64_t word, uint64_t keys[])
{
    struct task_order *orders = calloc(size, sizeof *orders);
    for (uint32_t i = 0; i < size; i++)
        orders[i] = (struct task_order){
            .function = function, .args = &word, .size = sizeof word};
    dmpi_status status =
        center_submit_gang(cluster->center, orders, size, keys);
    assert(status == DMPI_OK);
    free(orders);
}

uint64_t cluster_submit(struct cluster *cluster, uint32_t function,
                        const uint64_t inputs[], size_t count, uint64_t word,
                        int rank, bool hard)
{
    struct task_order order = {.function = function,
                               .inputs = inputs,
                               .input_count = count,
                               .args = &word,
                               .size = sizeof word,
                               .target = rank,
                               .flags = hard ? RUN_PINNED : 0};
    dmpi_status status = center_check_order(cluster->center, &order);
    assert(status == DMPI_OK);
    uint64_t key = center_submit(cluster->center, &order);
    center_settle(cluster->center);
    return key;
}

struct buffer *cluster_get(struct cluster *cluster, uint64_t key)
{
    struct exchange *exchange = center_exchange(cluster->center);
    struct center_view view;
    while (center_look(cluster->center, key, &view) &&
           view.state == DMPI_PENDING)
        cluster_step(cluster);
    struct request *request = exchange_open(exchange, NULL, 0);
    center_fetch(cluster->center, key, request);
    while (!request->done) cluster_step(cluster);
    center_unneed(cluster->center, key);
    bool failed = request->status == DMPI_EFAILED;
    size_t size = failed ? sizeof *request->failure : request->bytes;
    struct buffer *buffer = buffer_new(size);
    memcpy(buffer->data, failed ? (void *)request->failure : request->data,
           size);
    buffer->is_error = failed;
    free(request->data);
    exchange_close(exchange, request);
    return buffer;
}
