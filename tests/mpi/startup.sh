#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Functions that workers call once: all of them do, before the first task and
# after the last one; what fails is told, and nothing hangs.
#
#     BUILD=build RUN=scripts/run tests/mpi/startup.sh
# shellcheck disable=SC2317 # check() calls them
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/check.bash
. tests/check.bash
export DISTMPI_BIND=none # no warning where workers share cores
program=$BUILD/tests/mpi/prog_startup

# ends NUMBER COUNT: so many lines of end functions with that number, one rank
# each, which saw the constant
ends() {
    [ "$(grep "number $1, constant $(($1 + 1))$" "$tmp/out" | sort -u | wc -l)" = "$2" ] &&
        [ "$(grep -c "number $1," "$tmp/out")" = "$2" ]
}

workers() { echo $(($1 > 1 ? $1 - 1 : 1)); }

each_worker_once() {
    run "$1" twice && ends 7 "$(workers "$1")" && ends 8 "$(workers "$1")" &&
        ! grep -q distmpi "$tmp/err"
}
for np in 1 2 3 4; do
    check "each worker calls them once in each pool, np $np" each_worker_once $np
done

# fails NP TEXT: status 3 is DMPI_EFAILED on all ranks, and one line says TEXT
fails() {
    local np=$1
    shift
    ! run "$np" once && [ "$code" = 3 ] &&
        [ "$(grep -c '^distmpi' "$tmp/err")" = 1 ] && grep -q "$1" "$tmp/err"
}
export FAIL_START=1
no_start() {
    fails "$1" "rank 1 .*start function 'b_check' failed: no licence" &&
        [ "$(grep -c "^end of rank" "$tmp/out")" = $(($(workers "$1") - 1)) ]
}
for np in 1 3; do
    check "a start function fails, np $np" no_start $np
done
unset FAIL_START
export FAIL_END=1
no_end() {
    fails "$1" "rank 1 .*end function 'b_look' failed: disk full" &&
        ends 7 $(($(workers "$1") - 1))
}
for np in 1 3; do
    check "an end function fails, np $np" no_end $np
done
unset FAIL_END

says_which() {
    ! run 2 differ && grep -q "'only_some_mark at end'" "$tmp/err"
}
check "ranks that differ in what they mark are told apart" says_which
for np in 1 2; do
    check "wrong calls are refused, np $np" run $np rules
done
exit "$failed"
