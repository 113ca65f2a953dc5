#!/bin/sh
# SPDX-License-Identifier: MIT
# Every form in which lines may come in, and what is said when they cannot.
. "${top_srcdir:?}/tests/cli/lib.sh"

# ids: the ids of the result lines, sorted by number, on one line.
ids()
{
    sed 's/^{"id":\([^,]*\),.*/\1/' out | sort -n | tr '\n' ' '
}

run "$HAYFORK" run -p demo /dev/null
is "no line at all is 0 jobs" "$code $(wc -c <out)" "0 0"
: >empty
run "$HAYFORK" run -p demo empty empty
is "empty files" "$code $(wc -c <out)" "0 0"
printf '\n\n\r\n  \n\t\r\n' >blank
run "$HAYFORK" run -p demo blank
is "lines of nothing but white space are skipped" "$code $(wc -c <out)" "0 0"
printf '\357\273\277' >bom
run "$HAYFORK" run -p demo bom
is "a BOM alone is no line" "$code $(wc -c <out)" "0 0"

printf '{"id":1,"fn":"demo.noop"}\n{"id":2,"fn":"demo.noop"}' >unended
run "$HAYFORK" run -p demo unended
is "a missing last newline" "$code $(ids)" "0 1 2 "
printf '{"id":1,"fn":"demo.noop"}\r\n\r\n{"id":2,"fn":"demo.noop"}\r\n' >crlf
run "$HAYFORK" run -p demo crlf
is "CRLF" "$code $(ids)" "0 1 2 "
printf '\357\273\277{"id":1,"fn":"demo.noop"}\n' >marked
run "$HAYFORK" run -p demo marked unended marked
is "a BOM at the start of each file" "$code $(ids)" "0 1 1 1 2 "
printf '{"fn":"demo.noop"}\n\357\273\277{"fn":"demo.noop"}\n' >inside
run "$HAYFORK" run -p demo inside
is "a BOM elsewhere is a fault" "$code $(grep -c rejected out)" "1 1"

printf '\n{"fn":"demo.noop"}\n\n{"fn":"demo.noop"}' >a
printf '{"fn":"demo.noop"}\n' >b
run "$HAYFORK" run -p demo a b a
is "line numbers run through all files and count empty lines" "$code $(ids)" "0 2 4 5 7 9 "
run "$HAYFORK" run -p demo a - b <b
is "- among files is stdin" "$code $(ids)" "0 2 4 5 6 "
run sh -c '"$HAYFORK" run -p demo <a'
is "no file is stdin" "$code $(ids)" "0 2 4 "
run sh -c 'cat b a | "$HAYFORK" run -p demo -'
is "stdin from a pipe" "$code $(ids)" "0 1 3 5 "
run sh -c 'cat a b | "$HAYFORK" run -p demo'
is "the pipe's lines join as its bytes do" "$code $(grep -c ok out) $(grep -c rejected out)" "1 1 1"
run sh -c 'cat b | "$HAYFORK" run -p demo - -'
is "stdin twice is read once" "$code $(ids)" "0 1 "
printf '{"id":"x","fn":"demo.noop"}\n' >./-dash
run "$HAYFORK" run -p demo -- -dash
is "a file with a dash" "$code $(ids)" '0 "x" '

mkfifo fifo
(exec >fifo && until_true test -e started && cat b) &
: >started
run "$HAYFORK" run -p demo fifo
is "a FIFO" "$code $(ids)" "0 1 "
wait
(sleep 0.3; cat b >fifo) &
run "$HAYFORK" run -p demo fifo
is "a FIFO whose writer comes later" "$code $(ids)" "0 1 "
wait
: >fifo &
run "$HAYFORK" run -p demo fifo
is "a FIFO that is closed without a line" "$code $(wc -c <out)" "0 0"
wait

# A line at a time: each result comes while the input is still open.
mkfifo ask
$limit "$HAYFORK" run -p demo <ask >answers 2>err &
exec 7>ask
asked=0
while [ $asked -lt 3 ]; do
    asked=$((asked + 1))
    echo '{"fn":"demo.noop"}' >&7
    ok "result $asked comes before the input ends" until_true sh -c "[ \$(wc -l <answers) = $asked ]"
done
printf '{"fn":' >&7
printf '"demo.noop"}' >&7
exec 7>&-
wait $!
is "a line in pieces, without an end" "$? $(wc -l <answers)" "0 4"

# unreadable NAME ARGUMENT... : exit 65, no result, one line that names it.
unreadable()
{
    run "$HAYFORK" run -p demo -o results b "$@"
    is "unreadable: $*" "$code $(wc -l <err) $(ls results 2>/dev/null)" "65 1 "
}
unreadable nosuch
unreadable .
unreadable b/c
run "$HAYFORK" run -p demo nosuch
is "the message names the file and the reason" "$(cat err)" "hayfork run: cannot read 'nosuch': No such file or directory"
run "$HAYFORK" run -p demo "no${newline}such"
is "and is one line whatever the name" "$(cat err)" "hayfork run: cannot read 'no\\nsuch': No such file or directory"
run sh -c '"$HAYFORK" run -p demo <.'
is "stdin is a directory" "$code $(cat err)" "65 hayfork run: cannot read standard input: Is a directory"

