#!/bin/sh
# SPDX-License-Identifier: MIT
# Jobs that come after others.
. "${top_srcdir:?}/tests/cli/lib.sh"

# status ID: how the job with this id ended.
status()
{
    sed -n "s/^{\"id\":$1,\"status\":\"\([a-z]*\)\".*/\1/p" out
}

# reason ID
reason()
{
    sed -n "s/^{\"id\":$1,.*\"message\":\"\(.*\)\"}.*}\$/\1/p" out
}

cat >chain <<'END'
{"id":"a","fn":"demo.sleep","args":{"ms":200}}
{"id":"b","fn":"demo.noop","after":["a"]}
{"id":"c","fn":"demo.noop","after":["b","a"]}
{"id":"d","fn":"demo.noop"}
{"id":"e","fn":"demo.noop","after":[]}
END
run "$HAYFORK" run -j2 -p demo chain
is "a chain ends ok" "$code $(grep -c '"ok"' out)" "0 5"
is "each comes after those it names" "$(grep -n '^{"id":"[abc]"' out | sed 's/.*"id":"\(.\)".*/\1/' | tr -d '\n')" abc
is "one without dependencies does not wait" "$(head -n 2 out | grep -c '"id":"[de]"')" 2

cat >failing <<'END'
{"id":"bad","fn":"demo.fail","args":{"message":"no"}}
{"id":"slow","fn":"demo.sleep","args":{"ms":100}}
{"id":"x","fn":"demo.noop","after":["bad"]}
{"id":"y","fn":"demo.noop","after":["x"]}
{"id":"z","fn":"demo.noop","after":["slow","bad"]}
{"id":"w","fn":"demo.noop","after":["slow"]}
END
run "$HAYFORK" run -j2 -p demo failing
is "what comes after a failure is skipped, and what comes after that" "$code $(status '"x"') $(status '"y"') $(status '"z"') $(status '"w"')" \
    "1 skipped skipped skipped ok"
ok "the reason names the job" grep -q 'comes after \\"bad\\"' out

printf '%s\n' '{"fn":"demo.noop"}' '{"fn":"demo.noop","after":[1]}' '{"fn":"demo.noop","after":[1,2]}' >numbers
run "$HAYFORK" run -j2 -p demo numbers
is "line numbers are ids" "$code $(grep -c '"ok"' out)" "0 3"
printf '%s\n' '{"id":"7","fn":"demo.noop"}' '{"id":"x","fn":"demo.noop","after":[7]}' >kinds
run "$HAYFORK" run -j2 -p demo kinds
is "7 and \"7\" are two ids" "$code $(status '"x"')" "1 rejected"
printf '%s\n' '{"id":"\u0061\"","fn":"demo.noop"}' '{"id":"x","fn":"demo.noop","after":["a\u0022"]}' >escaped
run "$HAYFORK" run -j2 -p demo escaped
is "ids are compared after unescaping" "$code $(status '"x"')" "0 ok"
printf '%s\n' '{"id":"a","fn":"demo.fail"}' '{"id":"a","fn":"demo.noop"}' '{"id":"x","fn":"demo.noop","after":["a"]}' >twice
run "$HAYFORK" run -j1 -p demo twice
is "of two with one id the later counts" "$code $(status '"x"')" "1 ok"

printf '%s\n' '{"id":"x","fn":"demo.noop","after":["nobody"]}' '{"id":"y","fn":"demo.noop","after":["z"]}' \
    '{"id":"z","fn":"demo.noop"}' '{"id":"s","fn":"demo.noop","after":["s"]}' >unknown
run "$HAYFORK" run -j2 -p demo unknown
is "an unknown, a later and the own id are rejected" "$code $(status '"x"') $(status '"y"') $(status '"s"') $(status '"z"')" \
    "1 rejected rejected rejected ok"
printf '%s\n' '{"id":"a","fn":"demo.fail"}' '{"id":"a","fn":"demo.noop"}' '{"id":"a","fn":"demo.noop","after":["a"]}' \
    '{"id":3,"fn":"demo.noop","after":[3]}' '{"id":3,"fn":"demo.noop","after":["b",3]}' '{"id":3,"fn":"demo.noop","after":[3]}' >again
run "$HAYFORK" run -j2 -k -p demo again
is "an earlier line may have the own id" "$code $(sed 's/.*"status":"\([a-z]*\)".*/\1/' out | tr '\n' ' ')" \
    "1 error ok ok rejected rejected skipped "
