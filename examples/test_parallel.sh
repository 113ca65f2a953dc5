#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The examples of pools in loops, maps and shared arrays: all that they print is compared, and each leaves with 0.
set -u
LC_ALL=C # else the shell may warn of a locale that it does not have
export LC_ALL
build=${top_builddir:-.}/examples
count=0
status=0

check() { # EXAMPLE WANTED
    count=$((count + 1))
    got=$(timeout 60 "$build/$1" 2>&1 </dev/null)
    code=$?
    if [ "$code" -eq 0 ] && [ "$got" = "$2" ]; then
        echo "ok $count - $1"
        return
    fi
    echo "not ok $count - $1"
    printf 'left with %s, said:\n%s\n' "$code" "$got" | sed 's/^/# /'
    status=1
}

check futures_in_loop 'The loop ticked meanwhile: yes
100000: 9592
200000: 17984
300000: 25997
400000: 33860'
check parallel_map ' 10 %
 20 %
 30 %
 40 %
 50 %
 60 %
 70 %
 80 %
 90 %
100 %
Up to 5000, 3711 takes the most steps: 237.'
check parallel_sum 'The sum of the numbers from 1 to 1000000 is 500000500000.'
echo "1..$count"
exit $status
