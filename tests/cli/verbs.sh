#!/bin/sh
# SPDX-License-Identifier: MIT
# call, info and check.
. "${top_srcdir:?}/tests/cli/lib.sh"

# called NAME WANTED ARGUMENT... : both in a worker and inline
called()
{
    name=$1
    wanted=$2
    shift 2
    for how in '' --inline; do
        run "$HAYFORK" call $how "$@"
        is "call $how: $name" "$code $(cat out err)" "$wanted"
    done
}
called "a result, bare" "0 3" demo.add '{"a":1,"b":2}'
called "no arguments are null" "0 null" demo.echo
called "any JSON" '0 [1,"x",{"y":null}]' demo.echo ' [1,"x",{"y":null}] '
called "arguments over several lines" "0 [1,2]" demo.echo "[1,${newline}2]${newline}"
called "an error" "1 hayfork call: error: no luck" demo.fail '{"message":"no luck"}'
e_acute=$(printf '\303\251')
long=$(printf '%02000d' 0 | sed "s/0/$e_acute/g")
called "the longest of errors" "1 hayfork call: error: x$long" demo.fail "{\"message\":\"x$long\"}"
for name in demo. demo.x; do
    run "$HAYFORK" call "$name$long$long$long"
    is "what is longer than any line is cut at a character" "$code $(sed -n 1p err | tail -c 6)" "2 $e_acute…"
done
called "arguments that are not JSON" "2 hayfork call: the arguments are not JSON: column 3: unexpected end of line
Try 'hayfork help call'." demo.echo '[1'
called "arguments that are nothing" "2 hayfork call: the arguments are not JSON: column 1: unexpected end of line
Try 'hayfork help call'." demo.echo ''
called "a function that is not there" "2 hayfork call: unknown function \"demo.nosuch\"
Try 'hayfork help call'." demo.nosuch

run sh -c 'printf "{\"a\":1,\n\"b\":2}\n" | "$HAYFORK" call demo.add -'
is "call: arguments from stdin" "$code $(cat out)" "0 3"
run sh -c 'printf "{\"a\":1,\"b\":2}\0" | "$HAYFORK" call demo.add -'
is "call: NUL in stdin" "$code" 2
run sh -c '"$HAYFORK" call demo.add - </dev/null'
is "call: empty stdin" "$code" 2
run sh -c '"$HAYFORK" call demo.add - <.'
is "call: stdin cannot be read" "$code $(cat err)" "65 hayfork call: cannot read standard input: Is a directory"
run sh -c 'head -c 17000000 /dev/zero | "$HAYFORK" call demo.add -'
is "call: stdin too long" "$code $(cat err)" "65 hayfork call: standard input is longer than 16 MiB"
run "$HAYFORK" call nosuch.function
is "call: no such plugin" "$code $(wc -l <err)" "69 1"
run "$HAYFORK" call --timeout 100ms demo.sleep '{"ms":60000}'
is "call: a timeout" "$code $(cut -c 1-22 err)" "1 hayfork call: timeout:"
run "$HAYFORK" call fault.act '"raise SEGV"'
is "call: a crash" "$code $(grep -c '^hayfork call: crash: killed by SIGSEGV' err) $(wc -c <out)" "1 1 0"
run "$HAYFORK" call fault.act '"first; raise KILL"'
is "call: a crash is not tried again" "$code" 1
run "$HAYFORK" call --crash-retries 1 fault.act '"first; raise KILL"'
is "call: unless it is asked for" "$code $(cat out)" "0 null"
demo=$(sed -n 's/^\/.*/&/p' <<EOF
$("$HAYFORK" info demo)
EOF
)
run "$HAYFORK" call -p "$demo" demo.add '{"a":2,"b":2}'
is "call: -p names the file" "$code $(cat out)" "0 4"
run env HAYFORK_PLUGIN_PATH= "$HAYFORK" call -p "$demo" demo.add '{"a":2,"b":2}'
is "call: and nothing else is loaded" "$code $(cat out)" "0 4"

run "$HAYFORK" info demo
is "info: the plugin and its functions" \
    "$code $(grep -c '^demo [0-9.]* - ' out) $(grep -cE '^demo\.(noop|echo|add|sleep|spin|fail)  +[A-Z]' out)" "0 1 6"
