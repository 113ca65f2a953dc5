#!/bin/sh
# SPDX-License-Identifier: MIT
# hayfork results: the newest result of each job, in the order of the input.
. "${top_srcdir:?}/tests/cli/lib.sh"

line()
{
    printf '{"id":%s,"status":"%s","result":%s,"seq":%s,"key":"0123456789abcdef"}\n' "$1" "$2" "$3" "$4"
}

{ line 3 ok 1 3; line 1 ok 1 1; line 3 ok 2 3; line 7 ok 1 7; line 2 ok 1 2; line 1 ok 3 1; } >results
run "$HAYFORK" results results
is "the newest for each, in order" "$code $(cat out)" "0 $(line 1 ok 3 1; line 2 ok 1 2; line 3 ok 2 3; line 7 ok 1 7)"
cp results before
printf '{"id":9,"status":"o' >>results
run "$HAYFORK" results results
is "a torn last line is left out" "$code $(wc -l <out) $(cat err)" \
    "0 4 hayfork results: 'results' ends in the middle of a line, which is left out"
is "and left in" "$(wc -c <results)" "$(($(wc -c <before) + 19))"
: >empty
run "$HAYFORK" results empty
is "no results are none" "$code $(wc -c <out) $(cat err)" "0 0 "

echo '{"fn":"demo.noop"}' >jobs
run "$HAYFORK" results jobs
is "a file of something else" "$code $(cat out err)" \
    "65 hayfork results: 'jobs' is not the results of a run with -o: line 1: no \"status\""
{ cat before; echo '{"status":"ok","result":1}'; } >mixed
run "$HAYFORK" results mixed
is "a line without its place" "$code $(cat out err)" \
    "65 hayfork results: 'mixed' is not the results of a run with -o: line 7: it has no \"seq\""
run "$HAYFORK" results nosuch
is "no such file" "$code $(cat err)" "65 hayfork results: cannot read 'nosuch': No such file or directory"
run "$HAYFORK" results .
is "a folder" "$code $(cat err)" "65 hayfork results: cannot read '.': Is a directory"
run "$HAYFORK" results /dev/null
is "not a regular file" "$code $(cat err)" "65 hayfork results: '/dev/null' is not a regular file, and it has to be read twice"
run "$HAYFORK" results
is "no file" "$code $(sed -n 1p err)" "2 hayfork results: which file? The one of hayfork run -o FILE"
run "$HAYFORK" results before before
is "two files" "$code" 2
run sh -c '"$HAYFORK" results before >/dev/full'
is "a full disk" "$code $(cat err)" "74 hayfork results: cannot write to standard output: No space left on device"

# What commands printed, as exec prints it.
seq 30 >lines
cat >job <<'END'
case $1 in
1) printf 'half' ;;
2) printf 'a\377b\303\251\001\n"\\\n' ;;
3) printf 'x\0y\n' ;;
4) test -e tried || { touch tried; echo first; exit 1; }; echo second ;;
5) echo out; exit 7 ;;
*) seq $1; echo "e $1" >&2 ;;
esac
END
run "$HAYFORK" exec -o journal -a lines sh job
is "results of commands" "$code $(wc -l <journal)" "1 30"
run "$HAYFORK" exec -o journal --retry-failed -a lines sh job
is "some tried again" "$code $(wc -l <journal)" "1 32"
run "$HAYFORK" results --plain journal
cp out plain.out
cp err plain.err
is "--plain" "$code" 0
run "$HAYFORK" exec -k -a lines sh job
sed 's/\o377/\xef\xbf\xbd/' out >wanted
ok "--plain: their output is that of exec -k, but for what is no text" cmp -s wanted plain.out
grep -v '^hayfork exec: exit 7' err >wanted
ok "--plain: and so are their errors" cmp -s wanted plain.err
for torn in '{"id":"a\",' '{"id":"a","st' '{"id":"a\\","status":"'; do
    { cat before; printf %s "$torn"; } >torn
    run "$HAYFORK" results torn
    is "torn within or behind a string: $torn" "$code $(wc -l <err)" "0 1"
done
for foreign in '{"id":"a"}' '{"id":"a\\"}'; do
    { cat before; printf %s "$foreign"; } >torn
    run "$HAYFORK" results torn
    is "not torn, but another's: $foreign" "$code" 65
done
run "$HAYFORK" results --plain before
is "--plain: results of other functions print nothing" "$code $(cat out err)" "0 "
run sh -c '"$HAYFORK" results --plain journal >/dev/full'
is "--plain: a full disk" "$code $(grep -v '^e ' err)" "74 hayfork results: cannot write to standard output: No space left on device"

# Against a plain way to the same: 20,000 jobs, three results each, in any order, lines of very different sizes.
awk 'BEGIN {
    srand(5)
    wide = "x"
    while (length(wide) < 20000) wide = wide wide
    for (round = 1; round <= 3; round++)
        for (i = 1; i <= 20000; i++)
            printf "%f\t{\"id\":%d,\"status\":\"ok\",\"result\":\"%d %s\",\"seq\":%d,\"key\":\"0123456789abcdef\"}\n",
                round + rand(), i, round, i % 997 ? substr(wide, 1, rand() * 30) : wide, i
}' | sort -n | cut -f 2- >large
awk -F '"seq":' '{ seq = $2 + 0; last[seq] = $0; if (seq > most) most = seq } END { for (i = 1; i <= most; i++) print last[i] }' \
    large >wanted
run "$HAYFORK" results large
is "60,000 lines in any order" "$code $(cmp out wanted)" "0 "

# A place far behind the others, of a file that is damaged.
{ line 1 ok 1 1; line 2 ok 1 500000000; line 3 ok 1 70000; line 4 error 1 500000001; line 5 ok 1 65535; line 6 ok 1 65536; } >far
run "$HAYFORK" results far
if [ "$code" -eq 70 ]; then
    skip "a place far behind the others" "no memory for so many places"
else
    is "a place far behind the others" "$code $(cat out)" "0 $(for i in 1 5 6 3 2 4; do sed -n ${i}p far; done)"
fi
done_testing
