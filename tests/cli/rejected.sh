#!/bin/sh
# SPDX-License-Identifier: MIT
# A bad line costs one rejected result that says where and why, and nothing else.
. "${top_srcdir:?}/tests/cli/lib.sh"

# rejects LINE RESULT : the one result of a run over this line; `check` reports the same place.
rejects()
{
    printf '%s\n' "$1" >line
    run "$HAYFORK" run -p demo line
    is "rejected: $1" "$code $(cat out)" "1 $2"
    column=$(sed 's/.*"column":\([0-9]*\)}}$/\1/' out)
    run "$HAYFORK" check -p demo line
    is "and so by check" "$code $(sed 's/^\(line:1:[0-9]*:\) .*/\1/' out)" "1 line:1:$column:"
}

rejects '{"id":5,"fn":"demo.nosuch"}' \
    '{"id":5,"status":"rejected","line":1,"error":{"message":"unknown function \"demo.nosuch\"","column":14}}'
rejects '{"fn":"demo.nosuch"}' \
    '{"id":1,"status":"rejected","line":1,"error":{"message":"unknown function \"demo.nosuch\"","column":7}}'
rejects '{"id":"a","fn":"text.count"}' \
    '{"id":"a","status":"rejected","line":1,"error":{"message":"plugin \"text\" is not loaded (-p text)","column":16}}'
rejects '{"id":"a"}' \
    '{"id":"a","status":"rejected","line":1,'\
'"error":{"message":"no function: the line has no \"fn\", and there is no -f","column":1}}'
rejects '{"id":"a","fn":"noop"}' \
    '{"id":"a","status":"rejected","line":1,'\
'"error":{"message":"unknown function \"noop\": a function is named plugin.function","column":16}}'

# What the scanner says is tested with the scanner; here only that each fault makes one rejected line, with the id if it
# came first.
while IFS= read -r line; do
    printf '%s\n{"id":"next","fn":"demo.noop"}\n' "$line" >lines
    run "$HAYFORK" run -p demo lines
    case $line in
    '{"id":7,'*) wanted='{"id":7,"status":"rejected","line":1,' ;;
    *) wanted='{"status":"rejected","line":1,' ;;
    esac
    rejected=$(grep '"rejected"' out)
    case $rejected in
    "$wanted"*'"column":'*) found=yes ;;
    *) found=no ;;
    esac
    is "one rejected line and the run goes on: $line" "$code $found $(grep -v rejected out)" \
        '1 yes {"id":"next","status":"ok","result":null}'
done <<'EOF'
x
{
null
[]
""
{"id":7,"fn":"demo.noop"
{"id":7,"fn":"demo.noop"}}
{"id":7,"fn":"demo.noop"} x
{"id":7,"fn":3}
{"id":7,"fn":null}
{"id":7,"fn":"demo.noop","fn":"demo.noop"}
{"id":7,"fn":"demo.noop","timeout":-1}
{"id":7,"fn":"demo.noop","timeout":"1"}
{"id":7,"fn":"demo.noop","retries":-1}
{"id":7,"fn":"demo.noop","retries":1.5}
{"id":7,"fn":"demo.noop","priority":"high"}
{"id":7,"fn":"demo.noop","args":[1,]}
{"id":7,"fn":"demo.noop","args":"	"}
{"id":7,"fn":"demo.noop","args":'x'}
{"id":7,"fn":"demo.noop","args":NaN}
{"id":7,"fn":"demo.noop","args":01}
{"id":1.5,"fn":"demo.noop"}
{"id":[7],"fn":"demo.noop"}
{"id":null,"fn":"demo.noop"}
{"fn":"demo.noop","args":"\ud800"}
EOF

printf '{"id":7,"fn":"demo.noop","args":"\0"}\n{"id":8,"fn":"demo.noop","args":"\377"}\n' >bytes
run "$HAYFORK" run -p demo bytes
is "NUL and bytes that are not UTF-8" "$code $(grep -c '^{"id":[78],"status":"rejected"' out)" "1 2"

deep=$(awk 'BEGIN { for (i = 0; i < 512; i++) printf "["; for (i = 0; i < 512; i++) printf "]" }')
echo "{\"id\":7,\"fn\":\"demo.noop\",\"args\":$deep}" >deep
run "$HAYFORK" run -p demo deep
is "depth over 512" "$code $(grep -c '"rejected"' out)" "1 1"
deep=${deep#?}
echo "{\"id\":7,\"fn\":\"demo.noop\",\"args\":${deep%?}}" >deep
run "$HAYFORK" run -p demo deep
is "depth of 512" "$code $(cat out)" '0 {"id":7,"status":"ok","result":null}'

printf '{"\\u0066n":"demo.noop","unknown":1,"\\u0069d":"k"}\n' >keys
run "$HAYFORK" run -p demo keys
is "keys are compared after unescaping; unknown ones are ignored" "$code $(cat out)" '0 {"id":"k","status":"ok","result":null}'

printf '\n\nx\n' >third
run "$HAYFORK" run --meta -p demo keys third
is "line counts all lines, seq only jobs" "$(grep rejected out | sed 's/"message":"[^"]*"/M/')" \
    '{"status":"rejected","line":4,"error":{M,"column":1},"seq":2}'
run "$HAYFORK" run --inline -p demo third keys
is "the same inline" "$code $(wc -l <out)" "1 2"
done_testing
