#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Settings with values that make no sense: one line names the setting and says what
# does, the exit code is 2. Those that are numbers or words are all read in one way,
# whose test is tests/unit/test_config.c; here are two of them, and all others that
# DISTMPI_HELP=1 prints.
#
#     BUILD=build RUN=scripts/run tests/mpi/settings.sh
# shellcheck disable=SC2317 # check() calls them
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/check.bash
. tests/check.bash
program=$BUILD/apps/hello

# run [NAME=VALUE]...: hello as one process; the output goes to $tmp/out and err
run() {
    code=0
    env "$@" timeout -k 5 60 "$program" >"$tmp/out" 2>"$tmp/err" </dev/null ||
        code=$?
}

# refused NAME VALUE: in one line of ours that names it and says what to use
refused() {
    run "$1=$2"
    [ "$code" = 2 ] && [ ! -s "$tmp/out" ] &&
        [ "$(grep -c '^distmpi:' "$tmp/err")" = 1 ] &&
        grep -qE "^distmpi: .*$1.*(use|write|name) " "$tmp/err"
}

# Texts that may be anything are too long.
long=$(printf 'x%.0s' {1..5000})
# bad_value NAME VALUES: nothing, if the setting is left out
bad_value() {
    case $1 in
    DISTMPI_RESOURCES) echo gpu:many ;;
    DISTMPI_TRACE) echo /nowhere/at/all ;;
    DISTMPI_BIND | DISTMPI_TRACE_MIB) echo garbage ;;
    *) case $2 in
        *..* | *'|'*) ;;
        *) echo "$long" ;;
        esac ;;
    esac
}

run DISTMPI_HELP=1
cp "$tmp/out" "$tmp/table"
names=0
while read -r name values _; do
    value=$(bad_value "$name" "$values")
    [ ! "$value" ] || check "a bad $name" refused "$name" "$value"
    names=$((names + 1))
done <"$tmp/table"
check "all settings were looked at" [ "$names" -gt 9 ]
check "a value of two lines" refused DISTMPI_BIND $'com\npact'
check "an empty value" refused DISTMPI_STEAL ''

unknown() {
    run DISTMPI_NOTHING=1
    [ "$code" = 2 ] && [ "$(wc -l <"$tmp/err")" = 1 ] &&
        grep -q 'DISTMPI_NOTHING.*DISTMPI_HELP' "$tmp/err"
}
check "an unknown setting" unknown
on_three_ranks() {
    code=0
    DISTMPI_STEAL=maybe timeout -k 5 60 "$RUN" -np 3 "$program" \
        >"$tmp/out" 2>"$tmp/err" </dev/null || code=$?
    [ "$code" = 2 ] && [ "$(grep -c '^distmpi:' "$tmp/err")" = 1 ]
}
check "a bad DISTMPI_STEAL on three ranks" on_three_ranks
exit $failed
