#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A disk for values that gets full: errors on the tasks concerned, nothing else.
#
# Four times what the workers have in memory is made, and the disk, a file system
# in memory that is mounted here, has room for some of it: for little, or for nearly
# all. What was made is right, the rest is an error that names the place; the job
# ends well, and the disk is empty again. Skipped if we are not root. A full disk
# under a journal is in journal.sh.
#
# jobs: 12
#
#     BUILD=build tests/faults/disk.sh JOBS
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/faults/campaign.bash
. tests/faults/campaign.bash

mkdir "$tmp/disk"
if ! mount -t tmpfs -o size=1m none "$tmp/disk" 2>/dev/null; then
    echo "skipped: a file system is to be mounted, which wants root"
    exit 0
fi
trap 'umount "$tmp/disk"; rm -rf "$tmp"' EXIT
export DISTMPI_SCRATCH=$tmp/disk DISTMPI_REPORT=1 DISTMPI_BIND=none

used_kib() { df -k --output=used "$tmp/disk" | tail -n 1 | tr -d ' '; }

limit=40 # MiB of a worker
for ((i = 1; i <= jobs; i++)); do
    np=$((2 + i % 3))
    size=$((i % 4 * (np - 1) * limit / 2 + 3))
    mount -o "remount,size=${size}m" "$tmp/disk"
    job 300 "$RUN" -np $np "$BUILD/tests/mpi/prog_memory" disk $limit
    if [ "$code" = 0 ] && [ "$(used_kib)" = 0 ] && [ -z "$(job_processes)" ]; then
        right
    else
        wrong "job $i: np $np, a disk of $size MiB: exit $code, $(used_kib) KiB are left"
    fi
done
campaign_end
