#!/bin/sh
# SPDX-License-Identifier: MIT
# Interrupted runs: each accepted job still has its result, nothing is left behind, and the command ends by the signal that came.
# And runs that the kernel refuses what their event loop needs.
. "${top_srcdir:?}/tests/cli/lib.sh"

mkfifo in
# What is killed leaves its folder.
TMPDIR=$scratch
export TMPDIR
# Whatever descends from the command carries this, unlike anything else.
HAYFORK_TEST_MARK=$scratch
export HAYFORK_TEST_MARK

# begin [--COMMAND-PREFIX...] : a run in the background with one result and three jobs that sleep; its input stays open on 7.
begin()
{
    : >out
    "$@" "$HAYFORK" run -j 2 --meta -p demo <in >out 2>err &
    pid=$!
    exec 7>in
    echo '{"id":"first","fn":"demo.noop"}' >&7
    for id in 1 2 3; do
        echo "{\"id\":$id,\"fn\":\"demo.sleep\",\"args\":{\"ms\":1000000}}"
    done >&7
    until_true grep -q first out
}

# outcomes: "id status," of each result
outcomes()
{
    sed 's/^{"id":\([^,]*\),"status":"\([a-z]*\)".*/\1 \2/' out | sort | tr '\n' ','
}

left_behind()
{
    for process in /proc/[0-9]*; do
        [ "$process" != "/proc/$$" ] || continue
        if tr '\0' '\n' <"$process/environ" | grep -qx "HAYFORK_TEST_MARK=$scratch"; then
            tr '\0' ' ' <"$process/cmdline" | grep -E 'hayfork|fault' && return
        fi
    done 2>/dev/null
    echo nothing
}

for pair in TERM:15 INT:2; do
    signal=${pair%:*}
    begin env --default-signal=INT
    kill -$signal $pid
    wait $pid 2>/dev/null
    code=$?
    exec 7>&-
    is "SIG$signal ends the run by that signal" "$code" "$((128 + ${pair#*:}))"
    is "SIG$signal: each job has its result" "$(outcomes)" \
        '"first" ok,1 cancelled,2 cancelled,3 cancelled,'
    is "SIG$signal: nothing is left" "$(left_behind)" nothing
    is "SIG$signal is told" "$(cat err)" \
        "hayfork run: SIG$signal: no more jobs are started, and those that run are asked to end"
done

# The running commands get the same signal.
for signal in TERM INT; do
    rm -f up which
    echo '{"fn":"exec.run","args":{"shell":"trap '\''echo TERM >which; exit'\'' TERM; trap '\''echo INT >which; exit'\'' INT; : >up; while :; do sleep 0.05; done"}}' >traps
    env --default-signal=INT "$HAYFORK" run -j 1 -p exec traps >out 2>err &
    pid=$!
    ok "the command is up" until_true test -e up
    kill -$signal $pid
    wait $pid 2>/dev/null
    is "SIG$signal reaches the command" "$(cat which)" "$signal"
done

# And no other one, also where the worker is not waiting when it comes, but has something to read: here, when it is woken.
rm -f up
state()
{
    sed 's/.*) \(.\).*/\1/' "/proc/$1/stat"
}
env --default-signal=INT "$HAYFORK" exec -j 1 --shell 'trap "echo INT >>heard" INT; trap "echo TERM >>heard" TERM
kill -STOP $PPID; echo something; : >up; until test -e heard; do sleep 0.05; done; sleep 0.5; : {}' ::: a >out 2>err &
pid=$!
until_true test -e up
worker=$(children $pid)
stopped() { [ "$(state "$worker")" = T ]; }
ok "a worker stands still" until_true stopped
kill -INT $pid
wait $pid 2>/dev/null
is "one signal only reaches the command" "$(cat heard out)" "INT${newline}something"

# A reader that the same Ctrl-C ends is not how the run ended: a shell stops its loop by this code.
rm -f up fifo gone
mkfifo fifo
env --default-signal=INT,PIPE "$HAYFORK" exec -j 1 --shell 'trap "" INT; echo something; : >up
until test -e gone; do sleep 0.05; done; : {}' ::: a >fifo 2>err &
pid=$!
exec 5<fifo
until_true test -e up
kill -INT $pid
exec 5<&-
: >gone
wait $pid 2>/dev/null
is "a signal is told before a reader that has gone" $? 130

