/* SPDX-License-Identifier: BSD-3-Clause */
/* topology.c - this machine as hwloc finds it, and the process' binding.
 *
 * Whatever is bound or told here lies within what the system allows. */
#include "topology.h"

#include "cpuset.h"
#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fill TREE. False: WHY holds the reason. */
static bool tree_load(hwloc_topology_t tree, const char *synthetic, char *why,
                      size_t why_size)
{
    /* After a string that it did not understand hwloc would load the real
     * machine, so this is where a bad one must be noticed. */
    if (synthetic && hwloc_topology_set_synthetic(tree, synthetic)) {
        snprintf(why, why_size, "not a description of a machine: \"%s\"",
                 synthetic);
        return false;
    }
    if (hwloc_topology_load(tree)) {
        snprintf(why, why_size, "hwloc cannot tell what this machine is: %s",
                 strerror(errno));
        return false;
    }
    return true;
}

struct machine *machine_new(const char *synthetic, char *why, size_t why_size)
{
    struct machine *machine = malloc(sizeof *machine);

    if (!machine || hwloc_topology_init(&machine->tree)) {
        snprintf(why, why_size, "no memory for a description of this machine");
        free(machine);
        return NULL;
    }
    if (!tree_load(machine->tree, synthetic, why, why_size)) {
        machine_free(machine);
        return NULL;
    }
    return machine;
}

void machine_free(struct machine *machine)
{
    if (!machine) return;
    hwloc_topology_destroy(machine->tree);
    free(machine);
}

void machine_mask(struct machine *machine, char *cpus, size_t size)
{
    hwloc_const_bitmap_t allowed =
        hwloc_topology_get_allowed_cpuset(machine->tree);
    hwloc_bitmap_t mask = cpuset_new();

    if (hwloc_get_cpubind(machine->tree, mask, HWLOC_CPUBIND_PROCESS))
        hwloc_bitmap_copy(mask, allowed);
    hwloc_bitmap_and(mask, mask, allowed);
    cpuset_print(hwloc_bitmap_iszero(mask) ? allowed : mask, cpus, size);
    hwloc_bitmap_free(mask);
}

bool machine_bind(struct machine *machine, const char *cpus)
{
    hwloc_bitmap_t set = cpuset_new();
    bool bound = false;

    if (cpuset_parse(set, cpus)) {
        hwloc_bitmap_and(set, set,
                         hwloc_topology_get_allowed_cpuset(machine->tree));
        bound = /* not to the empty set: hwloc refuses it */
            !hwloc_set_cpubind(machine->tree, set, HWLOC_CPUBIND_PROCESS);
    }
    hwloc_bitmap_free(set);
    return bound;
}

int machine_cores(struct machine *machine, const char *cpus)
{
    hwloc_bitmap_t set = cpuset_new();
    int count = 0;

    if (cpuset_parse(set, cpus)) count = cpuset_cores(set, machine->tree);
    hwloc_bitmap_free(set);
    return count;
}

bool machine_first_cores(struct machine *machine, const char *cpus, int count,
                         char *first, size_t size)
{
    hwloc_bitmap_t set = cpuset_new(), chosen = cpuset_new();
    hwloc_obj_t core = NULL;
    bool found = cpuset_parse(set, cpus);

    for (int i = 0; found && i < count; i++) {
        core = cpuset_next_core(set, machine->tree, core);
        found = core != NULL;
        if (core) hwloc_bitmap_or(chosen, chosen, core->cpuset);
    }
    hwloc_bitmap_and(chosen, chosen, set);
    if (found) cpuset_print(chosen, first, size);
    hwloc_bitmap_free(set);
    hwloc_bitmap_free(chosen);
    return found;
}
