#!/bin/sh
# SPDX-License-Identifier: MIT
# Standard descriptors that are closed, shared or busy; and what plugins print.
. "${top_srcdir:?}/tests/cli/lib.sh"
flags=${top_builddir:?}/tests/cli/fdflags

printf '{"id":1,"fn":"demo.noop"}\n{"id":2,"fn":"demo.noop"}\n' >jobs

run sh -c '"$HAYFORK" run -p demo jobs <&-'
is "stdin closed, and not needed" "$code $(wc -l <out)" "0 2"
run sh -c '"$HAYFORK" run -p demo <&-'
is "stdin closed, and needed" "$code $(cat err)" "65 hayfork run: cannot read standard input: Bad file descriptor"
run sh -c '"$HAYFORK" run -p demo -o results jobs >&-'
is "stdout closed, and not needed" "$code $(wc -l <results)" "0 2"
run sh -c '"$HAYFORK" run -p demo jobs >&-'
is "stdout closed, and needed" "$code $(cat err)" "74 hayfork run: cannot write to standard output: Bad file descriptor"
run sh -c '"$HAYFORK" run -p demo jobs 2>&-'
is "stderr closed" "$code $(wc -l <out)" "0 2"
rm results
run sh -c '"$HAYFORK" run --summary -p demo -o results jobs <&- >&- 2>&-'
is "all closed, and none needed: no file takes their numbers" "$code $(wc -l <results) $(grep -c '"ok"' results)" "0 2 2"
run sh -c '"$HAYFORK" call demo.add "{\"a\":1,\"b\":2}" <&- 2>&-'
is "call without stdin and stderr" "$code $(cat out)" "0 3"
run sh -c '"$HAYFORK" call demo.noop >&-'
is "call without stdout" "$code" 74
run sh -c '"$HAYFORK" run -p demo <jobs >>jobs.out 2>/dev/full'
is "stderr full" "$code $(wc -l <jobs.out)" "0 2"

# The open files behind stdin and stdout are the caller's: their flags stay.
cat jobs | { "$HAYFORK" run -p demo; "$flags" 2>found; } | cat >out
is "flags of two pipes stay" "$(wc -l <out) $(tr '\n' ' ' <found)" "2 blocking blocking "
cat jobs | { "$HAYFORK" run --inline -p demo; "$flags" 2>found; } | cat >out
is "also inline" "$(wc -l <out) $(tr '\n' ' ' <found)" "2 blocking blocking "
mkfifo in out.fifo
cat jobs >in &
cat out.fifo >out &
{ "$HAYFORK" run -p demo; "$flags" 2>found; } <in >out.fifo
wait
is "flags of two FIFOs stay" "$(wc -l <out) $(tr '\n' ' ' <found)" "2 blocking blocking "

# A stdin that is shared is not read beyond need: nothing is left hanging for the next command when the input ended.
{ "$HAYFORK" run -p demo; cat; } <jobs >out 2>err
is "the whole of a shared stdin is the input" "$(wc -l <out)" 2

# Where another process has made it so that reading does not wait, the command does.
is_waiting()
{
    grep -q '^State:[[:space:]]*[SZ]' "/proc/$1/status"
}
mkfifo slow
exec 7<>slow
exec 5<slow 6>slow 7>&-
dd iflag=nonblock count=0 <&5 2>/dev/null
"$HAYFORK" call demo.add - <&5 5<&- 6>&- >out 2>err &
call=$!
until_true is_waiting $call
{ "$flags" <&5 >/dev/null; } 2>found
printf '{"a":1,"b":2}' >&6
exec 5<&- 6>&-
wait $call
is "call waits for a stdin that does not wait, and leaves it so" "$? $(cat out) $(head -n 1 found)" "0 3 non-blocking"

seq 5000 | sed 's/.*/{"id":&,"status":"ok","result":null,"seq":&}/' >lines
for how in results check; do
    exec 7<>slow
    exec 5<slow 6>slow 7>&-
    dd oflag=nonblock count=0 if=/dev/null >&6 2>/dev/null
    "$HAYFORK" $how lines >&6 5<&- 6>&- 2>err &
    printing=$!
    until_true is_waiting $printing
    exec 6>&-
    cat <&5 >out
    exec 5<&-
    wait $printing
    is "$how waits for a stdout that does not wait" "$? $(wc -l <out)" "$([ $how = results ] && echo 0 || echo 1) 5000"
done

# Prints of plugins go to stderr, whole and in lines, and never among the results.
printf '{"id":1,"fn":"fault.act","args":"print 1 40 10; print 2 40 10; pretend"}\n' >printing
for how in '' '--inline'; do
    run "$HAYFORK" run $how -p fault printing
    is "results alone are on stdout $how" "$code $(cat out)" '0 {"id":1,"status":"ok","result":null}'
    is "prints are on stderr $how" "$(grep -c '^ppppppppp$' err) $(grep -c forged err | sed 's/[123]/some/')" "8 some"
done
run "$HAYFORK" call fault.act '"print 1 40 10"'
is "call: the result alone is on stdout" "$code $(cat out) $(grep -c '^ppppppppp$' err)" "0 null 4"
run "$HAYFORK" call --inline fault.act '"print 1 40 10"'
is "call --inline too" "$code $(cat out) $(grep -c '^ppppppppp$' err)" "0 null 4"

# 10 MB of prints at a stderr that nobody reads: no worker waits, and it is said how much was dropped.
mkfifo stuck
exec 8<>stuck
printf '{"id":1,"fn":"fault.act","args":"print 2 10000000 100"}\n{"id":2,"fn":"fault.ok"}\n' >printing
$limit "$HAYFORK" run -j 1 -p fault printing >out 2>stuck
is "a stderr that is not read stops nothing" "$? $(grep -c '"status":"ok"' out)" "0 2"
exec 8>&-
$limit "$HAYFORK" run -j 1 -p fault printing 2>&1 >out | (until_true test -s out; cat) >err
dropped=$(sed -n 's/^hayfork run: \([0-9]*\) lines of the workers. output cut or dropped$/\1/p' err)
is "each line is printed or counted as dropped" "$(($(grep -c '^p*$' err) + ${dropped:-0}))" 100000
done_testing
