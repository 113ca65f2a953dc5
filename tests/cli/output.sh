#!/bin/sh
# SPDX-License-Identifier: MIT
# Where results go, and what happens when they cannot go there or nobody reads them.
. "${top_srcdir:?}/tests/cli/lib.sh"

seq 1 3 | sed 's/.*/{"id":&,"fn":"demo.noop"}/' >three
seq 1 100000 | sed 's/.*/{"id":&,"fn":"demo.add","args":{"a":7,"b":7}}/' >many

run "$HAYFORK" run -p demo -o results three
is "-o FILE" "$code $(wc -c <out) $(sed 's/,"seq":[1-3],"key":"[0-9a-f]\{16\}"//' results | sort)" '0 0 {"id":1,"status":"ok","result":null}
{"id":2,"status":"ok","result":null}
{"id":3,"status":"ok","result":null}'
is "-o makes a file that others may read" "$(umask 022; rm -f new; "$HAYFORK" run -p demo -o new three; stat -c %a new)" 644
run "$HAYFORK" run -p demo -o results three
is "-o appends to a file" "$code $(wc -l <results)" "0 6"
"$HAYFORK" run -p demo three >results
run "$HAYFORK" run -p demo -o results three
is "but not to results without keys, with which nothing can go on" "$code $(wc -l <results)" "65 3"
seq 1 1000 >results
run "$HAYFORK" run -p demo -o results three
is "and not to one that holds something else" "$code $(wc -l <results) $(cat err)" \
    "65 1000 hayfork run: 'results' is not the results of a run with -o: line 1: not an object"
run "$HAYFORK" run -p demo -o - three
is "-o - is stdout" "$code $(wc -l <out)" "0 3"
echo before >appended
run sh -c '"$HAYFORK" run -p demo three >>appended'
is "stdout is appended to where the shell said so" "$code $(wc -l <appended) $(head -n 1 appended)" "0 4 before"
run "$HAYFORK" run -p demo -o /dev/null three
is "-o /dev/null" "$code" 0

echo keep >results
run "$HAYFORK" run -p nosuch -o results three
is "nothing is written when a plugin is missing" "$code $(cat results)" "69 keep"
run "$HAYFORK" run -p demo -o results three nosuch
is "nor when an input is missing" "$code $(cat results)" "65 keep"

cp three same
run "$HAYFORK" run -p demo -o same same
is "the input as output is refused" "$code $(cmp same three)" "2 "
ln same link
run "$HAYFORK" run -p demo -o link same
is "under another name too" "$code $(cmp same three)" "2 "
run sh -c '"$HAYFORK" run -p demo same >>same'
is "and on stdout" "$code $(cmp same three)" "2 "
run sh -c '"$HAYFORK" run -p demo <same -o same'
is "and when the input is stdin" "$code $(cmp same three)" "2 "

# unwritable NAME WANTED COMMAND : exit 74 and this line on stderr
unwritable()
{
    run sh -c "$3"
    is "$1" "$code $(cat err)" "74 hayfork run: cannot write $2"
}
unwritable "disk full" "to standard output: No space left on device" '"$HAYFORK" run -p demo three >/dev/full'
unwritable "disk full, in the middle of a run" "to standard output: No space left on device" \
    '"$HAYFORK" run -p demo many >/dev/full'
unwritable "disk full under -o" "'/dev/full': No space left on device" '"$HAYFORK" run -p demo -o /dev/full three'
unwritable "disk full, no job at all was run well" "to standard output: No space left on device" \
    '"$HAYFORK" run --inline -p demo three >/dev/full'
unwritable "-o is a directory" "'.': Is a directory" '"$HAYFORK" run -p demo -o . three'
unwritable "-o is nowhere" "'no/such': No such file or directory" '"$HAYFORK" run -p demo -o no/such three'
unwritable "a file too large" "'large': File too large" 'ulimit -f 8; "$HAYFORK" run -p demo -o large many'
run sh -c '"$HAYFORK" run -p demo /dev/null >/dev/full'
is "nothing to write is fine on a full disk" "$code" 0

# The reader goes away.
for how in '' '--inline'; do
    { $limit "$HAYFORK" run $how -p demo many 2>err; echo $? >code; } | head -n 1 >first
    is "| head -1 ends the run quietly by SIGPIPE ${how}" "$(cat code) $(wc -l <first) $(cat err)" "141 1 "