# One that is in a process group of its own is asked as well.
rm -f up
"$HAYFORK" exec -j 1 --grace 20s timeout 1000 sh -c 'trap "echo asked; exit" TERM; : >up; while :; do sleep 0.05; done' ::: a >out 2>err &
pid=$!
ok "a command with a group of its own is up" until_true test -e up
kill -TERM $pid
wait $pid 2>/dev/null
is "SIGTERM reaches it" "$(cat out)" asked

# A killed command takes what its commands have started along.
yes 'sleep 1000 & sleep 1000; :' | head -n 2 >families
"$HAYFORK" exec -j 2 -a families sh -c >out 2>err &
pid=$!
sleepers()
{
    for process in /proc/[0-9]*; do
        tr '\0' '\n' <"$process/environ" | grep -qx "HAYFORK_TEST_MARK=$scratch" && tr '\0' ' ' <"$process/cmdline" | grep '^sleep 1000'
    done 2>/dev/null | wc -l
}
four_sleep() { [ "$(sleepers)" -eq 4 ]; }
none_sleeps() { [ "$(sleepers)" -eq 0 ]; }
ok "they run" until_true four_sleep
kill -KILL $pid
wait $pid 2>/dev/null
ok "SIGKILL leaves none" until_true none_sleeps
"$HAYFORK" exec timeout 2000 sleep ::: 1000 >out 2>err &
pid=$!
one_sleeps() { [ "$(sleepers)" -eq 1 ]; }
ok "one sleeps in a group of its own" until_true one_sleeps
kill -KILL $pid
wait $pid 2>/dev/null
ok "SIGKILL leaves it neither" until_true none_sleeps

# A signal to all processes, the command first, as systemd sends it: what it ended is to be resumed, and did not fail.
sleeping() { for worker in $(children "$pid"); do children "$worker"; done; }
all_sleep() { [ "$(sleeping | wc -l)" -eq 4 ]; }
rm -f stopped
for round in 1 2 3 4 5 6 7 8; do
    "$HAYFORK" exec -j 4 -o stopped sleep ::: 1000 1000 1000 1000 >out 2>err &
    pid=$!
    until_true all_sleep
    kill -TERM $pid $(sleeping)
    wait $pid 2>/dev/null
done
is "what a signal to all has ended counts as cancelled" \
    "$(sed 's/.*"status":"\([a-z]*\)".*/\1/' stopped | sort | uniq -c | tr -s ' ')" ' 32 cancelled'
ok "with what it printed" grep -q '"cancelled while it ran"},"result":{"exit":null,"signal":15,' stopped

# What fails again and again is not tried once more. When the only one without retries is done, the workers are among the others;
# while the command stands still they end what they have, so that it hears of the signal before it knows of those.
{
    yes '{"fn":"demo.fail"}' | head -n 200
    echo '{"fn":"demo.fail","retries":0}'
    yes '{"fn":"demo.fail"}' | head -n 1800
} >failing
ended() { case $(state "$pid") in Z | '') ;; *) return 1 ;; esac; }
workers_wait() { [ "$(for worker in $(children "$pid"); do state "$worker"; done | sort -u)" = S ]; }
codes=
whole=0
for round in 1 2 3 4 5 6; do
    : >out
    env --default-signal=INT "$HAYFORK" run -j 2 --retries 1000 --retry-delay 1ms -p demo failing >out 2>err &
    pid=$!
    until_true test -s out
    kill -STOP $pid
    until_true workers_wait
    kill -INT $pid
    kill -CONT $pid
    until_true ended || kill -KILL $pid
    wait $pid 2>/dev/null
    code=$?
    codes="$codes $code"
    [ $code = 130 ] || break
    seq 1 "$(wc -l <out)" >wanted
    sed 's/^{"id":\([0-9]*\),"status":"[a-z]*".*/\1/' out | sort -n | cmp -s wanted - && whole=$((whole + 1))
