#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A trace tells what the report tells: as many tasks, as many bytes, on the same
# ranks; and it is JSON.
#
#     BUILD=build RUN=scripts/run tests/mpi/trace.sh
# shellcheck disable=SC2317 # check() calls them
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/check.bash
. tests/check.bash
program=$BUILD/tests/mpi/prog_trace
trace=$tmp/trace.json

# run NP PROGRAM...: the output goes to $tmp/out, the errors to $tmp/err
run() {
    code=0
    timeout -k 5 120 "$RUN" -np "$1" "${@:2}" >"$tmp/out" 2>"$tmp/err" \
        </dev/null || code=$?
    return "$code"
}

is_json() {
    ! command -v python3 >/dev/null || python3 -m json.tool "$trace" >/dev/null
}

# What the trace has, a line each: how many tasks on which rank, bytes of keys
# from whom to whom, as said by both sides, spans that overlap on a thread where
# they must not, ranks, arrows without an end.
# shellcheck disable=SC2016 # awk's
count_trace='
function text(name,   at) {
    at = index($0, "\"" name "\":")
    return at ? substr($0, at + length(name) + 3) : ""
}
function number(name) { return text(name) + 0 }
{ pid = number("pid"); tid = number("tid") }
/"name":"process_name"/ { ranks++ }
/"cat":"task"|"cat":"skipped"/ { tasks[pid]++; stolen[pid] += /"stolen":true/ }
/"cat":"transfer"/ && /"key"/ {
    match($0, /"name":"(to|from) [0-9]+"/)
    split(substr($0, RSTART + 8, RLENGTH - 9), name, " ")
    if (name[1] == "to") sent[pid " " name[2]] += number("bytes")
    else got[name[2] " " pid] += number("bytes")
}
/"ph":"X"/ && (tid == 2 || tid >= 10) {
    begin = int(number("ts") * 1000 + 0.5)
    overlaps += begin < end[pid, tid]
    end[pid, tid] = begin + int(number("dur") * 1000 + 0.5)
}
/"ph":"s"/ { arrows[number("id")]++ }
/"ph":"f"/ { arrows[number("id")]-- }
END {
    for (pid in tasks) print "tasks", pid, tasks[pid], stolen[pid]
    for (pair in sent) {
        split(pair, of, " ")
        way = of[1] == 0 ? "put" : of[2] == 0 ? "got" : "between"
        sum[way] += sent[pair]
        if (sent[pair] != got[pair]) print "lost", pair, sent[pair], got[pair]
    }
    for (pair in got) if (!(pair in sent)) print "unsent", pair, got[pair]
    print "bytes", sum["between"] + 0, sum["put"] + 0, sum["got"] + 0
    print "overlaps", overlaps + 0
    print "ranks", ranks + 0
    for (id in arrows) if (arrows[id]) print "arrow", id
}'

# report NP: the same from the report
report() {
    sed -nE 's/^distmpi: rank ([0-9]+) ran ([0-9]+) tasks, ([0-9]+) of.*/tasks \1 \2 \3/p
        ' "$tmp/err" | grep -v ' 0 0$'
    echo "bytes" "$(sed -nE 's/^distmpi: worker to worker: ([0-9]+).*/\1/p' \
        "$tmp/err")" "$(sed -nE \
        's/^distmpi: through rank 0: .*\(([0-9]+) put, ([0-9]+) got.*/\1 \2/p' \
        "$tmp/err")"
    echo "overlaps 0"
    echo "ranks $(($1 > 1 ? $1 : 2))"
}

# agrees NP PROGRAM...
agrees() {
    rm -f "$trace"
    DISTMPI_TRACE=$trace DISTMPI_REPORT=1 run "$@" && is_json || return
    awk "$count_trace" "$trace" | sort >"$tmp/out"
    diff "$tmp/out" <(report "$1" | sort) >"$tmp/all"
}

has() { grep -qF -- "$1" "$trace"; }
tells() {
    local text
    for text; do has "$text" || { echo "no $text" >"$tmp/all"; return 1; }; done
}

for np in 1 2 3 4; do
    check "a trace agrees with the report, np $np" agrees $np "$program" work
    check "and tells of names, calls, failures, np $np" tells \
        '"name":"edge"' '"name":"a\"b\\c\u000ad\u00ff"' '"name":"été"' \
        '"cat":"skipped","name":"use"' '"name":"fail"' '"failed":true' \
        '"cat":"call","name":"use"' '"cat":"application"' '"dropped":0'
    check "hello, np $np" agrees $np "$BUILD/apps/hello"
done
check "idle time is in it" tells '"cat":"idle","name":"sleep"'
check "a trace agrees with the report, tasks stolen" agrees 3 "$program" work
check "and tells of the thefts" tells '"stolen":true'
DISTMPI_FAKE_NODES=2 check "with two nodes" agrees 4 "$program" work

# ---- no room -----------------------------------------------------------------

# Records that were dropped and kept are all that there were.
drops() {
    rm -f "$trace"
    DISTMPI_TRACE=$trace DISTMPI_TRACE_MIB=1 run "$1" "$program" many &&
        is_json || return
    local said kept
    said=$(sed -nE 's/^distmpi: .*lacks ([0-9]+) records.*TRACE_MIB.*/\1/p' \
        "$tmp/err")
    kept=$(grep -c '"cat":"task"' "$trace")
    [ "$said" ] && has "\"dropped\":$said}}" && has '"cat":"dropped"' &&
        [ "$kept" -lt 30000 ] && [ $((kept + said)) -ge 30000 ]
}
keeps() {
    rm -f "$trace"
    DISTMPI_TRACE=$trace run "$1" "$program" many && is_json &&
        [ "$(grep -c '"cat":"task"' "$trace")" = 30000 ] && has '"dropped":0}}'
}
for np in 1 2; do
    check "what has no room is counted, np $np" drops $np
    check "30000 tasks have room, np $np" keeps $np
done

# ---- the file ----------------------------------------------------------------

takes_option() {
    rm -f "$trace"
    run "$1" "$program" option "$trace" && [ ! -s "$tmp/err" ] && is_json &&
        [ "$(grep -c '"cat":"task"' "$trace")" = 1 ]
}
# refuses NP FILE TEXT: one line, and the status that the program wants
refuses() {
    run "$1" "$program" refused "$2" &&
        [ "$(grep -c '^distmpi:' "$tmp/err")" = 1 ] &&
        grep -qF -- "DISTMPI_TRACE '$2': $3" "$tmp/err"
}
for np in 1 3; do
    check "the option trace=, np $np" takes_option $np
    check "a file in no directory, np $np" \
        refuses $np "$tmp/nothing/trace.json" "No such file or directory"
    check "a directory, np $np" refuses $np "$tmp" "Is a directory"
done
if [ "$(id -u)" != 0 ]; then
    : >"$tmp/locked"
    chmod 0 "$tmp/locked"
    check "a file of somebody else" refuses 2 "$tmp/locked" "Permission denied"
fi
check "one file for two pools" run 2 "$program" pools "$trace"

fills_disk() {
    DISTMPI_TRACE=/dev/full run 2 "$BUILD/apps/hello" &&
        grep -qE "^distmpi: .*'/dev/full' is not whole: No space" "$tmp/err"
}
check "a full disk is told" fills_disk

exit $failed
