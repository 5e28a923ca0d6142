/* SPDX-License-Identifier: BSD-3-Clause */
/* quota.c - from the process's group up to the root: the least limit counts. */
#include "quota.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096, PATH_BYTES = 3 * LINE_MAX_BYTES };

/* UINT64_MAX: no limit. */
static uint64_t read_limit(const char *path)
{
    uint64_t bytes = UINT64_MAX;
    FILE *file = fopen(path, "r");
    if (!file) return bytes;
    if (fscanf(file, "%" SCNu64, &bytes) != 1) bytes = UINT64_MAX; /* "max" */
    fclose(file);
    return bytes;
}

/* Of the group at PATH below ROOT and those around it, by files called NAME. */
static uint64_t least_limit(const char *root, char *path, const char *name)
{
    uint64_t least = UINT64_MAX;
    for (;;) {
        char file[PATH_BYTES];
        snprintf(file, sizeof file, "%s%s/%s", root, path, name);
        uint64_t limit = read_limit(file);
        if (limit < least) least = limit;
        char *end = strrchr(path, '/');
        if (!end) return least;
        *end = 0;
    }
}

/* A line is number:controllers:path; without controllers it is version 2. */
static uint64_t line_limit(char *line, const char *root)
{
    char below[LINE_MAX_BYTES], *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path) return UINT64_MAX;
    *path++ = 0;
    path[strcspn(path, "\n")] = 0;
    if (!controllers[1]) return least_limit(root, path, "memory.max");
    if (!strstr(controllers, "memory")) return UINT64_MAX;
    snprintf(below, sizeof below, "%.4000s/memory", root);
    return least_limit(below, path, "memory.limit_in_bytes");
}

uint64_t quota_memory_by(uint64_t physical, const char *groups,
                         const char *root)
{
    char line[LINE_MAX_BYTES];
    uint64_t least = physical;
    FILE *file = fopen(groups, "r");
    if (!file) return least;
    while (fgets(line, sizeof line, file)) {
        uint64_t limit = line_limit(line, root);
        if (limit < least) least = limit;
    }
    fclose(file);
    return least;
}

uint64_t quota_memory(void)
{
    uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES);
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    return quota_memory_by(pages * page, "/proc/self/cgroup", "/sys/fs/cgroup");
}

uint64_t quota_resident(void)
{
    uint64_t all, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    if (fscanf(file, "%" SCNu64 " %" SCNu64, &all, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}
