/* SPDX-License-Identifier: BSD-3-Clause */
/* uts.c - count the nodes of a tree that is not known before: "unbalanced tree
 * search".
 *
 *     mpirun -np 3 build/apps/uts [-t TYPE] [-a SHAPE] [-b B] [-d DEPTH]
 *                                 [-q Q] [-m M] [-r SEED] [--rate]
 *
 * The trees are those of S. Olivier, J. Huan, J. Liu, J. Prins, J. Dinan,
 * P. Sadayappan, C.-W. Tseng: "UTS: An Unbalanced Tree Search Benchmark", LCPC
 * 2006. A node is 20 bytes, the SHA-1 of its parent's and of its number there,
 * and these bytes say how many children it has:
 *
 *     -t 0   M children with probability Q, else none; the root has B
 *     -t 1   on average, distributed geometrically and 100 at most, B children
 *            down to level DEPTH (-a 3), or fewer on each level (-a 0)
 *
 * Without options it is T1: -t 1 -a 3 -d 10 -b 4 -r 19, of 4130071 nodes.
 *
 * A task searches depth first. When it has met GRAIN nodes it deals those that
 * it has still to look at to two new tasks and goes on as the sum of all three.
 *
 * --rate: how fast, beside the same search without tasks on rank 0, over as many
 * cores as there are workers. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <nettle/sha1.h>
#include <unistd.h>

#include "bench.h"

enum { GRAIN = 32768, CHILDREN_MAX = 100, PARTS = 2, RUNS = 7 };

/* -t and -a */
enum { BINOMIAL, GEOMETRIC };
enum { LINEAR, FIXED = 3 };

/* Constant "tree" of the tasks. */
struct tree {
    double b, q;
    int32_t type, shape, depth, m, seed;
};

struct node {
    uint8_t state[SHA1_DIGEST_SIZE];
    int32_t level;
};

/* ---- the tree ------------------------------------------------------------*/

/* The hash of SIZE bytes and of NUMBER, most significant byte first. */
static void hash(uint8_t state[], const uint8_t *bytes, size_t size,
                 uint32_t number)
{
    struct sha1_ctx context;
    uint32_t big_endian = htonl(number);

    sha1_init(&context);
    sha1_update(&context, size, bytes);
    sha1_update(&context, sizeof big_endian, (const uint8_t *)&big_endian);
    sha1_digest(&context, SHA1_DIGEST_SIZE, state);
}

static struct node root_of(const struct tree *tree)
{
    static const uint8_t zeros[16];
    struct node root = {.level = 0};

    hash(root.state, zeros, sizeof zeros, (uint32_t)tree->seed);
    return root;
}

/* A number in [0, 1) that belongs to NODE: 31 of its bits. */
static double random_of(const struct node *node)
{
    uint32_t bits;

    memcpy(&bits, node->state + SHA1_DIGEST_SIZE - sizeof bits, sizeof bits);
    return (ntohl(bits) & 0x7fffffff) / 2147483648.0;
}

/* How many children a node of LEVEL has on average. */
static double mean_of(const struct tree *tree, int level)
{
    if (level >= tree->depth) return 0;
    if (tree->shape == FIXED) return tree->b;
    return tree->b * (1 - (double)level / tree->depth);
}

static int children_geometric(const struct tree *tree, const struct node *node)
{
    double mean = mean_of(tree, node->level);

    if (mean <= 0) return 0;
    double p = 1 / (1 + mean);
    double count = floor(log(1 - random_of(node)) / log(1 - p));
    return count < CHILDREN_MAX ? (int)count : CHILDREN_MAX;
}

static int children_of(const struct tree *tree, const struct node *node)
{
    if (tree->type == GEOMETRIC) return children_geometric(tree, node);
    if (!node->level) return (int)tree->b;
    return random_of(node) < tree->q ? tree->m : 0;
}

/* ---- the search ----------------------------------------------------------*/

/* The nodes still to look at, the deepest last. */
struct stack {
    struct node *nodes; /* owned */
    size_t count, room;
};

static void make_room(struct stack *stack, size_t more)
{
    if (stack->count + more <= stack->room) return;
    stack->room = 2 * (stack->count + more);
    stack->nodes = realloc(stack->nodes, stack->room * sizeof *stack->nodes);
    if (!stack->nodes) {
        fprintf(stderr, "uts: out of memory\n");
        exit(1);
    }
}