printf '%s\n' '{"fn":"demo.noop"}' '{"fn":"demo.noop"}' '{"id":1,"fn":"demo.noop","after":[1]}' '{"id":1,"fn":"demo.noop","after":[1]}' >again
run "$HAYFORK" run -j2 -k -p demo again
is "also one that has its number for an id" "$code $(grep -c '"ok"' out)" "0 4"
run "$HAYFORK" run -j2 -p demo unknown
ok "with the line and the reason" grep -q '"status":"rejected","line":1,.*nobody.*no earlier line' out
printf '%s\n' '{"id":"x","fn":"demo.noop","after":"a"}' '{"id":"y","fn":"demo.noop","after":[{}]}' '{"id":"z","fn":"demo.noop","after":[1.5]}' >wrong
run "$HAYFORK" run -j2 -p demo wrong
is "after has to be an array of strings and integers" "$code $(grep -c '"rejected".*after' out)" "1 3"
printf '%s\n' '{"id":"bad","fn":1}' '{"id":"x","fn":"demo.noop","after":["bad"]}' >rejected
run "$HAYFORK" run -j2 -p demo rejected
is "what comes after a rejected line does not run" "$code $(status '"x"')" "1 skipped"

for zeros in 57 58; do
    printf '{"fn":"demo.noop","after":["%0*d\303\251 and more"]}\n' $zeros 0
done >long
run "$HAYFORK" run -k -j1 -p demo long
is "a long id is cut at a character" "$code $(grep -c "$(printf '0\303\251\.\.\., which no earlier')" out) $(grep -c '0\.\.\., which no earlier' out)" "1 1 1"
awk 'BEGIN {
    print "{\"fn\":\"demo.noop\"}"
    for (names = 1000000; names <= 1000001; names++) {
        printf "{\"fn\":\"demo.noop\",\"after\":[1"
        for (i = 1; i < names; i++)
            printf ",1"
        print "]}"
    }
}' >names
run "$HAYFORK" run -k -j1 -p demo names
is "a million names are enough" "$code $(sed 's/.*"status":"\([a-z]*\)".*/\1/' out | tr '\n' ' ')$(sed -n 's/.*"message":"\(.*\)",.*/\1/p' out)" \
    '1 ok ok rejected \"after\" names more than 1000000 jobs'
rm -f names

# A dry run does not know how jobs end, but which lines are rejected.
for how in '"$HAYFORK" run --dry-run -p demo unknown' '"$HAYFORK" run --dry-run -p demo <unknown' \
    'cat unknown | "$HAYFORK" run --dry-run -p demo'; do
    run sh -c "$how"
    is "a dry run tells what is rejected: $how" "$code $(cut -d : -f 3 err | tr '\n' ' ')$(cat out)" '1 1 2 4 {"id":"z","fn":"demo.noop"}'
done
run "$HAYFORK" run --dry-run -p demo failing
is "and nothing else" "$code $(cmp out failing)" "0 "
run "$HAYFORK" run --dry-run -p demo rejected
is "also what comes after a rejected line" "$code $(cat out)" '1 {"id":"x","fn":"demo.noop","after":["bad"]}'

# The input is read a second time for the ids in it, and is not there any more: nothing is rejected for that.
{
    echo '{"id":"rm","fn":"exec.run","args":{"argv":["rm","gone"]}}'
    awk 'BEGIN { for (i = 0; i < 30000; i++) print "{\"id\":\"n" i "\",\"fn\":\"demo.noop\"}" }'
    printf '%s\n' '{"id":"x","fn":"demo.noop","after":["n1"]}' '{"id":"y","fn":"demo.noop","after":["x"]}'
} >kept
cp kept gone
rm -f journal
run "$HAYFORK" run -j 1 -p demo -p exec -o journal gone
is "an input that cannot be read twice ends the run" "$code $(cat err) $(grep -c rejected journal)" \
    "70 hayfork run: cannot read the input a second time, for the ids in it: No such file or directory 0"
cp kept gone
run "$HAYFORK" run -j 1 -p demo -p exec -o journal --resume gone
is "and is gone on with" "$code $("$HAYFORK" results journal | grep -c '"ok"')" "0 30003"

# A line that is rejected and gave no id has its number for one, however the input is read. The third line is 17 MiB long, and its
# id stands behind the cut.
{
    printf '%s\n' '{"id":"k","fn":"demo.noop"}' '{"fn":"demo.nope"}'
    head -c 17825792 /dev/zero | tr '\0' ' '
    printf '%s\n' '{"id":"late"}' '{"id":"x","fn":"demo.noop","after":[2]}' '{"id":"y","fn":"demo.noop","after":[3]}' \
        '{"id":"z","fn":"demo.noop","after":["late"]}'
} >nameless
for how in '"$HAYFORK" run -j2 -p demo nameless' 'cat nameless | "$HAYFORK" run -j2 -p demo'; do
    run sh -c "$how"
    is "a rejected line without an id has its number: $how" "$code $(status '"x"') $(status '"y"') $(status '"z"')" \
        "1 skipped skipped rejected"
done
rm -f nameless

