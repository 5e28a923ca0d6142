#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What `make install` puts there is enough to build and run a program outside of
# the tree, in C and C++, and `make uninstall` leaves no file.
set -euo pipefail
cd "$(dirname "$0")/../.."

MPICC=${MPICC:-mpicc}
RUN=${RUN:-$PWD/scripts/run}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
prefix=$tmp/prefix

fail() { echo "FAILED: $*"; exit 1; }

# The variables that make was called with are in the environment; its own flags
# must not be.
run_make() { env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u BUILD make -s "$@"; }

files() { (cd "$1" && find . ! -type d | LC_ALL=C sort); }

# compiles NAME COMPILER...: the program becomes $tmp/NAME
compiles() {
    local name=$1
    shift
    # shellcheck disable=SC2046 # words
    (cd "$tmp" && "$@" -Wall -Wextra -Werror ${SAN:+-fsanitize=$SAN} \
        $(pkg-config --cflags distmpi) -o "$name") || fail "compiling $name"
    echo "ok: $name compiles"
}

runs() {
    local np expected
    expected="distmpi $(pkg-config --modversion distmpi): 144"
    for np in 1 2; do
        [ "$("$RUN" -np $np "$tmp/$1")" = "$expected" ] || fail "$1 -np $np"
        echo "ok: $1 runs with $np ranks"
    done
}

# A package is made in DESTDIR and unpacked elsewhere.
run_make install PREFIX="$prefix" DESTDIR="$tmp/stage"
[ ! -e "$prefix" ] || fail "DESTDIR: files outside of it"
mv "$tmp/stage$prefix" "$prefix"
files "$prefix" >"$tmp/staged"
for file in lib/libdistmpi.a lib/libdistmpi.so lib/pkgconfig/distmpi.pc \
    $(cd include && find . -name '*.h' -printf 'include/%P\n'); do
    [ -r "$prefix/$file" ] || fail "not installed: $file"
done
echo "ok: installed into DESTDIR"

export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
cxx=${MPICC/mpicc/mpicxx}
command -v "$cxx" >/dev/null || cxx=g++
cp tests/install/app.c "$tmp/app.c"
cp tests/install/app.c "$tmp/app.cc"
libs=$(pkg-config --libs distmpi)
static_libs=$(pkg-config --libs --static distmpi)
static_libs=${static_libs//-ldistmpi/-l:libdistmpi.a}
# shellcheck disable=SC2086 # words
{
    compiles app_c "$MPICC" -std=c11 -pedantic app.c $libs
    compiles app_cc "$cxx" -std=c++11 app.cc $libs
    compiles app_static "$MPICC" -std=c11 app.c $static_libs
}
runs app_c
runs app_cc
runs app_static

run_make uninstall PREFIX="$prefix"
[ -z "$(files "$prefix")" ] || fail "uninstall left $(files "$prefix")"
echo "ok: uninstalled"

run_make install PREFIX="$prefix"
files "$prefix" | cmp - "$tmp/staged" || fail "DESTDIR changes what is installed"
echo "ok: installed without DESTDIR"