static void push(struct stack *stack, const struct node nodes[], size_t count)
{
    make_room(stack, count);
    memcpy(stack->nodes + stack->count, nodes, count * sizeof *nodes);
    stack->count += count;
}

/* Look at the last node: its children take its place. */
static void expand(const struct tree *tree, struct stack *stack)
{
    struct node node = stack->nodes[--stack->count];
    int count = children_of(tree, &node);

    make_room(stack, (size_t)count);
    for (int i = 0; i < count; i++) {
        struct node *child = &stack->nodes[stack->count++];
        hash(child->state, node.state, sizeof node.state, (uint32_t)i);
        child->level = node.level + 1;
    }
}

/* Until nothing is left, or MOST nodes have been met. Returns how many were. */
static uint64_t search(const struct tree *tree, struct stack *stack,
                       uint64_t most)
{
    uint64_t met = 0;

    for (; stack->count && met < most; met++) expand(tree, stack);
    return met;
}

static uint64_t search_alone(const struct tree *tree)
{
    struct stack stack = {.nodes = NULL};
    struct node root = root_of(tree);

    push(&stack, &root, 1);
    uint64_t met = search(tree, &stack, UINT64_MAX);
    free(stack.nodes);
    return met;
}

/* ---- the tasks -----------------------------------------------------------*/

/* ARGS: a count, to which those of the inputs are added. */
DMPI_TASK(add)
{
    const uint64_t *met = dmpi_task_args(task);
    uint64_t *sum = dmpi_task_output(task, sizeof *sum);

    *sum = *met;
    for (size_t i = 0; i < dmpi_task_input_count(task); i++)
        *sum += *(const uint64_t *)dmpi_task_input(task, i);
}

static dmpi_status deal(dmpi_task *task, const struct stack *stack,
                        uint64_t met);

/* ARGS: nodes whose subtrees are to be searched. */
DMPI_TASK(search_subtrees)
{
    const struct tree *tree = dmpi_task_constant(task, "tree", NULL);
    struct stack stack = {.nodes = NULL};

    push(&stack, dmpi_task_args(task),
         dmpi_task_args_size(task) / sizeof(struct node));
    uint64_t met = search(tree, &stack, GRAIN);
    if (stack.count) {
        if (deal(task, &stack, met))
            dmpi_fail(task, "%s", dmpi_status_detail());
    } else {
        uint64_t *sum = dmpi_task_output(task, sizeof *sum);
        *sum = met;
    }
    free(stack.nodes);
}

/* The nodes of STACK to new tasks in turn, so that each has some of all levels;
 * TASK, which has MET so many, goes on as the sum. */
static dmpi_status deal(dmpi_task *task, const struct stack *stack,
                        uint64_t met)
{
    dmpi_pool *pool = dmpi_task_pool(task);
    struct stack part = {.nodes = NULL};
    dmpi_key keys[PARTS];
    size_t parts = stack->count < PARTS ? stack->count : PARTS, count = 0;
    dmpi_status status = DMPI_OK;

    for (; count < parts; count++) {
        part.count = 0;
        for (size_t i = count; i < stack->count; i += parts)
            push(&part, &stack->nodes[i], 1);
        status =
            dmpi_submit(pool, search_subtrees, NULL, 0, part.nodes,
                        part.count * sizeof *part.nodes, NULL, &keys[count]);
        if (status) break;
    }
    free(part.nodes);
    if (!status)
        status =
            dmpi_task_go_on(task, add, keys, count, &met, sizeof met, NULL);
    dmpi_drop(pool, keys, count);
    return status;
}

static dmpi_status search_by_tasks(dmpi_pool *pool, const struct tree *tree,
                                   uint64_t *met)
{
    struct node root = root_of(tree);
    dmpi_key key;
    dmpi_status status = dmpi_submit(pool, search_subtrees, NULL, 0, &root,
                                     sizeof root, NULL, &key);

    if (!status) status = dmpi_get(pool, key, met, sizeof *met, NULL);
    if (!status) status = dmpi_drop(pool, &key, 1);
    return status;
}

/* ---- what is asked for ---------------------------------------------------*/

static int report(dmpi_status status, uint64_t met)
{
    if (status) fprintf(stderr, "uts: %s\n", dmpi_status_detail());
    else printf("nodes %" PRIu64 "\n", met);
    return status ? 1 : 0;
}

