#!/bin/sh
# SPDX-License-Identifier: MIT
# hayfork map: a job of each input line.
. "${top_srcdir:?}/tests/cli/lib.sh"

printf 'a\nb b\n' >a.txt
printf 'c' >'b "q".txt'
printf 'a.txt\nb "q".txt\nnone\n' >names
run "$HAYFORK" map -k text.count names
is "the line is the path by default" "$code $(cat out)" '1 {"id":1,"status":"ok","result":{"lines":2,"words":3,"bytes":6}}
{"id":2,"status":"ok","result":{"lines":0,"words":1,"bytes":1}}
{"id":3,"status":"error","error":{"message":"cannot read none: No such file or directory"}}'
run sh -c 'head -n 2 names | "$HAYFORK" map -k text.count --id line'
is "--id line" "$code $(cut -c 1-20 out)" '0 {"id":"a.txt","statu
{"id":"b \"q\".txt",'
run sh -c 'printf "a.txt\0b\nc\0\0 \0" | "$HAYFORK" map --dry-run -0 demo.echo --id line --args "{}"'
is "-0" "$code $(cat out)" '0 {"id":"a.txt","fn":"demo.echo","args":"a.txt"}
{"id":"b\nc","fn":"demo.echo","args":"b\nc"}
{"id":"","fn":"demo.echo","args":""}
{"id":" ","fn":"demo.echo","args":" "}'
run sh -c 'printf "x\r\n\n  \ny\n" | "$HAYFORK" map -k demo.echo --args "[{},{#}]"'
is "CR and empty lines are as for run" "$code $(cat out)" '0 {"id":1,"status":"ok","result":["x",1]}
{"id":4,"status":"ok","result":["y",2]}'
run sh -c 'printf "a\r\nb\r" | "$HAYFORK" map -k demo.echo --args "{}"'
is "a CR at the very end" "$code $(cat out)" '0 {"id":1,"status":"ok","result":"a"}
{"id":2,"status":"ok","result":"b"}'
run "$HAYFORK" map demo.echo -f demo.noop /dev/null
is "a function given twice" "$code $(sed -n 1p err)" "2 hayfork map: the function is given twice: 'demo.echo' and -f demo.noop"
run "$HAYFORK" map demo.noop /dev/null
is "no line" "$code $(wc -c <out)" "0 0"
run sh -c '"$HAYFORK" map -f demo.echo --args "{}" names - <a.txt -k'
is "files, - and -f" "$code $(cut -d: -f 4 out | tr '\n' ' ')" '0 "a.txt"} "b \"q\".txt"} "none"} "a"} "b b"} '

# dry TEMPLATE LINE: the args of one job
dry()
{
    printf '%s\n' "$2" | "$HAYFORK" map --dry-run demo.echo --args "$1" 2>err | sed 's/.*"args"://; s/}$//'
}
is "{} outside a string and in one" "$(dry '{"p":{},"q":"<{}>","r":"\"{}"}' 'a"\b')" '{"p":"a\"\\b","q":"<a\"\\b>","r":"\"a\"\\b"}'
is "the parts of a line" "$(dry '[{},{.},{/},{//},{/.},{#},"{#}"]' 'x/y.tar.gz')" \
    '["x/y.tar.gz","x/y.tar","y.tar.gz","x","y.tar",1,"1"]'
is "{} as a key" "$(dry '{{}:1}' k)" '{"k":1}'
is "other braces stay" "$(dry '{"a":{"b":{ }},"c":{}}' x)" '{"a":{"b":{ }},"c":"x"}'
is "a tab" "$(dry '{}' "$(printf 'a\tb\001')")" '"a\tb\u0001"'

printf 'good\n\377bad\nb\000d\n\357\277\277\n' >bytes
run "$HAYFORK" map -k demo.echo --args '{}' bytes
is "what JSON cannot hold is rejected" "$code $(sed -n '2,3s/.*"line":\([0-9]*\).*message":"\([^"(]*\).*"column":\([0-9]*\).*/\1:\3 \2/p' out)" \
    '1 2:1 byte 0xff is not UTF-8, and JSON can hold nothing else
3:2 a NUL byte in the line '
is "the others run" "$(grep -c '"status":"ok"' out)" 2
run "$HAYFORK" map --dry-run demo.echo bytes
is "--dry-run tells of them too" "$code $(wc -l <out) $(wc -l <err)" "1 2 2"
run sh -c 'awk "BEGIN { s = \"x\"; while (length(s) < 17000000) s = s s; print s; print 1 }" | "$HAYFORK" map -k demo.noop'
is "a line that is too long is rejected" "$code $(grep -c rejected out) $(grep -c '"ok"' out)" "1 1 1"

