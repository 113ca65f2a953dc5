#!/bin/sh
# SPDX-License-Identifier: MIT
# --trace: events that viewers load, also when the file was cut off.
. "${top_srcdir:?}/tests/cli/lib.sh"
checktrace=$top_builddir/tests/cli/checktrace

jobs()
{
    printf '%s\n' "$@" >jobs
}

# Does any of $1 + 1 pieces of the file, cut at random places, fail to load?
cut_and_check()
{
    size=$(wc -c <trace)
    for i in $(seq 0 "$1"); do
        at=$((size - 1 - (size - 200) * i / ($1 + 1)))
        head -c $at trace >piece
        "$checktrace" --cut piece >/dev/null || return 1
    done
}

seq 1 2000 | sed 's/.*/{"id":&,"fn":"demo.add","args":{"a":&,"b":1}}/' >jobs
run "$HAYFORK" run -j 3 -p demo --trace trace jobs
slices=$("$checktrace" trace)
is "a slice for each job, rows named, none overlaps" "$code ${slices%% *}" "0 2000"
is "one event a line" "$(sed -e '1s/^\[//' -e '$d' -e 's/,$//' trace | grep -cv '^{.*}$') $(tail -n 1 trace)" "0 ]"
ok "cut off anywhere it still loads" cut_and_check 20
ok "times are microseconds since the start" awk -F '"ts":' '/"ph":"X"/ && $2 + 0 > 60e6 { exit 1 }' trace

jobs '{"id":"a\"\\b","fn":"demo.noop"}' '{"id":2,"fn":"demo.fail","args":{"message":"m"}}' '{"id":3,"fn":"fault.act","args":"raise SEGV"}' \
    '{"id":4,"fn":"demo.sleep","args":{"ms":60000},"timeout":0.05}' 'bad' '{"id":6,"fn":"fault.act","args":"first; fail x","retries":1}'
run "$HAYFORK" run -j 1 -p demo -p fault --trace trace jobs
is "a line that never became a job has no slice" "$("$checktrace" trace | sed 's/,.*//')" "5 slices"
is "status" "$(sed -n 's/.*"seq":\([0-9]*\),"status":"\([a-z]*\)","attempts":\([0-9]*\).*/\1 \2 \3/p' trace | sort | tr '\n' ',')" \
    "1 ok 1,2 error 1,3 crash 2,4 timeout 1,6 ok 2,"
is "retries are marked" "$(grep -c '"name":"retry"' trace)" 2
is "deaths are marked" "$(grep '"name":"death"' trace | grep -c '"signal":11')" 1
ok "and the process in its place" grep -q '"name":"new process"' trace
is "an id is in it as it was written" "$(grep -cF '"id":"a\"\\b"' trace)" 1

jobs '{"fn":"fault.act","args":"_exit 7"}'
run "$HAYFORK" run -j 1 --crash-retries 0 -p fault --trace trace jobs
is "so is one by exit" "$code $(sed -n 's/.*"name":"death".*"args":\({.*}\)}.*/\1/p' trace)" '1 {"exit":7}'

run "$HAYFORK" run --inline -p demo --trace trace /dev/null
is "no job" "$code $("$checktrace" trace)" "0 0 slices, 0 rows, 0 instants"
jobs '{"fn":"demo.noop"}' '{"fn":"demo.noop"}'
run "$HAYFORK" run --inline -p demo --trace trace jobs
is "inline" "$code $("$checktrace" trace)" "0 2 slices, 1 rows, 0 instants"
(printf '{"fn":"demo.noop","id":"'; head -c 100000 /dev/zero | tr '\0' 'x'; echo '"}') >jobs
run "$HAYFORK" run -p demo --trace trace jobs
is "an id of 100 kB is left out" "$code $("$checktrace" trace | cut -c 1-8) $(test $(wc -c <trace) -lt 2000 && echo short)" "0 1 slices short"

# What is finished is in the file soon, and the file is whole after a signal.
mkfifo in
"$HAYFORK" run -j 1 -p demo --trace trace <in >out 2>err &
pid=$!
exec 7>in
printf '{"fn":"demo.noop"}\n{"fn":"demo.sleep","args":{"ms":1000000}}\n' >&7
until_true grep -q demo.noop trace
ok "while it runs" "$checktrace" --cut trace
kill -INT $pid
kill -TERM $pid
wait $pid 2>/dev/null
exec 7>&-
ok "after a signal" "$checktrace" trace

jobs '{"fn":"demo.noop"}'
run "$HAYFORK" run -p demo --trace /nowhere/trace jobs
is "a path that cannot be opened" "$code $(wc -c <out) $(cat err)" \
    "74 0 hayfork run: cannot write '/nowhere/trace': No such file or directory"
run "$HAYFORK" run -p demo --trace log --joblog log jobs
is "a file of its own" "$code $(sed -n 1p err)" "2 hayfork run: 'log' would be written twice"
if [ -c /dev/full ]; then
    run "$HAYFORK" run -p demo --trace /dev/full jobs
    is "a full disk" "$code $(grep -c ok out) $(wc -l <err)" "0 1 1"
fi

# slices: how many are in a trace that lacks nothing but its closing bracket; fails for any other.
slices()
{
    cp trace whole
    grep -qx ']' whole || echo ']' >>whole
    "$checktrace" whole | sed 's/ .*//'
}

# Wherever in an event the disk becomes full.
seq 1 200 | sed 's/.*/{"id":&,"fn":"demo.noop"}/' >jobs
bad=
for blocks in 1 2 3 4 5 6 7 8 9 10; do
    run sh -c "ulimit -f $blocks; exec \"\$HAYFORK\" run --inline -p demo --trace trace jobs >/dev/null"
    [ "$code $(wc -l <err)" = "0 1" ] && [ "$(slices)" -ge $((blocks - 1)) ] && [ $(($(wc -c <trace) + 400)) -gt $((blocks * 512)) ] ||
        bad="$bad $blocks"
done
is "a disk that becomes full leaves all whole events" "$bad $(cat err)" \
    " hayfork run: cannot write 'trace': File too large; it is written no further"
if [ -z "${HAY_SANITIZED:-}" ]; then
    bad=
    size=$("$HAYFORK" run --inline -p demo --trace trace /dev/null && wc -c <trace)
    for at in $(seq $((size - 6)) $((size + 2))); do
        run env LD_PRELOAD="$top_builddir/tests/support/.libs/hurtwrite.so" HURT_FILE="$PWD/trace" HURT_MOST=1 HURT_AT=$at HURT_HOW=full \
            "$HAYFORK" run --inline -p demo --trace trace /dev/null
        [ "$code $(slices)" = "0 0" ] || [ "$(wc -c <trace)" = 0 ] || bad="$bad $at"
    done
    is "nor is it torn where it closes" "$bad $(tail -n 1 trace)" " ]"
fi
done_testing
