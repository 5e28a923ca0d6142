#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The center's work per task, in instructions, is the same for 1 worker and for
# 15: within 10 %. Counted by valgrind, which counts the same every time.
#
#     BUILD=build tests/sim/center.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

program=$BUILD/tests/sim/prog_center
if [ "${SAN:-}" ]; then
    echo "skipped: valgrind does not run programs with sanitizers"
    exit 0
fi
command -v valgrind >/dev/null || { echo "no valgrind: scripts/deps installs it" >&2; exit 1; }

# Instructions of the center's own functions, the network's excepted.
instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        --collect-atstart=no --toggle-collect=center_submit \
        --toggle-collect=center_settle --toggle-collect=center_receive \
        --toggle-collect=center_drop --toggle-collect=say \
        "$program" "$@" 2>&1 | awk '/Collected :/ { print $4 }'
}

# per_task WORKERS [RESOURCES]: from 10000 tasks to 30000
per_task() {
    local few many
    few=$(instructions "$1" 10000 "${@:2}")
    many=$(instructions "$1" 30000 "${@:2}")
    echo $(((many - few) / 20000))
}

one=$(per_task 1)
many=$(per_task 15)
echo "instructions of the center per task: $one with 1 worker, $many with 15"
gpu_one=$(per_task 1 gpu)
gpu_many=$(per_task 15 gpu)
license=$(per_task 15 license:2)
echo "of those that wait for a gpu: $gpu_one and $gpu_many; for two licenses: $license"
[ "$gpu_one" -le $((3 * one)) ] && [ "$gpu_many" -le $((3 * one)) ] &&
    [ "$license" -le $((3 * one)) ]
[ "$one" -gt 100 ] && [ $((10 * many)) -le $((11 * one)) ] &&
    [ $((10 * one)) -le $((11 * many)) ]
