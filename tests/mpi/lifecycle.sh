#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Pools are opened and closed, rightly and wrongly: exit codes, what is printed,
# and that nothing hangs.
#
#     BUILD=build RUN=scripts/run tests/mpi/lifecycle.sh
# shellcheck disable=SC2317 # check() calls them
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/check.bash
. tests/check.bash
program=$BUILD/tests/mpi/prog_lifecycle

# What we said, in lines.
said() { grep -c '^distmpi:' "$tmp/err"; }
says() { grep -qE -- "^distmpi: .*$1" "$tmp/err"; }

silent() { run "$@" && [ ! -s "$tmp/out" ] && [ ! -s "$tmp/err" ]; }

# More ranks than cores give one warning.
works() {
    run "$@" && [ ! -s "$tmp/out" ] &&
        ! grep -vE 'workers share .* cores' "$tmp/err"
}

# ends_badly LINES TEXT NP MODE: not 0, no time limit, and the reason in LINES
ends_badly() {
    run "$3" "$4" && return 1
    [ "$code" -lt 124 ] && [ "$(said)" = "$1" ] && says "$2"
}

# ---- right -------------------------------------------------------------------

for np in 1 2 3; do
    check "a clean run prints nothing, np $np" silent $np clean
done
check "a clean run with more ranks than cores" works 4 clean
for np in 1 2 4; do
    check "open, close, open again, np $np" works $np reopen
done
for np in 1 3; do
    check "in a program with MPI_THREAD_MULTIPLE, np $np" works $np multiple
    check "in a program with MPI_THREAD_SERIALIZED, np $np" works $np serialized
done
check "two pools at a time" works 4 halves
check "one pool on each of two ranks" works 2 halves

one_warning() { run 3 single && [ "$(said)" = 1 ] && says 'thread level'; }
# MPICH gives MPI_Init() what the environment asks for.
check "MPI_THREAD_SINGLE gives one warning" one_warning

for np in 1 3; do
    check "messages and handlers under way at the end, np $np" \
        works $np restless
    check "handlers that ask at the end, np $np" works $np restless_asking
done
check "a handler that ends after its task and the pool" works 2 late_handler

finishes_tasks() {
    DISTMPI_REPORT=1 run "$1" pending && [ "$(sed -nE \
        's/^distmpi: rank .* ran ([0-9]+) tasks.*/\1/p' "$tmp/err" |
        awk '{ n += $1 } END { print n }')" = 80 ] && says 'keys leaked: 20$'
}
for np in 1 3; do
    check "close finishes pending tasks, np $np" finishes_tasks $np
done

counts_leaks() {
    DISTMPI_REPORT=1 run "$1" leak && says 'keys leaked: 3$' &&
        says 'worker to worker: [0-9]+ bytes' &&
        says 'through rank 0: [0-9]+ bytes' &&
        says 'inputs found local: ' && says 'idle: [0-9.]+ %' &&
        says 'messages sent: [0-9]+, in [0-9]+ envelopes'
}
for np in 1 2; do
    check "keys still held at the end are counted, np $np" counts_leaks $np
done
check "keys still held are no error" silent 2 leak

# ---- wrong -------------------------------------------------------------------

refuses_options() {
    run "$1" bad_options && [ ! -s "$tmp/out" ] && [ "$(said)" = 7 ]
}
check "options that make no sense, np 1" refuses_options 1
check "options that make no sense, np 3" refuses_options 3
check "communicators that make no sense" run 2 bad_comm

for np in 1 3; do
    check "the program ends with its pool open, np $np" \
        ends_badly 1 'dmpi_close' $np no_close
done
check "a program that started MPI ends it with its pool open" \
    ends_badly 1 'dmpi_close' 3 no_close_library
# With recovery that is the loss of a worker.
export DISTMPI_RECOVERY=off
check "a task ends its program" ends_badly 1 \
    "rank 1 .*: function 'exit_3', task \(key 0:1\): called exit\(\)" 2 task_exits
unset DISTMPI_RECOVERY

# On one rank only; then everywhere but on rank 0, which is the odd one.
for odd in 0 2; do
    export ODD_RANK=$odd
    check "rank $odd has a function more" ends_badly 1 "'only_here'" 3 differ
done
unset ODD_RANK
check "two functions share a name" ends_badly 1 "'square'" 2 same_name

