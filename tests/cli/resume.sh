#!/bin/sh
# SPDX-License-Identifier: MIT
# The results file as the journal of a run: --resume, --resume-changed, --retry-failed, --sync, and every way in which they can
# be refused.
. "${top_srcdir:?}/tests/cli/lib.sh"

seq 1 100 | sed 's/.*/{"id":&,"fn":"demo.add","args":{"a":&,"b":7}}/' >jobs

# numbers FILE : the seqs in it, sorted
numbers()
{
    sed 's/.*"seq":\([0-9]*\),"key":"[0-9a-f]\{16\}"[,}].*/\1/' "$1" | sort -n
}

run "$HAYFORK" run -p demo -o results jobs
is "each line has its place and a key" "$code $(numbers results)" "0 $(seq 1 100)"
cp results whole
run "$HAYFORK" run -p demo -o results --resume jobs
is "nothing is left to do" "$code $(cmp results whole) $(cat out err)" "0  "
run "$HAYFORK" run -p demo -o new --resume jobs
is "--resume with no file yet begins one" "$code $(wc -l <new)" "0 100"
: >empty
run "$HAYFORK" run -p demo -o empty --resume jobs
is "or with an empty one" "$code $(wc -l <empty)" "0 100"
head -n 40 whole >results
run "$HAYFORK" run -p demo -o results --resume jobs
is "the rest is run" "$code $(head -n 40 results | cmp - whole -n "$(head -n 40 whole | wc -c)") $(numbers results)" \
    "0  $(seq 1 100)"
head -n 40 whole >results
run sh -c '"$HAYFORK" run -p demo -o results --resume <jobs'
is "also from stdin" "$code $(numbers results)" "0 $(seq 1 100)"
head -n 40 whole >results
run "$HAYFORK" run -p demo -o results --resume --keep-order jobs
tail -n 60 results | sed 's/.*"seq":\([0-9]*\).*/\1/' >order
is "also in order" "$code $(wc -l <order) $(sort -n order | cmp - order)" "0 60 "
{ echo '{"id":1,"fn":"demo.sleep","args":{"ms":100}}'; sed 1d jobs; } >slow
grep -v '"seq":1,' whole >results
run "$HAYFORK" run -j2 -p demo -o results --resume-changed --keep-order slow
is "also where the first of all is the last to end" "$code $(wc -l <results) $(sed -n '$s/.*"seq":\([0-9]*\).*/\1/p' results)" "0 100 1"
head -n 40 whole >results
run "$HAYFORK" run --inline -p demo -o results --resume jobs
is "also --inline" "$code $(numbers results)" "0 $(seq 1 100)"
head -n 40 whole >results
run "$HAYFORK" run -p demo -o results --resume --dry-run jobs
is "--dry-run shows the rest" "$code $(wc -l <out) $(wc -l <results)" "0 60 40"
{ head -n 40 whole; printf '{"id":41,"sta'; } >results
run "$HAYFORK" run -p demo -o results --resume --dry-run jobs
is "and leaves a torn line as it is" "$code $(wc -l <out) $(cat err) $(tail -n 1 results)" '0 60  {"id":41,"sta'

# Torn lines.
for bytes in 1 2 7 20 68; do
    { head -n 40 whole; sed -n 41p whole | head -c $bytes; } >results
    run "$HAYFORK" run -p demo -o results --resume jobs
    is "a last line torn after $bytes bytes is cut" "$code $(cat err) $(numbers results)" \
        "0 hayfork run: 'results' ended in the middle of a line: cut off $(seq 1 100)"
done
{ head -n 40 whole; printf '{"id":1,"sta'; } >results
run "$HAYFORK" run -p demo -o results jobs
is "also without --resume" "$code $(tail -n 1 err) $(wc -l <results)" \
    "0 hayfork run: 'results' ended in the middle of a line: cut off 140"
is "and results that are there are pointed at" "$(sed -n 1p err)" \
    "hayfork run: 'results' has results already and gets more; --resume would skip what is done"
{ cat whole; printf 'a note'; } >results
cp results before
run "$HAYFORK" run -p demo -o results jobs
is "what is not ours is not cut" "$code $(cat err) $(cmp results before)" \
    "65 hayfork run: 'results' does not end with a whole line, and it is none of a run with -o "
