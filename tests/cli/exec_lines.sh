#!/bin/sh
# SPDX-License-Identifier: MIT
# hayfork exec --line-buffer: output while commands run, no line within another.
. "${top_srcdir:?}/tests/cli/lib.sh"

lines()
{
    run "$HAYFORK" exec --line-buffer "$@"
}

# Lines of one character each, of all lengths, several writes to a line and several lines to a write.
cat >lines.awk <<'EOF'
function of(length_, text)
{
    for (text = substr("abcdefgh", seed, 1); length(text) < length_; text = text text)
        ;
    return substr(text, 1, length_)
}
BEGIN {
    srand(seed)
    split("0 1 80 5000 40000 1000 3", lengths)
    for (i = 0; i < 100; i++) {
        size = lengths[1 + int(rand() * 7)]
        printf "%s", of(int(size / 2))
        if (rand() < 0.3)
            fflush()
        print of(size - int(size / 2))
    }
}
EOF
# mixed FILE: how many of its lines are of several characters
mixed()
{
    grep -c -v -x 'a*\|b*\|c*\|d*\|e*\|f*\|g*\|h*' "$1"
}
for seed in 1 2 3 4 5 6 7 8; do
    awk -v seed=$seed -f lines.awk
done | sort >wanted
$limit "$HAYFORK" exec -j 4 --line-buffer awk -v seed={} -f lines.awk ::: 1 2 3 4 5 6 7 8 2>err | cat >got
is "lines are whole on a pipe" "$(mixed got) $(sort got | cmp - wanted)" "0 "
lines -j 4 --tag awk -v seed={} -f lines.awk ::: 1 2 3 4 5 6 7 8
cut -f 2 out >got
is "each with its tag, and in a file" "$code $(mixed got) $(sort got | cmp - wanted) $(cut -f 1 out | sort | uniq -c | awk '$1 != 100')" \
    "0 0  "

$limit "$HAYFORK" exec -j 4 --line-buffer sh -c '[ $(($1 % 3)) -ne 0 ] || kill -9 $$; seq 100000 108000' _ ::: $(seq 60) 2>&1 | cat >got
is "what hayfork says is in no line" "$(grep -c '^hayfork exec: killed by signal 9' got) $(grep -vc '^1[0-9]\{5\}$\|^hayfork exec: ' got)" "20 0"

mkfifo gate
"$HAYFORK" exec --line-buffer --tag -o live.jsonl \
    sh -c 'printf "one\ntw"; echo err >&2; read -r line <gate; printf "o\n$line"; exit 3' _ ::: it >live 2>live.err &
ok "a line is there before the command ends" until_true grep -q one live
ok "so is one of standard error" until_true grep -q err live.err
is "what is no line yet is not" "$(cat live)" "it	one"
echo last >gate
wait $!
is "all of it, the end as it is, and none in the result" "$? $(tr '\t\n' '|$' <live) $(cat live.err) $(sed 's/,"seq.*//' live.jsonl)" \
    '1 it|one$it|two$it|last it	err {"id":1,"status":"error","error":{"message":"exit 3"},"result":{"exit":3,"signal":null,"stdout":"","stderr":""}'
lines -j 1 --inline --tag sh -c 'echo out; echo err >&2; echo; printf x' _ ::: 'a
b'
is "in one process; an empty line; a tag of two lines" "$code $(cat out err | tr '\t\n' '|$')" '0 a$b|out$a$b|$a$b|xa$b|err$'
lines -j 1 --retries 1 sh -c 'echo tried; false' ::: a
is "each attempt prints" "$code $(tr '\n' ' ' <out)" "1 tried tried "
lines -j 1 printf 'a\0b\377\n%s' ::: x
is "any bytes" "$code $(od -An -c <out | tr -s ' ')" "0  a \0 b 377 \n x"
head -c 3000000 /dev/zero | tr '\0' z >long
lines -j 1 --tag sh -c 'cat long; echo; echo "$1"' _ ::: a
is "a line of 3 MB, with one tag" "$code $(wc -c <out) $(wc -l <out) $(tail -n 1 out | tr '\t' '|')" "0 3000007 2 a|a"
lines -j 1 --timeout 100ms --grace 20 sh -c 'trap "echo asked; exit" TERM; echo on; while :; do sleep 0.05; done' _ ::: a
is "what a command says when it is asked to end" "$code $(tr '\n' ' ' <out)" "1 on asked "
"$HAYFORK" exec -j 1 --shell 'ls /proc/self/fd # {}' ::: '' >descriptors
lines -j 1 --shell 'ls /proc/self/fd # {}' ::: ''
is "commands have no descriptors of ours" "$code $(cmp out descriptors)" "0 "

