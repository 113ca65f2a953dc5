#!/bin/sh
# SPDX-License-Identifier: MIT
# Taking part in make's -j: with make itself, and with a pipe and a FIFO of our own whose bytes are counted.
. "${top_srcdir:?}/tests/cli/lib.sh"

awk 'BEGIN { for (i = 0; i < 40; i++) print "{\"fn\":\"demo.sleep\",\"args\":{\"ms\":50}}" }' >sleeps
awk 'BEGIN { for (i = 0; i < 8; i++) print "{\"fn\":\"demo.sleep\",\"args\":{\"ms\":60000}}" }' >longs

used()
{
    sed 's/.*"worker":\([0-9]*\),.*/\1/' out | sort -u | wc -l | tr -d ' '
}

# tokens: what lies in the FIFO, sorted.
tokens()
{
    # The FIFO is open for reading and writing on 5: nothing blocks, nothing is lost.
    dd bs=64 count=1 iflag=nonblock <&5 2>/dev/null | fold -w 1 | sort | tr -d '\n'
}

refill()
{
    tokens >/dev/null
    printf '%s' "$1" >&5
}

# What runs under it are makes that share the slots: no warning that there is no jobserver.
mkdir makes makes/one makes/two
printf 'all:\n\t@echo made\n' | tee makes/one/Makefile >makes/two/Makefile
printf 'all:\n\t+@printf "one\\ntwo\\n" | "$$HAYFORK" exec -k $(MAKE) -s --no-print-directory -C\n' >makes/Makefile
run env -u MAKEFLAGS make -j 3 -s -C makes
is "makes under it have the jobserver" "$code $(cat err) $(tr '\n' ',' <out)" "0  made,made,"

mkfifo pool
exec 5<>pool
auth="--jobserver-auth=fifo:$PWD/pool"

printf 'abc' >&5
run env MAKEFLAGS=" -j4 $auth" "$HAYFORK" run -p demo --meta sleeps
is "a FIFO: one slot of our own and three of make's" "$code $(used)" "0 4"
is "the same bytes are given back" "$(tokens)" abc
run env MAKEFLAGS=" -j4 $auth" "$HAYFORK" run -p demo --meta sleeps
is "none to be had: one job at a time" "$code $(used)" "0 1"
refill xyz
run env MAKEFLAGS=" -j4 $auth" "$HAYFORK" run -j 6 -p demo --meta sleeps
is "-j beats make" "$code $(used) $(tokens)" "0 6 xyz"
refill xyz
run env MAKEFLAGS=" -j2 $auth" "$HAYFORK" run -p demo --meta sleeps
is "no more than make's -j" "$code $(used) $(tokens)" "0 2 xyz"
refill xyz
run env MAKEFLAGS=" -j4 --jobserver-auth=fifo:/nowhere $auth" "$HAYFORK" run -p demo --meta sleeps
is "the last one named counts" "$code $(used) $(tokens)" "0 4 xyz"
refill xyz
run env MAKEFLAGS=" -j4 --jobserver-fds=5,5" "$HAYFORK" run -p demo --meta sleeps
is "as older makes call it" "$code $(used) $(tokens)" "0 4 xyz"
refill xyz
# make closes its pipe for a recipe without '+', and its numbers may be anything's by then.
printf 'precious' >plain
cp plain plain.kept
run sh -c 'exec 8<plain 9<>plain; MAKEFLAGS=" -j4 --jobserver-auth=8,9" "$HAYFORK" run -p demo --meta sleeps'
is "files at its numbers are left alone" "$code $(cat plain)" "0 precious"
run sh -c 'exec 9<>plain; MAKEFLAGS=" -j4 --jobserver-auth=5,9" "$HAYFORK" run -p demo --meta sleeps'
is "also where one of them is a pipe" "$code $(cat plain) $(tokens)" "0 precious xyz"
refill xyz
run env MAKEFLAGS=" -j4 --jobserver-auth=fifo:$PWD/plain" "$HAYFORK" run -p demo --meta sleeps
is "and a file for a FIFO" "$code $(cat plain)" "0 precious"

folder='a -j1 $b\'
mkdir "$folder"
mkfifo "$folder/pool"
exec 6<>"$folder/pool"
printf 'xyz' >&6
run env MAKEFLAGS=" --jobserver-auth=fifo:$PWD/a\\ -j1\\ \$b\\\\/pool -j4" "$HAYFORK" run -p demo --meta sleeps
is "a path with blanks and a backslash" "$code $(used) $(tokens <&6 5<&6)" "0 4 xyz"
run env HAYFORK_CPU_COUNT=1 MAKEFLAGS=" -j4 -- $auth" "$HAYFORK" run -p demo --meta sleeps
is "what follows -- is no flag" "$code $(used) $(tokens)" "0 1 xyz"
run env HAYFORK_CPU_COUNT=1 MAKEFLAGS=" -j4 --jobserver-auth=fifo:$PWD/missing" "$HAYFORK" run -p demo --meta sleeps
is "a jobserver that cannot be reached is said, and done without" "$code $(used) $(grep -c jobserver err)" "0 1 1"
run env HAYFORK_CPU_COUNT=3 MAKEFLAGS= "$HAYFORK" run -p demo --meta sleeps
as_many=$(used)
run env HAYFORK_CPU_COUNT=3 MAKEFLAGS=" -- OPTIONS=-O\\ -j1" "$HAYFORK" run -p demo --meta sleeps
is "a variable's value is no flag" "$code $(used)" "0 $as_many"
run env HAYFORK_CPU_COUNT=1 MAKEFLAGS="--jobserver-auth=-2,-2" "$HAYFORK" run -p demo --meta sleeps
is "one that make has switched off is not missed" "$code $(used) $(wc -c <err)" "0 1 0"

