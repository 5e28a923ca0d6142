#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Workers killed while gangs run, which need each other's values.
#
# One of three workers or of five, or two of five, over shared memory or over TCP.
# Whoever runs in a gang with a victim ends too, and the gang runs again on those
# that are left; only where these may be too few does the program ask for smaller
# ones. It must give the right result and exit code 0, and leave no process.
#
# jobs: 200, short: 1
#
#     BUILD=build tests/faults/gangs.sh JOBS [FIRST]
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/faults/campaign.bash
. tests/faults/campaign.bash

program=$BUILD/tests/faults/prog_workers
needs_recovery "$program"
export DISTMPI_RECOVERY=on DISTMPI_REPORT=1

# What the job did not do as it should have.
faults() {
    [ "$code" = 0 ] || echo "exit $code"
    [ "$(cat "$tmp/out")" = right ] || echo "no right result"
    [ -z "$(job_processes)" ] || echo "processes left: $(job_processes | xargs)"
}

np=(6 6 4)
lost=(1 2 1)
tcp=(--mca btl "self,tcp" --mca btl_tcp_if_include lo)

first=${2:-1}
ended=0
for ((seed = first; seed < first + jobs; seed++)); do
    kind=$((seed / 4 % 3)) options=()
    [ $((seed / 12 % 2)) = 0 ] || options=("${tcp[@]}")
    job 90 "$RUN" -np "${np[kind]}" "${options[@]}" "$program" gang \
        "${lost[kind]}" "$seed"
    ended=$((ended + $(grep -c 'a member of the gang\|another member of the gang' "$tmp/err")))
    found=$(faults)
    if [ "$found" ]; then
        wrong "seed $seed: ${lost[kind]} of $((np[kind] - 1)) workers killed, ${options[*]}: ${found//$'\n'/; }"
    else
        right
    fi
done
echo "$ended workers ended with their gangs"
campaign_end
