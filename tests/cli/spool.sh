#!/bin/sh
# SPDX-License-Identifier: MIT
# hayfork exec: output that is too long for memory waits on disk, comes out whole and in one piece, and leaves nothing behind.
. "${top_srcdir:?}/tests/cli/lib.sh"

mkdir tmp
TMPDIR=$PWD/tmp
export TMPDIR
left()
{
    find tmp -mindepth 1 | wc -l
}

seq 1500000 >big # 10 MB
cat big big big big >wanted
run "$HAYFORK" exec -j 2 --shell 'cat big; : {}' ::: 1 2 3 4
is "long output, whole" "$code $(cmp out wanted) $(left)" "0  0"
{ cat big; echo 2; cat big; echo 4; } >wanted
run "$HAYFORK" exec -j 2 -k --shell 'test {} = 2 -o {} = 4 && echo {} || { sleep 0.2; cat big; }' ::: 1 2 3 4
is "-k" "$code $(cmp out wanted) $(left)" "0  0"
run "$HAYFORK" exec -k --inline --shell 'test {} = 2 -o {} = 4 && echo {} || cat big' ::: 1 2 3 4
is "--inline" "$code $(cmp out wanted) $(left)" "0  0"

# The last of what is let in goes out in the turn in which no more was: that makes room for the next.
for window in 1 16; do
    for how in --inline -j1; do
        run "$HAYFORK" exec $how -k --order-window $window --shell 'test $(({} % 20)) = 1 && head -c 200000 /dev/zero; echo {}' \
            ::: $(seq 100)
        is "$how --order-window $window goes on" "$code $(wc -c <out)" "0 1000292"
    done
done

# While one goes out to a slow reader, others come: long and short, and what they say on stderr. Here both go the same way.
cat >job <<'END'
case $1 in
*[05]) sed "s/^/$1 /" big ;;
*) echo "$1 short" ;;
esac
echo "$1 end" >&2
END
$limit "$HAYFORK" exec -j 3 -k sh job ::: 0 1 2 3 4 5 6 7 8 9 10 2>&1 | { sleep 0.3; cat; } >out
awk '{ print $1 }' out | uniq | tr '\n' ' ' >groups
is "a slow reader: each in one piece" "$(cat groups) $(wc -l <out) $(left)" "0 1 2 3 4 5 6 7 8 9 10  4500019 0"
$limit "$HAYFORK" exec -j 3 sh job ::: 0 1 2 3 4 5 6 7 8 9 10 2>&1 | { sleep 0.3; cat; } >out
awk '{ print $1 }' out | uniq | sort -n | tr '\n' ' ' >groups
is "also in any order" "$(cat groups) $(wc -l <out) $(left)" "0 1 2 3 4 5 6 7 8 9 10  4500019 0"
ok "stderr comes last" awk '$2 == "end" { ended[$1] = 1; next } ended[$1] { exit 1 }' out

# A stderr that is not read holds nothing up where it goes another way.
has_size()
{
    [ "$(wc -c <"$1")" = "$2" ]
}
{ $limit "$HAYFORK" exec -k --shell 'cat big; head -c 200000 /dev/zero >&2; : {}' ::: 1 2 3 2>&3 3>&- | cat >out 3>&-; } 3>&1 | {
    until_true has_size out $((3 * $(wc -c <big)))
    echo $? >code
    wc -c >count
}
is "stderr is not read until all of stdout is" "$(cat code count) $(left)" "0${newline}600000 0"

sed 's/^/a	/' big >wanted
run "$HAYFORK" exec --tag --shell 'cat big; cat big >&2; printf last >&2' ::: a
is "--tag" "$code $(cmp out wanted) $(tail -n 1 err | tr '\t' '|') $(grep -vc '^a	' err)" "0  a|last 0"
printf 'a	last' >>wanted
ok "and on stderr" cmp err wanted
head -c 20000 /dev/zero | tr '\0' t >tag
run "$HAYFORK" exec --tag -a tag --shell 'seq 30000; : {}'
is "a long tag" "$code $(wc -c <out) $(cut -f 2 out | md5sum)" "0 600198894 $(seq 30000 | md5sum)"
rm -f out tag
run "$HAYFORK" exec --shell 'head -c 100000 /dev/zero | tr "\0" x >&2; kill -9 $$; : {}' ::: a
is "a notice has a line of its own" "$code $(sed -n '1p' err | wc -c) $(sed -n 2p err | cut -d: -f 1,2)" \
    "1 100001 hayfork exec: killed by signal 9 (SIGKILL)"

