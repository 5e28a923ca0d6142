/* SPDX-License-Identifier: BSD-3-Clause */
/* hello.c - the same program, the same protocol, settings that make sense; then
 * a place for everybody. */
#include "hello.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binding.h"
#include "executor.h"
#include "fault.h"
#include "guard.h"
#include "log.h"
#include "message.h"
#include "registry.h"
#include "scratch.h"

extern char **environ;

enum { WHY_BYTES = 400 };

struct hello {
    uint32_t protocol;
    int32_t status; /* a dmpi_status */
    uint64_t digest;
    int32_t isolate; /* of rank 0: CONFIG_ISOLATE */
    int32_t pad;
    char host[DMPI_HOST_MAX];
    char why[WHY_BYTES];
};

/* ---- agreement -----------------------------------------------------------*/

static void complain(struct hello *hello, dmpi_status status, const char *why)
{
    if (hello->status) return;
    hello->status = status;
    snprintf(hello->why, sizeof hello->why, "%s", why);
}

bool hello_read_supply(const struct config *config, int ranks,
                       struct supply *supply, char *why, size_t why_size)
{
    if (ranks == 1) ranks = 2; /* this process is a worker, too */
    char wrong[WHY_BYTES - 32];
    if (supply_read(supply, config->resources, ranks, wrong, sizeof wrong))
        return true;
    snprintf(why, why_size, "DISTMPI_RESOURCES: %s", wrong);
    return false;
}

/* Rank 0's settings make sense; the file that they name. */
static void read_settings(const char *options, int ranks, struct config *config,
                          struct trace_file **trace, struct hello *hello)
{
    char why[WHY_BYTES];
    if (!config_read(config, options, environ, why, sizeof why)) {
        complain(hello, DMPI_EINVAL, why);
        return;
    }
    hello->isolate = config->value[CONFIG_ISOLATE];
    struct supply supply;
    if (!guard_may_start(config, why, sizeof why))
        complain(hello, DMPI_EINVAL, why);
    if (!hello_read_supply(config, ranks, &supply, why, sizeof why))
        complain(hello, DMPI_EINVAL, why);
    if (config->scratch[0] && !scratch_is_good(config->scratch)) {
        snprintf(why, sizeof why,
                 "DISTMPI_SCRATCH is '%.200s': use a directory that can be "
                 "written, or leave it out",
                 config->scratch);
        complain(hello, DMPI_EINVAL, why);
    }
    if (!config->value[CONFIG_TRACE] || config->value[CONFIG_HELP]) return;
    *trace = trace_file_open(config->trace, why, sizeof why);
    if (!*trace) complain(hello, DMPI_EINVAL, why);
}

static void look_at_myself(struct world *world, const char *options,
                           struct config *config, struct trace_file **trace,
                           struct hello *hello)
{
    char why[WHY_BYTES];
    const char *twice = NULL;
    *hello = (struct hello){.protocol = MESSAGE_PROTOCOL};
    gethostname(hello->host, sizeof hello->host - 1);
    if (!world_check_launch(world, why, sizeof why))
        complain(hello, DMPI_ELAUNCH, why);
    if (world_rank(world) == 0)
        read_settings(options, world_ranks(world), config, trace, hello);
    if (!registry_seal(&twice)) {
        snprintf(why, sizeof why, "two functions are registered as '%s'",
                 twice);
        complain(hello, DMPI_ELAUNCH, why);
    }
    hello->digest = registry_digest();
}

/* The functions differ: say the first one in which this rank differs from rank
 * 0. */
static void compare_functions(struct world *world, struct hello *hello)
{
    size_t mine_size;
    char *mine = registry_names(&mine_size);
    uint64_t size = mine_size;
    world_share(world, &size, sizeof size);
    char *theirs = log_alloc(size + 1);
    theirs[size] = 0; /* whatever they are */
    if (world_rank(world) == 0) memcpy(theirs, mine, mine_size);
    world_share(world, theirs, size);
    const char *here, *there;
    registry_difference(mine, mine_size, theirs, size, &here, &there);
    if (*here || *there) {
        char why[WHY_BYTES];
        snprintf(why, sizeof why,
                 "its functions are not those of rank 0: it has '%.100s' where "
                 "rank 0 has '%.100s'; start the same program everywhere",
                 *here ? here : "(none)", *there ? there : "(none)");
        complain(hello, DMPI_ELAUNCH, why);
    }
    free(mine);
    free(theirs);
}

static bool differ(const struct hello *all, int ranks)
{
    bool some = false;
    for (int i = 1; i < ranks; i++) some |= all[i].digest != all[0].digest;
    return some;
}

static void compare_protocol(struct hello *hello, const struct hello *center)
{
    if (hello->protocol != center->protocol)
        complain(hello, DMPI_ELAUNCH,
                 "its libdistmpi speaks another protocol than rank 0's: "
                 "install one version everywhere");
}

/* A worker has what isolated tasks need? */
static void check_isolation(struct world *world, struct hello *hello,
                            const struct hello *center)
{
    char why[WHY_BYTES];
    bool works = world_rank(world) || world_ranks(world) == 1;
    if (center->isolate && works && !executor_is_prepared(why, sizeof why))
        complain(hello, DMPI_ESTATE, why);
}

