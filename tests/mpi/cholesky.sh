#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The tiled Cholesky factorisation is right for any matrix, tiles and ranks, and
# says so if it is not.
#
#     BUILD=build RUN=scripts/run tests/mpi/cholesky.sh
# shellcheck disable=SC2317 # check() calls them
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/check.bash
. tests/check.bash

# Open MPI waits two seconds, when a job has failed, before it kills nobody.
export OMPI_MCA_odls_base_sigkill_timeout=0

# run NP ARGUMENT...: the output goes to $tmp/out, the errors to $tmp/err
run() {
    timeout -k 5 120 "$RUN" -np "$1" "$BUILD/apps/cholesky" "${@:2}" \
        >"$tmp/out" 2>"$tmp/err" </dev/null
}

# is_right NP ARGUMENT...
is_right() {
    run "$@" && grep -q 'eps).* (right)$' "$tmp/out" &&
        grep -q ' GFLOP/s ' "$tmp/out"
}

# moves_none NP ARGUMENT...: neither does it, nor would it have to
moves_none() {
    run "$@" && grep -qE '^moved between workers +0 MB' "$tmp/out" &&
        grep -qE '^moved at least +0 MB' "$tmp/out"
}

# Without stealing, each tile goes once to each worker that needs it.
moves_the_least() {
    DISTMPI_STEAL=0 run "$@" && [ "$(awk '
        /^moved between workers/ { moved = $4 }
        /^moved at least/ { least = $4 }
        END { if (moved > 0 && moved == least) print 1 }' "$tmp/out")" = 1 ]
}

# ends CODE TEXT NP ARGUMENT...: one line of ours on stderr, which contains TEXT
ends() {
    local code=$1 text=$2 ours='^(.*/)?cholesky:'
    shift 2
    run "$@"
    [ $? = "$code" ] && [ "$(grep -cE "$ours" "$tmp/err")" = 1 ] &&
        grep -E "$ours" "$tmp/err" | grep -qF -- "$text"
}

finds_wrong() {
    run "$@" --spoil
    [ $? = 1 ] && grep -q 'eps).* (wrong)$' "$tmp/out"
}

prints_help() {
    run 2 --help && grep -q '^usage: cholesky' "$tmp/out" && [ ! -s "$tmp/err" ]
}

tells_figures() {
    BENCH_JSON=1 run 3 --n 100 --tile 20 --runs 2 &&
        grep -q '^{"metric": "cholesky n 100", "ours": [0-9]' "$tmp/out"
}

for np in 1 2 3 4; do
    check "cholesky np $np" is_right $np --n 300 --tile 32 --runs 2
    check "cholesky, the last tiles smaller, np $np" \
        is_right $np --n 101 --tile 25 --runs 1
    check "cholesky, a wrong factor, np $np" \
        finds_wrong $np --n 100 --tile 30 --runs 1 --alone
    check "cholesky, not positive definite, np $np" \
        ends 1 "leading minor of order 51 is not" $np --n 100 --tile 30 \
        --alone --indefinite
done
check "cholesky, one tile" is_right 3 --n 50 --tile 50 --runs 1
check "cholesky, a tile larger than the matrix" \
    is_right 3 --n 5 --tile 1000 --runs 1
check "cholesky, one element" is_right 2 --n 1 --tile 1 --runs 1
check "cholesky, tiles of one element" is_right 3 --n 20 --tile 1 --runs 1
check "cholesky, a wrong factor of one tile" \
    finds_wrong 3 --n 20 --tile 20 --runs 1 --alone
check "cholesky --alone" is_right 3 --n 200 --tile 20 --runs 1 --alone
check "cholesky moves nothing, np 2" moves_none 2 --n 300 --tile 30 --runs 1
check "cholesky moves the least, np 3" \
    moves_the_least 3 --n 320 --tile 40 --runs 1
check "cholesky moves the least, np 5" \
    moves_the_least 5 --n 320 --tile 40 --runs 1
check "cholesky, figures" tells_figures
check "cholesky --help" prints_help
check "cholesky --n 0" ends 2 "--n 0:" 2 --n 0
check "cholesky --tile 3x" ends 2 "--tile 3x:" 2 --tile 3x
check "cholesky --runs -1" ends 2 "--runs -1:" 2 --runs -1
check "cholesky, too many tiles" ends 2 "larger tiles" 2 --n 1000 --tile 1
check "cholesky --bad" ends 2 "bad" 1 --bad
check "cholesky FILE" ends 2 "FILE" 1 FILE

exit "$failed"