# Of many files not all are open: one may be gone when its turn has come.
for i in 1 2 3 4 5 6 7 8 9; do
    cp b many$i
done
echo '{"fn":"exec.run","args":{"shell":"rm many9; : >gone"}}' >first
mkfifo turn
{ until_true test -e gone; cat b; } >turn &
run sh -c 'ulimit -n 32; exec "$HAYFORK" run -j1 -p demo -p exec first turn many?'
wait
is "a file that is gone when its turn comes" "$code $(ids)$(cat err)" \
    "65 1 2 3 4 5 6 7 8 9 10 hayfork run: cannot read 'many9': No such file or directory"

# Long lines. awk makes them faster than any loop of the shell.
long()
{
    awk -v size="$1" 'BEGIN { s = "x"; while (length(s) < size) s = s s; printf "%s", substr(s, 1, size) }'
}
{
    printf '{"id":"big","fn":"demo.echo","args":"'
    long 1000000
    printf '"}\n{"id":2,"fn":"demo.noop"}\n'
} >large
run "$HAYFORK" run -p demo large
is "a line of 1 MB and its result" "$code $(wc -c <out) $(wc -l <out)" "0 1000076 2"

{
    printf '{"id":"long","args":"'
    long 17825792
    printf '"}\n{"id":2,"fn":"demo.noop"}\n'
} >longer
run "$HAYFORK" run -p demo longer
is "a line over 16 MiB is rejected with its id" "$code $(grep rejected out)" \
    '1 {"id":"long","status":"rejected","line":1,"error":{"message":"the line is longer than 16 MiB","column":16777217}}'
is "and the run goes on" "$(grep -v rejected out)" '{"id":2,"status":"ok","result":null}'
{
    printf '{"args":"'
    long 17825792
    printf '","id":"late"}'
} >later
run "$HAYFORK" run -p demo -f demo.noop later
is "its id behind the limit is not read; no newline either" "$code $(cat out)" \
    '1 {"status":"rejected","line":1,"error":{"message":"the line is longer than 16 MiB","column":16777217}}'
{
    printf '{"id":'
    awk 'BEGIN { for (i = 0; i < 17; i++) { s = "7"; while (length(s) < 1048576) s = s s; printf "%s", s } }'
    echo '}'
} >cut
run "$HAYFORK" run -p demo -f demo.noop cut
is "an id that the limit cuts is none" "$code $(grep -c '"id"' out) $(wc -l <out)" "1 0 1"

# Exactly 16 MiB is fine, with CRLF too.
{
    printf '{"id":1,"fn":"demo.noop","args":"'
    long $((16777216 - 35))
    printf '"}\r\n'
} >limit
run "$HAYFORK" run -p demo limit
is "a line of exactly 16 MiB" "$(($(wc -c <limit) - 2)) $code $(cat out)" '16777216 0 {"id":1,"status":"ok","result":null}'

# 300 MB in one line is skipped in little memory.
if [ -z "${HAY_SANITIZED:-}" ]; then
    head -c 300000000 /dev/zero | tr '\0' x >huge
    echo >>huge
    cat b >>huge
    run sh -c 'ulimit -v 200000; "$HAYFORK" run -j 1 -p demo huge'
    is "a line of 300 MB is skipped in constant memory" "$code $(grep -c rejected out) $(wc -l <out)" "1 1 2"
    rm -f huge
else
    skip "a line of 300 MB is skipped in constant memory" "a sanitizer needs its own address space"
fi

# More files than stay open.
mkdir many
i=0
while [ $i -lt 300 ]; do
    cp b many/$i
    i=$((i + 1))
done
run "$HAYFORK" run -p demo many/*
is "300 files" "$code $(wc -l <out)" "0 300"

# Bytes without end and without a line do not keep the loop from anything else: timeouts, results, signals.
echo '{"id":"late","fn":"demo.sleep","args":{"ms":1000000},"timeout":0.2}' >late
truncate -s 1T holes
for endless in /dev/zero holes; do
    "$HAYFORK" run -p demo --grace 0 late $endless >out 2>err &
    pid=$!
    ok "a timeout beside endless input: $endless" until_true grep -q '"late".*timeout' out
    kill -TERM $pid
    ok "one SIGTERM ends it" until_true sh -c "case \$(cat /proc/$pid/stat 2>/dev/null) in *') Z '* | '') ;; *) false ;; esac"
    kill -KILL $pid
    wait $pid 2>/dev/null
    is "by that signal" "$?" 143
done
rm -f holes
# More files than may be open.
mkdir hundred
for i in $(seq 100); do echo '{"fn":"demo.noop"}' >hundred/$i; done
run sh -c 'ulimit -n 64; exec "$HAYFORK" run -j 1 -p demo hundred/*'
is "a hundred files with 64 descriptors" "$code $(wc -l <out) $(cat err)" "0 100 "

done_testing
