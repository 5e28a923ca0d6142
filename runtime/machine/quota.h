/* SPDX-License-Identifier: BSD-3-Clause */
/* quota.h - how much memory the processes here may use together. */
#ifndef QUOTA_H
#define QUOTA_H

#include <stdint.h>

/* Bytes: the machine's, or less if a control group of this process, or one that
 * this lies in, is limited (version 1 and 2). */
uint64_t quota_memory(void);

/* The same of a machine that has PHYSICAL bytes, by the files GROUPS, as
 * /proc/self/cgroup, and those below ROOT, as /sys/fs/cgroup. */
uint64_t quota_memory_by(uint64_t physical, const char *groups,
                         const char *root);

/* Bytes of this process that are in memory now. 0: nobody says. */
uint64_t quota_resident(void);

#endif
