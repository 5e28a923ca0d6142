/* SPDX-License-Identifier: BSD-3-Clause */
/* test_resources.c - tasks that want something to themselves: resources, cores, a
 * node. */
#include <sched.h>

#include "job.h"

enum { TASKS = 40, KINDS = 3 };

/* What main() gives the pool: the kinds in KIND below. */
static char resources[] = "DISTMPI_RESOURCES=gpu:2, tape@rank1 license:3@pool";
static char others[] = "DISTMPI_RESOURCES=that of no other rank counts";
static const char *const kinds[KINDS] = {"gpu", "tape", "license"};

/* ---- what tasks see ------------------------------------------------------*/

/* When a task ran where, with which ids as bits by kind. */
struct stay {
    double begin, end;
    int rank;
    unsigned ids[KINDS];
};

DMPI_TASK(linger)
{
    struct stay *stay = dmpi_task_output(task, sizeof *stay);
    *stay = (struct stay){.begin = job_now(), .rank = dmpi_task_rank(task)};
    for (int kind = 0; kind < KINDS; kind++) {
        int ids[8];
        size_t count;
        if (dmpi_task_resource(task, kinds[kind], ids, 8, &count) || count > 8)
            dmpi_fail(task, "%s", dmpi_status_detail());
        for (size_t i = 0; i < count; i++) stay->ids[kind] |= 1u << ids[i];
    }
    job_sleep(0.0005);
    stay->end = job_now();
}

DMPI_TASK(ask_wrongly)
{
    size_t *count = dmpi_task_output(task, sizeof *count);
    *count = 99;
    if (dmpi_task_resource(task, "gpus", NULL, 0, count) != DMPI_EINVAL)
        dmpi_fail(task, "there is no such resource");
    if (dmpi_task_resource(task, "license", NULL, 0, count))
        dmpi_fail(task, "%s", dmpi_status_detail());
}

DMPI_TASK(fail_with_it)
{
    dmpi_fail(task, "attempt %d", dmpi_task_attempt(task));
}

struct threads {
    char variable[16]; /* OMP_NUM_THREADS */
    int cpus;          /* in the mask */
};

DMPI_TASK(look_at_threads)
{
    struct threads *threads = dmpi_task_output(task, sizeof *threads);
    const char *variable = getenv("OMP_NUM_THREADS");
    cpu_set_t set;
    memset(threads, 0, sizeof *threads);
    if (variable)
        snprintf(threads->variable, sizeof threads->variable, "%s", variable);
    sched_getaffinity(0, sizeof set, &set);
    threads->cpus = CPU_COUNT(&set);
}

static dmpi_key submit(const dmpi_function *function, dmpi_task_options options)
{
    dmpi_key key = DMPI_KEY_NONE;
    OK(dmpi_submit(pool, function, NULL, 0, NULL, 0, &options, &key));
    return key;
}

static struct stay get_stay(dmpi_key key)
{
    struct stay stay = {0};
    OK(dmpi_get(pool, key, &stay, sizeof stay, NULL));
    job_drop(key);
    return stay;
}

static int bits(unsigned set)
{
    return __builtin_popcount(set);
}

/* ---- resources -----------------------------------------------------------*/

static void tasks_are_told_which_they_have(void)
{
    struct stay stay =
        get_stay(submit(linger, (dmpi_task_options){.resources = "gpu:2"}));
    CU_ASSERT_EQUAL(stay.ids[0], 3);
    CU_ASSERT_EQUAL(stay.ids[1] | stay.ids[2], 0);
    stay = get_stay(
        submit(linger, (dmpi_task_options){.resources = "tape license:2"}));
    CU_ASSERT_EQUAL(stay.rank, 1);
    CU_ASSERT_EQUAL(stay.ids[1], 1);
    CU_ASSERT_EQUAL(bits(stay.ids[2]), 2);
    dmpi_task_options one = {.resources = "license"};
    CU_ASSERT_EQUAL(job_take_number(submit(ask_wrongly, one)), 1);
    CU_ASSERT_EQUAL(
        job_take_number(submit(ask_wrongly, (dmpi_task_options){0})), 0);
}

static bool overlap(const struct stay *a, const struct stay *b)
{
    return a->begin < b->end && b->begin < a->end;
}

