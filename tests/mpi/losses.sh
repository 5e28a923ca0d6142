#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# With recovery: copies of what was put, the exit code when too few workers are
# left, the end of a rank that hangs. More of it is in tests/faults.
#
#     BUILD=build RUN=scripts/run tests/mpi/losses.sh
# shellcheck disable=SC2317 # check() calls them
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/check.bash
. tests/check.bash
program=$BUILD/tests/mpi/prog_losses
needs_recovery "$program"
export DISTMPI_RECOVERY=on DISTMPI_BIND=none

says() { [ "$(grep -cE -- "$1" "$tmp/err")" = "$2" ]; }
is_right() { [ "$code" = 0 ] && [ "$(cat "$tmp/out")" = right ]; }

keeps_replicas() {
    DISTMPI_REPLICAS=2 run "$1" replicas
    is_right && says 'is lost' $(($1 - 2))
}
check "what was put survives each loss, np 4" keeps_replicas 4

too_few() {
    DISTMPI_MIN_WORKERS=2 run 3 few
    [ "$code" = 76 ] && [ ! -s "$tmp/out" ] &&
        says '1 workers are left, and DISTMPI_MIN_WORKERS is 2: the job ends$' 1
}
check "too few workers are left" too_few
enough() {
    DISTMPI_MIN_WORKERS=2 run 4 few
    is_right
}
check "enough are" enough

hangs() {
    DISTMPI_WATCHDOG_SECONDS=2 run 3 hang
    is_right && says 'its loop has stood still for 2 s: this rank ends$' 1 &&
        says 'rank 1 on .* is lost' 1
}
check "a rank that hangs in MPI is ended" hangs

exit "$failed"
