# SPDX-License-Identifier: BSD-3-Clause
# What scripts/check and scripts/faults share; they source it from the
# project's top: the environment of programs under test, one line for each that
# is run, the output of those that fail, and the sum.
# Sets BUILD, RUN (absolute) and SAN.
# shellcheck shell=bash

BUILD=$(realpath "${BUILD:-build}")
RUN=$PWD/scripts/run
SAN=${SAN:-}
export BUILD RUN SAN
export CHECK_LIMIT=${CHECK_LIMIT:-${SAN:+180}}

export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-ignore_noninstrumented_modules=1:halt_on_error=1}
export LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$PWD/tests/data/lsan.supp:print_suppressions=0}
asan_options=${ASAN_OPTIONS:-}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 beside=0

# suite_leaks YES: are leaks an error of what runs next? 0 or 1. Memory that there
# is not is an answer, as without sanitizers.
suite_leaks() { export ASAN_OPTIONS=${asan_options:-detect_leaks=$1:allocator_may_return_null=1}; }

# The output of a failed test, with addresses in our programs turned into lines.
show_log() {
    local line
    while IFS= read -r line || [ -n "$line" ]; do
        if [[ $line =~ ^("$BUILD"[^\(]*)\(\+(0x[0-9a-f]+)\) ]]; then
            line="$(addr2line -fpse "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}")"
        fi
        printf '    | %s\n' "$line"
    done <"$log"
}

# run_test NAME LIMIT COMMAND...: it has LIMIT seconds. What it says last in the
# form "3 of 4 right" is told too.
run_test() {
    local name=$1 limit=$2 status=0 start=${EPOCHREALTIME/[.,]/} spent rate
    shift 2
    timeout -k 10 "$limit" "$@" >"$log" 2>&1 </dev/null || status=$?
    spent=$(((${EPOCHREALTIME/[.,]/} - start) / 100000))
    spent=$((spent / 10)).$((spent % 10))
    rate=$(grep -xE '[0-9]+ of [0-9]+ right' "$log" | tail -n 1) || true
    if [ "$status" = 0 ]; then
        passed=$((passed + 1))
        printf 'ok      %-44s %6s s%s\n' "$name" "$spent" "${rate:+  $rate}"
    else
        failed=$((failed + 1))
        printf 'FAILED  %-44s %6s s%s  exit %s\n' "$name" "$spent" \
            "${rate:+  $rate}" "$status"
        show_log
    fi
}

# start_test NAME LIMIT COMMAND...: the same, beside as many others as there are
# cores; its line comes when it has ended
start_test() {
    [ "$beside" -lt "$(nproc)" ] || end_one
    {
        log=$(mktemp)
        lines=$(run_test "$@")
        printf '%s\n' "$lines"
        rm -f "$log"
        [[ $lines == ok* ]]
    } &
    beside=$((beside + 1))
}

# shellcheck disable=SC2031 # start_test has sums of its own, and loses them
end_one() {
    if wait -n; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    beside=$((beside - 1))
}

# Until all that were started have ended.
end_started() { while [ "$beside" -gt 0 ]; do end_one; done; }

# campaign_number WORD FILE: what the campaign's line "# jobs: 200, short: 3"
# says behind WORD; nothing, if it has none
campaign_number() { sed -nE "s/^# (.*, )?$1: ([0-9]+)(,.*)?\$/\2/p" "$2" | head -n 1; }

# The sum, which is the exit status too.
suite_end() {
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
}
