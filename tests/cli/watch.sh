#!/bin/sh
# SPDX-License-Identifier: MIT
# What a person sees of a run: progress, the summary, the running jobs at SIGUSR1, what plugins print.
. "${top_srcdir:?}/tests/cli/lib.sh"
onpty=$top_builddir/tests/cli/onpty
escape=$(printf '\033')
return=$(printf '\r')
tab=$(printf '\t')
TERM=xterm
export TERM
unset NO_COLOR

jobs()
{
    printf '%s\n' "$@" >jobs
}

# on_terminal COLUMNS COMMAND... : stderr on a terminal, what arrives there to ./seen
on_terminal()
{
    columns=$1
    shift
    $limit "$onpty" "$columns" seen "$@" >out 2>err
    code=$?
}

# frames: what was drawn, a line each, without colours
frames()
{
    tr '\r' '\n' <seen | sed "s/$escape\[[0-9]*[mK]//g"
}

# What is left on the terminal: of each line what follows its last return, escapes gone.
left_on_screen()
{
    tr -d '\000' <seen | sed "s/$return\$//; s/.*$return//; s/$escape\[[0-9]*[mK]//g"
}

seconds='{"fn":"demo.sleep","args":{"ms":1600}}'

# ---- progress ----

jobs '{"fn":"demo.noop"}' '{"fn":"demo.fail","args":{"message":"m"}}' "$seconds" '{"fn":"demo.noop"}'
on_terminal 80 "$HAYFORK" run -j 2 --no-summary -p demo jobs
is "a terminal gets a bar" "$code $(frames | grep -c '^\[=*>* *\] 75%, 3 done, 1 failed, 1 running, .*/s, eta ' | sed 's/^[1-9].*/some/')" "1 some"
is "in the end it is gone" "$(left_on_screen | tr -d '\n')" ""
is "and never on stdout" "$(grep -cv '^{' out)" 0
is "no line is wider than the terminal" "$(frames | awk 'length >= 80')" ""
is "failures have a colour" "$(grep -c "${escape}\[31m1 failed" seen | sed 's/^[1-9].*/some/')" some
NO_COLOR=1 on_terminal 80 "$HAYFORK" run -j 2 --no-summary -p demo jobs
is "but not with NO_COLOR" "$(grep -c "${escape}\[31m" seen) $(frames | grep -c '1 failed' | sed 's/^[1-9].*/some/')" "0 some"
on_terminal 30 "$HAYFORK" run -j 2 --no-summary -p demo jobs
is "a narrow terminal" "$(frames | awk 'length >= 30') $(frames | grep -c '^75%, 3 done' | sed 's/^[1-9].*/some/')" " some"
on_terminal 1 "$HAYFORK" run -j 2 --no-summary -p demo jobs
is "one of a single column" "$code $(frames | awk 'length >= 1')" "1 "
TERM=dumb on_terminal 80 "$HAYFORK" run -j 2 --no-summary -p demo jobs
is "a dumb terminal gets none by itself" "$code $(wc -c <seen)" "1 0"
TERM=dumb on_terminal 80 "$HAYFORK" run -j 2 --no-summary --progress bar -p demo jobs
is "and one without escapes when asked to" "$code $(grep -c "$escape" seen) $(left_on_screen | tr -d ' \n') $(frames | grep -c '75%' | sed 's/^[1-9].*/some/')" \
    "1 0  some"
on_terminal 80 "$HAYFORK" run -j 2 --no-summary --progress none -p demo jobs
is "--progress none" "$code $(wc -c <seen)" "1 0"
ONPTY_STDOUT=1 on_terminal 80 "$HAYFORK" run -j 2 --no-summary -p demo jobs
is "results on the same terminal: no bar" "$code $(tr -d '\r' <seen | grep -cv '^{')" "1 0"
ONPTY_STDOUT=1 on_terminal 80 "$HAYFORK" run -j 2 --no-summary --progress bar -p demo jobs
is "unless asked for, and then around the results" "$code $(left_on_screen | grep -c '^{"id":[1-4],.*}$') $(left_on_screen | grep -v '^{' | tr -d '\n')" "1 4 "

jobs '{"fn":"demo.noop"}' '{"fn":"fault.act","args":"print 2 60 20"}' "$seconds" '{"fn":"fault.act","args":"print 2 40 20"}' "$seconds"
on_terminal 80 "$HAYFORK" run -j 1 --no-summary -p demo -p fault jobs
is "lines of plugins are whole" "$code $(left_on_screen | grep -cx 'p\{19\}') $(frames | grep -c '%, ' | sed 's/^[1-9].*/some/')" "0 5 some"

# The second command waits until the bar is drawn, and the third until it is drawn again.
cat >prints.sh <<'END'
case $1 in
1) printf 'first' >&2 ;;
2) until grep -q '1 done' seen; do sleep 0.05; done; printf 'second' >&2 ;;
3) until grep -q '2 done' seen; do sleep 0.05; done ;;
esac
END
on_terminal 80 "$HAYFORK" exec -j 1 --no-summary $limit sh prints.sh ::: 1 2 3
is "what commands print without a line end stays" "$code $(left_on_screen | tr '\n' '|')" "0 first|second|"
ONPTY_STDOUT=1 on_terminal 80 "$HAYFORK" exec -j 1 --no-summary --progress bar $limit sh -c 'exec 2>&1; . ./prints.sh' sh ::: 1 2 3
is "also on stdout" "$code $(left_on_screen | tr '\n' '|')" "0 first|second|"

