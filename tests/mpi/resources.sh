#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Resources come from rank 0's settings, whatever the others' say; mistakes in
# them end the start; with several nodes targets and copies go by them.
#
#     BUILD=build RUN=scripts/run tests/mpi/resources.sh
# shellcheck disable=SC2317 # check() calls them
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/check.bash
. tests/check.bash

nodes() {
    DISTMPI_FAKE_NODES=$2 timeout -k 5 120 "$RUN" -np "$1" \
        "$BUILD/tests/mpi/test_resources" >"$tmp/all" 2>&1 </dev/null
}
for np in 3 4 6; do
    check "two nodes, np $np" nodes $np 2
done
check "three nodes, np 5" nodes 5 3

# refused SETTING WORD: hello does not start, and says WORD once
refused() {
    DISTMPI_RESOURCES=$1 timeout -k 5 60 "$RUN" -np 2 "$BUILD/apps/hello" \
        >"$tmp/all" 2>&1 </dev/null && return 1
    [ "$(grep -c -- "$2" "$tmp/all")" = 1 ]
}
check "a count that is none" refused "gpu:two" "write gpu:COUNT"
check "a rank that is none" refused "gpu@rank7" "rank1 .. rank1"
check "a kind that is there twice" refused "gpu:1 gpu:2" "twice"

exit $failed
