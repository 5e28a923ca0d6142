/* SPDX-License-Identifier: BSD-3-Clause */
/* binding.c - divide the cores of a node among its ranks.
 *
 * Everybody starts with its mask as its part, and a part only ever shrinks: so
 * nobody is planned outside of its mask. */
#include "binding.h"

#include "cpuset.h"
#include "machine.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* All ranks of the node. */
struct node {
    hwloc_topology_t tree; /* borrowed */
    int ranks;
    int center;            /* a rank of this node, or -1 */
    hwloc_bitmap_t *masks; /* owned, by rank: what it may use */
    hwloc_bitmap_t *parts; /* owned, by rank: what it shall use */
};

/* The ranks that have one mask in common, and the cores of that mask. */
struct team {
    hwloc_const_bitmap_t mask; /* borrowed from the node */
    int *workers;              /* owned: ranks, ascending */
    int worker_count;
    bool has_center;
    hwloc_obj_t *cores; /* owned array; in hwloc's logical order */
    int core_count;     /* those that the workers divide */
    enum binding_policy policy;
};

/* The first cores of the shares that a team's cores are cut into, each as one
 * of its hardware threads. */
struct heads {
    hwloc_bitmap_t left;  /* owned: of shares nobody has yet */
    hwloc_bitmap_t taken; /* owned: of the others */
};

static void *array_new(int count, size_t size)
{
    void *array = calloc(count ? (size_t)count : 1, size);

    if (!array) {
        fprintf(stderr, "distmpi: no memory to plan the binding\n");
        abort();
    }
    return array;
}

/* --- the node ----------------------------------------------------------- */

static void node_init(struct node *node, struct machine *machine, int ranks,
                      int center)
{
    node->tree = machine->tree;
    node->ranks = ranks;
    node->center = center;
    node->masks = array_new(ranks, sizeof *node->masks);
    node->parts = array_new(ranks, sizeof *node->parts);
    for (int rank = 0; rank < ranks; rank++) {
        node->masks[rank] = cpuset_new();
        node->parts[rank] = cpuset_new();
    }
}

static void node_fini(struct node *node)
{
    for (int rank = 0; rank < node->ranks; rank++) {
        hwloc_bitmap_free(node->masks[rank]);
        hwloc_bitmap_free(node->parts[rank]);
    }
    free(node->masks);
    free(node->parts);
}

/* Give each rank what it started with. False: not a list. */
static bool node_take_masks(struct node *node, const char *const masks[])
{
    hwloc_const_bitmap_t allowed =
        hwloc_topology_get_allowed_cpuset(node->tree);

    for (int rank = 0; rank < node->ranks; rank++) {
        hwloc_bitmap_t mask = node->masks[rank];
        if (!cpuset_parse(mask, masks[rank])) return false;
        hwloc_bitmap_and(mask, mask, allowed);
        if (hwloc_bitmap_iszero(mask)) hwloc_bitmap_copy(mask, allowed);
        hwloc_bitmap_copy(node->parts[rank], mask);
    }
    return true;
}

static bool same_mask(const struct node *node, int a, int b)
{
    return hwloc_bitmap_isequal(node->masks[a], node->masks[b]);
}

static bool is_first_of_its_mask(const struct node *node, int rank)
{
    for (int other = 0; other < rank; other++)
        if (same_mask(node, other, rank)) return false;
    return true;
}

/* Does RANK's mask share CPUs with another one without being equal to it? */
static bool half_overlaps(const struct node *node, int rank)
{
    for (int other = 0; other < node->ranks; other++)
        if (!same_mask(node, other, rank) &&
            hwloc_bitmap_intersects(node->masks[other], node->masks[rank]))
            return true;
    return false;
}

/* --- a team divides its mask -------------------------------------------- */

static void team_find_ranks(struct team *team, const struct node *node,
                            int first)
{
    team->workers = array_new(node->ranks, sizeof *team->workers);
    team->worker_count = 0;
    team->has_center = false;
    for (int rank = first; rank < node->ranks; rank++) {
        if (!same_mask(node, rank, first)) continue;
        if (rank == node->center) team->has_center = true;
        else team->workers[team->worker_count++] = rank;
    }
}

static void team_find_cores(struct team *team, const struct node *node)
{
    int count = cpuset_cores(team->mask, node->tree);
    hwloc_obj_t core = NULL;

    team->cores = array_new(count, sizeof(hwloc_obj_t));
    team->core_count = 0;
    while ((core = cpuset_next_core(team->mask, node->tree, core)))
        team->cores[team->core_count++] = core;
}

static void team_init(struct team *team, const struct node *node, int first,
                      enum binding_policy policy)
{
    team->mask = node->masks[first];
    team->policy = policy;
    team_find_ranks(team, node, first);
    team_find_cores(team, node);
}

static void team_fini(struct team *team)
{
    free(team->workers);
    free(team->cores);
}

/* Where share SHARE begins among the team's cores. What does not divide goes to
 * the first shares if compact. If spread it goes to shares at even distances,
 * which leaves equally many workers in each half of the machine. */
static int share_begin(const struct team *team, int share)
{
    int cores = team->core_count;
    int shares = team->worker_count;
    int extra = cores % shares;

    if (team->policy == BINDING_SPREAD)
        return (share * cores + shares - 1) / shares;
    return share * (cores / shares) + (share < extra ? share : extra);
}

