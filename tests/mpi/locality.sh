#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Without stealing tasks run where their inputs lie, and values move only where
# they are asked for; with it, where stolen tasks are: by what the report counts.
#
#     BUILD=build RUN=scripts/run tests/mpi/locality.sh
# shellcheck disable=SC2317 # check() calls them
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/check.bash
. tests/check.bash
program=$BUILD/tests/mpi/prog_locality
export DISTMPI_STEAL=0 DISTMPI_REPORT=1

run() {
    timeout -k 5 120 "$RUN" -np "$1" "$program" "${@:2}" >"$tmp/all" 2>&1 </dev/null
}
says() { grep -qE -- "^distmpi: $1" "$tmp/all"; }

# 60 tasks gave 8 bytes each to rank 0; the 30 MB of the others stayed.
chain() {
    run "$1" chain && says 'worker to worker: 0 bytes' &&
        says 'through rank 0: 480 bytes \(0 put, 480 got\)' &&
        says 'inputs found local: 300 of 300 \(100.0 %\)'
}
for np in 1 2 3 4; do
    check "a chain of maps moves no value, np $np" chain $np
done
# More than a worker is given ahead: what is held for it stays with it, too.
even() {
    run "$1" "$2" "$3" && says 'worker to worker: 0 bytes'
}
for np in 3 4; do
    check "maps over maps move no value, np $np" even $np maps 1000
    check "nor does one after the other, np $np" even $np steps 1000
done

# moves AT_MOST BLOCKS...: all that moved are the 64 KiB of blocks, at most
# AT_MOST for each task that was stolen
moves() {
    run 3 "${@:2}" && awk -v most="$1" '
        /of them stolen/ { for (i = 2; i <= NF; i++)
            if ($i == "of" && $(i + 1) == "them") stolen += $(i - 1) }
        /worker to worker:/ { bytes = $(NF - 1); said = 1 }
        END { exit !(said && bytes % 65536 == 0 &&
                     bytes <= most * 65536 * stolen) }' "$tmp/all"
}
# A worker is given 16 tasks ahead whatever they take: the center itself helps
# nobody out. What a stolen task made is used where the task was to run.
DISTMPI_STEAL=1 check "a stolen task moves its input" moves 1 steps 32
DISTMPI_STEAL=1 check "and at most its output" moves 2 maps 10

for np in 2 4; do
    check "a task runs where most bytes lie, np $np" run $np bytes
done
export DISTMPI_FAKE_NODES=2
check "a value comes from the same node" run 4 near

exit $failed