run "$HAYFORK" exec --max-output 2M --shell 'cat big; : {}' ::: a b
is "cut at --max-output" "$code $(wc -c <out) $(grep -c 'it printed more than --max-output' err) $(left)" "1 4194304 2 0"
run "$HAYFORK" exec -j 1 --retries 2 --retry-delay 1ms --shell 'cat big; date +%s%N; echo x >>tries; exit 3; : {}' ::: a
is "the last of its attempts" "$code $(wc -l <out) $(wc -l <tries) $(left)" "1 1500001 3 0"
rm -f tries
run "$HAYFORK" exec -j 1 --retries 1 --retry-delay 1ms \
    --shell 'test -e tried && echo short || { touch tried; cat big; kill -9 $PPID; sleep 60; }; : {}' ::: a
is "a worker that died has left a file" "$code $(cat out) $(left)" "0 short 0"
run "$HAYFORK" exec -j 1 --crash-retries 0 --shell 'cat big; kill -9 $PPID; sleep 60; : {}' ::: a
is "and one that is not tried again" "$code $(wc -c <out) $(grep -c 'its worker was lost' err) $(left)" "1 0 1 0"
run "$HAYFORK" exec -j 1 --timeout 1s --shell 'cat big; exec sleep 60; : {}' ::: a
is "what it printed until its timeout" "$code $(cmp out big) $(left)" "1  0"
run "$HAYFORK" exec --limit fsize=1M --shell 'cat big; : {}' ::: a
is "--limit fsize is for what is kept of it" "$code $(sed 's|/.*out||; s/: cat.*//' err) $(left)" \
    "1 hayfork exec: cannot keep what it printed in : File too large 0"

