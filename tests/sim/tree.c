/* SPDX-License-Identifier: BSD-3-Clause */
/* tree.c - each task a small state machine, kept by its key. */
#include "tree.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "failure.h"
#include "log.h"
#include "oracle.h"
#include "random.h"

enum {
    CHILDREN_MAX = 4,
    ROOTS_MAX = 16,
    GROW = 0,
    COMBINE = 1,
    ROUNDS_MAX = 2000 * 1000,
    KNOWN = 64, /* keys that may be cancelled */
    TIMEOUT_NS_MAX = 2000 * 1000
};

enum way { WAIT_ALL, WAIT_EACH, WAIT_ANY, GO_ON, LEAVE, WAYS };

struct args {
    uint64_t seed;
    uint64_t peek; /* a key to ask for from the inside; 0: none */
    uint32_t depth;
    uint32_t retries;
};

/* What the arguments decide. */
struct plan {
    enum way way;
    unsigned children; /* 0: it ends at once */
    unsigned fails;    /* so many times; no more often than it may be tried */
    bool chain[CHILDREN_MAX]; /* this child uses the one before it, */
    bool peeks[CHILDREN_MAX]; /* or asks for it */
    struct args args[CHILDREN_MAX];
    int target[CHILDREN_MAX];
    uint64_t timeout_ns[CHILDREN_MAX];
};

struct outcome {
    uint64_t word;
    bool failed;
};

/* A task that has begun and not ended. */
struct frame {
    struct plan plan;
    int rank;
    bool fails; /* this time */
    struct waiter waiter;
    struct inquiry *inquiries[CHILDREN_MAX];
    uint64_t keys[CHILDREN_MAX];
    uint64_t words[CHILDREN_MAX];
    unsigned asked; /* children, by WAIT_EACH */
    bool peeked, failed, submitted, looked;
    uint64_t peek_word;
};

struct tree {
    const struct tree_flavour *flavour;
    struct cluster *cluster;
    struct map frames;
    uint64_t random; /* for what is done to the tree */
    uint64_t known[KNOWN];
    size_t known_count; /* so far, the last ones are there */
    bool cut;           /* some task may have been cut short */
    bool good;
};

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t state = a * 31 + b;
    return random_next(&state);
}

static void plan_terms(struct plan *plan, uint64_t *random, unsigned i)
{
    plan->args[i].retries = random_below(random, 3);
    if (random_one_in(random, 2))
        plan->timeout_ns[i] = 1 + random_below(random, TIMEOUT_NS_MAX);
}

static void plan_child(struct plan *plan, const struct tree_flavour *flavour,
                       uint64_t *random, const struct args *args, unsigned i)
{
    bool waits = plan->way <= WAIT_ANY;
    unsigned less = 1 + random_below(random, 2);
    plan->args[i] =
        (struct args){.seed = random_next(random),
                      .depth = args->depth > less ? args->depth - less : 0};
    unsigned kind = random_below(random, 4);
    plan->chain[i] = i && kind == 0;
    plan->peeks[i] = i && waits && kind == 1;
    plan->target[i] =
        flavour->target_one_in && random_one_in(random, flavour->target_one_in)
            ? 1 + (int)random_below(random, 64)
            : 0;
    if (flavour->terms_one_in && random_one_in(random, flavour->terms_one_in))
        plan_terms(plan, random, i);
}

static void make_plan(struct plan *plan, const struct tree_flavour *flavour,
                      const struct args *args)
{
    uint64_t random = args->seed;
    *plan = (struct plan){.way = random_below(&random, WAYS)};
    if (flavour->fail_one_in && random_one_in(&random, flavour->fail_one_in))
        plan->fails = 1 + random_below(&random, 1 + args->retries);
    if (plan->fails > args->retries) plan->fails = UINT_MAX;
    if (args->depth) plan->children = 1 + random_below(&random, CHILDREN_MAX);
    for (unsigned i = 0; i < plan->children; i++)
        plan_child(plan, flavour, &random, args, i);
}