done
is "SIGINT ends runs of retries" "$codes" " 130 130 130 130 130 130"
is "with one line for each job that was taken" "$whole" 6

# In the background of its terminal a read stops it. What comes to end it is heard when it goes on, before it reads again.
# timeout(1) makes a group of its own, and sends SIGCONT after SIGTERM.
ONPTY_STDIN=1 $limit "$top_builddir/tests/cli/onpty" 80 seen \
    sh -c 'timeout -k 20 1 "$HAYFORK" run -p demo; exit $?' >out 2>err
is "SIGTERM ends a run that waits in the background of a terminal" "$?" 124

# A job has no terminal to wait at: in the background of one it would be stopped for ever, worker and all.
printf 'a\nb\n' >lines
ONPTY_STDIN=1 $limit "$top_builddir/tests/cli/onpty" 80 seen \
    sh -c '"$HAYFORK" exec -k -a lines --shell "read x </dev/tty || echo none for"; exit $?' >out 2>err
is "a command that reads from the terminal is refused that" "$? $(tr '\n' ',' <out)" "0 none for a,none for b,"

# A hang-up drains: what runs ends, what has not begun is skipped and can be resumed.
rm -f up go
{
    echo '{"id":"runs","fn":"exec.run","args":{"shell":": >up; until test -e go; do sleep 0.05; done"}}'
    for i in 1 2 3; do echo '{"fn":"demo.noop"}'; done
} >drained
env --default-signal=HUP "$HAYFORK" run -j 1 -p demo -p exec --progress none drained >out 2>err &
pid=$!
ok "the first job runs" until_true test -e up
kill -HUP $pid
three_skipped() { [ "$(grep -c '"skipped".*hung up' out)" -eq 3 ]; }
ok "SIGHUP: what has not begun is skipped" until_true three_skipped
: >go
wait $pid
is "SIGHUP drains: exit 3" "$?" 3
is "SIGHUP: what ran is ok, the rest skipped" "$(grep -c '"runs","status":"ok"' out) $(wc -l <out)" "1 4"

# Also where their results cannot be written any more, for nobody reads them or the terminal is closed: the first job that ends
# finds out, and the second one still runs.
two_begun() { [ "$(wc -l <begun)" -eq 2 ]; }
# The second ends when the first has its row in the log.
end_two()
{
    : >go1
    until_true grep -q 'echo 1$' rows
    : >go2
}
pair='echo {} >>begun; until test -e go{}; do sleep 0.05; done; echo {} >>done; echo {}'
mkfifo taken
rm -f go* begun done rows
env --default-signal=HUP "$HAYFORK" exec -j 2 --joblog rows --shell "$pair" ::: 1 2 3 4 >taken 2>err &
pid=$!
exec 8<taken
until_true two_begun
kill -HUP $pid
ok "SIGHUP: it is told" until_true grep -q 'hung up' err
exec 8<&-
end_two
wait $pid
is "SIGHUP: what runs ends also when nobody reads results" "$? $(tr '\n' ' ' <done)" "141 1 2 "
for how in '' -u; do
    rm -f go* begun done rows code
    ONPTY_STDIN=1 ONPTY_STDOUT=1 "$top_builddir/tests/cli/onpty" 80 seen \
        sh -c 'trap : HUP; "$HAYFORK" exec $1 -j 2 --joblog rows --shell "$0" ::: 1 2; echo $? >code' "$pair" $how &
    pid=$!
    until_true two_begun
    kill -KILL $pid
    wait $pid 2>/dev/null
    end_two
    until_true test -s code
    is "a terminal that is closed: what runs ends ($how)" "$(cat code) $(tr '\n' ' ' <done)" "74 1 2 "
done

