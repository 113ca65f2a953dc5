#!/bin/sh
# SPDX-License-Identifier: MIT
# What the options of run change in the results.
. "${top_srcdir:?}/tests/cli/lib.sh"

# jobs LINE... : the file ./jobs
jobs()
{
    printf '%s\n' "$@" >jobs
}

jobs '{"id":1,"fn":"demo.add","args":{"a":1,"b":2}}'
run "$HAYFORK" run --meta -p demo jobs
is "--meta" "$code $(sed 's/[0-9][0-9.]*/N/g' out)" \
    '0 {"id":N,"status":"ok","result":N,"seq":N,"worker":N,"pid":N,"start":N,"wall_ms":N}'
for how in '' --inline; do
    run "$HAYFORK" run $how --summary -p demo jobs jobs
    is "--summary $how" "$code $(wc -l <out) $(grep -cv '^hayfork run: ' err) $(sed -n 1p err)" "0 2 0 hayfork run: 2 jobs: 2 ok"
done
is "results do not mix with the summary" "$(grep -cv '^{' out)" 0
jobs '{"id":1,"fn":"demo.noop"}' '{"id":2,"fn":"demo.fail","args":{"message":"m"}}' x
run "$HAYFORK" exec -j 1 --summary true ::: a
is "--summary of one job" "$(grep worker err | head -n 1)" "hayfork exec: 1 of 1 workers ran, 0 died; 1 attempt, 0 retried"
run "$HAYFORK" run --summary -p demo jobs
is "--summary counts each outcome" "$code $(sed -n 1p err)" "1 hayfork run: 3 jobs: 1 ok, 1 error, 1 rejected"

jobs '{"id":1}' '{"id":2,"fn":"demo.echo","args":5}'
run "$HAYFORK" run -f demo.noop jobs
is "-f is for lines without fn, and loads its plugin" "$code $(sort out)" '0 {"id":1,"status":"ok","result":null}
{"id":2,"status":"ok","result":5}'
run "$HAYFORK" run -p demo -p demo -f demo.noop jobs
is "a plugin named twice is loaded once" "$code" 0
jobs '{"fn":"demo.noop"}' '{"fn":"fault.ok"}'
run "$HAYFORK" run -p demo -p fault jobs
is "two plugins" "$code $(grep -c '"ok"' out)" "0 2"

jobs '{"id":1,"fn":"demo.fail","args":{"message":"m"}}'
run "$HAYFORK" run -p demo jobs
is "an error is not tried again" "$code $(cat out)" '1 {"id":1,"status":"error","error":{"message":"m"}}'
run "$HAYFORK" run --retries 2 -p demo jobs
is "--retries" "$code $(cat out)" '1 {"id":1,"status":"error","error":{"message":"m"},"attempts":3}'
jobs '{"id":1,"fn":"demo.fail","args":{"message":"m"},"retries":1}'
run "$HAYFORK" run --retries 5 -p demo jobs
is "a line's own retries" "$(grep -c '"attempts":2' out)" 1