/* Workers, or cores if there are fewer here. */
static double cores_of(const dmpi_pool *pool)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return fmin((double)dmpi_workers(pool), (double)cores);
}

/* Both ways in turn, RUNS times. */
static int compare(dmpi_pool *pool, const struct tree *tree)
{
    struct bench_figures ours = {.count = 0}, alone = {.count = 0};
    uint64_t met = 0, expected;
    dmpi_status status = DMPI_OK;

    for (int run = 0; !status && run < RUNS; run++) {
        double start = MPI_Wtime();
        expected = search_alone(tree);
        double between = MPI_Wtime();
        status = search_by_tasks(pool, tree, &met);
        bench_add(&ours, (double)met / (MPI_Wtime() - between) / 1e6);
        bench_add(&alone, (double)expected / (between - start) / 1e6);
        if (!status && met != expected) bench_require(DMPI_EFAILED, "nodes");
    }
    if (report(status, met)) return 1;
    bench_print("by tasks", &ours, "Mnodes/s");
    bench_print("sequentially", &alone, "Mnodes/s");
    double all = bench_median(&alone) * cores_of(pool);
    double ratio = bench_median(&ours) / all;
    printf("ratio of tasks / (sequential x %g cores) %.3f\n", cores_of(pool),
           ratio);
    bench_result("tree search", bench_median(&ours), "Mnodes/s", all, ratio,
                 0.95, 0);
    return 0;
}

static int lead(dmpi_pool *pool, const struct tree *tree, int rate)
{
    uint64_t met = 0;
    dmpi_status status = dmpi_constant(pool, "tree", tree, sizeof *tree);

    if (!status && rate) return compare(pool, tree);
    if (!status) status = search_by_tasks(pool, tree, &met);
    return report(status, met);
}

static int usage(void)
{
    fprintf(stderr,
            "usage: uts [-t 0|1] [-a 0|3] [-b B] [-d DEPTH] [-q Q] [-m M] "
            "[-r SEED] [--rate], B and M from 1, Q x M below 1\n");
    return 2;
}

/* Does TREE make sense, and end? */
static int is_good(const struct tree *tree)
{
    if (tree->type != BINOMIAL && tree->type != GEOMETRIC) return 0;
    if (tree->shape != LINEAR && tree->shape != FIXED) return 0;
    if (!(tree->b >= 1 && tree->b <= 1e6) || tree->depth < 1) return 0;
    if (!(tree->q >= 0) || tree->m < 1 || tree->m > CHILDREN_MAX) return 0;
    return tree->type == GEOMETRIC || tree->q * tree->m < 1;
}

/* False: TEXT is no number. */
static int read_real(const char *text, double *number)
{
    char *end;

    *number = strtod(text, &end);
    return end != text && !*end;
}

static int read_whole(const char *text, int32_t *number)
{
    double real;

    if (!read_real(text, &real) || !(real >= 0 && real <= INT32_MAX)) return 0;
    *number = (int32_t)real;
    return *number == real;
}

/* False: there is no such OPTION, or TEXT is nothing for it. */
static int set(struct tree *tree, int option, const char *text)
{
    switch (option) {
    case 't': return read_whole(text, &tree->type);
    case 'a': return read_whole(text, &tree->shape);
    case 'b': return read_real(text, &tree->b);
    case 'd': return read_whole(text, &tree->depth);
    case 'q': return read_real(text, &tree->q);
    case 'm': return read_whole(text, &tree->m);
    case 'r': return read_whole(text, &tree->seed);
    default: return 0;
    }
}

static int read_options(int argc, char **argv, struct tree *tree, int *rate)
{
    int option;

    *rate = bench_flag(&argc, argv, "--rate");
    opterr = 0;
    while ((option = getopt(argc, argv, "t:a:b:d:q:m:r:")) != -1)
        if (!set(tree, option, optarg)) return 0;
    return optind == argc && is_good(tree);
}

int main(int argc, char **argv)
{
    struct tree tree = {4, 0.124875, GEOMETRIC, FIXED, 10, 8, 19};
    dmpi_pool *pool;
    int rate, code = 0;

    if (!read_options(argc, argv, &tree, &rate)) return usage();
    if (dmpi_open(NULL, &pool)) return 2;
    if (pool) {
        code = lead(pool, &tree, rate);
        dmpi_close(pool);
    }
    return code;
}