jobs "$seconds" '{"fn":"demo.noop"}' '{"fn":"demo.fail","args":{"message":"m"}}'
run "$HAYFORK" run -j 2 -p demo jobs
is "no progress on a pipe by itself" "$(wc -c <err)" 0
run "$HAYFORK" run -j 2 --progress lines -p demo jobs
is "--progress lines: each second, and at the end" "$code $(grep -c '^hayfork run: 66%, 2 done, 1 failed, 1 running, .*/s, eta [0-9:]*$' err | sed 's/^[1-9].*/some/') $(tail -n 1 err | cut -d , -f 1-4)" \
    "1 some hayfork run: 100%, 3 done, 1 failed, 0 running"
run "$HAYFORK" run -j 2 --progress json -p demo jobs
is "--progress json" "$(tail -n 1 err | sed 's/"elapsed":[0-9.]*,"rate":[0-9.]*/E/')" \
    '{"done":3,"ok":2,"failed":1,"running":0,E,"percent":100.0,"eta":0.0}'
echo '{"fn":"fault.act","args":"print 1 300 0"}' >prints
for how in tag pass; do
    run "$HAYFORK" run --progress json --stderr $how -p fault prints
    is "also behind what a worker prints at its end, --stderr $how" "$code $(grep -c '"done":1' err)" "0 1"
done
echo '{"fn":"fault.act","args":"commas"}' >commas
run "$HAYFORK" run --inline --progress json -p fault commas
is "numbers are JSON whatever locale a plugin sets" "$code $(sed 's/"elapsed":[0-9.]*,"rate":[0-9.]*/E/' err)" \
    '0 {"done":1,"ok":1,"failed":0,"running":0,E,"percent":100.0,"eta":0.0}'
run "$HAYFORK" run --progress json -p demo /dev/null
is "with no job at all" "$code $(sed 's/"elapsed":[0-9.]*,"rate":[0-9.]*/E/' err)" \
    '0 {"done":0,"ok":0,"failed":0,"running":0,E,"percent":100.0,"eta":0.0}'

# A pipe has no length: until its end nobody knows how much there is.
mkfifo in
"$HAYFORK" run -j 1 --progress json -p demo <in >out 2>err &
pid=$!
exec 7>in
echo '{"fn":"demo.noop"}' >&7
until_true grep -q '"done":1,.*"percent":null,"eta":null' err
exec 7>&-
wait $pid
is "an open pipe has no percentage" "$? $(grep -c '"percent":null,"eta":null' err | sed 's/^[1-9].*/some/') $(tail -n 1 err | grep -c '"percent":100.0')" "0 some 1"

# ---- summary ----