run "$HAYFORK" exec -j 1 --timeout 30s --shell 'cat big
    [ {} != 7 ] || until [ $(ls tmp/*/ | wc -l) -le 3 ]; do sleep 0.02; done' ::: 1 2 3 4 5 6 7
is "what is written out takes no room any more" "$code $(wc -c <out)" "0 $((7 * $(wc -c <big)))"

# Where a run ends early.
{ $limit "$HAYFORK" exec -j 2 cat ::: big big big big 2>err; echo $? >code; } | head -n 1 >first
is "| head -1" "$(cat code first err) $(left)" "141${newline}1 0"
run sh -c '"$HAYFORK" exec -j 2 cat ::: big big big >/dev/full'
is "disk full" "$code $(cat err) $(left)" "74 hayfork exec: cannot write to standard output: No space left on device 0"
sh -c 'echo $$ >pid; exec "$HAYFORK" exec -j 2 --grace 100ms --shell "cat big; touch begun; sleep 60; : {}" ::: a b' >out 2>err &
ok "a signal: it began" until_true test -e begun
kill -TERM "$(cat pid)"
wait $!
is "its folder goes" "$? $(left)" "143 0"
rm -f begun
sh -c 'echo $$ >pid; exec "$HAYFORK" exec -j 1 --shell "cat big; touch begun; trap \"\" TERM; sleep 60; : {}" ::: a b' >out 2>err &
ok "two signals: it began" until_true test -e begun
kill -TERM "$(cat pid)"
ok "the first is heard" until_true grep -q 'no more jobs are started' err
kill -TERM "$(cat pid)"
wait $!
is "and with the second the folder goes too" "$? $(left)" "143 0"

# What a killed run has left goes with the next, but nothing of a run that lives, nor what only looks like it. Folders in one
# that is shared by a group have its setgid bit too.
chmod g+s tmp
rm -f begun
sh -c 'echo $$ >pid; exec "$HAYFORK" exec -j 1 --shell "cat big; echo \$PPID >worker; touch begun; sleep 60; : {}" ::: a' >/dev/null 2>err &
ok "a run that is killed: it began" until_true test -e begun
kill -9 "$(cat pid)"
wait $!
is "its folder stays, with what it had" "$? $(left)" "137 2"
ok "its worker goes" until_true test ! -e "/proc/$(cat worker)"
mkfifo go
sh -c 'exec "$HAYFORK" exec -j 1 --shell "cat big; touch lives; read x <go; : {}" ::: a' >lived 2>err &
ok "the next one removes it" until_true test -e lives
is "and has its own" "$(left)" 2
mkdir -m 700 tmp/hayfork-output.mine00 tmp/hayfork-output.mine tmp/hayfork-other.mine00
mkdir -m 755 tmp/hayfork-output.open00
touch tmp/hayfork-output.mine00/notes tmp/hayfork-output.mine00/1.out tmp/hayfork-output.open00/1.out
ln -s "$PWD/tmp/hayfork-output.open00" tmp/hayfork-output.link00
run "$HAYFORK" exec --shell 'cat big; : {}' ::: a
is "beside a run that lives" "$code $(cmp out big)" "0 "
: >go
wait $!
is "which loses nothing" "$? $(cmp lived big)" "0 "
is "and what is not surely ours is left alone" "$(find tmp -mindepth 1 | sed 's/.*hayfork-//' | sort | tr '\n' ' ')" \
    "other.mine00 output.link00 output.mine output.mine00 output.mine00/notes output.open00 output.open00/1.out "
rm -rf tmp/hayfork-*

# Where there is no folder, or no room in it.
TMPDIR=$PWD/none run "$HAYFORK" exec --shell 'cat big; : {}' ::: a
is "no TMPDIR: in memory" "$code $(cmp out big)" "0 "
TMPDIR=$PWD/none run "$HAYFORK" exec --shell 'head -c 70000000 /dev/zero; : {}' ::: a
is "but not everything" "$code $(wc -c <out) $(cut -d: -f 2,3 err)" \
    "1 67108864  its output was cut: it printed more than is kept without a folder for it in TMPDIR"
rm -f out
mkdir relative
TMPDIR=relative run "$HAYFORK" exec --shell 'cat big; : {}' ::: a
is "a relative TMPDIR" "$code $(cmp out big) $(find relative -mindepth 1 | wc -l)" "0  0"
mkdir 'a "\ b'
TMPDIR=$PWD/'a "\ b' run "$HAYFORK" exec --shell 'cat big; : {}' ::: a
is "any name" "$code $(cmp out big)" "0 "
odd=$(printf 'a\377b')
mkdir "$odd"
TMPDIR=$PWD/$odd run "$HAYFORK" exec --shell 'cat big; : {}' ::: a
is "but what is no UTF-8 cannot be told to a worker: in memory" "$code $(cmp out big) $(find "$odd" -mindepth 1 | wc -l)" "0  0"
if mkdir full && unshare -m true 2>/dev/null; then
    run unshare -m sh -c 'mount -t tmpfs -o size=12m none full && TMPDIR=$PWD/full && export TMPDIR &&
        "$HAYFORK" exec -j 1 -k head -c {} /dev/zero ::: 1000000 20000000 1000001 && exit 9
        code=$?; find full -mindepth 1 | wc -l; exit $code'
    is "a full disk costs what was too long" \
        "$code $(wc -c <out) $(tr -d '\0' <out) $(grep -c '2.out: No space left on device' err)" "1 2000003 0 1"
else
    skip "a full disk costs what was too long" "no file system can be mounted here"
fi

# Memory: of the master and of a worker, that is of who asks and of the parent of a command.
if [ "${HAY_SANITIZED:-}" ]; then
    skip "memory is bounded" "a sanitizer takes its own"
else
    cat big big big big big big >bigger
    run "$HAYFORK" exec -j 2 --shell 'cat {}; master=$(sed -n "s/^PPid:[^0-9]*//p" /proc/$PPID/status)
        grep -h VmHWM /proc/$PPID/status /proc/$master/status >>peaks' ::: bigger bigger bigger bigger
    is "memory is bounded" "$code $(wc -c <out) $(awk '$2 < 16384' peaks | wc -l)" "0 $((4 * $(wc -c <bigger))) 8"
    # Something waits behind the slow reader all the time; the last job looks.
    head -c 60000 big >less
    $limit "$HAYFORK" exec -j 2 --shell 'cat less; echo {} >&2; [ {} != 600 ] ||
        sed -n "s/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p" "/proc/$(sed -n "s/^PPid:[^0-9]*//p" /proc/$PPID/status)/status" >peak' \
        ::: $(seq 600) 2>&1 | while dd bs=64k count=1 2>/dev/null >part && [ -s part ]; do
            wc -c <part
            sleep 0.002
        done | awk '{ size += $1 } END { print size }' >out
    is "also behind a slow reader" "$(cat out) $(($(cat peak) < 16384))" "$((600 * 60000 + $(seq 600 | wc -c))) 1"
fi
rm -f out bigger less part

# What a worker says of its files is believed only where it is so.
lie()
{
    HAYFORK_PLUGIN_PATH=$top_builddir/tests/support/liar/.libs run "$HAYFORK" exec "$@"
}
told='{"exit":0,"signal":null,"stdout":6,"stderr":""}'
lie {} 'echo hello >$SPOOL.out' ::: "$told"
is "a file of the size that was told" "$code $(cat out) $(left)" "0 hello 0"
for script in : 'echo hell >$SPOOL.out' 'echo hello >x; ln -s "$PWD/x" $SPOOL.out' 'mkfifo $SPOOL.out' 'mkdir $SPOOL.out' \
    'echo hello >$SPOOL.err'; do
    lie {} "$script" ::: "$told"
    is "a lie: $script" "$code $(cat out) $(sed 's/ it should not: .*//' err) $(left)" "1  hayfork exec: exec.run returned what 0"
done
lie {} 'echo hello >$SPOOL.out' ::: '{"exit":0,"signal":null,"stdout":-6,"stderr":""}'
is "a lie: a size below none" "$code $(wc -c <out)" "1 0"
lie {} : ::: '{"exit":0,"signal":9,"stdout":"","stderr":""}'
is "a lie: an exit and a signal" "$code $(grep -c 'exec.run returned what it should not' err)" "1 1"
lie --max-output 100K {} 'truncate -s 100K $SPOOL.out' ::: '{"exit":0,"signal":null,"stdout":102400,"stderr":""}'
is "a file of --max-output" "$code $(wc -c <out)" "0 102400"
lie --max-output 100K {} 'truncate -s 102401 $SPOOL.out' ::: '{"exit":0,"signal":null,"stdout":102401,"stderr":""}'
is "a lie: more than --max-output" "$code $(wc -c <out)" "1 0"
# More than may wait, but it does not.
cat >job <<'END'
case $SPOOL in
*/1) truncate -s 2G "$SPOOL.out" ;;
*/2) until grep -q '^1	' log && [ -e last ]; do sleep 0.01; done ;;
*/9) : >last ;;
esac
END
lie -j 2 --timeout 30s --joblog log {} 'sh ./job' ::: "$(echo "$told" | sed 's/6/2147483648/; s/""/7/')" $(seq 8 | sed 's/.*/{"exit":0,"signal":null,"stdout":"","stderr":""}/')
is "a lie does not count as what waits" "$code $(grep -c . err)" "1 1"
# And what has gone out waits no more: after that, two jobs run at a time as before.
cat >job <<'END'
case $SPOOL in
*/1) truncate -s 1025M "$SPOOL.out" ;;
*) : >"began.${SPOOL##*/}" && until [ -e began.2 ] && [ -e began.3 ]; do sleep 0.01; done ;;
esac
END
HAYFORK_PLUGIN_PATH=$top_builddir/tests/support/liar/.libs $limit "$HAYFORK" exec -j 2 --timeout 30s --max-output 2G {} \
    'sh ./job' ::: '{"exit":0,"signal":null,"stdout":1074790400,"stderr":""}' '{"exit":0,"signal":null,"stdout":"Mgo=","stderr":""}' \
    '{"exit":0,"signal":null,"stdout":"Mwo=","stderr":""}' 2>err | tail -c 4 | tr -d '\0' | sort >out
