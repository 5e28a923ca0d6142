#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Ten million tasks, and a million keys held at a time, leave memory as it was.
#
# In the simulator: center and workers in one process, whose resident size is
# looked at before and after.
#
# jobs: 1
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/faults/campaign.bash
. tests/faults/campaign.bash

for ((i = 1; i <= jobs; i++)); do
    job 3600 env SIM_TASKS=10000000 "$BUILD/tests/sim/test_memory"
    if [ "$code" = 0 ]; then right; else wrong "job $i: exit $code"; fi
done
campaign_end
