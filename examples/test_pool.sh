#!/bin/sh
# SPDX-License-Identifier: MIT
#
# examples/pool prints one line for each of its jobs, in the order of completion, and leaves with 0.
set -u
LC_ALL=C # else the shell may warn of a locale that it does not have
export LC_ALL
echo "1..2"
status=0
said=$("${top_builddir:-.}/examples/pool" 2>&1 </dev/null)
code=$?
wanted='1: ok 1
2: ok 4
3: ok 9
4: ok 16
5: ok 25
6: ok 36
7: ok 49
8: ok 64
9: ok 81
10: ok 100'
if [ "$code" -eq 0 ]; then
    echo "ok 1 - it leaves with 0"
else
    echo "not ok 1 - it leaves with 0"
    echo "# it left with $code"
    status=1
fi
if [ "$(printf '%s\n' "$said" | sort -n)" = "$wanted" ]; then
    echo "ok 2 - ten jobs, ten results"
else
    echo "not ok 2 - ten jobs, ten results"
    printf '%s\n' "$said" | sed 's/^/# /'
    status=1
fi
exit $status