/* ---- what it should give -------------------------------------------------*/

static struct outcome combine(uint64_t seed, const struct outcome *children,
                              unsigned count)
{
    struct outcome sum = {mix(seed, count), false};
    for (unsigned i = 0; i < count; i++) {
        sum.word = mix(sum.word, children[i].word);
        sum.failed |= children[i].failed;
    }
    return sum;
}

/* EXTRA: its input, or what it asks for; NULL: none. */
static struct outcome foretell(const struct tree_flavour *flavour,
                               const struct args *args,
                               const struct outcome *extra)
{
    struct plan plan;
    struct outcome children[CHILDREN_MAX], sum;
    uint64_t seed = args->seed + (extra ? extra->word : 0);
    make_plan(&plan, flavour, args);
    if (extra && extra->failed) return (struct outcome){0, true};
    if (plan.fails > args->retries) return (struct outcome){0, true};
    if (!plan.children || plan.way == LEAVE)
        return (struct outcome){mix(seed, 0), false};
    for (unsigned i = 0; i < plan.children; i++)
        children[i] =
            foretell(flavour, &plan.args[i],
                     plan.chain[i] || plan.peeks[i] ? &children[i - 1] : NULL);
    sum = combine(seed, children, plan.children);
    return sum.failed ? (struct outcome){0, true} : sum;
}

/* ---- what it does --------------------------------------------------------*/

static void complain(struct tree *tree, const char *what, uint64_t key)
{
    if (tree->good)
        fprintf(stderr, "%s, key %llx\n", what, (unsigned long long)key);
    tree->good = false;
}

static struct nest *nest_of(struct tree *tree, int rank)
{
    return worker_nest(cluster_worker(tree->cluster, rank));
}

static uint64_t extra_word(const struct frame *frame, struct job *job)
{
    if (job->inputs) {
        uint64_t word;
        memcpy(&word, job_inputs(job)[0]->buffer->data, sizeof word);
        return word;
    }
    return frame->peek_word;
}

static void set_terms(struct tree *tree, struct task_order *order,
                      const struct args *args, uint64_t timeout_ns)
{
    if (!args->retries && !timeout_ns) return;
    order->flags |= RUN_TERMS;
    order->terms.retries = (uint16_t)args->retries;
    order->terms.timeout_ns = timeout_ns;
    tree->cut |= timeout_ns != 0;
}

/* KEY may be cancelled from now on. */
static void note_key(struct tree *tree, uint64_t key)
{
    tree->known[tree->known_count++ % KNOWN] = key;
}

static void submit_children(struct tree *tree, struct nest *nest,
                            struct job *job, struct frame *frame)
{
    const struct plan *plan = &frame->plan;
    frame->submitted = true;
    for (unsigned i = 0; i < plan->children; i++) {
        struct args args = plan->args[i];
        if (plan->peeks[i]) args.peek = frame->keys[i - 1];
        int target = plan->target[i] % (tree->cluster->ranks);
        struct task_order order = {.function = GROW,
                                   .inputs = &frame->keys[i ? i - 1 : 0],
                                   .input_count = plan->chain[i],
                                   .args = &args,
                                   .size = sizeof args,
                                   .target = target};
        set_terms(tree, &order, &args, plan->timeout_ns[i]);
        frame->keys[i] = nest_submit(nest, job, &order);
        note_key(tree, frame->keys[i]);
    }
}

static void release_children(struct nest *nest, const struct frame *frame)
{
    for (unsigned i = 0; i < frame->plan.children; i++)
        custody_release(nest->custody, frame->keys[i]);
}

/* False: an answer says that it failed. */
static bool close_one(struct nest *nest, struct inquiry *inquiry)
{
    bool good = inquiry_request(inquiry)->status != DMPI_EFAILED;
    nest_close(nest, inquiry);
    return good;
}

