#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Without stealing tasks run where their inputs lie, and values move only where
# they are asked for: by what the report counts.
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
    timeout -k 5 120 "$RUN" -np "$1" "$program" "$2" >"$tmp/all" 2>&1 </dev/null
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
for np in 2 4; do
    check "a task runs where most bytes lie, np $np" run $np bytes
done
export DISTMPI_FAKE_NODES=2
check "a value comes from the same node" run 4 near

exit $failed
