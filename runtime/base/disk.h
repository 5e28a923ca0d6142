/* SPDX-License-Identifier: BSD-3-Clause */
/* disk.h - where a role puts bytes for which there is no memory.
 *
 * Like a port: the same role writes to files by a thread of its own, and in a
 * simulator to none. No call blocks, and none calls the role: what came of it is
 * told later. */
#ifndef DISK_H
#define DISK_H

#include <stdbool.h>
#include <stdint.h>

struct disk;

struct disk_calls {
    /* Write SIZE bytes at DATA, which stay until the role is told. */
    void (*write)(struct disk *, uint64_t cookie, const void *data,
                  uint64_t size);

    /* Read SIZE bytes of what lies at PLACE, to DATA. */
    void (*read)(struct disk *, uint64_t cookie, uint64_t place, void *data,
                 uint64_t size);

    /* Nobody reads the SIZE bytes at PLACE any more. */
    void (*forget)(struct disk *, uint64_t place, uint64_t size);
};

/* The role. Not GOOD: nothing was written or read, disk->why tells the reason. */
struct disk_client {
    void *role;
    void (*written)(void *role, uint64_t cookie, uint64_t place, bool good);
    void (*read)(void *role, uint64_t cookie, bool good);
};

struct disk {
    const struct disk_calls *calls;
    struct disk_client client;
    char why[200]; /* the last failure, with what to do; "": none yet */
};

#endif