/* The inquiries FIRST up to END are settled. */
static void close_all(struct nest *nest, struct frame *frame, unsigned first,
                      unsigned end)
{
    for (unsigned i = first; i < end; i++)
        frame->failed |= !close_one(nest, frame->inquiries[i]);
}

static void ask(struct nest *nest, struct frame *frame, unsigned i, bool value)
{
    frame->inquiries[i] =
        nest_ask(nest, &frame->waiter, frame->keys[i], &frame->words[i],
                 value ? sizeof frame->words[i] : 0);
}

/* First whether any has ended, then the values of all. True: it waits. */
static bool wait_any(struct nest *nest, struct job *job, struct frame *frame)
{
    unsigned count = frame->plan.children;
    if (frame->looked) return false;
    frame->looked = true;
    waiter_init(&frame->waiter, job);
    for (unsigned i = 0; i < count; i++) ask(nest, frame, i, false);
    return !nest_block(nest, &frame->waiter, false, UINT64_MAX);
}

static bool wait_all(struct nest *nest, struct job *job, struct frame *frame)
{
    unsigned count = frame->plan.children;
    if (frame->plan.way == WAIT_ANY && frame->asked == 0)
        for (unsigned i = 0; i < count; i++)
            nest_close(nest, frame->inquiries[i]);
    frame->asked = count;
    waiter_init(&frame->waiter, job);
    for (unsigned i = 0; i < count; i++) ask(nest, frame, i, true);
    return !nest_block(nest, &frame->waiter, true, UINT64_MAX);
}

static bool wait_each(struct nest *nest, struct job *job, struct frame *frame)
{
    while (frame->asked < frame->plan.children) {
        unsigned i = frame->asked++;
        if (i) close_all(nest, frame, i - 1, i);
        waiter_init(&frame->waiter, job);
        ask(nest, frame, i, true);
        if (!nest_block(nest, &frame->waiter, true, UINT64_MAX)) return true;
    }
    return false;
}

/* True: it waits for children. */
static bool wait_for_children(struct nest *nest, struct job *job,
                              struct frame *frame)
{
    if (frame->plan.way == WAIT_EACH) return wait_each(nest, job, frame);
    if (frame->asked) return false;
    if (frame->plan.way == WAIT_ANY && wait_any(nest, job, frame)) return true;
    return wait_all(nest, job, frame);
}

static void end_waits(struct nest *nest, struct frame *frame)
{
    unsigned count = frame->plan.children;
    bool each = frame->plan.way == WAIT_EACH;
    close_all(nest, frame, each ? count - 1 : 0, count);
}

/* After a loss there may be two jobs of a key. */
static uint64_t id_of(const struct job *job)
{
    return (uint64_t)(uintptr_t)job;
}

static void go_on(struct tree *tree, int rank, struct job *job,
                  struct frame *frame)
{
    struct nest *nest = nest_of(tree, rank);
    const struct args *own = (const void *)job_args(job);
    struct args args = {.seed = own->seed + extra_word(frame, job)};
    struct task_order order = {.function = COMBINE,
                               .inputs = frame->keys,
                               .input_count = frame->plan.children,
                               .args = &args,
                               .size = sizeof args};
    struct job *next = nest_continue(nest, job, &order);
    release_children(nest, frame);
    map_remove(&tree->frames, id_of(job));
    free(frame);
    worker_go_on(cluster_worker(tree->cluster, rank), job, next, 1);
}

/* True: it waits for the key that it asks for. */
static bool peek(struct nest *nest, struct job *job, struct frame *frame)
{
    const struct args *args = (const void *)job_args(job);
    if (!args->peek || frame->peeked) return false;
    frame->peeked = true;
    waiter_init(&frame->waiter, job);
    frame->inquiries[0] = nest_ask(nest, &frame->waiter, args->peek,
                                   &frame->peek_word, sizeof(uint64_t));
    return !nest_block(nest, &frame->waiter, true, UINT64_MAX);
}