/* The first rank that complains decides; rank 0 says it. */
static dmpi_status verdict(struct world *world, const struct hello *all)
{
    for (int rank = 0; rank < world_ranks(world); rank++) {
        if (!all[rank].status) continue;
        if (world_rank(world) == 0 && world_speaks())
            log_line(LOG_ERROR, "rank %d on %s: %s", rank, all[rank].host,
                     all[rank].why);
        return fault((dmpi_status)all[rank].status, "rank %d on %s: %s", rank,
                     all[rank].host, all[rank].why);
    }
    return DMPI_OK;
}

dmpi_status hello_agree(struct world *world, const char *options,
                        struct config *config, struct trace_file **trace)
{
    struct hello mine;
    int ranks = world_ranks(world);
    struct hello *all = log_alloc((size_t)ranks * sizeof *all);
    *trace = NULL;
    look_at_myself(world, options, config, trace, &mine);
    world_gather(world, &mine, sizeof mine, all);
    compare_protocol(&mine, &all[0]);
    check_isolation(world, &mine, &all[0]);
    if (differ(all, ranks)) compare_functions(world, &mine);
    world_gather(world, &mine, sizeof mine, all);
    dmpi_status status = verdict(world, all);
    free(all);
    if (!status) world_share(world, config, sizeof *config);
    else if (*trace) trace_file_close(*trace, NULL, 0);
    return status;
}

/* ---- binding -------------------------------------------------------------*/

/* How many cores the ranks of this node have in all. */
static int cores_in_all(struct machine *machine, const char *const masks[],
                        int count)
{
    char *all = log_alloc((size_t)count * (MACHINE_CPUS_SIZE + 1) + 1);
    char *end = all;
    *end = 0;
    for (int i = 0; i < count; i++) {
        if (i && !strcmp(masks[i], masks[i - 1])) continue;
        end += sprintf(end, "%s%s", end == all ? "" : ",", masks[i]);
    }
    int cores = machine_cores(machine, all);
    free(all);
    return cores;
}

/* This node's plan, of which only the own place is used. */
static bool plan(struct world *world, struct machine *machine,
                 const struct config *config, const char *all_masks,
                 struct binding *mine, bool *crowded)
{
    int count, me = 0, center = -1;
    const int *ranks = world_neighbours(world, &count);
    const char **masks = log_alloc((size_t)count * sizeof *masks);
    struct binding *places = log_alloc((size_t)count * sizeof *places);
    for (int i = 0; i < count; i++) {
        masks[i] = all_masks + (size_t)ranks[i] * MACHINE_CPUS_SIZE;
        if (ranks[i] == world_rank(world)) me = i;
        if (ranks[i] == 0) center = i;
    }
    bool fake = config->value[CONFIG_FAKE_NODES] != 0;
    enum binding_policy policy =
        fake ? BINDING_NONE : (enum binding_policy)config->value[CONFIG_BIND];
    bool good = binding_plan(machine, masks, count, center, policy, places);
    *mine = places[me];
    *crowded = fake || cores_in_all(machine, masks, count) < count;
    free(masks);
    free(places);
    return good && policy != BINDING_NONE;
}

static void bind_self(struct machine *machine, const struct binding *place,
                      const char *mask, char **before)
{
    if (!place->own || !strcmp(place->cpus, mask)) return;
    if (!machine_bind(machine, place->cpus)) {
        log_line(LOG_WARN, "cannot be bound to cores %s", place->cpus);
        return;
    }
    *before = strdup(mask);
}

static void tell(struct world *world, const struct binding *place,
                 dmpi_worker *workers)
{
    dmpi_worker mine = {.rank = world_rank(world),
                        .node = world_node(world, world_rank(world)),
                        .cores = place->cores,
                        .bound = place->own};
    gethostname(mine.host, sizeof mine.host - 1);
    snprintf(mine.cpus, sizeof mine.cpus, "%.*s", (int)sizeof mine.cpus - 1,
             place->cpus);
    world_gather(world, &mine, sizeof mine, workers);
}

/* One warning for the job: workers that have no core of their own. */
static void warn_if_crowded(struct world *world, const struct config *config,
                            const dmpi_worker *workers)
{
    if (world_rank(world) || config->value[CONFIG_FAKE_NODES]) return;
    if (config->value[CONFIG_BIND] == BINDING_NONE) return;
    for (int rank = 1; rank < world_ranks(world); rank++) {
        int sharing = 0;
        for (int i = 1; i < world_ranks(world); i++)
            sharing += workers[i].node == workers[rank].node &&
                       !strcmp(workers[i].cpus, workers[rank].cpus);
        if (sharing <= workers[rank].cores) continue;
        log_line(LOG_WARN,
                 "%d workers share %d cores on %s: nobody is bound there",
                 sharing, workers[rank].cores, workers[rank].host);
        return;
    }
}

void hello_bind(struct world *world, const struct config *config,
                dmpi_worker *workers, char **before, bool *crowded)
{
    char why[WHY_BYTES], mask[MACHINE_CPUS_SIZE] = "";
    struct binding place = {.cores = 1};
    struct machine *machine = machine_new(NULL, why, sizeof why);
    *before = NULL;
    *crowded = false;
    if (machine) machine_mask(machine, mask, sizeof mask);
    else log_line(LOG_WARN, "%s: nobody is bound", why);
    char *masks = log_alloc((size_t)world_ranks(world) * sizeof mask);
    world_gather(world, mask, sizeof mask, masks);
    if (machine && plan(world, machine, config, masks, &place, crowded))
        bind_self(machine, &place, mask, before);
    tell(world, &place, workers);
    warn_if_crowded(world, config, workers);
    machine_free(machine);
    free(masks);
}
