#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# One key of 3 GiB and a constant of 1 GiB, where there is memory for it; less
# with sanitizers.
#
#     BUILD=build RUN=scripts/run tests/mpi/huge.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

BUILD=$(realpath "${BUILD:-build}")
RUN=$(realpath "${RUN:-scripts/run}")
gib=3
[ -z "${SAN:-}" ] || gib=0.1
free_gib=$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)
if [ "$free_gib" -lt 10 ]; then
    echo "$free_gib GiB of memory are too few: 0.5 GiB only"
    gib=0.5
fi
exec timeout -k 5 300 "$RUN" -np 3 "$BUILD/tests/mpi/prog_huge" $gib
