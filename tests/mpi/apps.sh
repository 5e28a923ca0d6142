#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The example programs give the same answers with any number of ranks, and
# wordcount gives those of tr, sort and uniq.
#
#     BUILD=build RUN=scripts/run tests/mpi/apps.sh
# shellcheck disable=SC2317 # check() calls them
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/check.bash
. tests/check.bash
wordcount=$BUILD/apps/wordcount

# Open MPI waits two seconds, when a job has failed, before it kills nobody.
export OMPI_MCA_odls_base_sigkill_timeout=0

# run NP PROGRAM...: the output goes to $tmp/out, the errors to $tmp/err
run() {
    local np=$1
    shift
    timeout -k 5 120 "$RUN" -np "$np" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
}

# ---- hello, stats, phase, pi, squares, fib, queens, worktypes, uts -----------

# prints TEXT NP PROGRAM ARGUMENT...
prints() { run "$2" "$BUILD/apps/$3" "${@:4}" && [ "$(<"$tmp/out")" = "$1" ]; }

moves_no_block() {
    local bytes
    DISTMPI_REPORT=1 run "$1" "$BUILD/apps/stats" || return
    bytes=$(sed -nE 's/^distmpi: .*worker to worker:? *([0-9]+) bytes.*/\1/p' \
        "$tmp/err")
    [ "$bytes" ] && [ "$bytes" -lt 10000 ]
}

hello=$'10 20 30\n-285\n12'
stats="mean 524287.5 var 91625968981.25"
phase="phase: ok, 96 rows of 64 cells after 100 steps"
pi="pi 3.141896000 +- 0.000410, 12567584 hits of 16000000"
squares="as completed: 100 squares, their sum is 338350
map, reduce: 338350
map, scan: 1 5 14 30 55 91 140 204 285 385"
fib=$'46368\ntasks 1219'
worktypes="24 squares, 24 cubes, 24 carried: sum 80776, 0 off target, \
0 out of order"
small_fib=$'2584\ntasks 3193'
for np in 1 2 3 4; do
    check "fib np $np" prints "$fib" $np fib 24
    check "fib 18 4 np $np" prints "$small_fib" $np fib 18 4
    check "queens 8 np $np" prints 92 $np queens 8
    check "queens 12 np $np" prints 14200 $np queens 12
    check "worktypes np $np" prints "$worktypes" $np worktypes
    check "pi np $np" prints "$pi" $np pi
    check "squares np $np" prints "$squares" $np squares
    check "hello np $np" prints "$hello" $np hello
    check "stats np $np" prints "$stats" $np stats
    check "phase np $np" prints "$phase" $np phase
done
check "stats moves no block" moves_no_block 3

# explains NP PROGRAM ARGUMENT...: how to use it, on stderr only
explains() {
    run "$1" "$BUILD/apps/$2" "${@:3}"
    [ $? = 2 ] && [ ! -s "$tmp/out" ] && grep -q "^usage: $2 " "$tmp/err"
}
t3=(-t 0 -b 2000 -q 0.124875 -m 8 -r 42)
for np in 1 2 3; do
    check "uts T1 np $np" prints "nodes 4130071" $np uts
done
check "uts T3" prints "nodes 4112897" 3 uts "${t3[@]}"
check "uts T5" prints "nodes 4147582" 3 uts -t 1 -a 0 -d 20 -b 4 -r 34
check "uts without end" explains 1 uts "${t3[@]}" -q 0.125
check "uts -a 1" explains 1 uts -a 1
check "uts -d" explains 1 uts -d
check "fib x" explains 2 fib x
for arguments in 0 21 8x "8 x" "8 3 1"; do
    # shellcheck disable=SC2086 # one word per argument
    check "queens $arguments" explains 1 queens $arguments
done

# ---- gang --------------------------------------------------------------------

# solves NP RANKS ARGUMENT...
solves() {
    local ranks="$2 ranks"
    [ "$2" != 1 ] || ranks="1 rank"
    run "$1" "$BUILD/apps/gang" "${@:3}" && [ "$(<"$tmp/out")" = \
        "gang: ok, 60 x 60 cells on $ranks, 0 pieces moved" ]
}
too_few_workers() {
    run 2 "$BUILD/apps/gang" --ranks 2
    [ $? = 1 ] && [ ! -s "$tmp/out" ] &&
        [ "$(grep -c '^gang: .*a gang of 2 in a pool of 1' "$tmp/err")" = 1 ]
}
for np in 1 2; do check "gang np $np" solves $np 1 --cells 60; done
for np in 3 4; do check "gang np $np" solves $np 2 --cells 60; done
check "gang of 3" solves 4 3 --cells 60 --ranks 3
check "gang of 1 with two workers" solves 3 1 --cells 60 --ranks 1
check "gang larger than the pool" too_few_workers

# ---- wordcount: the right counts ---------------------------------------------

# What it should say of FILE...
# shellcheck disable=SC2018,SC2019 # ASCII letters only
count() {
    cat -- "$@" | tr A-Z a-z | tr -cs a-z '\n' | grep . | sort | uniq -c |
        sort -k1,1nr -k2,2 | awk '{ print $2 "\t" $1 }'
}

# counts NP FILE...: the expected lines are in $tmp/expected
counts() { run "$1" "$wordcount" "${@:2}" && cmp "$tmp/out" "$tmp/expected"; }

# is_counted WHAT NP FILE...
is_counted() {
    count "${@:3}" >"$tmp/expected"
    check "wordcount, $1, np $2" counts "${@:2}"
}

