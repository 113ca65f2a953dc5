#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Each public header compiles alone, as the first thing in a file, in the oldest dialects that it is meant for, with no warning;
# and so does a plugin written as the headers show. CC, CXX and JANSSON_CFLAGS come from make.
set -u
src=${top_srcdir:-.}
cc=${CC:-cc}
cxx=${CXX:-c++}
flags="-pedantic -Wall -Wextra -Wshadow -Wconversion -Wcast-qual -Werror -fsyntax-only -I$src/include ${JANSSON_CFLAGS:-}"
folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder"' EXIT
count=0
status=0

# try NAME COMPILER... FILE
try() {
    name=$1
    shift
    count=$((count + 1))
    # shellcheck disable=SC2086 # lists of words
    if "$@" $flags >"$folder/said" 2>&1; then
        echo "ok $count - $name"
    else
        echo "not ok $count - $name"
        sed 's/^/# /' "$folder/said"
        status=1
    fi
}

each_dialect() { # NAME FILE
    # shellcheck disable=SC2086 # a compiler may be several words
    {
        try "$1 as C99" $cc -x c -std=c99 "$2"
        try "$1 as C11" $cc -x c -std=c11 "$2"
        if [ "$has_cxx" = yes ]; then
            try "$1 as C++17" $cxx -x c++ -std=c++17 "$2"
        else
            count=$((count + 1))
            echo "ok $count - $1 as C++17 # SKIP no C++ compiler here"
        fi
    }
}

has_cxx=no
echo '#include <cstddef>' >"$folder/probe.cc"
# shellcheck disable=SC2086
$cxx -x c++ -std=c++17 -fsyntax-only "$folder/probe.cc" 2>/dev/null && has_cxx=yes

for header in "$src/include/hayfork.h" "$src"/include/hayfork/*.h; do
    name=${header#"$src/include/"}
    # Twice: the guards hold. The declaration: an empty file is no ISO C.
    printf '#include <%s>\n#include <%s>\nextern int anything;\n' "$name" "$name" >"$folder/alone.c"
    each_dialect "<$name>" "$folder/alone.c"
done
each_dialect "a plugin in bytes" "$src/tests/layers/plugin_bytes.c"
each_dialect "a plugin in JSON" "$src/tests/layers/plugin_values.c"
echo "1..$count"
exit $status