# A thousand wait for one slow job, more than the queue holds: the input stalls and goes on.
{
    echo '{"id":"root","fn":"demo.sleep","args":{"ms":300}}'
    awk 'BEGIN { for (i = 0; i < 1000; i++) printf "{\"id\":\"n%d\",\"fn\":\"demo.noop\",\"after\":[\"%s\"]}\n", i, i % 3 ? "n" i - 1 : "root" }'
} >many
run "$HAYFORK" run -j2 --queue 16 -p demo many
is "more wait than the queue holds" "$code $(grep -c '"ok"' out)" "0 1001"
run sh -c '"$HAYFORK" run -j2 --queue 16 -p demo <many'
is "from a file that is stdin" "$code $(grep -c '"ok"' out)" "0 1001"
run sh -c 'cat many | "$HAYFORK" run -j2 --queue 16 -p demo'
is "and from a pipe, whose ids have to be kept" "$code $(grep -c '"ok"' out)" "0 1001"
run sh -c '{ read -r first; read -r second; "$HAYFORK" run -j2 -p demo; } <many'
is "what was read of stdin before is not there" "$code $(grep -c 'no earlier line has' out)" "1 334"
run "$HAYFORK" run --inline -p demo many
is "without workers" "$code $(grep -c '"ok"' out)" "0 1001"

# The first dependency stands far into a file whose ids do not count up: what was read is read again for its ids.
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "{\"id\":\"k%d\",\"fn\":\"demo.noop\"}\n", i; print "{\"id\":\"x\",\"fn\":\"demo.noop\",\"after\":[\"k7\",\"k19999\"]}" }' >late
run "$HAYFORK" run -j2 -p demo late
is "an id from long before" "$code $(status '"x"')" "0 ok"

# Only the last million are remembered.
awk 'BEGIN { print "{\"id\":\"old\",\"fn\":\"demo.noop\"}"; for (i = 0; i < 1000001; i++) print "{\"fn\":\"demo.noop\"}"; print "{\"id\":\"x\",\"fn\":\"demo.noop\",\"after\":[\"old\"]}"; print "{\"id\":\"y\",\"fn\":\"demo.noop\",\"after\":[1000001]}" }' >million
run "$HAYFORK" run -j2 -p demo million
is "a job older than a million is forgotten" "$code $(status '"x"') $(status '"y"')" "1 rejected ok"
ok "and that is the reason" grep -q '"id":"x".*last 1000000' out

# In order, with more waiting to be written than may wait: the one whose turn it is was kept, and still gets its turn.
awk 'BEGIN {
    print "{\"id\":1,\"fn\":\"demo.sleep\",\"args\":{\"ms\":1500}}\n{\"id\":2,\"fn\":\"demo.noop\",\"after\":[1]}"
    for (s = "x"; length(s) < 1000000;) s = s s
    for (i = 0; i < 100; i++) printf "{\"fn\":\"demo.echo\",\"args\":\"%s\"}\n", s
}' >wide
run "$HAYFORK" run -j2 -k --queue 4 -p demo wide
is "-k with a dependency and 100 MB behind it" "$code $(wc -l <out | tr -d ' ') $(sed -n 2p out)" '0 102 {"id":2,"status":"ok","result":null}'
rm -f wide out

# Interrupted while jobs wait: they are not run.
printf '%s\n' '{"id":"a","fn":"exec.run","args":{"shell":": >up; exec sleep 60"}}' '{"id":"b","fn":"demo.noop","after":["a"]}' >waiting
env --default-signal=INT "$HAYFORK" run -j1 --grace 100ms -p demo -p exec waiting >out 2>err &
pid=$!
ok "it is running" until_true test -e up
kill -INT $pid
wait $pid
is "an interrupt ends it" "$? $(grep -c '"id":"a","status":"cancelled"' out) $(grep -c '"ok"' out)" "130 1 0"

# The same where one that has waited is in hand just then, and the queue full: 2 waits for 1, and 4 takes the place of 1.
held='while [ ! -e go ]; do sleep 0.01; done'
printf '%s\n' '{"id":1,"fn":"exec.run","args":{"shell":"while [ ! -e third ]; do sleep 0.01; done"}}' '{"id":2,"fn":"demo.noop","after":[1]}' \
    "{\"id\":3,\"fn\":\"exec.run\",\"args\":{\"shell\":\": >third; $held\"}}" \
    "{\"id\":4,\"fn\":\"exec.run\",\"args\":{\"shell\":\": >fourth; $held\"}}" >held
env --default-signal=HUP "$HAYFORK" run -j2 --queue 2 -p demo -p exec held >out 2>err &
pid=$!
until_true test -e fourth
kill -HUP $pid
until_true grep -q 'hung up' err
: >go
wait $pid
is "a hang-up skips what was in hand, once" "$? $(sed 's/^{"id":\(.\),"status":"\([a-z]*\)".*/\1 \2/' out | sort | tr '\n' ' ')$(cat err)" \
    "3 1 ok 2 skipped 3 ok 4 ok hayfork run: hung up: no more jobs are started"

done_testing
