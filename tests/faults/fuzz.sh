#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Any bytes at all to what reads messages, settings and lists: see scripts/fuzz.
#
# A job is a minute of libFuzzer for each target; without a finding it is right.
#
# jobs: 10
#
#     tests/faults/fuzz.sh MINUTES
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

right=0 all=0
for target in $(scripts/fuzz -l); do
    all=$((all + 1))
    echo "==== $target"
    scripts/fuzz -t $((60 * ${1:-10})) "$target" && right=$((right + 1))
done
echo "$right of $all right"
[ $right = $all ] && [ $all -gt 0 ]
