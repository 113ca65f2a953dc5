#!/bin/sh
# SPDX-License-Identifier: MIT
# -k, --keep-order: results in the order of the input, whatever the order of their ends, with a bound on what waits.
. "${top_srcdir:?}/tests/cli/lib.sh"

# in_order COUNT FILE: ids 1 to COUNT, each on its line.
in_order()
{
    awk -F '[:,]' '$2 != NR { bad++ } END { print NR - 0, bad + 0 }' "$2" | grep -qx "$1 0"
}

awk 'BEGIN { for (i = 1; i <= 40; i++) printf "{\"fn\":\"demo.sleep\",\"args\":{\"ms\":%d}}\n", (i * 37) % 50 }' >mixed
for jobs in 1 2 8; do
    run "$HAYFORK" run -k -j $jobs -p demo mixed
    ok "jobs of mixed length, -j $jobs" in_order 40 out
done
run "$HAYFORK" run --keep-order --inline -p demo mixed
ok "--inline" in_order 40 out
run "$HAYFORK" run -k -p demo /dev/null
is "no line at all" "$code $(wc -c <out)" "0 0"

seq 1 300000 | sed 's/.*/{"fn":"demo.add","args":{"a":7,"b":&}}/' >many
run "$HAYFORK" run -k -j 3 -p demo many
ok "many jobs" in_order 300000 out
run "$HAYFORK" run -k -j 3 -p demo -o results many
is "-o FILE" "$code $(sed 's/.*"seq":\([0-9]*\).*/\1/' results | cmp - "$(seq 1 300000 >numbers; echo numbers)")" "0 "
run "$HAYFORK" run -k -j 3 --meta --order-window 1 -p demo mixed
ok "a window of one" in_order 40 out

# What has no worker's result has its place too.
printf '%s\n' '{"fn":"demo.sleep","args":{"ms":200}}' 'bad' '{"fn":"demo.no"}' '{"fn":"demo.noop"}' '{' \
    '{"fn":"demo.fail","args":"x"}' '{"fn":"demo.sleep","args":{"ms":5000},"timeout":0.1}' '{"fn":"demo.noop"}' >kinds
run "$HAYFORK" run -k -j 2 -p demo kinds
is "rejected lines, errors and timeouts in their place" "$code $(sed 's/.*"status":"\([a-z]*\)".*/\1/' out | tr '\n' ' ')" \
    "1 ok rejected rejected ok rejected error timeout ok "

# One slow job in front: the window fills, the input is read no further, the rest comes when it ends.
{ echo '{"fn":"demo.sleep","args":{"ms":600}}'; sed 's/.*/{"fn":"demo.noop"}/' many; } >slow
run "$HAYFORK" run -k -j 2 --order-window 1000 -p demo slow
ok "a slow job at the head of a small window" in_order 300001 out
{ echo '{"fn":"demo.sleep","args":{"ms":60000}}'; cat many many; } >long
"$HAYFORK" run -k -j 2 --order-window 4096 -p demo <long >out 2>err &
runner=$!
stands_still()
{
    was=$(sed -n 's/^pos:[^0-9]*//p' /proc/$runner/fdinfo/0)
    sleep 0.5
    [ "$was" -gt 0 ] && [ "$was" = "$(sed -n 's/^pos:[^0-9]*//p' /proc/$runner/fdinfo/0)" ]
}
until_true stands_still
ok "while the first job runs, input waits ($was bytes read)" test "$was" -lt 1000000
kill -TERM $runner
wait $runner
is "an interrupt writes what there is, in order" "$? $(awk -F '[:,]' '$2 != NR { bad++ } END { print bad + 0, NR }' out)" \
    "143 0 4096"

# Long results, most of which wait.
awk 'BEGIN { s = "x"; while (length(s) < 100000) s = s s
    printf "{\"fn\":\"demo.sleep\",\"args\":{\"ms\":300}}\n"
    for (i = 2; i <= 100; i++) printf "{\"fn\":\"demo.echo\",\"args\":\"%s\"}\n", s }' >wide
run "$HAYFORK" run -k -j 2 -p demo wide
is "results of 100 KB" "$(awk -F '[:,]' '$2 != NR { bad++ } { n += length($0) } END { print NR, bad + 0, (n > 9000000) }' out)" \
    "100 0 1"
# Results of 300 MB behind a slow job, each much longer than its args: what is read runs on no further than a bound.
{
    echo '{"fn":"demo.sleep","args":{"ms":3000}}'
    awk 'BEGIN { for (i = 0; i < 300; i++) print "{\"fn\":\"fault.act\",\"args\":\"result 1000000\"}" }'
} >heavy
if [ -z "${HAY_SANITIZED:-}" ]; then
    run sh -c 'ulimit -v 250000; exec "$HAYFORK" run -k -j 2 -p demo -p fault heavy'
    is "results that wait are bounded in bytes" "$code $(in_order 301 out && echo in order) $(cat err)" "0 in order "
else
    skip "results that wait are bounded in bytes" "a sanitizer needs its own address space"
fi

# Small ones wait long, and large ones that came in between do not: these leave nothing behind.
awk 'BEGIN { s = "x"; while (length(s) < 990) s = s "x"; for (i = 0; i < 58; i++) print s }' >lines
awk 'BEGIN { for (i = 1; i <= 18000; i++)
    if (i % 3 == 0) print "{\"fn\":\"demo.echo\",\"args\":\"small\"}"
    else print "{\"fn\":\"text.grep\",\"args\":{\"path\":\"lines\",\"pattern\":\".\",\"max\":58}" (i > 3 ? ",\"after\":[" i - 3 "]}" : "}") }' >mixed
if [ -z "${HAY_SANITIZED:-}" ]; then
    run sh -c 'ulimit -v 100000; exec "$HAYFORK" run -k -j 2 --order-window 8192 -p demo -p text mixed'
    is "a small one that waits holds no large one back" "$code $(in_order 18000 out && echo in order) $(cat err)" "0 in order "
else
    skip "a small one that waits holds no large one back" "a sanitizer needs its own address space"
fi
rm -f mixed out

{ $limit "$HAYFORK" run -k -p demo many 2>err; echo $? >code; } | head -n 1 >first
is "| head -1 ends the run by SIGPIPE" "$(cat code) $(wc -l <first) $(cat err)" "141 1 "
run sh -c '"$HAYFORK" run -k -p demo many >/dev/full'
is "disk full" "$code $(cat err)" "74 hayfork run: cannot write to standard output: No space left on device"
done_testing
