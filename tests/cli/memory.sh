#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Memory that runs out: each verb is run again and again, each time with another of its allocations failing, libc's and the
# libraries' included. Whatever fails, it ends by itself, with an exit code of its own, never by a signal; where that says
# success its output is right, else it says something. And what a journal has of such a run, a resumed one completes.
. "${srcdir:-.}/tests/cli/lib.sh"
if [ -n "${HAY_SANITIZED:-}" ]; then
    skip "each allocation may fail" "a sanitizer has its own"
    done_testing
fi
hurt=$top_builddir/tests/support/.libs/hurtmalloc.so

# failing N [VARIABLE=VALUE] COMMAND... : run it with its Nth allocation failing
failing()
{
    at=$1
    shift
    run env LD_PRELOAD="$hurt" HURT_AT="$at" "$@"
}

# allocations COMMAND... : how many it makes
allocations()
{
    LD_PRELOAD=$hurt HURT_AT=1000000000 HURT_COUNT=$PWD/count $limit "$@" >/dev/null 2>&1
    cat count
}

# The output without the times in a report, and without how often a job was tried.
output()
{
    sed 's/[0-9]*-[0-9]*-[0-9]* [0-9:]*//; s/,"attempts":2//' out
}

# judge N : is what a run did in order? Prints what is not.
judge()
{
    case $code in
    0) output | cmp -s - wanted || echo "$1: 0 with a wrong output" ;;
    1 | 69 | 70 | 74) [ -s err ] || grep -q '"status":"[^o]' out || echo "$1: $code and silent" ;;
    *) echo "$1: $code" ;;
    esac
}

# each_allocation NAME COMMAND... : let one after the other fail
each_allocation()
{
    verb=$1
    shift
    run "$@"
    output >wanted
    count=$(allocations "$@")
    ok "$verb: its allocations are counted" test "$count" -gt 0
    n=1
    while [ $n -le "$count" ]; do
        failing $n "$@"
        judge $n
        n=$((n + 1))
    done >bad
    is "$verb: each of $count allocations may fail" "$(cat bad)" ""
}

cat >jobs <<'EOF'
{"fn":"demo.add","args":{"a":1,"b":2}}
{"fn":"text.count","args":{"path":"jobs"},"after":[1],"retries":1}
{"id":"x","fn":"demo.add","args":{"a":3,"b":4},"timeout":20}
EOF
"$HAYFORK" run -j 1 -p demo -p text -o results jobs
printf '%s\n' one two three >lines

each_allocation run "$HAYFORK" run -j 1 -k -p demo -p text jobs
for n in $(seq 1 4 "$count"); do
    failing "$n" HURT_ON=1 "$HAYFORK" run -j 1 -k -p demo -p text jobs
    judge "$n"
done >bad
is "run: it may fail with all that come after" "$(cat bad)" ""
each_allocation "run --inline" "$HAYFORK" run --inline -p demo -p text jobs
each_allocation map "$HAYFORK" map -j 1 -k text.count ::: jobs lines
each_allocation exec "$HAYFORK" exec -j 1 -k -a lines echo {}
each_allocation "exec --pipe" "$HAYFORK" exec -j 1 -k -a lines --pipe -n 2 cat
each_allocation results "$HAYFORK" results results
each_allocation report "$HAYFORK" report results
each_allocation call "$HAYFORK" call demo.add '{"a":1,"b":2}'
each_allocation info "$HAYFORK" info demo
each_allocation check "$HAYFORK" check -p demo -p text jobs

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