run "$HAYFORK" info --json demo
members='"name":"demo","version":"[^"]*","summary":"[^"]*","path":"/[^"]*demo.so","functions":'
is "info --json is one line" "$code $(wc -l <out) $(grep -c "^{$members\[{\"name\":\"demo\\." out)" "0 1 1"
run "$HAYFORK" call demo.echo "$(cat out)"
is "and JSON" "$code" 0
run "$HAYFORK" call demo.echo -5
is "a number below 0 is no option" "$code $(cat out)" "0 -5"
run "$HAYFORK" info "$demo"
is "info: a path" "$code $(grep -c '^demo\.' out)" "0 6"
odd=$(printf 'a"\377\303\251')
mkdir "$odd"
cp "$demo" "$odd/demo.so"
run "$HAYFORK" info --json "./$odd/demo.so"
is "info --json: a path of any bytes" "$code $(grep -c "/a\\\\\"$(printf '\357\277\275\303\251')/demo.so\",\"functions\"" out)" "0 1"
run "$HAYFORK" info nosuch
is "info: no such plugin" "$code $(wc -l <err) $(grep -c nosuch err) $(wc -c <out)" "69 1 1 0"
run "$HAYFORK" info ./nosuch.so
is "info: no such file" "$code $(wc -l <err) $(wc -c <out)" "69 1 0"
echo 'not a plugin' >text.so
run "$HAYFORK" info ./text.so
is "info: not a shared object" "$code $(wc -l <err) $(wc -c <out)" "69 1 0"
run env HAYFORK_PLUGIN_PATH=/nowhere "$HAYFORK" run -p nosuch -o never /dev/null
is "run: a plugin that is not there" "$code $(wc -l <err) $(ls never 2>/dev/null)" "69 1 "

printf '{"fn":"demo.noop"}\n\n{"id":1}\n{"fn":"demo.noop"\n' >some
printf '{"fn":"demo.nosuch"}\n' >more
printf '{"fn":"demo.noop"}\n' >good
run "$HAYFORK" check -p demo good some more
is "check: places are FILE:LINE:COLUMN" "$code $(sed 's/\(some:4:[0-9]*\):.*/\1/' out)" \
    '1 some:3:1: no function: the line has no "fn", and there is no -f
some:4:18
more:1:7: unknown function "demo.nosuch"'
is "check: a total on stderr" "$(cat err)" "hayfork check: 5 lines, 3 bad"
run "$HAYFORK" check -p demo good
is "check: all is well" "$code $(wc -c <out)" "0 0"
run "$HAYFORK" check -f demo.noop more
is "check: -f loads its plugin" "$code $(wc -l <out)" "1 1"
run "$HAYFORK" check more
is "check: without plugins, lines alone" "$code $(cat err)" "0 hayfork check: 1 line, 0 bad; functions not checked: no -p"
run sh -c 'cat some | "$HAYFORK" check -p demo'
is "check: stdin is -" "$code $(cut -d: -f 1,2 out | tr '\n' ' ')" "1 -:3 -:4 "
run "$HAYFORK" check -p demo nosuch
is "check: no such file" "$code $(wc -c <out)" "65 0"
run "$HAYFORK" check -p nosuch good
is "check: no such plugin" "$code $(wc -c <out)" "69 0"
run "$HAYFORK" check -p fault "$(printf 'no\nsuch')"
is "check: one line whatever the name" "$code $(wc -l <err)" "65 1"
# What a plugin's constructor leaves in the background ends with the check of it.
for verb in info 'check /dev/null -p' 'run /dev/null -p' 'call ctor_daemon.noop -p'; do
    : >daemons
    # shellcheck disable=SC2086 # words
    run env HAY_TEST_DAEMON=daemons HAYFORK_PLUGIN_PATH="${top_builddir:?}/tests/support/plugins/.libs:$HAYFORK_PLUGIN_PATH" \
        "$HAYFORK" $verb ctor_daemon
    is "${verb%% *}: no daemon is left" "$code $(sort -u daemons | while read -r pid; do kill -0 "$pid" 2>&1; done |
        grep -c 'No such process')" "0 $(sort -u daemons | wc -l)"
done

run sh -c '{ head -c 17000000 /dev/zero | tr "\0" " "; printf "\n{\"fn\":\"demo.noop\"}\nbad\n"; } | "$HAYFORK" check -p demo'
is "check: a line that is too long" "$code $(cut -d : -f 2,3 out | tr '\n' ' ')$(sed -n '1s/.*: //p' out)" \
    "1 1:16777217 3:1 the line is longer than 16 MiB"
run "$HAYFORK" info --bogus demo
is "info: an unknown option" "$code $(sed -n 1p err)" "2 hayfork info: unknown option '--bogus'"

# Every verb that prints says why it cannot, whatever it has printed by then.
for lines in 1 20 200 2000; do
    seq $lines >bad
    seq -f '{"fn":"demo.noop","id":%g}' $lines >many
    rm -f results
    $limit "$HAYFORK" run -p demo -o results many
    for verb in 'check bad' 'run --dry-run -p demo many' 'results results' 'report results'; do
        run sh -c "\"\$HAYFORK\" $verb >/dev/full"
        is "$verb, $lines lines: disk full" "$code $(grep cannot err)" \
            "74 hayfork ${verb%% *}: cannot write to standard output: No space left on device"
    done
    run sh -c "\"\$HAYFORK\" call demo.echo \"[$(seq -s, $lines)]\" >/dev/full"
    is "call, $lines numbers: disk full" "$code $(cat err)" "74 hayfork call: cannot write to standard output: No space left on device"
done
for verb in 'info demo' 'info --json demo' 'help' 'help run' '--version'; do
    run sh -c "\"\$HAYFORK\" $verb >/dev/full"
    is "$verb: disk full" "$code $(sed 's/hayfork info/hayfork/' err)" \
        "74 hayfork: cannot write to standard output: No space left on device"
done

# A wait that fails is not the end of the input. A limit of no descriptor makes poll() fail.
mkfifo in
for verb in 'check -p demo' 'run --dry-run -p demo'; do
    if [ -n "${HAY_SANITIZED:-}" ] || ! command -v prlimit >/dev/null 2>&1; then
        tests=$((tests + 1))
        echo "ok $tests - ${verb%% *}: a wait that fails # SKIP no prlimit, or a sanitizer that needs descriptors"
        continue
    fi
    exec 7<>in
    rm -f out
    # shellcheck disable=SC2086 # words
    "$HAYFORK" $verb <in >out 2>err &
    pid=$!
    printf '{"fn":"demo.noop"}\n{"fn":"demo.nosuch"}\n' >&7
    until_true test -s out
    prlimit --pid $pid --nofile=0
    echo bad >&7
    wait $pid
    is "${verb%% *}: a wait that fails" "$? $(grep cannot err)" "65 hayfork ${verb%% *}: cannot read standard input: Invalid argument"
    exec 7>&-
done
done_testing