jobs '{"id":"a","fn":"demo.noop"}' '{"id":"b","fn":"demo.fail","args":{"message":"first"}}' '{"id":3,"fn":"demo.fail","args":{"message":"second\n"}}' \
    '{"id":4,"fn":"demo.fail"}' '{"id":5,"fn":"demo.fail"}' bad '{"id":7,"fn":"demo.fail"}' '{"id":"f","fn":"fault.act","args":"first; fail x","retries":1}'
run "$HAYFORK" run -j 1 --summary -p demo -p fault -o "my results" jobs
is "counts" "$code $(sed -n 1p err)" "1 hayfork run: 8 jobs: 2 ok, 5 error, 1 rejected"
is "job times" "$(grep -c '^hayfork run: job time: p50 [0-9.]* [mu]*s, p95 [0-9.]* [mu]*s, p99 [0-9.]* [mu]*s, max [0-9.]* [mu]*s (job .*)$' err)" 1
is "busy workers" "$(grep -c '^hayfork run: workers busy: 0: [0-9]*%$' err)" 1
is "failures with their messages" "$(grep -c '^hayfork run: failed: job ' err) $(grep -cx 'hayfork run: failed: job "b" (demo.fail), error: first' err) $(grep -c 'second\\n' err)" \
    "5 1 1"
is "a line that is none" "$(grep -cx 'hayfork run: failed: job of line 6, rejected: not an object' err)" 1
is "the rest is a number" "$(grep '^hayfork run: failed: and' err)" "hayfork run: failed: and 1 more"
is "flaky jobs" "$(grep flaky err)" 'hayfork run: flaky: 1 job passed only on a retry: "f" (attempt 2)'
is "where the results are" "$(grep 'results: ' err)" "hayfork run: results: my results"
is "the command that runs failures again" "$(tail -n 1 err)" \
    "hayfork run: to run again what is not ok: hayfork run --retry-failed -j 1 --summary -p demo -p fault -o 'my results' jobs"
run sh -c "$(tail -n 1 err | sed 's/.*again what is not ok: hayfork/\"\$HAYFORK\"/')"
is "once more it is the same one" "$code $(tail -n 1 err)" \
    "1 hayfork run: to run again what is not ok: hayfork run --retry-failed -j 1 --summary -p demo -p fault -o 'my results' jobs"
run sh -c 'echo a | "$HAYFORK" exec --summary -o --resume --resume -- sh -c "test {} = \$1" --resume --retry-failed'
is "words like its own that are not stay" "$code $(tail -n 1 err)" \
    "1 hayfork exec: to run again what is not ok, with the same standard input: hayfork exec --retry-failed --summary -o --resume --resume -- sh -c 'test {} = \$1' --resume --retry-failed"
for input in '' '-a -' ':::: -' '::: a :::: -'; do
    rm -f piped
    run sh -c "echo a | \"\$HAYFORK\" exec --summary -o piped false $input"
    is "standard input is told with the command: $input" "$code $(tail -n 1 err)" \
        "1 hayfork exec: to run again what is not ok, with the same standard input: hayfork exec --retry-failed --summary -o piped false${input:+ $input}"
done
if command -v bash >/dev/null 2>&1; then
    rm -f piped
    run bash -c '"$HAYFORK" exec --summary -o piped -a <(echo a) false 2>&1 | cat; exit ${PIPESTATUS[0]}'
    is "and so is what the shell has opened" "$code $(tail -n 1 out | sed 's/fd\/[0-9]*/fd\/N/')" \
        "1 hayfork exec: to run again what is not ok, with the same descriptors open: hayfork exec --retry-failed --summary -o piped -a /dev/fd/N false"
else
    skip "and so is what the shell has opened" "there is no bash"
fi
for word in "a${tab}b" "a${newline}b" "$(printf 'a\302\200b')" "$(printf %02000d 1)"; do
    rm -f odd
    run "$HAYFORK" exec --summary -o odd false ::: "$word"
    is "a command that cannot be shown is not: $(printf %.4s "$word" | od -An -c | tr -s ' ')" "$code $(tail -n 1 err)" \
        "1 hayfork exec: to run again what is not ok, add --retry-failed to the same command"