head -c 100 /dev/zero >results
run "$HAYFORK" run -p demo -o results --resume jobs
is "bytes that a power cut left unwritten are" "$code $(numbers results)" "0 $(seq 1 100)"

# Appending.
cp whole results
run "$HAYFORK" run -p demo -o results jobs
is "-o appends" "$code $(head -n 100 results | cmp - whole) $(wc -l <results)" "0  200"
run "$HAYFORK" results results
is "and the newest result of each is what counts" "$code $(numbers out)" "0 $(seq 1 100)"

# What is not ok.
cat >mixed <<'EOF'
{"id":"a","fn":"demo.noop"}
{"id":"b","fn":"demo.fail","args":{"message":"m"}}

no json
{"id":"c","fn":"nosuch.f"}
{"id":"d","fn":"demo.noop"}
EOF
run "$HAYFORK" run -p demo -o results.mixed mixed
is "all kinds of lines have a place" "$code $(numbers results.mixed)" "1 $(seq 1 5)"
cp results.mixed before
run "$HAYFORK" run -p demo -o results.mixed --resume mixed
is "--resume runs none of them again, and still says that not all is ok" "$code $(cmp results.mixed before) $(cat out err)" \
    "1  hayfork run: 3 jobs did not end ok before; --retry-failed runs them again"
run "$HAYFORK" run -p demo -o results.mixed --retry-failed mixed
is "--retry-failed runs what is not ok" "$code $(tail -n +6 results.mixed | numbers /dev/stdin)" "1 $(printf '2\n3\n4')"
{ head -n 2 before; sed -e 1,2d -e 's/"status":"[a-z]*"/"status":"skipped"/' before; } >results.mixed
run "$HAYFORK" run -p demo -o results.mixed --resume mixed
is "skipped jobs are not done" "$code $(wc -l <results.mixed)" "1 8"
sed 's/"status":"[a-z]*"/"status":"cancelled"/' before >results.mixed
run "$HAYFORK" run -p demo -o results.mixed --resume mixed
is "nor are cancelled ones" "$code $(wc -l <results.mixed)" "1 10"
printf '%s\n' '{"id":1,"fn":"text.count","args":{"path":"later"}}' '{"id":2,"fn":"text.count","args":{"path":"jobs"}}' >count
run "$HAYFORK" run -p text -o results.count count
echo now >later
run "$HAYFORK" run -p text -o results.count --retry-failed count
is "a retry that passes" "$code $(wc -l <results.count) $("$HAYFORK" results results.count | grep -c '"status":"ok"')" "0 3 2"

# The input is not what it was.
sed '7s/"b":7/"b":8/' jobs >changed
cp whole results
run "$HAYFORK" run -p demo -o results --resume changed
is "a line that changed is refused" "$code $(cmp results whole) $(cat err)" \
    "65  hayfork run: 'changed' line 7 is not the one whose result is in 'results'; --resume-changed runs such lines again"
run sh -c '"$HAYFORK" run -p demo -o results --resume <changed'
is "on stdin too" "$code $(cat err)" \
    "65 hayfork run: standard input line 7 is not the one whose result is in 'results'; --resume-changed runs such lines again"
run "$HAYFORK" run -p demo -o results --resume-changed changed
is "--resume-changed runs it" "$code $(wc -l <results) $(tail -n 1 results | sed 's/,"key.*//')" \
    '0 101 {"id":7,"status":"ok","result":15,"seq":7'
run "$HAYFORK" run -p demo -o results --resume changed
is "and then it is what it was" "$code $(wc -l <results)" "0 101"
cp whole results
head -n 50 jobs >shorter
run "$HAYFORK" run -p demo -o results --resume shorter
is "an input that is too short" "$code $(cmp results whole) $(cat err)" \
    "65  hayfork run: the input has 50 jobs, but 'results' has a result of job 100: it is not the input of these results"
head -n 1 jobs >shorter
run "$HAYFORK" run -p demo -o results --resume shorter
is "of one job too" "$(grep -c 'the input has 1 job, but' err)" 1
{ cat jobs; echo '{"id":101,"fn":"demo.noop"}'; } >longer
run "$HAYFORK" run -p demo -o results --resume longer
is "one that has grown is fine" "$code $(wc -l <results)" "0 101"
sed 's/$/\r/' jobs >dos
{ printf '\357\273\277'; sed 's/^/\n \t\n/' jobs; } >blanks
for same in dos blanks; do
    cp whole results
    run "$HAYFORK" run -p demo -o results --resume $same
    is "line ends, blank lines and a BOM are no change: $same" "$code $(cmp results whole) $(cat err)" "0  "
