#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Executors end by SIGSEGV, abort, exit, kill -9 and endless loops.
#
# Two in a hundred runs of the tasks of a random graph do that; each task is
# retried, each value compared. The job must exit with 0 and leave no process.
# With MPICH: MPICC=mpicc.mpich make faults.
#
# jobs: 60, short: 2
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/faults/campaign.bash
. tests/faults/campaign.bash

crashes=0
for ((i = 1; i <= jobs; i++)); do
    np=$((1 + (i + 1) % 4))
    job 120 "$RUN" -np "$np" "$BUILD/tests/faults/prog_executors" "$i"
    left=$(job_processes | wc -l)
    if [ "$code" = 0 ] && [ "$left" = 0 ] && grep -q ' 0 wrong$' "$tmp/out"; then
        right
        crashes=$((crashes + $(sed -nE 's/.* ([0-9]+) crashes.*/\1/p' "$tmp/out")))
    else
        wrong "seed $i at np $np: exit $code, $left processes left"
        job_kill
    fi
done
echo "$crashes crashes"
campaign_end