is "what has gone out does not count as what waits" "$(tr '\n' ' ' <out) $(cat err)" "2 3  "
# What is told is swapped for something else while it waits for its turn.
cat >job <<'END'
folder=${SPOOL%/*}
case $SPOOL in
*/1)
    until grep -q '^2	' log; do sleep 0.01; done
    rm -f "$folder/2.out"
    eval "$SWAP"
    ;;
*/2) echo hello >"$SPOOL.out" ;;
esac
END
for SWAP in : 'echo hell >$folder/2.out' 'ln -s "$PWD/x" $folder/2.out' \
    'mkfifo $folder/2.out; { sleep 60 & } <>$folder/2.out'; do
    export SWAP
    rm -f log
    lie -j 2 -k --joblog log {} 'sh ./job' ::: '{"exit":0,"signal":null,"stdout":"MQo=","stderr":""}' "$told" \
        '{"exit":0,"signal":null,"stdout":"Mwo=","stderr":""}'
    is "swapped: $SWAP" "$code $(tr '\n' ' ' <out) $(sed 's/again: .*/again/' err) $(left)" \
        "74 1 3  hayfork exec: what command 2 has printed cannot be read again 0"
done
lie --json {} 'echo hello >$SPOOL.out' ::: "$told"
is "a lie: a file where none is asked for" "$code $(grep -c 'returned what it should not' out)" "1 1"

# Of each result that is written out its files are closed.
run sh -c 'ulimit -n 100 && exec "$HAYFORK" exec -j2 sh -c "head -c 100000 /dev/zero" ::: $(seq 1 120)'
is "more results with a file than there may be open ones" "$code $(wc -c <out | tr -d ' ') $(cat err)" "0 12000000 "
done_testing