jobs '{"id":1,"fn":"demo.sleep","args":{"ms":60000}}'
run "$HAYFORK" run --timeout 50ms -p demo jobs
is "--timeout" "$code $(grep -c '^{"id":1,"status":"timeout",' out) $(grep -c attempts out)" "1 1 0"
run "$HAYFORK" run --timeout 50ms --retries 1 -p demo jobs
is "a timeout is not tried again" "$(grep -c attempts out)" 0
run "$HAYFORK" run --timeout 50ms --retries 1 --retry-timeouts -p demo jobs
is "--retry-timeouts" "$(grep -c '"status":"timeout".*"attempts":2' out)" 1
jobs '{"id":1,"fn":"demo.sleep","args":{"ms":60000},"timeout":0.05}'
run "$HAYFORK" run --timeout 1h -p demo jobs
is "a line's own timeout" "$code $(grep -c '"timeout"' out)" "1 1"
jobs '{"id":1,"fn":"fault.act","args":"block; loop","timeout":0.05}' '{"id":2,"fn":"fault.ok"}'
run "$HAYFORK" run -j 1 --grace 50ms -p fault jobs
is "--grace: a deaf job is killed" "$code $(cut -c 1-25 out | sort)" '1 {"id":1,"status":"timeout
{"id":2,"status":"ok","re'

jobs $(yes '{"fn":"demo.noop"}' | head -n 20)
run sh -c 'ulimit -n 32; exec "$HAYFORK" run -j 20 -p demo jobs'
is "fewer workers than were asked for are told" "$code $(grep -c '"ok"' out) $(grep -c 'are enough for about 7 of 20 workers only' err)" "0 20 1"

jobs '{"fn":"start_hangs.noop"}'
for verb in 'run jobs' 'call start_hangs.noop'; do
    # shellcheck disable=SC2086 # words
    run "$HAYFORK" $verb --start-timeout 50ms -p "${top_builddir:?}/tests/support/plugins/.libs/start_hangs.so"
    is "${verb%% *}: --start-timeout: a worker that does not begin is replaced, ten times" \
        "$code $(grep -c 'was not ready after 0.05 s' err)" "70 1"
done

jobs '{"id":1,"fn":"fault.act","args":"raise KILL"}'
run "$HAYFORK" run -p fault jobs
is "a crash is tried once more" "$code $(grep -c '"status":"crash".*"signal":9.*"attempts":2' out)" "1 1"
run "$HAYFORK" run --crash-retries 0 -p fault jobs
is "--crash-retries 0" "$code $(grep -c '"status":"crash"' out) $(grep -c attempts out)" "1 1 0"

# How often a crash is tried, by what --retry-on and its companions say.
while read -r attempts words; do
    # shellcheck disable=SC2086 # words
    run "$HAYFORK" run $words -p fault jobs
    is "a crash with $words" "$code $(sed -n 's/.*"attempts":\([0-9]*\).*/\1/p' out | grep . || echo 1)" "1 $attempts"
done <<'END'
2 --retry-on crash
1 --retry-on crash --retries 0
4 --retry-on crash --retries 3
3 --retry-on crash --retries 5 --crash-retries 2
1 --retry-on crash --retries 5 --crash-retries 0
1 --retry-on error,timeout --retries 5
1 --retry-on error --crash-retries 0
END
for words in '--retry-on error,timeout --crash-retries 1' '--retry-timeouts --retry-on error,crash'; do
    # shellcheck disable=SC2086 # words
    run "$HAYFORK" run $words -p fault jobs
    is "what contradicts --retry-on is wrong usage: $words" "$code $(grep -c 'asks for what --retry-on leaves out' err)" "2 1"
done
run "$HAYFORK" run --crash-retries 3 -p fault jobs
is "--crash-retries 3" "$code $(grep -c '"attempts":4' out)" "1 1"

jobs '{"id":1,"fn":"fault.act","args":"result 2000"}' '{"id":2,"fn":"fault.act","args":"result 900"}'
for how in '' --inline; do
    run "$HAYFORK" run $how --max-result 1000 -p fault jobs
    is "--max-result $how" "$code $(cut -c 1-23 out | sort)" '1 {"id":1,"status":"error
{"id":2,"status":"ok","'
done

jobs '{"id":1,"fn":"demo.noop"}' '{"id":2,"fn":"demo.fail","args":{"message":"m"}}' '{"id":3,"fn":"demo.nosuch"}' \
    '{"id":4,"fn":"demo.add","args":{"a":1,"b":2}}'
run "$HAYFORK" run -p demo jobs
sort out >pooled
run "$HAYFORK" run --inline -p demo jobs
is "--inline gives the same results" "$code $(sort out | cmp - pooled)" "1 "
is "in the order of the input" "$(sed 's/^{"id":\(.\).*/\1/' out | tr -d '\n')" 1234

# exit() in a function that runs in this process is no success, and costs no result.
jobs '{"id":1,"fn":"demo.noop"}' '{"id":2,"fn":"fault.act","args":"exit 0"}' '{"id":3,"fn":"demo.noop"}'
rm -f results
for output in '' '-o results'; do
    # shellcheck disable=SC2086 # words
    run "$HAYFORK" run --inline -p demo -p fault $output jobs
    is "--inline $output: exit() in a function" "$code $(cat err) $(cat out results 2>/dev/null | cut -c 1-20)" \
        '70 hayfork run: a function has ended this process by exit() {"id":1,"status":"ok'
    rm -f out
done
run "$HAYFORK" call --inline fault.act '"exit 0"'
is "call --inline: exit() in the function" "$code $(cat err)" "70 hayfork call: the function has ended this process by exit()"
for list in '' "$(printf 'files=100,%.0s' $(seq 40))"; do
    run "$HAYFORK" run --limit "$list" jobs
    is "--limit of ${#list} bytes" "$code $(grep -c -- '--limit needs a list of mem=SIZE, ' err)" "2 1"
done
echo '{"fn":"exec.run","args":{"shell":"ulimit -Sn; ulimit -St; nice"}}' >limits
run "$HAYFORK" run --nice 3 --limit files=99,cpu=1.0001m --nice 2 --limit files=77 -p exec limits
is "--limit files and cpu, --nice" "$code $(sed 's/.*"stdout":"\([^"]*\)".*/\1/' out)" "0 77\\n61\\n$(($(nice) + 2))\\n"
while read -r words; do
    # shellcheck disable=SC2086 # words
    run "$HAYFORK" run $words limits
    is "refused: $words" "$code $(wc -l <out) $(sed -n '1s/^hayfork run: //p' err)" "2 0 $(sed -n "s/^$words: //p" <<'WANTED'
--limit cpu=0: --limit cpu=0 needs a time above 0, not '0'
--limit cpu: --limit needs a list of mem=SIZE, cpu=TIME, files=N and fsize=SIZE, not 'cpu'
--limit files=99,disk=1: --limit needs a list of mem=SIZE, cpu=TIME, files=N and fsize=SIZE, not 'files=99,disk=1'
--retry-on error,never: --retry-on needs a list of error, timeout and crash, not 'error,never'
--nice 20: --nice needs a whole number from 0 to 19, not '20'
--queue 99999999999999999999: --queue needs a whole number from 1 to 1000000000, not '99999999999999999999'
--timeout 99999999999999999999: --timeout needs a duration such as 250ms, 5s, 2m or 1h, not '99999999999999999999'
WANTED
)"
done <<'END'
--limit cpu=0
--limit cpu
--limit files=99,disk=1
--retry-on error,never
--nice 20
--queue 99999999999999999999
--timeout 99999999999999999999
END
run "$HAYFORK" run limits --output
is "a long option without its value" "$code $(sed -n 1p err)" "2 hayfork run: a value is needed after '--output'"
run "$HAYFORK" exec -kj2 --dry-run echo ::: a
is "letters in one word" "$code $(cat out)" "0 echo a"
run "$HAYFORK" exec -kxj2 echo ::: a
is "of which one is none" "$code $(sed -n 1p err)" "2 hayfork exec: unknown option '-x'"
run "$HAYFORK" call --timeout 300ms --grace 0 exec.run '{"shell":"trap : TERM; trap \"echo asked >asked\" EXIT; : >trapped; while :; do sleep 0.01; done"}'
is "call --grace 0: killed without being asked" "$code $(cat err) $(ls trapped asked 2>/dev/null)" \
    "1 hayfork call: timeout: timed out after 0.3 s trapped"
run "$HAYFORK" call --grace x demo.noop
is "call --grace x" "$code $(sed -n 1p err)" "2 hayfork call: --grace needs a duration such as 250ms, 5s, 2m or 1h, not 'x'"
jobs '{"id":1,"fn":"demo.fail","retries":2}'
run "$HAYFORK" run --retry-delay 1h --retry-delay-max 1ms -p demo jobs
is "--retry-delay-max" "$code $(grep -c '"attempts":3' out)" "1 1"

# A dry run prints all of a job, and what it prints is such a job.
cat >dry <<'END'
{"timeout":1.5,"retries":0,"priority":-3,"id":"a","fn":"demo.add"}
{"fn":"demo.add","args":[1, {}],"timeout":0.0001,"retries":1000000,"priority":2147483647,"after":["a", "a" ]}
{"args":null,"timeout":0,"priority":0,"after":[]}
END
run "$HAYFORK" run --dry-run -f demo.noop --timeout 9 --retries 9 dry
is "--dry-run" "$code $(cat out)" '0 {"id":"a","fn":"demo.add","timeout":1.500,"retries":0,"priority":-3}
{"id":2,"fn":"demo.add","args":[1, {}],"timeout":0.001,"retries":1000000,"priority":2147483647,"after":["a", "a" ]}
{"id":3,"fn":"demo.noop","args":null,"after":[]}'
cp out dry
run "$HAYFORK" run --dry-run -p demo dry
is "--dry-run of what it has printed" "$code $(cmp out dry)" "0 "

if [ -n "${HAY_SANITIZED:-}" ] || ! unshare -rpf true 2>/dev/null; then
    skip "--limit mem where /proc has other process numbers" "no such place, or a sanitizer that maps terabytes"
else
    echo '{"fn":"demo.noop"}' >noop
    run unshare -rpf "$HAYFORK" run --limit mem=4M -p demo noop
    is "--limit mem where /proc has other process numbers" "$code $(grep -c '"ok"' out)" "0 1"
fi

seq 1 20000 | sed 's/.*/{"id":&,"fn":"demo.noop"}/' >jobs
for many in '-j 1' '-j 2' '-j 7' '-j 2 --queue 1' '-j 3 --queue 5' '--inline'; do
    run "$HAYFORK" run $many -p demo jobs
    is "each line once: $many" "$code $(wc -l <out) $(sort -u out | wc -l)" "0 20000 20000"
done
is "and no word on stderr" "$(cat err)" ""

# Killed at its timeout, while the job just ends: replaced it is in any case, but nobody has told it to stop.
seq 1 200 | sed 's/.*/{"fn":"demo.sleep","args":{"ms":2},"timeout":0.002}/' >jobs
run "$HAYFORK" run -j 1 --grace 0 --max-jobs-per-worker 1 -p demo jobs
is "workers killed at a timeout and due to be replaced" "$(wc -l <out) $(grep -c 'told to stop' err)" "200 0"

seq 1 100 | sed 's/.*/{"fn":"demo.noop"}/' >jobs
run env HAYFORK_CPU_COUNT=1 "$HAYFORK" run --summary -p demo jobs
is "as many workers as CPUs at hand" "$(sed -n '3s/.* of \([0-9]*\) workers.*/\1/p' err)" 1
done_testing
