# SPDX-License-Identifier: BSD-3-Clause
# What the scripts in tests/mpi share; they source it from the project's top.
# Sets BUILD, RUN (absolute), tmp (removed at exit) and failed.
# shellcheck shell=bash disable=SC2034 # the scripts use them

export LC_ALL=C
BUILD=$(realpath "${BUILD:-build}")
RUN=$(realpath "${RUN:-scripts/run}")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0

# check WHAT COMMAND...: one line, and the files that the command left in $tmp
# (out, err or all) if it is bad
check() {
    local what=$1 file
    shift
    if "$@"; then
        echo "ok $what"
        return
    fi
    echo "FAILED $what${code:+ (exit $code)}"
    for file in "$tmp"/{out,err,all}; do
        [ ! -f "$file" ] || tail -n 40 "$file" | cut -c 1-200 | sed 's/^/    | /'
    done
    failed=1
}