done
sed 's/"fn":"demo.add",//' jobs >bare
rm -f results
run "$HAYFORK" run -f demo.add -o results bare
cp results before
run "$HAYFORK" run -f demo.add -o results --resume bare
is "the function may come from -f" "$code $(cmp results before)" "0 "
run "$HAYFORK" run -f demo.echo -o results --resume bare
is "another -f is another job" "$code $(cmp results before) $(wc -l <err)" "65  1"
cp whole results
run "$HAYFORK" run -f demo.echo -o results --resume jobs
is "but not where the lines name their function" "$code $(cmp results whole)" "0 "

# Lines over 16 MiB.
{
    head -n 1 jobs
    awk 'BEGIN { s = "x"; while (length(s) < 17000000) s = s s; printf "{\"id\":2,\"args\":\"%s\"}\n", s }'
    sed -n 3p jobs
} >wide
rm -f results
run "$HAYFORK" run -p demo -o results wide
is "a line that is too long has its place" "$code $(numbers results)" "1 $(seq 1 3)"
cp results before
run "$HAYFORK" run -p demo -o results --resume wide
is "and is known again" "$code $(cmp results before) $(wc -l <err)" "1  1"

# Files that are none of ours.
foreign()
{
    cp results before
    run "$HAYFORK" run -p demo -o results --resume jobs
    is "refused: $1" "$code $(cmp results before) $(cat err)" "65  hayfork run: 'results' is not the results of a run with -o: $2"
}
echo hello >results
foreign "text" "line 1: not an object"
printf hello >results
foreign "text with no end" "line 1: not a result line"
cp jobs results
foreign "the jobs themselves" 'line 1: no "status"'
{ head -n 5 whole; echo; sed 1,5d whole; } >results
foreign "an empty line" "line 6: unexpected end of line"
"$HAYFORK" run -p demo jobs >results
foreign "results without places" 'line 1: it has no "seq"'
{ head -n 5 whole; sed -n 6p whole | sed 's/"seq":[0-9]*/"seq":0/'; } >results
foreign "a place that is none" 'line 6: its "seq" is no place in an input'
{ head -n 5 whole; sed -n 6p whole | sed 's/"seq":[0-9]*/"seq":9000000000000000000/'; } >results
foreign "a place beyond any" 'line 6: its "seq" is no place in an input'
head -c 3000000 /dev/zero | tr '\0' x >results
foreign "one long line" "line 1: not a result line"

# Outputs that are no files.
run "$HAYFORK" run -p demo -o /dev/null --resume jobs
is "no journal in a device" "$code $(sed -n 1p err)" \
    "2 hayfork run: '/dev/null' is not a regular file: there is nothing to go on with"
mkfifo pipe
for more in --resume --retry-failed '--resume --dry-run'; do
    # shellcheck disable=SC2086 # of words
    run timeout 30 "$HAYFORK" run -p demo -o pipe $more jobs
    is "nor in a pipe, which is not waited for: $more" "$code $(sed -n 1p err)" \
        "2 hayfork run: 'pipe' is not a regular file: there is nothing to go on with"
done
cat pipe >piped &
run "$HAYFORK" run -p demo -o pipe jobs
wait
is "results into a pipe have no key" "$code $(wc -l <piped) $(grep -c key piped)" "0 100 0"
# What begins with a NUL, or has more behind one, is no torn line of ours, whatever there is no newline in.
printf '\0precious' >precious
printf '{\0precious' >precious2
head -c 100000 /dev/zero >precious3
printf '{"id":1,"status":"ok","result":1,"seq":1,"key":"0000000000000001"}\n\0\0precious' >precious4
{ printf '{"id":1,"status":"ok","result":1,"seq":1,"key":"0000000000000001"}\n{"id":2,"sta'; head -c 9000 /dev/zero
    printf precious; } >precious5
for file in precious precious2 precious3 precious4 precious5; do
    cp $file kept
    for option in '' --resume; do
        [ "$file$option" != precious3--resume ] || continue # a power cut may leave that
        # shellcheck disable=SC2086 # a word or none
        run "$HAYFORK" run -p demo -o $file $option count
        is "$file $option is refused and left alone" "$code $(cmp $file kept && echo same)" "65 same"
    done