static struct frame *frame_of(struct tree *tree, int rank, struct job *job)
{
    struct frame *frame = map_get(&tree->frames, id_of(job));
    if (frame) return frame;
    frame = calloc(1, sizeof *frame);
    frame->rank = rank;
    make_plan(&frame->plan, tree->flavour, (const void *)job_args(job));
    unsigned tried = job_has_terms(job) ? job_terms(job)->tried : 0;
    frame->fails = tried < frame->plan.fails;
    map_add(&tree->frames, id_of(job), frame);
    return frame;
}

static bool waits(void *app, int rank, struct job *job)
{
    struct tree *tree = app;
    struct nest *nest = nest_of(tree, rank);
    if (job->function == COMBINE) return false;
    struct frame *frame = frame_of(tree, rank, job);
    const struct args *args = (const void *)job_args(job);
    if (*frame->waiter.circle) complain(tree, frame->waiter.circle, job->key);
    if (peek(nest, job, frame)) return true;
    if (args->peek && !frame->submitted)
        frame->failed |= !close_one(nest, frame->inquiries[0]);
    if (frame->failed && !frame->submitted) return false;
    if (frame->fails || !frame->plan.children) return false;
    if (!frame->submitted) submit_children(tree, nest, job, frame);
    if (frame->plan.way == GO_ON) {
        go_on(tree, rank, job, frame);
        return true;
    }
    if (frame->plan.way != LEAVE && wait_for_children(nest, job, frame))
        return true;
    if (frame->plan.way != LEAVE) end_waits(nest, frame);
    release_children(nest, frame);
    return false;
}

static struct buffer *give(struct outcome outcome)
{
    if (outcome.failed)
        return failure_new(DMPI_EFAILED, &(struct failure_of){.rank = 1},
                           "foretold");
    struct buffer *buffer = buffer_new(sizeof outcome.word);
    memcpy(buffer->data, &outcome.word, sizeof outcome.word);
    return buffer;
}

static struct buffer *give_combined(struct job *job)
{
    const struct args *args = (const void *)job_args(job);
    struct outcome children[CHILDREN_MAX] = {{0}};
    for (uint32_t i = 0; i < job->inputs; i++)
        memcpy(&children[i].word, job_inputs(job)[i]->buffer->data,
               sizeof(uint64_t));
    return give(combine(args->seed, children, job->inputs));
}

static struct buffer *call(void *app, int rank, struct job *job)
{
    struct tree *tree = app;
    if (job->function == COMBINE) return give_combined(job);
    struct frame *frame = frame_of(tree, rank, job);
    const struct args *args = (const void *)job_args(job);
    uint64_t seed = args->seed + extra_word(frame, job);
    struct outcome outcome = {mix(seed, 0), frame->fails};
    bool sums = frame->plan.children && frame->plan.way != LEAVE;
    if (sums && frame->submitted) {
        struct outcome children[CHILDREN_MAX] = {{0}};
        for (unsigned i = 0; i < frame->plan.children; i++)
            children[i].word = frame->words[i];
        outcome = combine(seed, children, frame->plan.children);
    }
    outcome.failed |= frame->failed;
    map_remove(&tree->frames, id_of(job));
    free(frame);
    return give(outcome);
}

/* ---- the run -------------------------------------------------------------*/

static void check_root(struct tree *tree, const struct args *args, uint64_t key)
{
    struct outcome expected = foretell(tree->flavour, args, NULL);
    struct buffer *buffer = cluster_get(tree->cluster, key);
    uint64_t word = 0;
    if (!buffer->is_error) memcpy(&word, buffer->data, sizeof word);
    bool good = buffer->is_error ? expected.failed || tree->cut
                                 : !expected.failed && word == expected.word;
    if (!good) complain(tree, "a wrong value", key);
    buffer_unref(buffer);
    center_drop(tree->cluster->center, key);
}

/* A key that its task still holds, or that is gone. */
static void cancel_one(struct tree *tree)
{
    size_t count = tree->known_count < KNOWN ? tree->known_count : KNOWN;
    uint64_t key = tree->known[random_below(&tree->random, count)];
    dmpi_status status = center_cancel(tree->cluster->center, key);
    if (status != DMPI_OK && status != DMPI_ENOKEY)
        complain(tree, "cannot cancel", key);
    tree->cut |= status == DMPI_OK;
    center_settle(tree->cluster->center);
}