done
run "$HAYFORK" exec -j 1 --summary --shell 'test {} = 0' ::: 0 3 "it's
4"
is "a failed command is told as a shell would take it" "$code $(sed -n 's/.*failed: //p' err | tr '\n' ';')" \
    "1 job 2 (test 3 = 0), error: exit 1;job 3 (test 'it'\\''s\\n4' = 0), error: exit 1;"
jobs '{"fn":"demo.noop"}'
run "$HAYFORK" run --summary -p demo -o results jobs
is "nothing to run again" "$code $(grep -c again err)" "0 0"
echo '{"fn":"demo.fail"}' >jobs
"$HAYFORK" run --summary -p demo -o /dev/stdout jobs 2>err | cat >out
is "a pipe keeps nothing to go on with" "$(grep -c '"status":"error"' out) $(grep -c again err)" "1 0"
run "$HAYFORK" run --summary -p demo /dev/null
is "a summary of nothing" "$code $(sed -n 1p err)" "0 hayfork run: 0 jobs: 0 ok"
seq 1 200 | sed 's/.*/{"fn":"demo.noop"}/' >jobs
run "$HAYFORK" run -j 12 --summary -p demo jobs
is "many workers" "$(grep -c '^hayfork run: workers busy: [0-9]*% on average, from [0-9]*% (worker [0-9]*) to [0-9]*% (worker [0-9]*)$' err)" 1
{
    echo '{"id":"wait","fn":"demo.sleep","args":{"ms":500}}'
    echo '{"id":"no","fn":"demo.fail","args":{"message":"m"}}'
    seq 1 200 | sed 's/.*/{"fn":"demo.noop","after":["no"]}/'
} >stopped
run "$HAYFORK" run -j 2 --summary -p demo stopped
is "what was not run does not make the run look fast" "$(sed -n 1p err) $(grep -c ' s, [0-4] jobs/s$' err)" \
    "hayfork run: 202 jobs: 1 ok, 1 error, 200 skipped 1"
on_terminal 80 "$HAYFORK" run -p demo jobs
is "on a terminal it comes by itself" "$(grep -c '200 jobs: 200 ok' seen)" 1
on_terminal 80 "$HAYFORK" run --no-summary -p demo jobs
is "--no-summary" "$(grep -c '200 jobs: 200 ok' seen)" 0
run "$HAYFORK" run --summary --no-summary -p demo jobs
is "the last word counts" "$(wc -c <err)" 0

# ---- SIGUSR1 ----

HAYFORK_TEST=1 "$HAYFORK" run -j 2 -p demo <in >out 2>err &
pid=$!
exec 7>in
printf '{"id":"noop","fn":"demo.noop"}\n{"id":"long","fn":"demo.sleep","args":{"ms":1000000}}\n{"id":77,"fn":"demo.sleep","args":{"ms":1000000}}\n' >&7
until_true grep -q noop out
asked()
{
    kill -USR1 $pid
    sleep 0.1
    [ "$(grep -c '^  job .* for [0-9.]* s on worker [01], process [0-9]*$' err)" -ge 2 ]
}
until_true asked
is "SIGUSR1 names the running jobs" "$(grep -c '^hayfork run: 1 done, 0 not ok, 2 more taken; running now:' err | sed 's/^[1-9].*/some/') $(sed -n 's/^  job \([^ ]*\) .*/\1/p' err | sort -u | tr '\n' ' ')" \
    'some "long" 77 '
kill -TERM $pid
wait $pid 2>/dev/null
is "and the run goes on until it is ended" "$? $(grep -c cancelled out)" "143 2"
exec 7>&-
echo '{"fn":"ctor_signals.noop"}' >early
run "$HAYFORK" run -j 1 -p "$top_builddir/tests/support/plugins/.libs/ctor_signals.so" early
is "it may come while plugins are loaded" "$code $(cat out)" '0 {"id":1,"status":"ok","result":null}'

# ---- what plugins print ----

