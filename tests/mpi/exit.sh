#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# How jobs end under scripts/run: exit codes, signals to any of its processes, the
# deadline; nothing is left, and nothing hangs.
#
#     BUILD=build RUN=scripts/run tests/mpi/exit.sh
# shellcheck disable=SC2317,SC2030,SC2031 # along() calls them, each with its tmp
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/check.bash
. tests/check.bash
unset DISTMPI_RECOVERY # as users have it
export DISTMPI_BIND=none DISTMPI_GRACE=3
program=$BUILD/tests/mpi/prog_exit
mpich=$(ldd "$program" | grep -F libmpich) || true

# Jobs sleep most of their time, so several run at once, each with a directory of
# its own. What they said is shown in the end.
shows=()
along() {
    while [ "$(jobs -rp | wc -l)" -ge 6 ]; do wait -n; done
    local own=$tmp/along-${#shows[@]}
    mkdir "$own"
    (
        tmp=$own
        check "$@"
        exit "$failed"
    ) >"$own.out" &
    shows+=("$own.out")
}
show_all() {
    local show
    wait
    for show in "${shows[@]}"; do
        cat "$show"
        if grep -q '^FAILED' "$show"; then failed=1; fi
    done
}

# run NP MODE [SECONDS]: the output of both kinds goes to $tmp/all
run() {
    code=0
    timeout -k 5 60 "$RUN" -np "$1" "$program" "${@:2}" >"$tmp/all" 2>&1 \
        </dev/null || code=$?
}

# ends CODE NP MODE [SECONDS]
ends() {
    run "${@:2}"
    [ "$code" = "$1" ]
}

says() { grep -qE -- "$1" "$tmp/all"; }

# ---- exit codes ----------------------------------------------------------------

along "rank 0's main() gives the exit code" ends 3 3 code_3
along "its exit() does" ends 4 2 exit_4
along "wrong usage" ends 2 3 usage
left_open() { ends 70 "$1" left_open && says 'call dmpi_close'; }
along "a pool that is left open" left_open 3

# ---- the deadline --------------------------------------------------------------

# What is unbegun and what has a value is all there is, and some of both.
has_both() {
    says '^values [1-9][0-9]* unbegun [1-9][0-9]* others 0$'
}
out_of_time() {
    DISTMPI_DEADLINE=10 ends 75 "$1" tasks 1 && has_both &&
        says '^wait not begun' && says '^close not begun' &&
        [ "$(grep -c 'out of time, with [1-9][0-9]* tasks left: run me again$' \
            "$tmp/all")" = 1 ]
}
for np in 1 3; do
    along "the deadline comes before the end, np $np" out_of_time $np
done
in_time() {
    DISTMPI_DEADLINE=50 ends 6 "$1" tasks 0.002 &&
        says '^values 40 unbegun 0 others 0$' && ! says 'run me again'
}
along "the end comes before the deadline" in_time 2
too_long() {
    DISTMPI_DEADLINE=20 ends 75 "$1" needs 0.002 && has_both &&
        says 'short of time, with 40 tasks left'
}
for np in 1 2; do
    along "tasks that need longer are not begun, np $np" too_long $np
done
from_slurm() {
    SLURM_JOB_END_TIME=$(($(date +%s) + 9)) ends 75 2 tasks 1 &&
        says 'out of time' && has_both
}
along "the batch system's deadline" from_slurm
deaf() {
    DISTMPI_DEADLINE=1 ends 75 "$1" deaf 100 &&
        [ "$(grep -c 'tasks left: run me again$' "$tmp/all")" = 1 ]
}
for np in 1 3; do
    along "neither rank 0 nor its workers end by themselves, np $np" deaf $np
done

# ---- launched again ------------------------------------------------------------

# launches COUNT CODE MODE: so many, with a journal
launches() {
    rm -rf "$tmp"/journal*
    DISTMPI_JOURNAL=$tmp/journal ends "$2" 2 "$3" 0.03 &&
        [ "$(grep -c 'it is launched again$' "$tmp/all")" = $(($1 - 1)) ]
}
along "while the journal grows" launches 3 6 advances
gives_up() {
    ! launches 3 0 dies && [ "$code" -gt 0 ] && [ "$code" != 124 ] &&
        says '3 times in a row without progress'
}
along "not for ever" gives_up
not_again() {
    ! ends 0 2 dies && ! says 'launched again' &&
        says 'ended without a word of its center$'
}
along "not without a journal" not_again

# ---- killed --------------------------------------------------------------------

dies_early() {
    ! ends 0 3 dies_early && [ "$code" != 124 ]
}
along "a rank dies before MPI starts" dies_early

# ---- signals -------------------------------------------------------------------

# pid_of NAME: what the program said, when it has
pid_of() {
    local i
    for ((i = 0; i < 300; i++)); do
        awk -v name="$1" '$1 == name { print $2; found = 1; exit }
                          END { exit !found }' "$tmp/all" && return
        sleep 0.1
    done
    return 1
}

children() { cat /proc/"$1"/task/*/children; }

# start NP MODE [SECONDS]: sets the ids of run, launcher, center, worker
start() {
    : >"$tmp/all"
    timeout -k 5 60 "$RUN" -np "$1" "$program" "${@:2}" >"$tmp/all" 2>&1 \
        </dev/null &
    limit=$!
    center=$(pid_of center) && worker=$(pid_of worker) || return
    run=$(children "$limit")
    run=${run%% *}
    launcher=$(awk '/^PPid/ { print $2 }' "/proc/$center/status")
    # MPICH has a proxy between them.
    if [[ $(cat "/proc/$launcher/comm") == hydra_pmi_proxy ]]; then
        launcher=$(awk '/^PPid/ { print $2 }' "/proc/$launcher/status")
    fi
}

# A zombie has ended; it may be that nobody takes it away.
has_ended() {
    [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null ||
        [ ! -e "/proc/$1" ]
}

# wait_end: sets code; nobody is left
wait_end() {
    code=0
    wait "$limit" || code=$?
    has_ended "$center" && has_ended "$worker"
}

# told SIGNAL WHOM: exit code 75, and both tasks that ran and others
told() {
    start 3 tasks 0.3 || return
    local whom=$2
    kill "-$1" "${!whom}" && wait_end && [ "$code" = 75 ] && has_both &&
        says "told to end by SIG[A-Z0-9]* .*[0-9]+ tasks left: run me again\$"
}
for signal in USR1 TERM INT; do
    along "SIG$signal to scripts/run" told $signal run
done
along "SIGUSR1 to the launcher" told USR1 launcher
along "SIGUSR1 to a worker" told USR1 worker

# It leaves tasks half a second.
told_by_term() {
    start 3 tasks 0.1 || return
    kill -TERM "${!1}" && wait_end && [ "$code" = 75 ] && says 'run me again$'
}
for whom in center worker launcher; do
    along "SIGTERM to the $whom" told_by_term $whom
done

often() {
    start 3 tasks 0.3 || return
    local i
    for i in 1 2 3 4 5; do
        kill -USR1 "$run" "$worker" "$center" 2>/dev/null
        kill -TERM "$run" 2>/dev/null
        sleep 0.1
    done
    wait_end && [ "$code" = 75 ] &&
        [ "$(grep -c 'run me again$' "$tmp/all")" = 1 ]
}
along "many signals to all" often

nested() {
    start 3 nested 0.3 || return
    kill -USR1 "$run" && wait_end && [ "$code" = 75 ] && says '^parent'
}
along "a task waits for children that do not begin" nested

while_it_starts() {
    : >"$tmp/all"
    timeout -k 5 60 "$RUN" -np 2 "$program" slow_start 0.1 >"$tmp/all" 2>&1 \
        </dev/null &
    limit=$!
    center=$(pid_of starting) worker=$center || return
    run=$(children "$limit")
    kill -TERM "${run%% *}" && wait_end && [ "$code" = 75 ]
}
along "while it starts" while_it_starts

# ---- killed --------------------------------------------------------------------

fails() { [ "$code" != 0 ] && [ "$code" != 124 ]; }

killed_launcher() {
    start 3 tasks 0.3 || return
    kill -KILL "$launcher" && wait_end && fails
}
along "the launcher is killed" killed_launcher

killed_center() {
    start 3 tasks 0.3 || return
    kill -KILL "$center" && wait_end && fails &&
        says 'ended without a word of its center'
}
along "the center is killed" killed_center

# With Open MPI the job goes on.
killed_worker() {
    start 3 tasks 0.1 || return
    kill -KILL "$worker" && wait_end || return
    if [ "$mpich" ]; then fails; else [ "$code" = 6 ]; fi
}
along "a worker is killed" killed_worker

# ---- the program's own ---------------------------------------------------------

# A program with a handler of its own is not told.
keeps_its_handler() {
    start 2 own 0.02 || return
    kill -USR1 "$launcher" && wait_end && [ "$code" = 6 ] && says '^heard' &&
        says '^values 40 unbegun 0 others 0$'
}
along "a program's own handler" keeps_its_handler

show_all
exit "$failed"
