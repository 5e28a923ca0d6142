#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Every function that the library exports has a row of bad input in refusals.h,
# and every row is one of a function that is exported.
#
#     BUILD=build tests/mpi/refused.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

exported() {
    nm -D --defined-only "${BUILD:-build}/libdistmpi.so" |
        awk 'NF == 3 { print $3 }' | LC_ALL=C sort
}
# Functions whose only row is where they may be called from count, too, but for
# those with arguments that can be bad.
tried() {
    sed -nE 's/^[RFNT]\((dmpi_[a-z0-9_]+),.*/\1/p' tests/mpi/refusals.h |
        LC_ALL=C sort -u
}
[ "$(exported | wc -l)" -gt 50 ]
diff -u --label exported --label tried <(exported) <(tried)
echo "bad input to $(exported | wc -l) functions, $(grep -cE '^[RFNT]\(' tests/mpi/refusals.h) rows"