# Workers that are killed with a full pipe before them, one of which has the lock.
are_stuck()
{
    for pid in $(cut -d ' ' -f 1 pids.1 pids.2); do
        grep -q '^[0-9]* (yes) S' "/proc/$pid/stat" || return 1
    done
}
mkfifo slow
$limit "$HAYFORK" exec -j 2 --line-buffer --crash-retries 0 sh -c 'test "$1" != 3 || exec echo last; echo "$$ $PPID" >pids.$1; exec yes' _ ::: 1 2 3 >slow 2>err &
{
    until_true test -s pids.1 -a -s pids.2
    until_true are_stuck
    kill -9 $(cut -d ' ' -f 2 pids.1 pids.2)
    grep -v -x y >got
} <slow
wait $!
is "a worker that is killed while it writes holds nobody up" "$? $(tail -n 1 got | sed 's/^y*//') $(grep -c 'its worker was lost' err)" "1 last 2"

# A reader that takes nothing: a command in a group of its own is asked to end all the same.
$limit "$HAYFORK" exec -j 1 --line-buffer --timeout 1 --grace 20 \
    timeout 100 sh -c 'trap "touch bye; exit 1" TERM; yes & echo $! >yes.pid; wait' _ ::: a >slow 2>err &
{
    ok "a command is asked to end while its lines wait" until_true test -e bye
    kill $(cat yes.pid)
    cat >got
} <slow
wait $!
is "and its end is told" "$? $(grep -c 'timed out after 1 s' err)" "1 1"

# Where lines cannot go.
run sh -c 'seq 2000 | "$HAYFORK" exec --line-buffer echo >/dev/full'
is "disk full" "$code $(cat err)" "74 hayfork exec: cannot write to standard output: No space left on device"
run sh -c '"$HAYFORK" exec --line-buffer yes >/dev/full ::: a'
is "disk full, of a command without end" "$code" 74
run sh -c '"$HAYFORK" exec --line-buffer --retries 1 -j 1 sh -c "test -e tried || { touch tried; echo lost; exit 1; }" _ >/dev/full ::: a'
is "disk full, of an attempt that would be tried again" "$code $(cat err)" \
    "74 hayfork exec: cannot write to standard output: No space left on device"
run sh -c '"$HAYFORK" exec --line-buffer --json -o full.jsonl echo >/dev/full ::: a'
is "disk full, with -o" "$code $(grep -c '"what it printed cannot be written: No space left on device"' full.jsonl)" "1 1"
run sh -c '"$HAYFORK" exec --line-buffer -j 1 sh -c "echo e >&2; echo {}; echo e >&2" 2>/dev/full ::: 1 2'
is "a stderr that takes nothing costs no output" "$code $(tr '\n' ' ' <out)" "0 1 2 "
run sh -c 'ulimit -S -f 20; "$HAYFORK" exec --line-buffer -j 1 sh -c "ulimit -S -f unlimited; cat long" _ ::: a'
is "a file at its limit" "$code $(cat err) $(wc -c <out)" "74 hayfork exec: cannot write to standard output: File too large 10240"
{ yes | $limit "$HAYFORK" exec --line-buffer sh -c '/bin/echo $0; true' 2>err; echo $? >code; } | head -n 1 >first
is "| head -1" "$(cat code) $(wc -l <first)" "141 1"
{ $limit "$HAYFORK" exec -j 2 --line-buffer yes ::: a b 2>err; echo $? >code; } | head -n 1 >first
is "| head -1 of a command without end" "$(cat code) $(wc -l <first)" "141 1"

refused()
{
    wanted=$1
    shift
    lines "$@" </dev/null
    is "refused: $*" "$code $(grep -c -e "$wanted" err)" "2 1"
}
refused "line-buffer is for lines that are printed at once" -k true
refused "line-buffer is for lines that are printed at once" -u true
refused "line-buffer is for lines that are printed at once" --json true
refused "line-buffer is for lines that are printed at once" --max-output 1M true
call()
{
    run "$HAYFORK" call exec.run "{\"argv\":[\"true\"],$1}"
    is "exec.run: $1" "$code $(grep -c "$2" err)" "1 1"
}
call '"line_lock":9' '"line_lock" has to be the number of an open descriptor'
run sh -c '"$HAYFORK" call --inline exec.run "{\"argv\":[\"true\"],\"output_fds\":[3,4],\"line_lock\":\"5\"}" 3>&1 4>&2 5>lock'
is "exec.run: a line_lock that is no number" "$code $(grep -c '"line_lock" has to be the number of an open descriptor' err)" "1 1"
run sh -c '"$HAYFORK" call --inline exec.run "{\"argv\":[\"true\"],\"line_lock\":5}" 5>lock'
is "exec.run: a line_lock alone" "$code $(grep -c '"line_lock" is for "output_fds"' err)" "1 1"
for limited in 'ulimit -S -f unlimited; exec 3>&-; exec 3>gone' 'ulimit -S -f 1; exec 3>small'; do
    mkfifo gone
    head -c 1 gone >/dev/null &
    run sh -c "$limited"' 4>&2 5>lock; "$HAYFORK" call --inline exec.run "{\"argv\":[\"yes\"],\"output_fds\":[3,4],\"line_lock\":5}"'
    is "a program that runs it itself is not killed: $limited" "$code $(grep -c '"signal":13,.*"unwritten":' out)" "0 1"
    kill $! 2>/dev/null
    wait
    rm gone
done
done_testing