/* Shrink PART to the team's cores BEGIN .. END - 1. */
static void part_set(hwloc_bitmap_t part, const struct team *team, int begin,
                     int end)
{
    hwloc_bitmap_zero(part);
    for (int i = begin; i < end; i++)
        hwloc_bitmap_or(part, part, team->cores[i]->cpuset);
    hwloc_bitmap_and(part, part, team->mask);
}

static unsigned head_of(hwloc_obj_t core)
{
    return (unsigned)hwloc_bitmap_first(core->cpuset);
}

static void heads_init(struct heads *heads, const struct team *team)
{
    heads->left = cpuset_new();
    heads->taken = cpuset_new();
    for (int share = 0; share < team->worker_count; share++) {
        hwloc_obj_t core = team->cores[share_begin(team, share)];
        hwloc_bitmap_set(heads->left, head_of(core));
    }
}

static void heads_fini(struct heads *heads)
{
    hwloc_bitmap_free(heads->left);
    hwloc_bitmap_free(heads->taken);
}

static int taken_below(const struct heads *heads, hwloc_obj_t object)
{
    hwloc_bitmap_t both = cpuset_new();
    int count;

    hwloc_bitmap_and(both, heads->taken, object->cpuset);
    count = hwloc_bitmap_weight(both);
    hwloc_bitmap_free(both);
    return count;
}

/* The child of OBJECT that has a free share and the fewest taken ones. */
static hwloc_obj_t emptiest_child(const struct heads *heads, hwloc_obj_t object)
{
    hwloc_obj_t best = NULL;
    int fewest = INT_MAX;

    for (hwloc_obj_t child = object->first_child; child;
         child = child->next_sibling) {
        if (!hwloc_bitmap_intersects(heads->left, child->cpuset)) continue;
        int taken = taken_below(heads, child);
        if (taken < fewest) {
            best = child;
            fewest = taken;
        }
    }
    return best;
}

/* Take the free share that is farthest from the taken ones: at each level of
 * the machine (packages, NUMA nodes, caches) turn to where the fewest are. */
static int heads_take_farthest(struct heads *heads, const struct node *node,
                               const struct team *team)
{
    hwloc_obj_t core = hwloc_get_root_obj(node->tree);
    int share = 0;

    while (core->depth < team->cores[0]->depth)
        core = emptiest_child(heads, core);
    hwloc_bitmap_clr(heads->left, head_of(core));
    hwloc_bitmap_set(heads->taken, head_of(core));
    while (team->cores[share_begin(team, share)] != core) share++;
    return share;
}

static void workers_divide(const struct team *team, struct node *node)
{
    struct heads heads;

    heads_init(&heads, team);
    for (int i = 0; i < team->worker_count; i++) {
        int share = team->policy == BINDING_SPREAD
                        ? heads_take_farthest(&heads, node, team)
                        : i;
        part_set(node->parts[team->workers[i]], team, share_begin(team, share),
                 share_begin(team, share + 1));
    }
    heads_fini(&heads);
}

/* The center gets the last core: the workers' shares then begin where packages
 * and caches begin. */
static void team_divide(struct team *team, struct node *node)
{
    if (team->worker_count + team->has_center == 1 ||
        team->core_count < team->worker_count)
        return;
    if (team->has_center && team->core_count > team->worker_count) {
        int last = --team->core_count;
        part_set(node->parts[node->center], team, last, last + 1);
    }
    workers_divide(team, node);
}

static void node_divide(struct node *node, enum binding_policy policy)
{
    for (int rank = 0; rank < node->ranks; rank++) {
        struct team team;
        if (!is_first_of_its_mask(node, rank) || half_overlaps(node, rank))
            continue;
        team_init(&team, node, rank, policy);
        team_divide(&team, node);
        team_fini(&team);
    }
}

/* --- the plan ----------------------------------------------------------- */

/* Is no worker but RANK planned onto RANK's cores, be it onto another hardware
 * thread of them? */
static bool has_cores_alone(const struct node *node, int rank)
{
    hwloc_bitmap_t cores = cpuset_new();
    hwloc_obj_t core = NULL;
    bool alone = true;

    while ((core = cpuset_next_core(node->parts[rank], node->tree, core)))
        hwloc_bitmap_or(cores, cores, core->cpuset);
    for (int other = 0; other < node->ranks; other++)
        if (other != rank && other != node->center &&
            hwloc_bitmap_intersects(node->parts[other], cores))
            alone = false;
    hwloc_bitmap_free(cores);
    return alone;
}

static void rank_report(const struct node *node, int rank,
                        struct binding *binding)
{
    hwloc_bitmap_t printed = cpuset_new();

    cpuset_print(node->parts[rank], binding->cpus, sizeof binding->cpus);
    cpuset_parse(printed, binding->cpus); /* less, if it did not fit */
    binding->cores = cpuset_cores(printed, node->tree);
    binding->own = !half_overlaps(node, rank) && has_cores_alone(node, rank);
    hwloc_bitmap_free(printed);
}

bool binding_plan(struct machine *machine, const char *const masks[], int ranks,
                  int center, enum binding_policy policy, struct binding plan[])
{
    struct node node;
    bool readable;

    node_init(&node, machine, ranks, center);
    readable = node_take_masks(&node, masks);
    if (readable) {
        if (policy != BINDING_NONE) node_divide(&node, policy);
        for (int rank = 0; rank < ranks; rank++)
            rank_report(&node, rank, &plan[rank]);
    }
    node_fini(&node);
    return readable;
}
