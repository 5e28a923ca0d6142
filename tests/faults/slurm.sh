#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Real Slurm jobs: sbatch --signal, the time limit, scancel; all end with 75. By srun
# as the launcher, too, whose jobs have the code of rank 0 otherwise.
#
# Slurm (munged, slurmctld, one slurmd) is started here, on loopback, without
# systemd and without cgroups, and stopped again. Skipped where it is not installed,
# or we are not root.
#
# jobs: 10
#
#     BUILD=build tests/faults/slurm.sh JOBS
# shellcheck disable=SC2317 # some are called by name
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
. tests/faults/campaign.bash
program=$BUILD/tests/mpi/prog_exit
PATH=$PATH:/usr/sbin

for need in munged slurmctld slurmd sbatch; do
    command -v $need >/dev/null && [ "$(id -u)" = 0 ] && continue
    echo "skipped: no $need, or not root"
    exit 0
done

# ---- a Slurm of our own --------------------------------------------------------

port=$((20000 + $$ % 20000))
export SLURM_CONF=$tmp/slurm.conf
unset SLURM_JOB_ID SLURM_JOB_END_TIME

write_conf() {
    cat <<END
ClusterName=faults
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$tmp/munge.socket
StateSaveLocation=$tmp/state
SlurmdSpoolDir=$tmp/spool
SlurmctldPidFile=$tmp/slurmctld.pid
SlurmdPidFile=$tmp/slurmd.pid
SlurmctldLogFile=$tmp/slurmctld.log
SlurmdLogFile=$tmp/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=bf_interval=2,sched_interval=2
ReturnToService=2
KillWait=5
SlurmdParameters=config_overrides
NodeName=sn1 NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=4 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE
END
}

pid_in() { cat "$tmp/$1.pid" 2>/dev/null; }
stop_slurm() {
    local name pid
    for name in slurmd slurmctld munged; do
        pid=$(pid_in "$name")
        [ -z "$pid" ] || kill "$pid" 2>/dev/null
    done
    sleep 1
    rm -rf "$tmp"
}
trap stop_slurm EXIT

is_idle() { sinfo -h -o %T 2>/dev/null | grep -q idle; }
start_slurm() {
    local i
    mkdir "$tmp/state" "$tmp/spool"
    chmod 755 "$tmp"
    (umask 077 && head -c 1024 /dev/urandom >"$tmp/munge.key")
    write_conf >"$SLURM_CONF"
    munged --force --key-file="$tmp/munge.key" --socket="$tmp/munge.socket" \
        --pid-file="$tmp/munged.pid" --log-file="$tmp/munged.log" \
        --seed-file="$tmp/munge.seed" && slurmctld && slurmd -N sn1 || return
    for ((i = 0; i < 300; i++)); do
        is_idle && return
        sleep 0.1
    done
    return 1
}

# ---- jobs ----------------------------------------------------------------------

# batch OPTIONS -- COMMAND: sets id; what the job says goes to $tmp/out
batch() {
    local options=()
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    rm -f "$tmp"/{out,code}
    : >"$tmp/err"
    {
        echo '#!/bin/bash'
        echo "export DISTMPI_BIND=none DISTMPI_GRACE=10"
        echo "$*"
    } >"$tmp/script"
    id=$(sbatch --parsable -N1 -n3 -o "$tmp/out" "${options[@]}" "$tmp/script")
}

# ended SECONDS: the script has written its exit code, which is set
ended() {
    local i
    for ((i = 0; i < $1 * 10; i++)); do
        if [ -s "$tmp/code" ]; then
            code=$(<"$tmp/code")
            return
        fi
        sleep 0.1
    done
    code=none
    scancel "$id"
}

says() { grep -qE -- "$1" "$tmp/out"; }
starts() {
    local i
    for ((i = 0; i < 300; i++)); do
        [ -f "$tmp/out" ] && says '^worker' && return
        sleep 0.1
    done
}

run="$RUN -np 3 $program tasks 3"
forwarding="$run & trap 'kill -USR1 \$!' USR1 TERM
job=\$!; wait \$job; wait \$job; code=\$?; echo \$code >$tmp/code; exit \$code"

# The batch script is told, and tells scripts/run.
signal_to_script() {
    batch --signal=B:USR1@50 -t 1 -- "$forwarding"
    ended 90
}

# It is scripts/run itself.
signal_to_run() {
    batch -t 5 -- "$forwarding"
    starts
    scancel -s USR1 -b "$id"
    ended 40
}

# Nobody says a word: the deadline is the job's time limit.
time_limit() {
    batch -t 1 -- "export DISTMPI_GRACE=40; $run; echo \$? >$tmp/code"
    ended 90
}

# srun is the launcher. The signal comes to all processes of its job.
signal_to_srun() {
    batch -t 5 -- "export DISTMPI_ISOLATE=process
srun --mpi=pmix $program tasks 3; echo \$? >$tmp/code"
    starts
    scancel -s USR1 "$id"
    ended 40
}
code_of_srun() {
    batch -t 5 -- "srun --mpi=pmix $program code_3; echo \$? >$tmp/code"
    ended 40
}

is_right() {
    case $kind in
    code_of_srun) [ "$code" = 3 ] ;;
    *) [ "$code" = 75 ] && says 'run me again$' && ! says 'others [1-9]' ;;
    esac
}

kinds=(signal_to_run time_limit signal_to_script signal_to_srun code_of_srun)
start_slurm || { echo "Slurm does not start"; tail -n 5 "$tmp"/*.log; exit 1; }
for ((i = 0; i < jobs; i++)); do
    kind=${kinds[i % ${#kinds[@]}]}
    $kind
    if is_right; then
        right
    else
        wrong "$kind: exit code $code"
    fi
done
campaign_end
