#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Executors from start to end: made in time or a line that says what to do, made
# anew for each pool, gone with their worker.
#
#     BUILD=build RUN=scripts/run tests/mpi/isolate.sh
# shellcheck disable=SC2317 # check() calls them
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/check.bash
. tests/check.bash
export DISTMPI_BIND=none # no warning where workers share cores
export DISTMPI_ISOLATE=process
export ISOLATE_JOB=$$
program=$BUILD/tests/mpi/prog_isolate
state=5 # DMPI_ESTATE

# Our processes, by the mark in their environment; not zombies.
left() {
    local file
    for file in /proc/[0-9]*/environ; do
        if grep -qszx "ISOLATE_JOB=$ISOLATE_JOB" "$file" 2>/dev/null &&
            [ "$(readlink "${file%/environ}/exe")" = "$program" ]; then
            basename "${file%/environ}"
        fi
    done
}

none_left() { [ ! "$(left)" ]; }
all_well() { run "$1" "$2" && [ ! -s "$tmp/err" ] && none_left; }
for np in 1 2; do
    check "a pool with executors, np $np" all_well $np once
done
check "a program that starts MPI, np 2" all_well 2 isolate-first
check "pool after pool, np 2" all_well 2 again

# refuses NP MODE [TEXT]: with one line that says what to do
refuses() {
    ! run "$1" "$2" && [ "$code" = "$state" ] &&
        [ "$(grep -c '^distmpi' "$tmp/err")" = 1 ] && grep -q \
        "${3:-set DISTMPI_ISOLATE for all ranks.* dmpi_isolate() before}" "$tmp/err"
}
check "too late: MPI runs, np 1" refuses 1 mpi-first
check "too late: MPI runs, np 2" refuses 2 mpi-first
check "workers were not told" refuses 2 forget
check "the zygote's thread has ended" refuses 1 thread \
    "call dmpi_isolate() from the main thread"

late() {
    run "$1" late && grep -q "'late' was registered after" "$tmp/out"
}
check "a function that executors do not know" late 2

says_once() {
    run "$1" say && [ "$(grep -c "^before$" "$tmp/out")" = "$1" ] &&
        [ "$(grep -c "^said by an isolated task$" "$tmp/out")" = 2 ]
}
check "what tasks print comes out once, np 1" says_once 1
check "what tasks print comes out once, np 2" says_once 2

# In a control group whose memory ends soon, where this user may make one.
group=/sys/fs/cgroup/memory/distmpi-isolate-$$
in_group() { echo "$BASHPID" >"$group/cgroup.procs" && run 2 hunger; }
starves_alone() {
    code=0
    (in_group) || code=$?
    [ "$code" = 0 ] && grep -q "ended its executor: SIGKILL" "$tmp/out"
}
if mkdir "$group" 2>/dev/null &&
    echo 400M >"$group/memory.limit_in_bytes" 2>/dev/null; then
    check "the kernel ends the executor, not the worker" starves_alone
else
    echo "skipped: no control group for memory can be made here"
fi
[ ! -d "$group" ] || rmdir "$group" || { sleep 1; rmdir "$group"; }

# The worker is killed: the job ends, and with it all that belongs to it.
dies_with_worker() {
    local waited=0
    : >"$tmp/out"
    timeout -k 5 60 "$RUN" -np 2 "$program" linger >"$tmp/out" 2>"$tmp/err" \
        </dev/null &
    until [ -s "$tmp/out" ] || [ $((waited += 1)) -gt 300 ]; do sleep 0.1; done
    kill -KILL "$(cat "$tmp/out")"
    code=0
    wait $! || code=$?
    waited=0
    until none_left || [ $((waited += 1)) -gt 100 ]; do sleep 0.1; done
    [ "$code" != 0 ] && none_left
}
check "executors die with their worker" dies_with_worker
exit $failed
