#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A task that ends its process is named in one line, and the job ends.
#
#     BUILD=build RUN=scripts/run tests/mpi/crash.sh
# shellcheck disable=SC2317 # check() calls them
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/check.bash
. tests/check.bash
program=$BUILD/tests/mpi/prog_crash
export DISTMPI_RECOVERY=off
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:handle_abort=0

# run NP HOW: without recovery; one process alone needs no launcher
run() {
    local -a launcher=()
    [ "$1" = 1 ] || launcher=("$RUN" -np "$1")
    code=0
    {
        timeout -k 5 60 "${launcher[@]}" "$program" "$2" \
            >"$tmp/out" 2>"$tmp/err" </dev/null || code=$?
    } 2>/dev/null # bash's own word about the signal
}

# names NP HOW SIGNAL: in one line, and the job ends with a code of its own
names() {
    run "$1" "$2"
    [ "$code" != 0 ] && [ "$code" != 124 ] &&
        [ "$(grep -c '^distmpi:' "$tmp/err")" = 1 ] &&
        grep -qE "^distmpi: rank 1 \(.+\): function 'stumble', task 'one' \(key 0:1\): died by $3$" "$tmp/err"
}
check "SIGSEGV, np 1" names 1 segv SIGSEGV
check "SIGSEGV, np 2" names 2 segv SIGSEGV
check "SIGFPE" names 1 fpe SIGFPE
check "SIGBUS" names 1 bus SIGBUS
check "SIGILL" names 1 ill SIGILL
check "SIGABRT" names 1 abort SIGABRT
check "a stack that is full" names 1 overflow SIGSEGV
check "a thread of the task" names 1 thread SIGSEGV

dies_by_it() {
    run 1 abort
    [ "$code" = 134 ] && ! grep -q 'Process received signal' "$tmp/err"
}
[ "${SAN:-}" ] || check "it dies by the signal itself" dies_by_it

hands_on() { names 1 own SIGSEGV && grep -q "own handler" "$tmp/err"; }
check "the program's own handler is called after it" hands_on

names_handler() {
    run 1 handler
    [ "$code" != 0 ] && [ "$code" != 124 ] &&
        grep -qE "^distmpi: rank 1 \(.+\): function 'stumble': died by SIGSEGV$" "$tmp/err"
}
check "a handler of another rank's message" names_handler

exit "$failed"
