#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# kill -9 of a worker, the center or mpirun, and full disks: the journal keeps all.
#
# Each job is killed at random times and run again until it gets through. What was
# committed does not run again, every value is right, and what runs again had ended
# in the last two seconds before a kill. Every fourth job leaves the running again
# to scripts/run; every tenth has a disk that gets full, another one is stopped for
# five seconds. A hundred jobs or more begin
# with a journal that is damaged at every byte.
#
# jobs: 200, short: 2
#
#     BUILD=build tests/faults/journal.sh JOBS [FIRST]
# shellcheck disable=SC2317 # some are called by name
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
. tests/faults/campaign.bash
first=${2:-1}
program=$BUILD/tests/faults/prog_journal
tasks=600 kills=2 limit=120 stop=
export DISTMPI_BIND=none OMPI_MCA_odls_base_sigkill_timeout=0

# What the journal has, as seen from outside; none: there is no journal yet.
entries() {
    local number=
    { read -r _ number _ <"$DISTMPI_JOURNAL.lock"; } 2>/dev/null
    echo "${number:-none}"
}

# lines FILE: in it, 0 if there is none
lines() { if [ -f "$1" ]; then wc -l <"$1"; else echo 0; fi; }

# rank_is PROCESS PATTERN
rank_is() { grep -qszxE "(OMPI_COMM_WORLD_RANK|PMI_RANK)=$2" "/proc/$1/environ"; }

# victims WHO: of the job job_mark
victims() {
    local process name
    for process in $(job_processes); do
        name=$(cat "/proc/$process/comm" 2>/dev/null)
        case $1/$name in
        mpirun/mpirun* | mpirun/mpiexec*) echo "$process" ;;
        center/prog_journal) ! rank_is "$process" 0 || echo "$process" ;;
        worker/prog_journal) ! rank_is "$process" '[1-9]' || echo "$process" ;;
        esac
    done
}

