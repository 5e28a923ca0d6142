#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A worker that is stopped (SIGSTOP) for a while is not lost; for longer it is.
#
# For 5 s with the usual settings, or for good with DISTMPI_DEAD_SECONDS=4, on its
# node and as if on another one.
#
# jobs: 8
#
#     BUILD=build tests/faults/stopped.sh JOBS
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/faults/campaign.bash
. tests/faults/campaign.bash

program=$BUILD/tests/faults/prog_workers
if ldd "$program" | grep libmpich >/dev/null; then
    echo "skipped: MPICH's launcher ends all ranks when one dies"
    exit 0
fi
export DISTMPI_RECOVERY=on

# stop_last MARK SECONDS: rank 3 of that job; 0: for good
stop_last() {
    local file process=
    sleep 3
    for file in /proc/[0-9]*/environ; do
        grep -qszx "CAMPAIGN_JOB=$1" "$file" 2>/dev/null &&
            grep -qszx "OMPI_COMM_WORLD_RANK=3" "$file" &&
            process=$(basename "${file%/environ}")
    done
    kill -STOP "$process"
    [ "$2" != 0 ] || return
    sleep "$2"
    kill -CONT "$process"
}

for ((i = 1; i <= jobs; i++)); do
    seconds=$((i % 2 * 5)) expected=$((1 - i % 2))
    export DISTMPI_FAKE_NODES=$((i / 2 % 2 * 2))
    unset DISTMPI_SUSPECT_SECONDS DISTMPI_DEAD_SECONDS
    [ $seconds != 0 ] || export DISTMPI_SUSPECT_SECONDS=3 DISTMPI_DEAD_SECONDS=4
    stop_last "$$.$((job_number + 1))" $seconds &
    stopper=$!
    job 60 "$RUN" -np 4 "$program" reduce for12s "$i"
    wait $stopper
    lost=$(grep -c 'is lost' "$tmp/err")
    if [ "$code" = 0 ] && [ "$(cat "$tmp/out")" = right ] &&
        [ "$lost" = $expected ] && [ -z "$(job_processes)" ]; then
        right
    else
        wrong "job $i: stopped for $seconds s (0: for good): exit $code, $lost lost, left: $(job_processes)"
    fi
    job_kill
done
campaign_end
