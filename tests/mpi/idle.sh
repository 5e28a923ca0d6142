#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Ranks with nothing to do sleep: each uses under 1 % of a core.
#
#     BUILD=build RUN=scripts/run tests/mpi/idle.sh
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

export LC_ALL=C
BUILD=$(realpath "${BUILD:-build}")
RUN=$(realpath "${RUN:-scripts/run}")
limit=1
[ -z "${SAN:-}" ] || limit=5
failed=0

# idles NP HOW: at most two tries, for this machine may do something else
idles() {
    local out=
    for _ in 1 2; do
        out=$(timeout -k 5 60 "$RUN" -np "$1" "$BUILD/tests/mpi/prog_idle" \
            "$2" 3 2>&1 </dev/null) &&
            awk -v limit=$limit '
                /^[0-9]+ [0-9.]+$/ { ranks++; bad += $2 >= limit }
                END { exit !(ranks && !bad) }' <<<"$out" && break
        false
    done
    local good=$?
    echo "$([ $good = 0 ] && echo ok || echo FAILED) np $1 $2:" \
        "$(grep -E '^[0-9]+ [0-9.]+$' <<<"$out" | tr '\n' ' ')(rank, % of a core)"
    [ $good = 0 ] || failed=1
}

for np in 2 3 4; do
    idles $np wait
    idles $np sleep
done
exit $failed