/* Clocks of one machine agree. */
static void nobody_has_what_another_has(void)
{
    static const char *const wishes[] = {"license", "license:2 gpu", "gpu:2",
                                         "tape", "license:3"};
    static struct stay stays[TASKS];
    dmpi_key keys[TASKS];
    int shared = 0, asked[TASKS];
    for (int i = 0; i < TASKS; i++) {
        dmpi_task_options options = {.resources = wishes[i % 5],
                                     .priority = i % 3};
        asked[i] = i % 5 == 4 || i % 5 == 1 ? 3 : i % 5 == 2 ? 2 : 1;
        keys[i] = submit(linger, options);
    }
    for (int i = 0; i < TASKS; i++) {
        stays[i] = get_stay(keys[i]);
        unsigned *ids = stays[i].ids;
        CU_ASSERT_EQUAL(bits(ids[0]) + bits(ids[1]) + bits(ids[2]), asked[i]);
    }
    for (int i = 0; i < TASKS; i++)
        for (int k = 0; k < i; k++)
            shared += overlap(&stays[i], &stays[k]) &&
                      (stays[i].ids[2] & stays[k].ids[2]) != 0;
    CU_ASSERT_EQUAL(shared, 0);
}

static void what_nobody_ever_has_is_refused(void)
{
    dmpi_key key = 77, keys[2] = {77, 77};
    static const char *const bad[] = {
        "gpu:3",  "license:4",    "gpus",      "gpu:x",
        "tape:2", "license@pool", "gpu gpu:2", "gpu tape:5000"};
    for (size_t i = 0; i < CHECK_COUNT(bad); i++) {
        dmpi_task_options options = {.resources = bad[i]};
        REFUSED(DMPI_EINVAL,
                dmpi_submit(pool, linger, NULL, 0, NULL, 0, &options, &key));
    }
    dmpi_task_options many = {.resources = "gpu:3"};
    dmpi_submit(pool, linger, NULL, 0, NULL, 0, &many, &key);
    CU_ASSERT_PTR_NOT_NULL(strstr(dmpi_status_detail(), "gpu:2"));
    dmpi_graph_task graph[2] = {{.function = linger},
                                {.function = linger, .options = &many}};
    REFUSED(DMPI_EINVAL, dmpi_submit_graph(pool, graph, 2, keys));
    REFUSED(DMPI_EINVAL, dmpi_map(pool, linger, 2, NULL, NULL, 0, &many, keys));
    dmpi_task_options cores = {.cores = 60000};
    REFUSED(DMPI_EINVAL,
            dmpi_submit(pool, linger, NULL, 0, NULL, 0, &cores, &key));
    cores.cores = -1;
    REFUSED(DMPI_EINVAL,
            dmpi_submit(pool, linger, NULL, 0, NULL, 0, &cores, &key));
    CU_ASSERT_EQUAL(key, 77);
    CU_ASSERT_EQUAL(keys[0], 77);
}

static void graphs_and_maps_ask_like_single_tasks(void)
{
    dmpi_task_options tape = {.resources = "tape"};
    dmpi_task_options license = {.resources = "license:3"};
    dmpi_key first = DMPI_NTH(1), keys[12];
    dmpi_graph_task graph[2] = {{linger, &first, 1, NULL, 0, &license},
                                {linger, NULL, 0, NULL, 0, &tape}};
    OK(dmpi_submit_graph(pool, graph, 2, keys));
    OK(dmpi_map(pool, linger, 10, NULL, NULL, 0, &tape, keys + 2));
    double free_at = 0; /* the tape */
    CU_ASSERT_EQUAL(bits(get_stay(keys[0]).ids[2]), 3);
    for (int i = 1; i < 12; i++) {
        struct stay stay = get_stay(keys[i]);
        CU_ASSERT_EQUAL(stay.rank, 1);
        CU_ASSERT(stay.begin >= free_at); /* in turn, one at a time */
        free_at = stay.end;
    }
}

static void failed_tasks_give_back_what_they_had(void)
{
    dmpi_task_options all = {.resources = "license:3", .retries = 2};
    dmpi_key keys[8], heir;
    for (int i = 0; i < 8; i++) keys[i] = submit(fail_with_it, all);
    OK(dmpi_submit(pool, linger, keys, 1, NULL, 0, &all, &heir));
    CU_ASSERT_EQUAL(bits(get_stay(submit(linger, all)).ids[2]), 3);
    for (int i = 0; i < 8; i++) {
        dmpi_failure failure;
        OK(dmpi_error(pool, keys[i], &failure));
        CU_ASSERT_STRING_EQUAL(failure.text, "attempt 2");
        job_drop(keys[i]);
    }
    REFUSED(DMPI_EFAILED, dmpi_wait(pool, &heir, 1, DMPI_ALL, -1, NULL));
    job_drop(heir);
}

static void tasks_without_wishes_go_by(void)
{
    dmpi_task_options tape = {.resources = "tape", .rank = 1, .hard = 1};
    dmpi_key keys[TASKS];
    for (int i = 0; i < TASKS; i++) keys[i] = submit(linger, tape);
    dmpi_key plain = submit(linger, (dmpi_task_options){0});
    double end = get_stay(plain).end;
    int later = 0;
    for (int i = 0; i < TASKS; i++) later += get_stay(keys[i]).end > end;
    CU_ASSERT(later > 0);
}

/* ---- cores, nodes --------------------------------------------------------*/

