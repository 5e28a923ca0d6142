/* SPDX-License-Identifier: BSD-3-Clause */
/* machine.h - the inside of struct machine, for the files of this layer. */
#ifndef MACHINE_MACHINE_H
#define MACHINE_MACHINE_H

#include <hwloc.h>

struct machine {
    hwloc_topology_t tree; /* owned; never changes once loaded */
};

#endif
