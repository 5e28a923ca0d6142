/* SPDX-License-Identifier: BSD-3-Clause */
/* cpuset.c - sets of CPUs: their text, and the cores they touch.
 *
 * Lists are read here and not by hwloc, which takes "3-1" for the empty set and
 * "0--3" for half a gigabyte of CPUs. */
#include "cpuset.h"

#include "topology.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Far above any machine. A bitmap reaches up to its highest CPU, so a wrong
 * number must not make one of half a gigabyte. */
enum { CPU_LIMIT = 1 << 20 };

hwloc_bitmap_t cpuset_new(void)
{
    hwloc_bitmap_t set = hwloc_bitmap_alloc();

    if (!set) {
        fprintf(stderr, "distmpi: no memory for a set of CPUs\n");
        abort();
    }
    return set;
}

/* Read one CPU number at *TEXT and step over it; -1 if there is none. */
static long take_cpu(const char **text)
{
    char *end;
    unsigned long cpu;

    if (!isdigit((unsigned char)**text)) return -1;
    cpu = strtoul(*text, &end, 10);
    *text = end;
    return cpu < CPU_LIMIT ? (long)cpu : -1;
}

/* Add the "3" or "0-3" at *TEXT to SET and step over it. */
static bool take_range(const char **text, hwloc_bitmap_t set)
{
    long first = take_cpu(text);
    long last = first;

    if (first >= 0 && **text == '-') {
        ++*text;
        last = take_cpu(text);
    }
    if (first < 0 || last < first) return false;
    hwloc_bitmap_set_range(set, (unsigned)first, (int)last);
    return true;
}

bool cpuset_parse(hwloc_bitmap_t set, const char *cpus)
{
    hwloc_bitmap_zero(set);
    if (*cpus == '\0') return true;
    while (take_range(&cpus, set)) {
        if (*cpus == '\0') return true;
        if (*cpus++ != ',') return false;
    }
    return false;
}

void cpuset_print(hwloc_const_bitmap_t set, char *cpus, size_t size)
{
    int length;

    assert(size >= MACHINE_CPUS_SIZE);
    length = hwloc_bitmap_list_snprintf(cpus, size, set);
    if (length < 0) cpus[0] = '\0';
    else if ((size_t)length >= size)
        *strrchr(cpus, ',') = '\0'; /* no entry is as long as CPUS */
}

hwloc_obj_t cpuset_next_core(hwloc_const_bitmap_t set, hwloc_topology_t tree,
                             hwloc_obj_t previous)
{
    int depth = hwloc_get_type_or_below_depth(tree, HWLOC_OBJ_CORE);

    return hwloc_get_next_obj_covering_cpuset_by_depth(tree, set, depth,
                                                       previous);
}

int cpuset_cores(hwloc_const_bitmap_t set, hwloc_topology_t tree)
{
    int count = 0;
    hwloc_obj_t core = NULL;

    while ((core = cpuset_next_core(set, tree, core))) count++;
    return count;
}
