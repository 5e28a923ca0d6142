#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A program that is run again takes from its journal what has not changed, on any
# number of ranks; a journal that cannot be used ends it with a line and code 2.
#
#     BUILD=build RUN=scripts/run tests/mpi/journal.sh
# shellcheck disable=SC2317 # check() calls them
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/check.bash
. tests/check.bash
program=$BUILD/tests/mpi/prog_journal
export DISTMPI_BIND=none # no warning where workers share cores
export JOURNAL_RAN=$tmp/ran

# run NP ARGUMENT...: prints to $tmp/out and err; the functions that ran stand in
# $tmp/ran
run() {
    local np=$1
    shift
    : >"$tmp/ran"
    code=0
    timeout -k 5 60 "$RUN" -np "$np" "$program" "$@" \
        >"$tmp/out" 2>"$tmp/err" </dev/null || code=$?
    return "$code"
}

# ran NAME=COUNT...: just these functions ran
ran() {
    [ "$(sort "$tmp/ran" | uniq -c | awk '{ printf "%s%s=%s", sep, $2, $1; sep = " " }')" = "$*" ]
}

silent() { [ ! -s "$tmp/err" ]; }
same_output() { cmp -s "$tmp/out" "$tmp/first.$1"; }

# What is in no journal: what is not marked, fails or is always fresh.
again="check_large=1 fails=1 square=1 sum=1"

# shellcheck disable=SC2086 # one word per function
first_run() {
    rm -rf "$tmp/journal".*
    export DISTMPI_JOURNAL=$tmp/journal.$1
    run "$1" work && cp "$tmp/out" "$tmp/first.$1" && silent &&
        ran add=7 check_large=1 draw=1 empty=1 fails=1 large=1 parent=1 see=2 \
            square=46 sum=5 versioned=1 && grep -qx 'large 1' "$tmp/out"
}
# shellcheck disable=SC2086
second_run() {
    run "$1" work && silent && same_output "$2" && ran $again
}
new_input() {
    run "$1" work 2 && ran check_large=1 fails=1 square=1 sum=2 versioned=1
}
new_argument() {
    run "$1" work 1 500 && ran check_large=1 fails=1 square=2 sum=1
}
new_version() {
    run "$1" work 1 1 2 && ran check_large=1 fails=1 square=1 sum=2 versioned=1
}
new_constant() {
    run "$1" work 1 1 1 8 && ran check_large=1 fails=1 see=1 square=1 sum=1 &&
        grep -qx 'constant 8' "$tmp/out"
}
for np in 1 2 3 4; do
    check "the first run, np $np" first_run $np
    check "the second run, np $np" second_run $np $np
done
# shellcheck disable=SC2086
reports() {
    DISTMPI_REPORT=1 run 1 work && same_output 4 && ran $again && grep -q \
        'journal: 59 tasks taken from it .*, 0 values written (0 bytes)' "$tmp/err"
}
check "on fewer ranks, with a report" reports
check "an input has changed" new_input 3
check "an argument has changed" new_argument 3
check "a version has changed" new_version 2
check "a constant has changed" new_constant 3
check "back again" second_run 2 4

got() {
    export DISTMPI_DURABLE=got
    run "$1" got && ran square=20 sum=1 && run "$1" got && ran square=10
}
DISTMPI_JOURNAL=$tmp/got check "all that is got" got 3
unset DISTMPI_DURABLE

# tests/data/got.journal was made by format 1 and its fingerprints. Who changes what
# they are made of gives the format another number, and makes that file anew.
earlier() {
    cp tests/data/got.journal "$tmp/earlier" && run 1 got && ran square=10
}
DISTMPI_JOURNAL=$tmp/earlier check "a journal of an earlier library" earlier

gang() {
    run 3 gang && ran member=2 && cp "$tmp/out" "$tmp/first.gang" &&
        run 4 gang && ran "" && same_output gang
}
DISTMPI_JOURNAL=$tmp/gang check "a gang" gang

unknown() {
    run "$1" unknown && run "$1" unknown && ran square=1 sum=2 &&
        [ "$(grep -c 'is not kept$' "$tmp/err")" = 1 ]
}
DISTMPI_JOURNAL=$tmp/unknown check "of what nobody knows" unknown 2

places() {
    run "$1" places && run "$1" places && silent && ran check_large=1 &&
        [ "$(cat "$tmp/out")" = $'peek 1\nlarge 1' ]
}
for np in 1 3; do
    DISTMPI_JOURNAL=$tmp/places.$np check "holders and copies, np $np" places $np
done

# ---- journals that cannot be used --------------------------------------------

# refused NP FILE TEXT: exit code 2, one line with TEXT
refused() {
    ! DISTMPI_JOURNAL=$2 run "$1" work && [ "$code" = 2 ] &&
        [ ! -s "$tmp/ran" ] && [ ! -s "$tmp/out" ] &&
        [ "$(grep -c '^distmpi: ' "$tmp/err")" = 1 ] &&
        grep -q "^distmpi: .*$3" "$tmp/err"
}
untouched() {
    cp "$tmp/$2" "$tmp/kept"
    refused "$1" "$tmp/$2" "$3" && cmp -s "$tmp/$2" "$tmp/kept"
}
echo "my thesis" >"$tmp/thesis"
head -c 9000 "$tmp/journal.4" >"$tmp/torn"
check "no such folder" refused 3 "$tmp/no/such" 'make it first'
check "another file" untouched 2 thesis 'is not a journal'
check "a torn one" untouched 1 torn 'is damaged'

in_use() {
    local waiting result=0
    : >"$tmp/waits"
    export DISTMPI_JOURNAL=$tmp/used
    "$RUN" -np 2 "$program" wait "$tmp/go" >"$tmp/waits" 2>&1 </dev/null &
    waiting=$!
    until grep -q open "$tmp/waits"; do sleep 0.05; done
    refused 2 "$tmp/used" 'is in use by process [0-9]* on ' || result=1
    touch "$tmp/go"
    wait "$waiting" || result=1
    return "$result"
}
check "one job has it" in_use
exit "$failed"
