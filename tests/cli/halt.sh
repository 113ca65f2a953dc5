#!/bin/sh
# SPDX-License-Identifier: MIT
# --halt and --max-fails, and the number of workers that -j asks for.
. "${top_srcdir:?}/tests/cli/lib.sh"

count()
{
    grep -c "\"status\":\"$1\"" out
}

fails()
{
    awk -v n="$1" 'BEGIN { for (i = 1; i <= n; i++) print "{\"fn\":\"demo.fail\"}" }'
}

noops()
{
    awk -v n="$1" 'BEGIN { for (i = 1; i <= n; i++) print "{\"fn\":\"demo.noop\"}" }'
}

{ noops 5; fails 1; noops 2000; } >one
run "$HAYFORK" run -j1 --queue 4 -p demo one
is "by default a run goes to its end" "$code $(count ok) $(count error)" "1 2005 1"
run "$HAYFORK" run -j1 --queue 4 -p demo --halt never one
is "never is the default" "$code $(count ok)" "1 2005"
run "$HAYFORK" run -j1 --queue 4 -p demo --halt soon,fail=1 one
is "soon,fail=1 leaves jobs unrun: exit 3" "$code $(count error)" "3 1"
ok "what ran before is there" test "$(count ok)" -ge 5
ok "and not all" test "$(count ok)" -lt 2005
ok "why is said" grep -q '1 job has failed' err
{ fails 1; awk 'BEGIN { for (i = 0; i < 8; i++) print "{\"fn\":\"demo.sleep\",\"args\":{\"ms\":300}}" }'; } >slow
run "$HAYFORK" run -j1 -p demo --halt soon,fail=1 slow
is "what was accepted has its line each, exit 3" "$code $(wc -l <out | tr -d ' ')" "3 9"
ok "what did not run is skipped" test "$(count skipped)" -ge 7
ok "with the reason" grep -q '"skipped".*1 job has failed' out