# kill_one SECONDS WHO MARK: one of them, so long after the journal was opened; when
# goes to $tmp/killed. Or it is stopped for $stop seconds.
kill_one() {
    local all victim when
    until [ "$(entries)" != none ]; do sleep 0.05; done
    sleep "$1"
    job_mark=$3
    mapfile -t all < <(victims "$2")
    [ ${#all[@]} -gt 0 ] || return
    victim=${all[RANDOM % ${#all[@]}]}
    if [ "$stop" ]; then
        kill -STOP "$victim" && echo "$victim" >>"$tmp/stopped"
        sleep "$stop"
        kill -CONT "$victim"
        return
    fi
    when=$EPOCHREALTIME
    ! kill -KILL "$victim" 2>/dev/null || echo "$when" >>"$tmp/killed"
}

# launch NUMBER WHO: WHO is killed meanwhile, unless that is empty. What ran stands
# in $tmp/ran.NUMBER, when it was killed in $tmp/end.NUMBER.
launch() {
    local killer=
    rm -f "$tmp/killed"
    export JOURNAL_RAN=$tmp/ran.$1
    if [ "$2" ]; then
        kill_one "$((RANDOM % 3)).$((RANDOM % 10))" "$2" "$$.$((job_number + 1))" &
        killer=$!
    fi
    job "$limit" "$RUN" -np 3 "$program" "$tasks"
    [ ! "$killer" ] || { kill "$killer"; wait "$killer"; } 2>/dev/null
    [ ! -f "$tmp/killed" ] || mv "$tmp/killed" "$tmp/end.$1"
}

# Ranks that have lost their mpirun end by themselves.
wait_for_orphans() {
    local waited=0
    while [ "$(job_processes)" ]; do
        [ $((waited++)) -lt 300 ] || return 1
        sleep 0.1
    done
}

# What ran in launch $1 and again in a later one had ended in the last two seconds
# before the kill.
only_late_ones_again() {
    [ -f "$tmp/end.$1" ] && [ -f "$tmp/ran.$1" ] || return 0
    awk -v end="$(head -n 1 "$tmp/end.$1")" '
        FILENAME == ARGV[1] { at[$1] = $2; next }
        $1 in at && at[$1] < end - 2 { print "task " $1 " ran again"; bad = 1 }
        END { exit bad }' "$tmp/ran.$1" "${@:2}" >>"$tmp/err"
}

# ---- kinds of jobs -------------------------------------------------------------

# all_is_right NUMBER COMMITTED: launch NUMBER got through, and ran nothing of what
# was committed before
all_is_right() {
    local ran
    ran=$(lines "$tmp/ran.$1")
    [ "$code" = 0 ] || { wrong "$name: exit $code"; return 1; }
    [ "$(cat "$tmp/out")" = right ] || { wrong "$name: a value is wrong"; return 1; }
    [ "$ran" -le $((tasks - $2)) ] || {
        wrong "$name: $ran tasks ran, $2 of $tasks were committed"
        return 1
    }
}

who() {
    local all=(worker center mpirun)
    echo "${all[RANDOM % 3]}"
}

killed_job() {
    local n committed=0
    export DISTMPI_RECOVERY=off
    for ((n = 1; n <= kills; n++)); do
        launch "$n" "$(who)"
        wait_for_orphans || { job_stacks >>"$tmp/err"; job_kill; wrong "$name: orphans"; return; }
        [ "$(entries)" -ge "$committed" ] || { wrong "$name: entries are lost"; return; }
        committed=$(entries)
    done
    launch "$n" ""
    all_is_right "$n" "$committed" || return
    for ((n = 1; n <= kills; n++)); do
        only_late_ones_again "$n" "$tmp"/ran.* || { wrong "$name: too much again"; return; }
    done
    right
}

# scripts/run launches it again, unless the work was done and mpirun was killed
# before it had said so: then the next launch has nothing to do.
supervised_job() {
    local all=(center mpirun)
    unset DISTMPI_RECOVERY
    launch 1 "${all[RANDOM % 2]}"
    if [ "$code" = 137 ] && [ "$(entries)" = "$tasks" ]; then
        launch 2 ""
        all_is_right 2 "$tasks" && right
    else
        all_is_right 1 "-$tasks" && right
    fi
}

# The job lives on without the worker; the journal gets what was run again, too.
recovered_job() {
    export DISTMPI_RECOVERY=on
    launch 1 worker
    all_is_right 1 "-$tasks" || return
    launch 2 ""
    all_is_right 2 "$tasks" && right
}

# A rank that only stands still for a while is no reason for anything.
stopped_job() {
    local all=(center worker) stop=5
    unset DISTMPI_RECOVERY
    launch 1 "${all[RANDOM % 2]}"
    if [ -f "$tmp/stopped" ] && [ "$(lines "$tmp/ran.1")" != "$tasks" ]; then
        wrong "$name: not each task ran once"
    else
        all_is_right 1 0 && right
    fi
}

full_job() {
    local committed tasks=1200
    unset DISTMPI_RECOVERY
    mkdir "$tmp/disk"
    mount -t tmpfs -o size=20m none "$tmp/disk" || { wrong "$name: no mount"; return; }
    DISTMPI_JOURNAL=$tmp/disk/journal
    launch 1 ""
    committed=$(entries)
    cp "$tmp/err" "$tmp/full"
    mount -o remount,size=128m "$tmp/disk"
    if ! all_is_right 1 0; then :
    elif [ "$(grep -c 'the journal cannot be written: ' "$tmp/full")" != 1 ] ||
        [ "$committed" = 0 ]; then
        wrong "$name: no warning, or nothing committed ($committed)"
    else
        launch 2 ""
        all_is_right 2 "$committed" && right
    fi
    umount "$tmp/disk"
    rmdir "$tmp/disk"
}

# Every byte of a small journal is flipped, and it is torn at every place.
damaged_job() {
    CHECK_STRIDE=1 job 1800 "$BUILD/tests/unit/test_damage"
    if [ "$code" = 0 ]; then right; else wrong "damaged journals: exit $code"; fi
}

[ "$jobs" -lt 100 ] || damaged_job
for ((i = first; i < first + jobs; i++)); do
    RANDOM=$i
    rm -rf "${tmp:?}"/*
    export DISTMPI_JOURNAL=$tmp/journal
    kind=killed
    [ $((i % 4)) != 0 ] || kind=supervised
    [ $((i % 4)) != 3 ] || kind=recovered
    [ $((i % 10)) != 7 ] || kind=stopped
    [ $((i % 10)) != 2 ] || [ "$(id -u)" != 0 ] || kind=full
    name="job $i ($kind)"
    ${kind}_job
done
campaign_end