# Suspended, its workers and the clocks stand still too: a timeout does not come to pass meanwhile, though the suspension is longer.
rm -f up go
echo '{"fn":"exec.run","args":{"shell":": >up; until test -e go; do sleep 0.05; done"},"timeout":2}' >slow
# In a process group of its own, as a shell makes one: in an orphaned one the kernel leaves SIGTSTP out.
perl -e 'setpgrp; exec @ARGV' "$HAYFORK" run -j 1 -p exec slow >out 2>err &
pid=$!
ok "a job runs to be suspended" until_true test -e up
worker=$(children $pid)
kill -TSTP $pid
stands() { [ "$(state $pid)$(state "$worker")" = TT ]; }
ok "SIGTSTP stops the run and its worker" until_true stands
sleep 2.1
kill -CONT $pid
asked() { kill -USR1 $pid && grep -q 'running now' err; } # when it has turned its loop again
ok "SIGCONT: the job still runs" until_true asked
: >go
wait $pid
is "SIGCONT: it goes on where it stood" "$? $(grep -c '"ok"' out)" "0 1"
# The grace that an interrupt gives stands still as well, and so does the wait for who does not die by then.
rm -f up go ended
echo '{"fn":"exec.run","args":{"shell":"trap \"\" TERM; : >up; until test -e go; do sleep 0.05; done; sleep 1; : >ended"}}' >slow
perl -e 'setpgrp; exec @ARGV' "$HAYFORK" run -j 1 -p exec --grace 3 slow >out 2>err &
pid=$!
ok "a job runs to be interrupted" until_true test -e up
worker=$(children $pid)
kill -TERM $pid
ok "it is asked to end" until_true grep -q SIGTERM err
kill -TSTP $pid
ok "and suspended" until_true stands
: >go
sleep 8.1
kill -CONT $pid
wait $pid
is "it has the rest of its grace" "$? $(ls ended)" "143 ended"
# Nor, where a job still runs, is the time counted for which the master alone stood still, as by a debugger.
rm -f up
echo '{"fn":"exec.run","args":{"shell":": >up; sleep 3"},"timeout":2}' >slow
"$HAYFORK" run -j 1 -p exec slow >out 2>err &
pid=$!
ok "a job runs" until_true test -e up
kill -STOP $pid
sleep 2.5
kill -CONT $pid
wait $pid
is "SIGSTOP: the timeout of its job is put off" "$? $(grep -c '"ok"' out)" "0 1"

begin env --ignore-signal=HUP --ignore-signal=INT
kill -HUP $pid
kill -INT $pid
echo '{"id":"later","fn":"demo.noop"}' >&7
kill -TERM $pid
wait $pid 2>/dev/null
is "ignored signals stay ignored (nohup, background)" "$?" 143
exec 7>&-

# Before any input: nothing to wait for.
"$HAYFORK" run -p demo <in >out 2>err &
pid=$!
exec 7>in
until_true grep -q '^SigCgt:.*4001$' /proc/$pid/status
kill -TERM $pid
wait $pid 2>/dev/null
is "interrupted while it waits for input" "$? $(wc -c <out)" "143 0"
exec 7>&-

# What is settled is written whole, also after a second signal to a run whose reader lags behind.
awk 'BEGIN { for (i = 1; i <= 20000; i++) print "{\"fn\":\"demo.noop\"}" }' >lagging
mkfifo lag
env --default-signal=INT "$HAYFORK" run -j 2 -p demo --joblog rows lagging >lag 2>err &
pid=$!
exec 8<lag
until_true sh -c '[ "$(wc -l <rows)" -gt 10000 ]'
kill -INT $pid
kill -TERM $pid
cat <&8 >out &
reader=$!
wait $pid 2>/dev/null
code=$?
wait $reader
exec 8<&-
is "a second signal leaves no half line" "$(case $code in 130 | 143) echo ended ;; *) echo $code ;; esac) $(tail -c 1 out | wc -l) $(grep -c '^{.*}$' out)" \
    "ended 1 $(wc -l <out)"
ok "and no result that was there" test "$(grep -c '"ok"' out)" -ge "$(($(sed 1d rows | grep -c .) - 1))"

# A job that hears nothing: the first signal waits for the grace, the second does not.
: >beacon
: >out
HAY_FAULT_BEACON=$scratch/beacon "$HAYFORK" run -j 1 --grace 1h -p fault <in >out 2>err &
pid=$!
exec 7>in
echo '{"id":1,"fn":"fault.act","args":"block; beacon; loop"}' >&7
echo '{"id":2,"fn":"fault.ok"}' >&7
until_true test -s beacon
kill -TERM $pid
until_true grep -q '"id":2' out
kill -TERM $pid
wait $pid 2>/dev/null
is "a second signal kills what does not end" "$? $(outcomes)" \
    "143 1 cancelled,2 cancelled,"
