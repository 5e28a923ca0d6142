#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Workers killed at random times: one, two, all but one, of three and of five.
#
# Each job is a random graph, a map with keys of 4 MiB, a reduction or a nested
# search, over shared memory or over TCP. It must give the right result and exit
# code 0, and leave no process, and nothing in /tmp or /dev/shm: as root it has
# those to itself.
#
# jobs: 800, short: 3
#
#     BUILD=build tests/faults/workers.sh JOBS [FIRST [WORK]]
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/faults/campaign.bash
. tests/faults/campaign.bash

program=$BUILD/tests/faults/prog_workers
needs_recovery "$program"

# Runs "$@" with a /tmp and a /dev/shm of its own, in which the project and $tmp
# are seen if they lie there; what is left is told in $tmp/left.
cat >"$tmp/apart" <<'END'
tmp=$1 && shift
mount -t tmpfs none /mnt && mkdir /mnt/project /mnt/tmp &&
    mount --bind "$PWD" /mnt/project && mount --bind "$tmp" /mnt/tmp &&
    mount -t tmpfs none /dev/shm && mount -t tmpfs -o mode=1777 none /tmp &&
    mkdir -p "$PWD" "$tmp" && mount --bind /mnt/project "$PWD" &&
    mount --bind /mnt/tmp "$tmp" && cd "$PWD" || exit
"$@"
code=$?
find /tmp /dev/shm -mindepth 1 -xdev | while read -r file; do
    case $PWD/ in "$file"/*) continue ;; esac
    case $tmp/ in "$file"/*) continue ;; esac
    echo "$file"
done >"$tmp/left"
exit $code
END
apart=()
if unshare --mount true 2>/dev/null; then
    apart=(unshare --mount bash "$tmp/apart" "$tmp")
fi
: >"$tmp/left"

works=(graph map reduce nest)
[ "${3:-}" ] && works=("$3" "$3" "$3" "$3")
transports=(shm tcp)
# shellcheck disable=SC2034 # by name, below
options_shm=()
# shellcheck disable=SC2034
options_tcp=(--mca btl "self,tcp" --mca btl_tcp_if_include lo)
losses=(1 2 all)
export DISTMPI_RECOVERY=on DISTMPI_REPORT=1

# What the job did not do as it should have.
faults() {
    [ "$code" = 0 ] || echo "exit $code"
    [ "$(cat "$tmp/out")" = right ] || echo "no right result"
    [ -z "$(job_processes)" ] || echo "processes left: $(job_processes | xargs)"
    [ ! -s "$tmp/left" ] || echo "left: $(xargs <"$tmp/left")"
}

first=${2:-1}
for ((seed = first; seed < first + jobs; seed++)); do
    work=${works[seed % 4]}
    transport=${transports[seed / 4 % 2]}
    np=$((4 + seed / 8 % 2 * 2))
    lost=${losses[seed / 16 % 3]}
    [ "$lost" != all ] || lost=$((np - 2))
    declare -n options=options_$transport
    job 90 "${apart[@]}" "$RUN" -np "$np" "${options[@]}" "$program" "$work" \
        "$lost" "$seed"
    found=$(faults)
    if [ "$found" ]; then
        wrong "seed $seed: $work, $lost of $((np - 1)) workers killed, $transport: ${found//$'\n'/; }"
    else
        right
    fi
done
campaign_end