echo '{"fn":"demo.fail","args":{"message":"no luck"},"retries":1}{"id":"good","fn":"demo.sleep","args":{"ms":200}}' | sed 's/}{/}\n{/' >again
run "$HAYFORK" run -j2 -p demo --retry-delay 1h --halt now,success=1 again
is "one that waits for its retry is not said never to have begun" "$code $(sed -n 's/.*"message":"\([^"]*\)".*/\1/p' out)" \
    "3 cancelled before it was tried again: no luck"

# Also the lines of a file that were not read: each has its one line, and --resume runs them.
{ noops 2; fails 1; noops 20000; } >many
for how in "-j2 --halt now,fail=1" "-j2 --halt soon,fail=1 --queue 1" "-j2 --halt now,fail=1 -k --order-window 2" \
    "--inline --halt soon,fail=1"; do
    rm -f results
    # shellcheck disable=SC2086 # a list of words
    run "$HAYFORK" run -p demo $how -o results many
    is "each line has its result: $how" "$code $(wc -l <results | tr -d ' ') $(sed 's/.*"seq":\([0-9]*\).*/\1/' results | sort -u | wc -l)" \
        "3 20003 20003"
    run "$HAYFORK" run -j2 -p demo --resume -o results many
    "$HAYFORK" results results >out
    is "and is run by --resume: $how" "$code $(count ok) $(count error) $(count skipped)" "1 20002 1 0"
done
run sh -c 'cat many | "$HAYFORK" run -j2 --queue 4 -p demo --halt now,fail=1'
is "of a pipe what was read" "$code $(count error)" "3 1"

# Nor does a worker that is free at that moment get one more job, however slow the jobs are.
rm -f ran*
printf '%s\n' 'sleep 0.3; exit 1' 'touch ran2; sleep 0.2' 'touch ran3' 'touch ran4' >commands
run "$HAYFORK" exec -j1 --halt soon,fail=1 -a commands sh -c
is "nothing begins after the job that met it" "$code $(ls ran* 2>/dev/null)" "3 "

# What was in hand, or had still to come, was left unrun; what was done before was not.
{ fails 1; noops 30; } >late
run sh -c 'cat late | "$HAYFORK" run -j1 --queue 1 -p demo --halt soon,fail=1'
is "a line in hand, from a pipe" "$code" 3
run sh -c '"$HAYFORK" run -j1 --queue 1 -p demo --halt soon,fail=1 <late'
is "from a file at stdin each line has its result" "$code $(wc -l <out | tr -d ' ')" "3 31"
rm -f results
run "$HAYFORK" run -j1 -p demo -o results late
run "$HAYFORK" run -j1 -p demo -o results --retry-failed --halt now,fail=1 late
is "nothing was left: no exit 3" "$code" 1
cat >chain <<'END'
{"id":"a","fn":"demo.fail"}
{"id":"b","fn":"demo.noop","after":["a"]}
{"id":"c","fn":"demo.noop","after":["b"]}
END
run "$HAYFORK" run -j1 -p demo --halt now,fail=1 chain
is "what was skipped for its own dependency was not left by the halt" "$code $(count skipped)" "1 2"
noops 10 >>chain
run "$HAYFORK" run -j1 -p demo --halt soon,fail=2 chain
is "nor does it count as one that has failed" "$code $(count skipped) $(count ok)" "1 2 10"

# A share is one of the jobs of this run, not of what was done before or never became a job.
noops 10 >ten
head -n 5 ten >five
rm -f results
run "$HAYFORK" run -j1 -p demo -o results five
run "$HAYFORK" run -j1 --queue 1 -p demo -o results --resume --halt soon,done=60% ten
is "a share of what is left" "$code $(tail -n 5 results | grep -c '"ok"') $(tail -n 5 results | grep -c '"skipped"')" "3 3 2"

{ fails 3; noops 100; } >three
run "$HAYFORK" run -j1 --queue 4 -p demo --max-fails 2 three
is "--max-fails 2 stops at the third" "$code $(count error)" "3 3"
run "$HAYFORK" run -j1 --queue 4 -p demo --max-fails 3 three
is "--max-fails 3 does not" "$code $(count error) $(count ok)" "1 3 100"
run "$HAYFORK" run -j1 -p demo --max-fails 0 slow
is "--max-fails 0 stops at the first" "$code $(count error)" "3 1"
run "$HAYFORK" run -j1 --queue 4 -p demo --halt soon,success=10 three
is "success=10" "$code" 3
ok "at least ten" test "$(count ok)" -ge 10
run "$HAYFORK" run -j1 --queue 4 -p demo --halt soon,done=103 three
is "a condition that is met by the last job leaves nothing unrun" "$code $(count ok)" "1 100"
run "$HAYFORK" run -j1 --queue 4 -p demo --halt soon,fail=50% three
is "a share is one of the whole file" "$code $(count ok)" "1 100"
run sh -c '{ read -r first; "$HAYFORK" run -j1 --queue 4 -p demo --halt soon,fail=50%; } <three'
is "also where that is stdin" "$code $(count ok)" "1 100"
run sh -c '"$HAYFORK" run -j1 --queue 4 -p demo --halt soon,fail=2% <three'
is "whose beginning counts" "$code $(count error)" "3 3"
run "$HAYFORK" run -j1 --queue 4 -p demo --halt soon,fail=2% three
is "two per cent of 103 are three" "$code $(count error)" "3 3"
run sh -c 'cat three | "$HAYFORK" run -j1 --queue 4 -p demo --halt soon,fail=90%'
is "of a stream it is the share of what is done, from three on" "$code $(count error)" "3 3"

printf '%s\n' '{"id":"long","fn":"demo.sleep","args":{"ms":60000}}' '{"id":"bad","fn":"demo.sleep","args":{"ms":60000},"timeout":0.5}' >running
run "$HAYFORK" run -j2 -p demo --grace 100ms --halt now,fail=1 running
is "now ends what runs" "$code $(count cancelled) $(count timeout)" "3 1 1"
printf '%s\n' '{"id":"long","fn":"demo.sleep","args":{"ms":1500}}' '{"id":"bad","fn":"demo.sleep","args":{"ms":60000},"timeout":0.5}' >running
run "$HAYFORK" run -j2 -p demo --grace 100ms --halt soon,fail=1 running
is "soon lets it end; nothing is left unrun" "$code $(count ok) $(count timeout)" "1 1 1"
printf '%s\n' '{"fn":"demo.fail"}' '{"fn":' '{"fn":"nobody.knows"}' >rejected
run "$HAYFORK" run -j1 -p demo --halt now,fail=2 rejected
is "rejected lines are not counted" "$code $(count rejected)" "1 2"

for bad in "" now soon,fail now,fail=0 now,fail=x soon,fail=101% soon,fail=0% later,fail=1 now,lost=1 now,fail=1x; do
    run "$HAYFORK" run -p demo --halt "$bad" one
    is "--halt '$bad' is a usage error" "$code $(wc -l <err)" "2 2"
done

# ---- -j ----

# workers TEXT: how many workers a run with -j TEXT has, when there is one CPU.
workers()
{
    HAYFORK_CPU_COUNT=1 "$HAYFORK" run "$@" -p demo --summary one 2>&1 >/dev/null | sed -n 's/.* of \([0-9]*\) workers.*/\1/p'
}
noops 3 >one
is "-j N" "$(workers -j 3)" 3
is "-j N%" "$(workers -j 300%)" 3
is "-j +N" "$(workers -j +2)" 3
is "-j -N below one is one" "$(workers -j -100)" 1
is "-j 1%" "$(workers -j 1%)" 1
echo 5 >jobs
is "-j @FILE" "$(workers -j @jobs)" 5
printf ' 4 \r\nand more' >jobs
is "the first line of it, without blanks" "$(workers -j @jobs)" 4
for bad in 0 x 5000 -x +x % 1%% 1.5 @; do
    run "$HAYFORK" run -p demo -j "$bad" one
    is "-j '$bad' is a usage error" "$code" 2
done
run "$HAYFORK" run -p demo -j @missing one
is "a missing -j file" "$code $(grep -c missing err)" "2 1"
for text in many '1 2' '' '4 x'; do
    echo "$text" >jobs
    run "$HAYFORK" run -p demo -j @jobs one
    is "a -j file that holds no number: '$text'" "$code $(grep -c jobs err)" "2 1"
done

# The file is read again when it changes: 40 sleeps of 100 ms take 4 s one at a time.
echo 1 >jobs
awk 'BEGIN { for (i = 0; i < 60; i++) print "{\"fn\":\"demo.sleep\",\"args\":{\"ms\":100}}" }' >sleeps
$limit "$HAYFORK" run -p demo -j @jobs --meta sleeps >out 2>err &
pid=$!
ok "one worker begins" until_true test -s out
echo 4 >jobs.new && mv jobs.new jobs
wait $pid
is "a changed -j file: all is done" "$? $(count ok)" "0 60"
is "by four workers in the end" "$(sed 's/.*"worker":\([0-9]*\),.*/\1/' out | sort -u | wc -l | tr -d ' ')" 4

# Made smaller, it lets what runs end: nothing is killed, nothing runs twice.
echo 4 >jobs
awk 'BEGIN { for (i = 0; i < 6; i++) print "{\"fn\":\"demo.sleep\",\"args\":{\"ms\":3500}}" }' >longer
"$HAYFORK" run -p demo -j @jobs --crash-retries 0 --meta longer >out 2>err &
pid=$!
ok "four workers begin" until_true has_children $pid 4
echo 1 >jobs.new && mv jobs.new jobs
wait $pid
is "a smaller number ends nothing that runs" "$? $(count ok) $(grep -c attempts out)" "0 6 0"
printf '%s\n' '{"fn":"demo.fail"}' '{"fn":"demo.sleep","args":{"ms":60000},"timeout":0.7,"retries":5}' >retried
run "$HAYFORK" run -j2 -p demo --retry-timeouts --grace 100ms --halt soon,fail=1 retried
is "after a halt nothing is tried again" "$code $(grep -c '"attempts"' out)" "3 0"

# ---- workers that had enough, with a queue that never runs empty ----

awk 'BEGIN { for (i = 0; i < 60; i++) print "{\"fn\":\"demo.sleep\",\"args\":{\"ms\":30}}" }' >naps
for limit_of in "--max-worker-age 100ms" "--max-worker-rss 1K"; do
    # shellcheck disable=SC2086 # a list of words
    run "$HAYFORK" run -j1 -p demo --meta $limit_of naps
    pids=$(sed 's/.*"pid":\([0-9]*\).*/\1/' out | sort -u | wc -l)
    is "$limit_of: all ok, once" "$code $(count ok) $(grep -c attempts out)" "0 60 0"
    ok "by several workers: $limit_of ($pids)" test "$pids" -gt 3
done

# ---- --load, --memfree ----

run "$HAYFORK" run -p demo --load 100000 --memfree 1 one
is "limits that are not reached hold nothing up" "$code $(count ok)" "0 3"
run timeout -s INT -k 10 2 "$HAYFORK" run -p demo --memfree 1000000G one
is "too little memory: nothing is started" "$code $(count ok) $(count cancelled)" "124 0 3"

# ---- --delay ----

# since_ms JOBS ARGUMENT... : so many jobs of 1 ms; `took` from before the first to the start of the last, by the workers' clocks
since_ms()
{
    seq "$1" | sed 's/.*/{"fn":"demo.sleep","args":{"ms":1}}/' >paced
    shift
    begin=$(date +%s.%N)
    run "$HAYFORK" run --meta -p demo "$@" paced
    took=$(sed 's/.*"start":\([0-9.]*\).*/\1/' out | sort -n | tail -n 1 | awk -v b="$begin" '{ printf "%d", ($1 - b) * 1000 }')
}
since_ms 5 -j 3 --delay 100ms
ok "--delay: four times between five jobs ($took ms)" test "$code $((took >= 400))" = "0 1"
since_ms 5 --inline --delay 0.1
ok "--delay: inline too ($took ms)" test "$code $((took >= 400))" = "0 1"
since_ms 1000 -j 2 --delay 0
is "--delay 0: none" "$code $(count ok)" "0 1000"
printf '{"id":1,"fn":"demo.noop"}\n{"fn":"demo.noop","after":[1]}\n{"fn":"demo.noop","after":[1]}\n{"fn":"demo.noop"}\n' >chain
begin=$(date +%s%N)
run "$HAYFORK" run -j 2 --delay 100ms -p demo chain
took=$((($(date +%s%N) - begin) / 1000000))
ok "--delay: also those that came after others ($took ms)" test "$code $(count ok) $((took >= 300))" = "0 4 1"
printf '{}\n' >paced_one
run "$HAYFORK" run --delay 1h -f demo.noop paced_one
is "--delay: nothing comes after the last" "$code $(count ok)" "0 1"
printf '{"fn":"demo.fail"}\n{"fn":"demo.noop"}\n{"fn":"demo.noop"}\nbad\n' >failing
run "$HAYFORK" run --delay 1h --halt soon,fail=1 -p demo failing
is "--delay: a halt does not wait" "$code $(count error) $(count skipped) $(count rejected)" "3 1 2 1"
run timeout -s INT -k 10 2 "$HAYFORK" run --delay 1h -p demo one
is "--delay: nor does an interrupt" "$code $(count ok) $(count cancelled)" "124 1 0"
# One that has to be tried again has no claim to the time of another.
printf '{"fn":"demo.fail"}\n{"fn":"demo.noop"}\n' >again
run "$HAYFORK" run -j 1 --delay 10ms --retries 1 --retry-delay 1s -p demo again
is "--delay: one that waits for its next attempt holds none up" "$code $(sed 's/.*"status":"\([a-z]*\).*/\1/' out | tr '\n' ' ')" "1 ok error "
for bad in "--load x" "--load 0" "--memfree x" "--delay x" "--delay -1"; do
    # shellcheck disable=SC2086 # two words
    run "$HAYFORK" run -p demo $bad one
    is "$bad is a usage error" "$code" 2
done

# What is left out of the jobs that count may be what the share was waiting for.
{
    echo '{"id":"A","fn":"demo.fail","args":{"message":"x"}}'
    for i in 1 2 3 4 5 6 7 8; do echo '{"after":["A"]}'; done
    for i in 1 2 3; do echo '{"fn":"demo.sleep","args":{"ms":60000}}'; done
} >share
run "$HAYFORK" run -p demo -f demo.noop -j 1 --halt now,fail=25% share
is "a share of the jobs that are left" "$code $(grep -c '"status":"ok"' out) $(wc -l <out)" "3 0 12"

# What a pipe still has of a resumed run counts as it does without a halt.
run_on()
{
    cp done journal
    printf "$1" | $limit "$HAYFORK" run -p demo -f demo.echo -o journal --order-window 1 --halt soon,done=1 "$2" >out 2>err
    code=$?
}
printf '{"args":1}\n{"args":2}\n{"fn":"demo.fail"}\n' >input
"$HAYFORK" run -p demo -f demo.echo -o done input 2>err
sed -i '/"seq":1,/d' done
run_on '{"args":1}\n{"args":2}\n{"fn":"demo.fail"}\n' --resume
is "one that failed before" "$code" 1
run_on '{"args":1}\n{"args":2}\n{"args":3}\n' --resume
is "a line that has changed" "$code $(grep -c 'input line 3 is not the one' err)" "65 1"
run_on '{"args":1}\n{"args":2}\n{"args":3}\n' --resume-changed
is "which would be run again" "$code" 3
run_on '{"args":1}\n{"args":2}\n' --resume
is "a shorter input" "$code $(grep -c 'it is not the input of these results' err)" "65 1"
run_on '{"args":1}\n{"args":2}\n{"fn":"demo.fail"}\n{"args":4}\n' --resume
is "a job that is new" "$code" 3

done_testing
