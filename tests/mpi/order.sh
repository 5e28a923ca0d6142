#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# One worker that may choose among many tasks runs them in the order promised in
# distmpi/pool.h. With more workers each would go by it on its own.
#
#     BUILD=build RUN=scripts/run tests/mpi/order.sh
# shellcheck disable=SC2317 # check() calls them
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

# shellcheck source=tests/check.bash
. tests/check.bash

orders() {
    timeout -k 5 120 "$RUN" -np 2 "$BUILD/tests/mpi/prog_order" >"$tmp/all" \
        2>&1 </dev/null
}
check "tasks run in the order promised" orders

exit $failed
