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

# run NP MODE: $program does; the output goes to $tmp/out, the errors to $tmp/err,
# the exit status to $code
run() {
    code=0
    timeout -k 5 60 "$RUN" -np "$1" "$program" "$2" \
        >"$tmp/out" 2>"$tmp/err" </dev/null || code=$?
    return "$code"
}

# needs_recovery PROGRAM: skip the script, if the job cannot live on without a rank
needs_recovery() {
    if ldd "$1" | grep -F libmpich >/dev/null; then
        echo "skipped: MPICH's launcher ends all ranks when one dies"
        exit 0
    fi
}
