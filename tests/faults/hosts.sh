#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Two hosts, one of which is cut off: the job goes on with the workers of the other.
#
# The hosts are network namespaces on this machine, each with a name, an address and
# a /dev/shm of its own; root is needed. Ranks 0 and 1 lie on the first, 2 and 3 on
# the second, whose link goes down while tasks run, for good, or for 2 s, which is
# no loss. Ranks that are cut off end by themselves.
#
# jobs: 8
#
#     BUILD=build tests/faults/hosts.sh JOBS
# shellcheck disable=SC2317 # a trap calls end_hosts()
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/faults/campaign.bash
. tests/faults/campaign.bash

program=$BUILD/tests/faults/prog_workers
needs_recovery "$program"
if ! unshare --net --uts --ipc --mount true 2>/dev/null || ! command -v ip >/dev/null; then
    echo "skipped: this needs root and the command ip"
    exit 0
fi

# ---- the hosts -----------------------------------------------------------------

hosts=()
printf '127.0.0.1 localhost\n10.98.0.1 host1\n10.98.0.2 host2\n' >"$tmp/hosts"
printf 'host1 slots=2\nhost2 slots=2\n' >"$tmp/hostfile"

# host NUMBER: its first process holds the namespaces
host() {
    unshare --net --uts --ipc --mount --propagation private bash -c "
        hostname host$1 && mount -t tmpfs none /dev/shm &&
        mount --bind '$tmp/hosts' /etc/hosts && ip link set lo up &&
        touch '$tmp/up$1' && exec sleep infinity" &
    hosts[$1]=$!
    disown
    until [ -e "$tmp/up$1" ]; do sleep 0.05; done
    cat >"$tmp/enter$1" <<END
exec nsenter -t ${hosts[$1]} --net --uts --ipc --mount -- "\$@"
END
}

# What mpirun starts instead of ssh: OPTIONS HOST COMMAND...
cat >"$tmp/agent" <<'END'
while [[ $1 == -* ]]; do shift; done
name=$1 && shift
exec bash "${0%/agent}/enter${name#host}" sh -c "$*"
END

on() { bash "$tmp/enter$1" "${@:2}"; }

# All processes in the namespaces of the hosts.
end_hosts() {
    local namespace process
    for host in "${hosts[@]}"; do
        namespace=$(readlink "/proc/$host/ns/net") || continue
        [ "$namespace" != "$(readlink /proc/self/ns/net)" ] || continue
        for process in /proc/[0-9]*; do
            [ "$(readlink "$process/ns/net" 2>/dev/null)" = "$namespace" ] &&
                kill -KILL "${process#/proc/}" 2>/dev/null
        done
    done
    rm -rf "$tmp"
}
trap end_hosts EXIT

host 1
host 2
ip link add eth1 netns "${hosts[1]}" type veth peer name eth1 netns "${hosts[2]}"
for number in 1 2; do
    on $number ip addr add 10.98.0.$number/24 dev eth1
    on $number ip link set eth1 up
done

# ---- the jobs ------------------------------------------------------------------

export DISTMPI_RECOVERY=on DISTMPI_BIND=none
export DISTMPI_SUSPECT_SECONDS=3 DISTMPI_DEAD_SECONDS=4
export OMPI_MCA_plm_rsh_agent="bash $tmp/agent"
export OMPI_MCA_hwloc_base_binding_policy=none

# cut SECONDS: when the pool is open; 0: for good
cut() {
    sleep 3
    on 1 ip link set eth1 down
    [ "$1" != 0 ] || return
    sleep "$1"
    on 1 ip link set eth1 up
}

lost() { grep -c 'is lost' "$tmp/err"; }

# Ranks, not the launcher's own processes.
ranks_left() {
    local process
    for process in $(job_processes); do
        grep -qsx "$(basename "$program" | head -c 15)" "/proc/$process/comm" &&
            echo "$process"
    done
}

for ((i = 1; i <= jobs; i++)); do
    seconds=$((i % 2 * 2)) expected=$((i % 2 ? 0 : 2))
    on 1 ip link set eth1 up
    cut $seconds &
    cutter=$!
    job 60 bash "$tmp/enter1" "$RUN" -np 4 --hostfile "$tmp/hostfile" \
        "$program" reduce for12s "$i"
    wait $cutter
    if [ "$code" = 0 ] && [ "$(cat "$tmp/out")" = right ] &&
        [ "$(lost)" = $expected ] && [ -z "$(ranks_left)" ]; then
        right
    else
        wrong "job $i: link down for $seconds s (0: for good): exit $code, $(lost) lost, left: $(ranks_left)"
    fi
    job_kill
done
campaign_end