done
{ $limit "$HAYFORK" run --meta -p demo many 2>err; echo $? >code; } | head -n 1 >first
worker=$(sed 's/.*"pid":\([0-9]*\).*/\1/' first)
is "and its workers are gone" "$(kill -0 "$worker" 2>&1 | sed 's/.*No such process.*/gone/')" gone

# A reader that stops in the middle: the run waits, having read only a part of its input, and loses nothing.
mkfifo slow
(
    exec <slow
    read -r line
    printf '%s\n' "$line" >first
    until_true test -e go
    cat >rest
) &
reader=$!
awk 'BEGIN { s = "x"; while (length(s) < 1024) s = s s
    for (i = 1; i <= 60000; i++) printf "{\"id\":%d,\"fn\":\"demo.echo\",\"args\":\"%s\"}\n", i, s }' >heavy
"$HAYFORK" run -j 2 --queue 1000 -p demo <heavy >slow 2>err &
writer=$!
stands_still()
{
    was=$(sed -n 's/^pos:[^0-9]*//p' /proc/$writer/fdinfo/0)
    sleep 0.3
    [ "$was" = "$(sed -n 's/^pos:[^0-9]*//p' /proc/$writer/fdinfo/0)" ]
}
until_true test -s first
until_true stands_still
is "input is not read while output is not taken" "$(awk -v at="$was" -v all="$(wc -c <heavy)" 'BEGIN { print (at < all / 4) }')" 1
memory=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' /proc/$writer/status)
if [ -z "${HAY_SANITIZED:-}" ]; then
    ok "and memory is bounded ($memory kB)" test "$memory" -lt 40000
else
    skip "and memory is bounded" "a sanitizer takes its own"
fi
: >go
wait $writer
written=$?
wait $reader
is "then all results come" \
    "$written $(cat first rest | wc -l) $(cat first rest | sed 's/,.*//' | sort -u | wc -l)" "0 60000 60000"

# 1 MB of results in a line, through a pipe.
awk 'BEGIN { s = "x"; while (length(s) < 1048576) s = s s
    for (i = 0; i < 20; i++) printf "{\"id\":%d,\"fn\":\"demo.echo\",\"args\":\"%s\"}\n", i, s }' >wide
{ $limit "$HAYFORK" run -p demo wide 2>err; echo $? >code; } | cat >out
is "large results through a pipe" "$(cat code) $(wc -l <out) $(grep -c '"status":"ok"' out)" "0 20 20"

# Others at the file: a job that comes when some results are there. What is lost is told, and a resumed run makes it good.
{ seq 300 | sed 's/.*/{"fn":"demo.add","args":{"a":&,"b":1}}/'
    echo '{"fn":"exec.run","args":{"shell":"until test -s kept; do sleep 0.02; done; eval \"$HURT\""}}'; } >jobs
hurt()
{
    rm -f kept
    HURT="$2" run "$HAYFORK" run -j 2 -p demo -p exec -o kept jobs
    is "$1" "$code $(cat err)" \
        "74 hayfork run: 'kept' was removed, cut or written to by others during the run: results may be missing there"
}
hurt "a file that was cut" ': >kept'
run "$HAYFORK" run -j 2 -p demo -p exec --resume -o kept jobs
is "and then resumed" "$code $(grep -c '"status":"ok"' kept) $(cat err)" "0 301 "
hurt "a file that others write to" 'echo >>kept'
hurt "a file that was removed" 'rm kept'
rm -f kept
run "$HAYFORK" exec -o kept --shell 'echo >>kept; : {}' ::: a
is "also before the first result" "$code $(cut -c 1-40 err)" "74 hayfork exec: 'kept' was removed, cut or"
: >named
exec 4<>named
rm named
run "$HAYFORK" exec -o /dev/fd/4 true ::: a b
is "a file that has no name" "$code $(cat err) $(grep -c '"ok"' </dev/fd/4)" "0  2"
exec 4<&-
rm -f kept
HURT='mv kept moved' run "$HAYFORK" run -j 2 -p demo -p exec -o kept jobs
is "but one that only has another name is whole" "$code $(wc -l <moved) $(cat err)" "0 301 "
done_testing