done
printf '{"id":1,"status":"ok","result":1,"seq":1099511627775,"key":"0000000000000001"}\n' >far
run "$HAYFORK" run -p demo -o far --resume count
is "a seq beyond all memory is refused with its line" "$code $(grep -c 'line 1: there is no memory for so many jobs' err)" "65 1"

for option in --resume --resume-changed --retry-failed '--sync always'; do
    run "$HAYFORK" run -p demo $option jobs
    is "$option needs -o" "$code $(sed -n 1p err)" "2 hayfork run: ${option% *} needs -o FILE"
done
run "$HAYFORK" run -p demo -o - --resume jobs
is "and stdout is none" "$code" 2
run "$HAYFORK" run -p demo -o results --sync often jobs
is "--sync knows three words" "$code $(sed -n 1p err)" \
    "2 hayfork run: --sync needs one of none, interval and always, not 'often'"
for level in none interval always; do
    rm -f results
    run "$HAYFORK" run -p demo -o results --sync $level jobs
    is "--sync $level" "$code $(numbers results)" "0 $(seq 1 100)"
done

# One run at a time.
mkfifo held
"$HAYFORK" run -p demo -o results --resume <held >out.first 2>err.first &
first=$!
exec 9>held
until_true grep -q "$(stat -c '%i ' results)" /proc/locks
run "$HAYFORK" run -p demo -o results --resume jobs
is "a file that is in use" "$code $(cat err)" "74 hayfork run: 'results' is in use: another run writes its results there"
run "$HAYFORK" results results
is "can be looked at" "$code $(wc -l <out)" "0 100"
cat jobs >&9
exec 9>&-
wait $first
is "and the first run is not disturbed" "$? $(cat err.first) $(wc -l <results)" "0  100"
: >locked
echo '{"fn":"demo.sleep","args":{"ms":60000}}' | "$HAYFORK" run -j 1 --meta -p demo -o locked &
first=$!
until_true grep -q "$(stat -c '%i ' locked)" /proc/locks
until_true has_children $first 1
# The lock goes with the last descriptor of the file, and a worker may outlive its master for a moment.
holds() { ls -l "/proc/$1/fd" 2>/dev/null | grep -q '/locked$'; }
worker=$(children $first | head -n 1)
lets_go() { [ -d "/proc/$worker/fd" ] && ! holds "$worker"; }
ok "the master has the file open" holds $first
ok "and its worker has not" until_true lets_go
kill -9 $first
wait $first 2>/dev/null
run "$HAYFORK" run -p demo -o locked --resume /dev/null
is "a run that was killed holds no lock" "$code $(cat err)" "0 "
# A last line without an end that no run has written is not cut off.
printf '{"id":1,"name":"mine"}\n{"id":2,"name":"mine too, no line end"}' >mine
printf '{"id":2,"name":"my only line"}' >only
cp mine mine.kept
cp only only.kept
for file in mine only; do
    run "$HAYFORK" run -p demo -o $file jobs
    is "-o on a file that is not ours: $file" "$code $(cmp $file $file.kept 2>&1)" "65 "
    run "$HAYFORK" run -p demo -o $file --resume jobs
    is "nor --resume: $file" "$code $(cmp $file $file.kept 2>&1)" "65 "
done

# What is skipped again has its line already; one that has changed gets its key.
printf '%s\n' '{"fn":"demo.fail","args":{"message":"x"}}' '{"fn":"demo.noop","after":[1]}' '{"fn":"demo.noop","after":[2]}' >chain
rm -f again
for i in 1 2 3; do
    run "$HAYFORK" run -p demo -o again --resume --summary chain
    is "skipped again, run $i" "$code $(wc -l <again) $(grep -c '2 skipped' err)" "1 3 1"
done
run "$HAYFORK" run -p demo -o again --retry-failed chain
is "also with what it waits for" "$code $(wc -l <again)" "1 4"
sed -i 's/"after":\[2\]/"args":1,&/' chain
run "$HAYFORK" run -p demo -o again --resume-changed chain
is "a changed one" "$code $(wc -l <again)" "1 5"
run "$HAYFORK" run -p demo -o again -k --resume chain
is "is what it was from then on" "$code $(wc -l <again)" "1 5"

done_testing
