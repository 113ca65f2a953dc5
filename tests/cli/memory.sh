#!/bin/sh
# SPDX-License-Identifier: MIT
# Memory that runs out: each verb is run again and again, each time with another of its allocations failing, libc's and the
# libraries' included. And what a journal has of such a run, a resumed one completes.
. "${top_srcdir:?}/tests/cli/lib.sh"
. "${top_srcdir:?}/tests/cli/failing.sh"
hurt=$top_builddir/tests/support/.libs/hurtmalloc.so

allocations()
{
    LD_PRELOAD=$hurt HURT_AT=1000000000 HURT_COUNT=$PWD/count $limit "$@" >/dev/null 2>&1
    cat count
}

each_verb allocations

# The first again, each time with all that come after.
run "$HAYFORK" run -j 1 -k -p demo -p text jobs
output >wanted
for n in $(seq 1 4 "$(allocations "$HAYFORK" run -j 1 -k -p demo -p text jobs)"); do
    failing "$n" HURT_ON=1 "$HAYFORK" run -j 1 -k -p demo -p text jobs
    judge "$n"
done >bad
is "run: it may fail with all that come after" "$(cat bad)" ""

# In the processes that it forks: a job may fail of it, or its worker be replaced.
n=1
while [ $n -le 20 ]; do
    failing $n HURT_CHILDREN=1 "$HAYFORK" run -j 1 -k -p demo -p text jobs
    case $code in
    0 | 1) [ "$(wc -l <out)" -eq 3 ] || echo "$n: lost" ;;
    69 | 70) [ -s err ] || echo "$n: $code and silent" ;;
    *) echo "$n: $code" ;;
    esac
    n=$((n + 1))
done >bad
is "in its children each of the first 20 may fail" "$(cat bad)" ""

n=1
count=$(allocations "$HAYFORK" run -j 1 -p demo -p text -o journal jobs)
while [ $n -le "$count" ]; do
    rm -f journal
    failing $n "$HAYFORK" run -j 1 -p demo -p text -o journal jobs
    run "$HAYFORK" run -j 1 -p demo -p text -o journal --resume jobs
    [ "$code" -eq 0 ] && [ "$(sed -n '/"status":"ok"/s/,.*//p' journal | sort | tr '\n' ' ')" = '{"id":"x" {"id":1 {"id":2 ' ] ||
        echo "$n: $code"
    n=$((n + 1))
done >bad
is "a run that one of $count ended is resumed" "$(cat bad)" ""
done_testing