/* Until all tasks have ended. */
static void run_and_cancel(struct tree *tree)
{
    unsigned one_in =
        1 + random_below(&tree->random, tree->flavour->cancel_one_in);
    while (center_unended(tree->cluster->center) && tree->good) {
        cluster_step(tree->cluster);
        if (random_one_in(&tree->random, one_in)) cancel_one(tree);
    }
}

static void run_to_the_end(struct tree *tree)
{
    for (int i = 0; center_unended(tree->cluster->center); i++) {
        if (i == ROUNDS_MAX) complain(tree, "tasks do not end", 0);
        if (!tree->good) return;
        cluster_step(tree->cluster);
    }
    cluster_run(tree->cluster);
}

static void run_roots(struct tree *tree, uint64_t seed)
{
    struct args args[ROOTS_MAX];
    uint64_t keys[ROOTS_MAX];
    for (unsigned i = 0; i < tree->flavour->roots; i++) {
        args[i] =
            (struct args){.seed = mix(seed, i), .depth = tree->flavour->depth};
        struct task_order order = {
            .function = GROW, .args = &args[i], .size = sizeof args[i]};
        keys[i] = center_submit(tree->cluster->center, &order);
        note_key(tree, keys[i]);
        center_settle(tree->cluster->center);
    }
    if (tree->flavour->cancel_one_in) run_and_cancel(tree);
    for (unsigned i = 0; tree->good && i < tree->flavour->roots; i++)
        check_root(tree, &args[i], keys[i]);
    if (tree->good) run_to_the_end(tree);
}

/* But for those of lost workers. */
static size_t count_frames(const struct tree *tree)
{
    size_t at = 0, left = 0;
    const struct frame *frame;
    while ((frame = map_next(&tree->frames, &at)))
        left += !cluster_member(tree->cluster, frame->rank)->dead;
    return left;
}

/* Those of lost workers wait in them to the end. */
static void free_frames(struct tree *tree)
{
    size_t at = 0;
    struct frame *frame;
    while ((frame = map_next(&tree->frames, &at))) free(frame);
    map_fini(&tree->frames);
}

static void stop(struct tree *tree)
{
    if (tree->good && !cluster_stop(tree->cluster))
        complain(tree, "no clean end", 0);
    size_t left = count_frames(tree);
    if (tree->good && left) complain(tree, "tasks have not ended", left);
}

static struct cluster *any_cluster(struct tree *tree, uint64_t seed)
{
    const struct tree_flavour *flavour = tree->flavour;
    uint64_t random = seed;
    struct cluster_setup setup = {
        .workers =
            1 + (int)random_below(&random, (uint64_t)flavour->workers_max),
        .seed = random_next(&random),
        .steal = !random_one_in(&random, 4),
        .step_ns_max = flavour->step_ns_max,
        .recover = flavour->losses_max,
        .losses_max =
            (int)random_below(&random, (uint64_t)flavour->losses_max + 1),
        .loss_one_in =
            flavour->losses_max ? 100 + random_below(&random, 3000) : 0,
        .check = true,
        .call = call,
        .waits = waits,
        .app = tree};
    return cluster_new(&setup);
}

bool tree_run(uint64_t seed, const struct tree_flavour *flavour)
{
    struct tree tree = {
        .flavour = flavour, .random = mix(seed, 0), .good = true};
    tree.cluster = any_cluster(&tree, seed);
    for (int rank = 1; flavour->blocked_max && rank < tree.cluster->ranks;
         rank++)
        nest_of(&tree, rank)->blocked_max = flavour->blocked_max;
    run_roots(&tree, seed);
    stop(&tree);
    cluster_free(tree.cluster);
    free_frames(&tree);
    return tree.good;
}