static struct threads threads_of(int rank, int cores)
{
    struct threads threads = {{0}, 0};
    dmpi_task_options options = {.rank = rank, .hard = 1, .cores = cores};
    dmpi_key key = submit(look_at_threads, options);
    OK(dmpi_get(pool, key, &threads, sizeof threads, NULL));
    job_drop(key);
    return threads;
}

static void tasks_have_the_cores_that_they_want(void)
{
    dmpi_worker table[RANKS_MAX];
    size_t workers;
    char text[16];
    OK(dmpi_rank_workers(table, RANKS_MAX, &workers));
    for (size_t i = 0; i < workers; i++) {
        struct threads before = threads_of(table[i].rank, 0);
        for (int cores = 1; cores <= table[i].cores; cores++) {
            struct threads now = threads_of(table[i].rank, cores);
            snprintf(text, sizeof text, "%d", cores);
            CU_ASSERT_STRING_EQUAL(now.variable, text);
            if (!table[i].bound) CU_ASSERT_EQUAL(now.cpus, before.cpus);
            if (table[i].bound) /* cores have equally many threads */
                CU_ASSERT_EQUAL(now.cpus * table[i].cores, before.cpus * cores);
        }
        struct threads after = threads_of(table[i].rank, 0);
        CU_ASSERT_STRING_EQUAL(after.variable, before.variable);
        CU_ASSERT_EQUAL(after.cpus, before.cpus);
    }
}

static void nodes_are_targets(void)
{
    dmpi_worker table[RANKS_MAX];
    size_t workers;
    OK(dmpi_rank_workers(table, RANKS_MAX, &workers));
    for (size_t i = 0; i < workers; i++) {
        dmpi_key keys[10];
        dmpi_task_options there = {.node = table[i].node + 1, .hard = 1};
        OK(dmpi_map(pool, linger, 10, NULL, NULL, 0, &there, keys));
        for (int k = 0; k < 10; k++)
            CU_ASSERT_EQUAL(table[get_stay(keys[k]).rank - 1].node,
                            table[i].node);
        there.hard = 0;
        there.resources = "gpu";
        CU_ASSERT_EQUAL(table[get_stay(submit(linger, there)).rank - 1].node,
                        table[i].node);
    }
    dmpi_key key = 77;
    dmpi_task_options bad[] = {
        {.node = 1000}, {.node = -1}, {.node = 1, .rank = 1}, {.hard = 1}};
    for (size_t i = 0; i < CHECK_COUNT(bad); i++)
        REFUSED(DMPI_EINVAL,
                dmpi_submit(pool, linger, NULL, 0, NULL, 0, &bad[i], &key));
    CU_ASSERT_EQUAL(key, 77);
}

/* With two nodes, two copies are on both. */
static void copies_go_to_different_nodes(void)
{
    dmpi_worker table[RANKS_MAX];
    size_t workers, holders;
    int ranks[RANKS_MAX], number = 5, nodes = 0;
    dmpi_key key;
    OK(dmpi_rank_workers(table, RANKS_MAX, &workers));
    for (size_t i = 0; i < workers; i++) nodes |= 1 << table[i].node;
    if (workers < 2) return;
    for (int rank = 1; rank <= (int)workers; rank++) {
        OK(dmpi_put(pool, &number, sizeof number, rank, &key));
        OK(dmpi_replicate(pool, key, 2));
        OK(dmpi_rank_who_has(key, ranks, RANKS_MAX, &holders));
        CU_ASSERT_EQUAL_FATAL(holders, 2);
        int seen =
            1 << table[ranks[0] - 1].node | 1 << table[ranks[1] - 1].node;
        CU_ASSERT(bits((unsigned)nodes) < 2 || bits((unsigned)seen) == 2);
        job_drop(key);
    }
}

/* What the launcher says, before MPI runs. */
static bool is_rank_0(void)
{
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    if (!rank) rank = getenv("PMI_RANK");
    return !rank || atoi(rank) == 0;
}

int main(void)
{
    static const struct check_test tests[] = {
        {"tasks are told which they have", tasks_are_told_which_they_have},
        {"nobody has what another has", nobody_has_what_another_has},
        {"what nobody ever has is refused", what_nobody_ever_has_is_refused},
        {"graphs and maps ask like single tasks",
         graphs_and_maps_ask_like_single_tasks},
        {"failed tasks give back what they had",
         failed_tasks_give_back_what_they_had},
        {"tasks without wishes go by", tasks_without_wishes_go_by},
        {"tasks have the cores that they want",
         tasks_have_the_cores_that_they_want},
        {"nodes are targets", nodes_are_targets},
        {"copies go to different nodes", copies_go_to_different_nodes},
    };
    putenv(is_rank_0() ? resources : others);
    return job_run("resources", tests, CHECK_COUNT(tests));
}
