#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A rank that is stopped (SIGSTOP) for a while is not lost; for longer it is.
#
# A worker, for 5 s with the usual settings, or for 40 s or for good with
# DISTMPI_DEAD_SECONDS=4; or the center, for 40 s with that: then all workers end, and
# nobody is left for it. Each on its node and as if on another one.
#
# jobs: 16
#
#     BUILD=build tests/faults/stopped.sh JOBS
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/faults/campaign.bash
. tests/faults/campaign.bash

program=$BUILD/tests/faults/prog_workers
needs_recovery "$program"
export DISTMPI_RECOVERY=on

# stop MARK RANK SECONDS: that rank of the job MARK; 0: for good
stop() {
    local file process=
    sleep 3
    for file in /proc/[0-9]*/environ; do
        grep -qszx "CAMPAIGN_JOB=$1" "$file" 2>/dev/null &&
            grep -qszx "OMPI_COMM_WORLD_RANK=$2" "$file" &&
            process=$(basename "${file%/environ}")
    done
    kill -STOP "$process"
    [ "$3" != 0 ] || return
    sleep "$3"
    kill -CONT "$process" 2>/dev/null
}

# kind: rank, seconds that it is stopped, that a silent rank has, that the job
# runs; exit code, workers lost
kinds=("3 5 - 12 0 0" "3 0 4 12 0 1" "3 40 4 45 0 1" "0 40 4 45 76 3")
for ((i = 0; i < jobs; i++)); do
    read -r rank seconds silence runs expected losses <<<"${kinds[i % 4]}"
    export DISTMPI_FAKE_NODES=$((i / 4 % 2 * 2))
    unset DISTMPI_SUSPECT_SECONDS DISTMPI_DEAD_SECONDS
    [ "$silence" = - ] ||
        export DISTMPI_SUSPECT_SECONDS=3 DISTMPI_DEAD_SECONDS=$silence
    stop "$$.$((job_number + 1))" "$rank" "$seconds" &
    stopper=$!
    job 90 "$RUN" -np 4 "$program" reduce "for${runs}s" "$i"
    wait $stopper
    lost=$(grep -c 'is lost' "$tmp/err")
    result=$(cat "$tmp/out")
    [ "$expected" = 0 ] || result=right # it never came to one
    if [ "$code" = "$expected" ] && [ "$result" = right ] &&
        [ "$lost" = "$losses" ] && [ -z "$(job_processes)" ]; then
        right
    else
        wrong "job $i: rank $rank, $seconds s (0: for good): exit $code, $lost lost, left: $(job_processes)"
    fi
    job_kill
done
campaign_end
