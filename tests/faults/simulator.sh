#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Random applications on simulated ranks: losses, reordering, steals, spills, full disks.
#
# Each is compared with what a sequential run gives, and nothing may be left at
# the end. A job is a seed; one that fails is named with the command that runs it
# again.
#
# jobs: 20000, short: 600
#
#     BUILD=build tests/faults/simulator.sh SEEDS [FIRST]
set -euo pipefail
cd "$(dirname "$0")/../.."

# There is no MPI here, which would keep some memory: leaks are looked for.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=1
first=${2:-1}
exec "${BUILD:-build}/tests/sim/prog_campaign" "${1:-20000}" "$first"
