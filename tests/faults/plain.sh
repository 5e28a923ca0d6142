#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Without recovery: a rank that is killed ends the job, with a code other than 0.
#
# A worker or the center, while the pool is idle, in tasks, in transfers of large
# values; under plain mpirun. No process may be left.
#
# jobs: 24, short: 1
#
#     BUILD=build tests/faults/plain.sh JOBS
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/faults/campaign.bash
. tests/faults/campaign.bash

program=$BUILD/tests/faults/prog_workers
works=(idle map long)
victims=(1 center)
export DISTMPI_RECOVERY=off

for ((i = 1; i <= jobs; i++)); do
    work=${works[i % 3]} victim=${victims[i / 3 % 2]}
    job 20 "$RUN" -np 3 "$program" "$work" "$victim" "$i"
    left=$(job_processes)
    if [ "$code" != 0 ] && [ "$code" != 124 ] && [ -z "$left" ]; then
        right
    else
        wrong "job $i: $work, killed: $victim: exit $code, left: $left"
    fi
done
campaign_end