# A loop that cannot watch one thing once is no reason to go on alone: the slots come when the run has begun.
if [ -z "${HAY_SANITIZED:-}" ]; then
    odd=
    for call in 1 2 3 4 5 6 7 8 9 10 11 12; do
        tokens >/dev/null
        env LD_PRELOAD="$top_builddir/tests/support/.libs/hurtloop.so" HURT_CTL=$call HURT_ONCE=1 MAKEFLAGS=" -j4 $auth" \
            $limit "$HAYFORK" run -p demo --meta sleeps >out 2>err &
        pid=$!
        until_true test -s out # what is in it yet one worker has done
        refill xyz
        wait $pid
        grep -q 'had to stop' err || [ "$(used) $(tokens)" = "4 xyz" ] || odd="$odd $call: $(used)"
    done
    is "nor what the loop refuses once" "$odd" ""
else
    skip "nor what the loop refuses once" "a sanitizer does not like what is preloaded"
fi

# However it ends, the bytes come back.
for signal in INT TERM HUP QUIT ABRT SEGV ALRM USR2 XCPU SYS RTMIN; do
    refill pqr
    env --default-signal=INT --default-signal=QUIT MAKEFLAGS=" -j4 $auth" "$HAYFORK" run --grace 100ms -p demo longs >out 2>err &
    pid=$!
    ok "all slots are taken before $signal" until_true has_children $pid 4
    kill -$signal $pid
    [ $signal != HUP ] || kill -TERM $pid
    wait $pid 2>/dev/null
    is "SIG$signal: the bytes come back" "$(tokens)" pqr
done

# make's own, which is a pipe in older versions.
cat >Makefile <<'END'
all:
	+"$(HAYFORK)" run -p demo --meta sleeps >out
END
run make -j3 -s
is "under make -j3 it runs three jobs at a time" "$code $(used)" "0 3"
run env HAYFORK_CPU_COUNT=1 make -s
is "under make without -j it runs as it likes" "$code $(used)" "0 1"
run env HAYFORK_CPU_COUNT=3 make -j1 -s
is "under make -j1 it runs one job at a time" "$code $(used)" "0 1"
cat >Makefile <<'END'
all: one two
one two:
	+"$(HAYFORK)" run -p demo sleeps >out.$@
END
run make -j3 -s
is "two runs at once under one make" "$code $(cat out.one out.two | grep -c ok)" "0 80"
ok "make does not complain of lost slots" test ! -s err

# Slots that go back while jobs run on the workers with the highest numbers: those workers end, and lines that come then do not
# start beside them on slots that are make's again.
refill xyz
cat >job <<'END'
echo x >>began
until [ "$(wc -l <began)" -ge 4 ]; do sleep 0.02; done
case $(cat /proc/$PPID/comm) in *w2 | *w3) until test -e go; do sleep 0.02; done ;; *) ;; esac
echo x >>ended
END
mkfifo lines
: >began
: >ended
MAKEFLAGS=" -j4 $auth" $limit "$HAYFORK" exec sh job <lines >out 2>err &
pid=$!
exec 7>lines
printf '1\n2\n3\n4\n' >&7
until_true sh -c '[ "$(wc -l <ended)" -ge 2 ]'
taken=
more() { taken=$taken$(tokens); [ -n "$taken" ]; }
until_true more
sleep 0.5 # for another one, if it is to come
more
rm began
echo 'echo x >>began; until test -e go; do sleep 0.02; done' >next
mv next job # those that run still read the old one
printf '5\n6\n' >&7
until_true test -s began
sleep 0.3 # for one more than there are slots for, if it is to begin
ok "what is given back is not used" [ $(($(wc -l <began) + 2 + ${#taken})) -le 4 ]
touch go
exec 7>&-
wait $pid
is "and all comes back" "$? $(printf '%s%s' "$taken" "$(tokens)" | fold -w 1 | sort | tr -d '\n')" "0 xyz"

# --delay holds where slots come late: no job waits in the pool for one, to start together with others. And none is kept meanwhile.
rm -f go began
tokens >/dev/null
# shellcheck disable=SC2016 # of the script
MAKEFLAGS=" -j6 $auth" $limit "$HAYFORK" exec --delay 300ms --joblog log --shell 'touch began; test {} != 1 || until test -e go; do sleep 0.02; done' \
    ::: 1 2 3 4 5 6 >out 2>err &
pid=$!
until_true test -e began
sleep 1 # three times the delay
begin=$(date +%s.%N)
printf vwxyz >&5
touch go
wait $pid
code=$?
took=$(awk -v b="$begin" 'NR > 1 && $3 > last { last = $3 } END { printf "%d", (last - b) * 1000 }' log)
ok "--delay: four times between the five jobs that slots come for ($took ms)" test "$code $((took >= 1190))" = "0 1"
is "and the slots come back" "$(tokens)" vwxyz
refill vwxyz
MAKEFLAGS=" -j6 $auth" $limit "$HAYFORK" exec --delay 1h sleep ::: 1000 1 >out 2>err &
pid=$!
until_true pgrep -P $pid -x hayfork
sleep 1
is "--delay: a job that cannot start yet takes no slot" "$(tokens)" vwxyz
kill $pid
wait $pid
done_testing