is "and nothing is left of it" "$(left_behind)" nothing
exec 7>&-

: >beacon
: >out
HAY_FAULT_BEACON=$scratch/beacon "$HAYFORK" run -j 1 --grace 100ms -p fault <in >out 2>err &
pid=$!
exec 7>in
echo '{"id":1,"fn":"fault.act","args":"block; beacon; loop"}' >&7
until_true test -s beacon
kill -TERM $pid
wait $pid 2>/dev/null
is "after the grace it is killed anyhow" "$? $(grep -c cancelled out)" "143 1"
exec 7>&-

# Results that nobody takes hold up an interrupted run only so long.
mkfifo stuck
exec 8<>stuck
seq 1 200000 | sed 's/.*/{"id":&,"fn":"demo.noop"}/' >jobs
"$HAYFORK" run -p demo jobs >stuck 2>err &
pid=$!
read -r line <&8
kill -TERM $pid
wait $pid 2>/dev/null
is "interrupted while nobody reads its results" "$?" 143
exec 8>&-

# Processes that a plugin leaves behind do not outlive the run.
for how in child deaf daemon group; do
    echo "{\"id\":1,\"fn\":\"fault.act\",\"args\":\"fork $how\"}" >jobs
    run "$HAYFORK" run -p fault jobs
    is "left by a job, ended by the run: $how" "$code $(left_behind)" "0 nothing"
    run "$HAYFORK" call fault.act "\"fork $how\""
    is "and by call: $how" "$code $(left_behind)" "0 nothing"
done

# Children that the command had before it was the command are not its to kill.
echo '{"id":1,"fn":"fault.ok"}' >jobs
sh -c 'sleep 1000 & echo $! >kept; exec "$HAYFORK" run -p fault jobs' >out 2>err
is "a child from before lives on" "$(kill -0 "$(cat kept)" && echo alive)" alive
kill "$(cat kept)"

# One job, interrupted.
: >beacon
HAY_FAULT_BEACON=$scratch/beacon "$HAYFORK" call fault.act '"beacon; pause"' >out 2>err &
pid=$!
until_true test -s beacon
kill -TERM $pid
wait $pid 2>/dev/null
is "call ends by the signal too" "$? $(left_behind)" "143 nothing"

# What a job has forked ends by the signals that its worker, or with --inline the command, catches for itself.
for mode in -j1 --inline; do
    printf '{"fn":"fault.act","args":"end 15"}\n{"fn":"fault.act","args":"end 2"}\n' >jobs
    run env --default-signal=INT "$HAYFORK" run $mode -p fault jobs
    is "$mode: a job ends its child by SIGTERM and SIGINT" "$code $(grep -c '"ok"' out)" "0 2"
done

# Inline, the job is in the way of everything else: it is not waited for twice.
: >beacon
HAY_FAULT_BEACON=$scratch/beacon env --default-signal=INT "$HAYFORK" run --inline -p fault <in >out 2>err &
pid=$!
exec 7>in
echo '{"id":1,"fn":"fault.act","args":"beacon; loop"}' >&7
until_true test -s beacon
kill -TERM $pid
kill -INT $pid
wait $pid 2>/dev/null
code=$?
is "inline, a second signal ends at once" "$code" "$(case $code in 130) echo 130 ;; *) echo 143 ;; esac)"
exec 7>&-

# A worker that nothing kills, as one that waits for a file server, holds an interrupted run up for a while only.
if [ -z "${HAY_SANITIZED:-}" ]; then
    rm -f results
    : >beacon
    echo '{"id":1,"fn":"fault.act","args":"ignore TERM; beacon; sleep 1000000"}' >jobs
    timeout --foreground 60 env LD_PRELOAD="$top_builddir/tests/support/.libs/hurtkill.so" \
        HAY_FAULT_BEACON="$scratch/beacon" "$HAYFORK" run -j 1 -p fault --grace 10ms -o results jobs 2>err &
    pid=$!
    until_true test -s beacon
    kill -TERM $pid
    wait $pid 2>/dev/null
    code=$?
    is "a worker that does not die is left to itself" "$code $(sed 's/,"seq.*//' results)" \
        '143 {"id":1,"status":"cancelled","error":{"message":"cancelled while it ran"}'
    is "it dies with the command" "$(left_behind)" nothing