# refused TEXT ARGUMENT... : exit 2, and this in the first line of two
refused()
{
    text=$1
    shift
    run "$HAYFORK" map "$@" </dev/null
    is "refused: $text" "$code $(wc -c <out) $(wc -l <err) $(grep -cF -- "$text" err)" "2 0 2 1"
}
refused "a function is needed"
refused "has no {} for the line" demo.echo --args '{"path":1}'
refused "is not JSON: with \"x\" for {}, unexpected end of line at byte 12" demo.echo --args '{"path":{}'
refused "is not JSON" demo.echo --args '\u00{}'
refused "is not JSON" demo.echo --args ''"$newline"'{}'
refused "--id is line or number" demo.echo --id name
refused "unknown function" demo.nosuch
refused "a function is named" nodot
run "$HAYFORK" map nosuch.x </dev/null
is "a plugin that is not there" "$code" 69

# All of run's options apply.
seq 1 20 >twenty
run "$HAYFORK" map demo.echo --args '{}' -o results --meta twenty
is "-o and --meta" "$code $(grep -c '"worker":' results)" "0 20"
run "$HAYFORK" map demo.sleep --args '{"ms":60000,"n":{}}' --timeout 0.1 -j 4 twenty
is "--timeout" "$code $(grep -c '"status":"timeout"' out)" "1 20"
run "$HAYFORK" map demo.fail --args '{}' --retries 2 --retry-delay 10ms twenty
is "--retries" "$code $(grep -c '"attempts":3' out)" "1 20"
printf 'p\nq\n' >pq
run "$HAYFORK" map -k demo.echo --args '[{},{#}]' ::: 'a b' "c${newline}d" -k ''
is "arguments behind :::" "$code $(sed 's/.*"result"://' out | tr '\n' ' ')" '0 ["a b",1]} ["c\nd",2]} ["-k",3]} ["",4]} '
run "$HAYFORK" map -k -f demo.echo --args '{}' :::: pq
is "and lines behind ::::" "$code $(sed 's/.*"result"://' out | tr '\n' ' ')" '0 "p"} "q"} '
run "$HAYFORK" map demo.echo :::
is "none behind it" "$code $(wc -c <out)" "0 0"
for bad in 'pq ::: a' '::: a ::: b' '::: a :::: pq' '-0 ::: a' '::::' '::: a :::+ b'; do
    # shellcheck disable=SC2086 # several words
    run "$HAYFORK" map demo.echo $bad
    is "wrong usage: $bad" "$code $(wc -c <out) $(wc -l <err)" "2 0 2"
done
run "$HAYFORK" map ::: a
is "no function before it" "$code $(grep -c 'a function is needed' err)" "2 1"
# Without memory for a line it is not rejected: the run ends, and is gone on with.
if [ -z "${HAY_SANITIZED:-}" ]; then
    { echo short; head -c 12000000 /dev/zero | tr '\0' x; echo; } >long
    odd=
    for kib in 30000 36000 42000 48000 60000; do
        rm -f journal
        (ulimit -v $kib && $limit "$HAYFORK" map -j 1 -o journal demo.echo --args '{"v":{}}' long) >out 2>err
        first=$?
        run "$HAYFORK" map -j 1 -o journal --resume demo.echo --args '{"v":{}}' long
        case "$first $code $("$HAYFORK" results journal | wc -l) $(grep -c rejected journal)" in
        '0 0 2 0' | '1 '[01]' 2 0' | '69 0 2 0' | '70 0 2 0') ;; # 1: there was none in the worker
        *) odd="$odd $kib: $first $code" ;;
        esac
    done
    is "a line that there is no memory for ends the run, and is gone on with" "$odd" ""
else
    skip "a line that there is no memory for" "a sanitizer needs its own address space"
fi

# Nothing is kept of a line that has its result, also where its id is the line.
if [ -z "${HAY_SANITIZED:-}" ]; then
    seq -f 'file-%.0f.txt' 1000000 >files
    run sh -c 'ulimit -v 44000; exec "$HAYFORK" map -j 1 --id line -p demo demo.noop files'
    is "a million lines take no memory" "$code $(wc -l <out) $(cat err)" "0 1000000 "
    rm -f files out
else
    skip "a million lines take no memory" "a sanitizer needs its own address space"
fi
done_testing
