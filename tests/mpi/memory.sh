#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Ten times the memory that the workers have; tasks that can never fit; a disk
# that is full; and nothing is left where the values lay.
#
#     BUILD=build RUN=scripts/run tests/mpi/memory.sh
# shellcheck disable=SC2317 # check() calls them
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/check.bash
. tests/check.bash

program=$BUILD/tests/mpi/prog_memory
limit=40 # MiB
scratch=$tmp/scratch
mkdir "$scratch"

# memory NP MODE LIMIT: with its report
memory() {
    DISTMPI_SCRATCH=$scratch DISTMPI_REPORT=1 timeout -k 5 300 "$RUN" \
        -np "$1" "$program" "$2" "$3" >"$tmp/all" 2>&1 </dev/null
}

# Bytes that the report tells.
spilled() { sed -nE 's/^distmpi: spilled to disk: ([0-9]+) bytes.*/\1/p' "$tmp/all"; }
read_back() { sed -nE 's/^distmpi: spilled .* read back: ([0-9]+)/\1/p' "$tmp/all"; }

nothing_left() { [ -z "$(ls -A "$scratch")" ]; }

# Sanitizers have their own memory: there nothing is said of that.
many() {
    memory "$1" "$2" "$limit" && nothing_left || return
    [ "$(spilled)" -gt $((100 << 20)) ] && [ "$(read_back)" -gt $((50 << 20)) ]
}

never() { memory "$1" never "$limit" && nothing_left; }
full() { memory "$1" full "$limit" && nothing_left; }

# Rank 0 is slowed down.
puts() {
    memory "$1" put "$limit" && nothing_left && [ "$(spilled)" -gt $((20 << 20)) ]
}

# The launcher's code tells of the signal.
killed() { ! memory "$1" kill "$limit" && nothing_left; }

mode=many
[ -z "${SAN:-}" ] || mode=use
for np in 1 2 3 4; do
    check "ten times the memory, np $np" many "$np" "$mode"
done
for np in 1 3; do
    [ -n "${SAN:-}" ] || check "rank 0 puts more than fits, np $np" puts "$np"
    check "tasks that never fit, np $np" never "$np"
    check "a full disk, np $np" full "$np"
done
check "a worker that is killed leaves no file" killed 3

exit $failed