refuses_programs() {
    run 1 open_only || return
    code=0
    timeout -k 5 60 "$RUN" -np 1 "$program" open_only : \
        -np 1 "$BUILD/tests/mpi/prog_locality" chain \
        >"$tmp/out" 2>"$tmp/err" </dev/null || code=$?
    [ "$code" != 0 ] && [ "$code" -lt 124 ] && [ "$(said)" = 1 ] && says "'ask_and_hop'"
}
check "two programs in one job" refuses_programs

# ---- settings ----------------------------------------------------------------

# names VARIABLE VALUE TEXT: an error that names it
names() {
    local -x "$1=$2"
    ends_badly 1 "$3" 2 open_only
}
check "an unknown variable" names DISTMPI_NOTHING 1 'DISTMPI_NOTHING'
check "a value that makes no sense" names DISTMPI_BIND tight \
    "DISTMPI_BIND.*'tight'.*compact"
check "a number that makes no sense" names DISTMPI_FAKE_NODES many \
    "DISTMPI_FAKE_NODES.*'many'"

prints_help() {
    DISTMPI_HELP=1 run "$1" "$2" && [ ! -s "$tmp/err" ] || return
    local name
    for name in BIND FAKE_NODES HELP LOG REPORT STEAL TABLE TRACE TRACE_MIB; do
        [ "$(grep -c "^DISTMPI_$name " "$tmp/out")" = 1 ] || return
    done
}
check "DISTMPI_HELP=1, np 1" prints_help 1 clean
check "DISTMPI_HELP=1, np 3" prints_help 3 clean
# README.md has the options that the program prints, in the same order.
# shellcheck disable=SC2016 # the quotes are README.md's
readme_lists_them() {
    DISTMPI_HELP=1 run 1 clean && [ -s "$tmp/out" ] &&
        diff <(sed -nE 's/^\| `(DISTMPI_[A-Z_]+)` .*/\1/p' README.md) \
            <(awk '{ print $1 }' "$tmp/out")
}
check "README.md has all options" readme_lists_them
check "DISTMPI_HELP=1 in a program that started MPI" prints_help 2 library_help

# nodes_of: the node of each rank, as the table tells
nodes_of() {
    awk '$1 == "distmpi:" && $2 ~ /^[0-9]+$/ { printf "%s:%s ", $2, $3 }' \
        "$tmp/err"
}
prints_table() {
    DISTMPI_TABLE=1 run "$1" clean && [ "$(nodes_of)" = "$2" ]
}
check "DISTMPI_TABLE=1, np 1" prints_table 1 "0:0 1:0 "
check "DISTMPI_TABLE=1, np 3" prints_table 3 "0:0 1:0 2:0 "
believes() {
    DISTMPI_TABLE=1 DISTMPI_FAKE_NODES=2 run 4 reopen &&
        [[ "$(nodes_of)" == "0:0 1:0 2:1 3:1 "* ]]
}
check "DISTMPI_FAKE_NODES=2" believes

# With more workers than cores there is something to warn of.
warns() { DISTMPI_LOG=$1 run 4 clean && [ "$(said)" -ge "$2" ]; }
is_quiet() { DISTMPI_LOG=error run 4 clean && [ ! -s "$tmp/err" ]; }
if [ "$(nproc)" -lt 3 ]; then
    check "DISTMPI_LOG=error" is_quiet
    check "DISTMPI_LOG=warn" warns warn 1
fi
check "DISTMPI_LOG=debug" warns debug 0

# ---- a launcher of another MPI -----------------------------------------------

# N programs that are alone each: one of them says why, none hangs.
is_alone() {
    code=0
    DISTMPI_MPIRUN=$1 timeout -k 5 60 "$RUN" -np 3 "$program" clean \
        >"$tmp/out" 2>"$tmp/err" </dev/null || code=$?
    [ "$code" != 0 ] && [ "$code" -lt 124 ] && [ ! -s "$tmp/out" ] &&
        [ "$(said)" -ge 1 ] && says "mpirun"
}
other=mpirun.mpich
if [[ $(ldd "$program") == *libmpich* ]]; then other=mpirun.openmpi; fi
if command -v $other >/dev/null; then
    check "started by $other" is_alone $other
fi

exit $failed