fi

# hurt NAME=WHICH... : a run whose event loop is refused something: it ends, in good order where it can
hurt()
{
    run env LD_PRELOAD="$top_builddir/tests/support/.libs/hurtloop.so" "$@" "$HAYFORK" run -j 2 -p demo jobs
}

if [ -z "${HAY_SANITIZED:-}" ]; then
    awk 'BEGIN { for (i = 0; i < 300; i++) print "{\"fn\":\"demo.noop\"}" }' >jobs
    hurt HURT_CTL=1
    is "a loop that can watch nothing ends the run" "$code $(wc -l <out) $(grep -c 'cannot watch' err)" "70 300 1"
    odd=
    for call in 1 2 3 4 5 6 7 8 9 10 11 12; do
        hurt HURT_CTL=$call HURT_ONCE=1
        case "$code $(wc -l <out)" in
        '0 300' | '70 300') ;;
        *) odd="$odd $call: $code $(wc -l <out)" ;;
        esac
    done
    is "so does one that cannot watch one thing, or does without" "$odd" ""
    # One thing that cannot be watched once, be it the reader, the disk or what a plugin prints: nothing stands still for it.
    awk 'BEGIN { for (i = 0; i < 100000; i++) print "{\"fn\":\"demo.noop\"}" }' >many
    echo '{"fn":"fault.act","args":"print 2 400000"}' >prints
    odd=
    for call in 1 2 3 4 5 6 7 8 9 10 11 12; do
        for what in '-p demo many' '-p demo -o synced --sync always jobs' '-p fault prints'; do
            rm -f synced
            # shellcheck disable=SC2086 # words
            LD_PRELOAD=$top_builddir/tests/support/.libs/hurtloop.so HURT_CTL=$call HURT_ONCE=1 \
                $limit "$HAYFORK" run -j 2 $what 2>err | { sleep 0.1; cat; } >out
            [ -f synced ] && cat synced >out
            grep -q 'had to stop' err && continue
            case "$what $(wc -l <out)" in
            '-p demo many 100000' | '-p demo -o'*' 300' | '-p fault'*' 1') ;;
            *) odd="$odd $call $what: $(wc -l <out)" ;;
            esac
        done
    done
    is "nor does anything that is refused once stop all for ever" "$odd" ""
    hurt HURT_WAIT=3
    is "one that fails ends it with a message" "$code $(grep -c 'the event loop failed' err)" "70 1"
    odd=
    told=0
    for call in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
        hurt HURT_GROW=$call HURT_ONCE=1
        case "$code $(wc -l <out)" in
        '0 300' | '1 300') ;; # the memory of a job, perhaps
        *) test -s err && test "$code" -lt 128 || odd="$odd $call: $code" ;;
        esac
        grep -q 'the event loop failed: realloc: Cannot allocate memory' err && told=$((told + 1))
    done
    is "so does one that gets no memory, and never abort()" "$odd $((told > 0))" " 1"
else
    skip "loops that are refused something" "a sanitizer does not like what is preloaded"
fi

# The first process of a container, which the kernel's default action does not end: before a run catches signals, and without any.
if unshare -rpf true 2>/dev/null; then
    mkfifo unhurried
    unshare -rpf "$HAYFORK" check -p demo unhurried >out 2>err &
    first=$!
    exec 9>unhurried # which waits until it has opened it
    kill -TERM "$(children $first)"
    ended() { [ -z "$(children $first)" ]; }
    until_true ended
    exec 9>&-
    wait $first
    is "SIGTERM ends the first process of a container" "$?" 143
else
    skip "SIGTERM ends the first process of a container" "no container can be made here"
fi
done_testing