# Some megabytes of words, common and rare, long and short, in any case.
write_text() {
    awk -v seed="$1" 'BEGIN {
        srand(seed)
        for (i = 0; i < 700000; i++) {
            n = int(exp(rand() * 11)); word = ""
            for (left = n * n; left > 0; left = int(left / 26))
                word = word sprintf("%c", (rand() < 0.1 ? 65 : 97) + left % 26)
            printf "%s%s", word, i % 9 ? " " : i % 5 ? ",\n" : "-42\t"
        }
    }'
}

mkdir "$tmp/cross" "$tmp/many" "$tmp/directory"
: >"$tmp/empty"
write_text 1 >"$tmp/text"
head -c 3000000 /dev/urandom >"$tmp/junk"
system=(/usr/include/*.h)
[ -f "${system[0]}" ] || system=(README.md LICENSE)
# Words over two, three and many files, with empty ones among them.
split -a 4 -b 100003 "$tmp/text" "$tmp/cross/a"
for i in 0 1 2 3 4 5 6 7 8 9; do
    printf 'Aa' >"$tmp/cross/b$i"
    : >"$tmp/cross/b${i}e"
done
printf 'z end' >"$tmp/cross/c"

all=("$tmp"/cross/* "$tmp/empty" "$tmp/text" "$tmp/junk" "$tmp/text"
    "${system[@]}")
count "${all[@]}" >"$tmp/expected"
for np in 1 2 3 4; do
    check "wordcount, all together, np $np" counts $np "${all[@]}"
done
is_counted "one file" 3 "$tmp/text"
is_counted "words over file boundaries" 3 "$tmp"/cross/*
is_counted "binary junk" 2 "$tmp/junk"
is_counted "an empty file" 3 "$tmp/empty"
is_counted "a file of size 0 that is not empty" 2 /proc/version

seq 5000 | sed 's/.*/One & line of file &,\nnumber & of ALL/' |
    split -a 4 -l 2 - "$tmp/many/f"
# More arguments than either mpirun passes on: a shell on each rank lists them.
count_many() {
    # shellcheck disable=SC2016 # for the other shell to expand
    run 3 sh -c 'exec "$0" "$1"/many/*' "$wordcount" "$tmp" &&
        cmp "$tmp/out" "$tmp/expected"
}
count "$tmp"/many/* >"$tmp/expected"
check "wordcount, 5000 files, np 3" count_many

count "$tmp/text" | sed 10q >"$tmp/expected"
check "wordcount --top 10" counts 3 --top 10 "$tmp/text"
check "wordcount FILE --top=10" counts 3 "$tmp/text" --top=10
count "$tmp/cross/c" >"$tmp/expected"
check "wordcount, --top above all" counts 3 --top 1000 "$tmp/cross/c"

counts_long_word() {
    printf 'end a' >"$tmp/before"
    printf 'Z a' >"$tmp/after"
    head -c 200000000 /dev/zero | tr '\0' Q >"$tmp/long"
    {
        printf 'a\t1\n'
        printf a && tr Q q <"$tmp/long" && printf 'z\t1\n'
        printf 'end\t1\n'
    } >"$tmp/expected"
    counts 3 "$tmp/before" "$tmp/long" "$tmp/after"
}
check "wordcount, a word of 200 MB" counts_long_word
rm -f "$tmp/long" "$tmp/expected" "$tmp/out"

# ---- wordcount: what cannot be counted ---------------------------------------

# One line of ours on stderr, which contains $1; what mpirun says besides,
# because the job's exit code is not 0, does not count.
says_only() {
    local ours='^(wordcount|.*/wordcount|usage|distmpi):'
    [ ! -s "$tmp/out" ] && [ "$(grep -cE "$ours" "$tmp/err")" = 1 ] &&
        grep -E "$ours" "$tmp/err" | grep -qF -- "$1"
}

# refuses TEXT NP ARGUMENT...
refuses() {
    run "$2" "$wordcount" "${@:3}"
    [ $? = 2 ] && says_only "$1"
}

for np in 1 3; do
    check "wordcount, no files, np $np" refuses "usage: " $np
    check "wordcount, missing file, np $np" \
        refuses "$tmp/nothing" $np "$tmp/text" "$tmp/nothing"
done
check "wordcount, a directory" refuses "$tmp/directory" 2 "$tmp/directory"
check "wordcount, a device" refuses /dev/null 2 /dev/null
check "wordcount --top 0" refuses "--top 0" 2 --top 0 "$tmp/text"
check "wordcount --top -3" refuses "--top -3" 2 --top -3 "$tmp/text"
check "wordcount --top 3x" refuses "--top 3x" 2 --top 3x "$tmp/text"
check "wordcount --top" refuses "top" 2 "$tmp/text" --top
check "wordcount --bad" refuses "bad" 2 --bad "$tmp/text"

if [ "$(id -u)" != 0 ]; then
    printf secret >"$tmp/secret"
    chmod 0 "$tmp/secret"
    check "wordcount, unreadable file" refuses "$tmp/secret" 2 "$tmp/secret"
fi

# The workers have another working directory than rank 0, where it is not.
refuses_what_workers_lack() {
    (
        cd "$tmp" &&
            run 1 -wdir "$tmp" "$wordcount" text : \
                -np 2 -wdir "$tmp/directory" "$wordcount" text
    )
    [ $? = 2 ] && says_only "text: No such file or directory (rank "
}
check "wordcount, a file that the workers lack" refuses_what_workers_lack

prints_help() {
    run 2 "$wordcount" --help && grep -q '^usage: wordcount' "$tmp/out" &&
        [ ! -s "$tmp/err" ]
}
check "wordcount --help" prints_help

exit $failed