jobs '{"id":1,"fn":"fault.act","args":"print 2 40 20"}' '{"id":2,"fn":"fault.act","args":"print 1 20 20"}'
run "$HAYFORK" run -j 1 -p fault jobs
is "--stderr pass is the default" "$code $(grep -cx 'p\{19\}' err)" "0 3"
run "$HAYFORK" run -j 1 --stderr tag -p fault jobs
is "--stderr tag" "$code $(grep -cxE '\[worker 0( job [12])?\] p{19}' err)" "0 3"
run "$HAYFORK" run -j 1 --stderr printed -p fault jobs
is "--stderr FILE" "$code $(wc -c <err) $(grep -cx 'p\{19\}' printed)" "0 0 3"
run "$HAYFORK" run -j 1 --stderr printed -p fault jobs
is "which is emptied first" "$(wc -l <printed)" 3
run "$HAYFORK" run -j 1 --stderr /nowhere/printed -p fault jobs
is "a file that cannot be opened" "$code $(wc -c <out) $(wc -l <err)" "74 0 1"
run "$HAYFORK" run -j 1 --stderr jobs -p fault jobs
is "the jobs are not printed over" "$code $(wc -l <jobs)" "2 2"
echo 1 >workers
for log in --stderr --joblog --trace; do
    run "$HAYFORK" run -j @workers $log workers -p fault jobs
    is "nor is the file of -j ($log)" "$code $(cat workers) $(grep -c 'is the file of -j' err)" "2 1 1"
done
if [ -c /dev/full ]; then
    run "$HAYFORK" run -j 1 --stderr /dev/full -p fault jobs
    is "a full disk" "$code $(grep -c 'cannot write' err) $(grep -c '3 lines' err)" "0 1 1"
fi
jobs '{"id":"long","fn":"demo.sleep","args":{"ms":300}}' '{"id":"x","fn":"fault.act","args":"print 2 20 20"}'
run "$HAYFORK" run -j 1 --stderr tag -p demo -p fault jobs
is "a line is not put down to the job before or after" "$code $(grep -c 'long' err)" "0 0"
for i in 1 2 3 4 5 6; do
    echo '{"id":"noisy","fn":"fault.act","args":"print 2 60000 2"}'
    echo '{"id":"quiet","fn":"demo.sleep","args":{"ms":20}}'
done >jobs
run "$HAYFORK" run -j 1 --stderr tag -p demo -p fault jobs
is "nor are many of them" "$code $(grep -c 'quiet' err) $(grep -c 'p$' err)" "0 0 180000"

# A wall clock that is set in each second: forward by an hour, or back by a minute.
if [ -z "${HAY_SANITIZED:-}" ]; then
    jobs '{"fn":"demo.sleep","args":{"ms":1100}}' '{"fn":"demo.sleep","args":{"ms":1100}}'
    for gain in 3600 -60; do
        run env LD_PRELOAD="$top_builddir/tests/support/.libs/hurtclock.so" HURT_CLOCK=$gain \
            "$HAYFORK" run -j 1 --progress json --trace trace -p demo jobs
        elapsed=$(sed -n '$s/.*"elapsed":\([0-9]*\)\..*/\1/p' err)
        is "progress does not go by the wall clock ($gain)" "$code $((elapsed >= 2 && elapsed < 1000))" "0 1"
        # When the second began, in whole microseconds.
        begin=$(sed -n '/"cat":"job"/s/.*"ts":\([0-9]*\).*/\1/p' trace | sed -n 2p)
        is "nor does the trace ($gain)" "$((begin >= 1000000 && begin < 1000000000))" 1
    done
    # A monotonic clock that is not the kernel's.
    jobs '{"fn":"demo.sleep","args":{"ms":60000},"timeout":0.2}'
    faked="env LD_PRELOAD=$top_builddir/tests/support/.libs/hurtclock.so HURT_MONOTONIC=100000000"
    run $faked timeout 20 "$HAYFORK" run -j 1 -p demo jobs
    is "a timeout needs no clock that is the kernel's" "$code $(grep -c '"timeout"' out)" "1 1"
    run $faked timeout 60 "$top_builddir/tests/unit/sync/test_event"
    is "nor does a wait for an event" "$code" 0
else
    skip "what is shown does not go by the wall clock" "a sanitizer does not like what is preloaded"
fi

for word in x '' '75%'; do
    run "$HAYFORK" run --progress "$word" -p demo jobs
    is "refused: --progress '$word'" "$code $(wc -c <out) $(wc -l <err)" "2 0 2"
done
done_testing
