#!/bin/sh
# SPDX-License-Identifier: MIT
# --joblog: rows as GNU parallel writes them, that GNU parallel itself continues from.
. "${top_srcdir:?}/tests/cli/lib.sh"

tab=$(printf '\t')
header="Seq${tab}Host${tab}Starttime${tab}JobRuntime${tab}Send${tab}Receive${tab}Exitval${tab}Signal${tab}Command"

jobs()
{
    printf '%s\n' "$@" >jobs
}

# ends: "seq exitval signal," of each row, by seq
ends()
{
    sed 1d log | sort -n | cut -f 1,7,8 | tr '\t\n' ' ,'
}

jobs '{"id":1,"fn":"demo.add","args":{"a":1,"b":2}}' '{"fn":"demo.fail","args":{"message":"m"}}' \
    '{"fn":"demo.sleep","args":{"ms":60000},"timeout":0.05}' '{"fn":"fault.act","args":"raise SEGV"}' \
    '{"fn":"fault.act","args":"exit 7"}' '{"fn":"fault.act","args":"exit 0"}' 'bad' '{"fn":"demo.noop"}'
run "$HAYFORK" run --crash-retries 0 -p demo -p fault --joblog log jobs
is "each outcome" "$code $(wc -l <out) $(ends)" "1 8 1 0 0,2 1 0,3 -1 15,4 0 11,5 7 0,6 1 0,7 1 0,8 0 0,"
is "the columns' names" "$(sed -n 1p log)" "$header"
is "a row as print_joblog() makes it" "$(sed -n 's/[0-9]\{10\}\.[0-9]\{3\}/T/; s/\t *[0-9]*\.[0-9]\{3\}\t/\tR\t/; /^1\t/p' log)" \
    "1${tab}:${tab}T${tab}R${tab}13${tab}1${tab}0${tab}0${tab}hayfork call demo.add '{\"a\":1,\"b\":2}'"
is "the run time is ten columns wide" "$(sed 1d log | cut -f 4 | grep -cv '^ *[0-9]*\.[0-9]\{3\}$') $(sed 1d log | cut -f 4 | awk '{print length}' | sort -u)" \
    "0 10"

# What parallel --resume-failed and --retry-failed test for.
is "every row is one that parallel accepts" "$(sed 1d log | grep -cvE '^[0-9]+	:	[0-9.]+	 *[0-9.]+	[0-9]+	[0-9]+	-?[0-9]+	[0-9]+	[^	]+$')" 0

# Nothing in a job can break its line or get out of its quotes.
printf '{"id":1,"fn":"demo.echo","args":[\t1,\t"it'"'"'s $(touch harmed) `touch harmed`\\n\\u0001\177",\r2]}\n' >jobs
run "$HAYFORK" run -p demo --joblog log jobs
is "white space and quotes in args" "$code $(wc -l <log) $(sed 1d log | awk -F '\t' '{print NF}')" "0 2 9"
sed 1d log | cut -f 9 >again
PATH=$scratch:$PATH
ln -s "$HAYFORK" hayfork
run sh again
is "the command does what the job did" "$code $(cat out) $(ls harmed 2>/dev/null)" \
    "0 [1,\"it's \$(touch harmed) \`touch harmed\`\\n\\u0001$(printf '\177')\",2] "

plugin=$(echo "$HAYFORK_PLUGIN_PATH" | tr ':' '\n' | while read -r folder; do ls "$folder"/demo.so; done 2>/dev/null | head -n 1)
mkdir "it's a folder"
cp "$plugin" "it's a folder/demo.so"
jobs '{"fn":"demo.add","args":{"a":1,"b":2}}'
run "$HAYFORK" run -p "./it's a folder/demo.so" --joblog log jobs
sed 1d log | cut -f 9 >again
HAYFORK_PLUGIN_PATH=/nowhere run sh again
is "a plugin that was named by a path" "$code $(cat out)" "0 3"

# Long args are cut, and the row still is one.
(printf '{"fn":"demo.noop","args":"'; head -c 300000 /dev/zero | tr '\0' "'"; echo '"}') >jobs
run "$HAYFORK" run -p demo --joblog log jobs
is "args of 300 kB" "$code $(wc -l <log) $(sed 1d log | cut -f 5) $(test $(wc -c <log) -lt 100000 && echo short)" "0 2 300002 short"

# A job that never ran has no row.
mkfifo in
"$HAYFORK" run -j 1 -p demo --joblog log <in >out 2>err &
pid=$!
exec 7>in
printf '{"fn":"demo.noop"}\n{"fn":"demo.sleep","args":{"ms":1000000}}\n{"fn":"demo.noop"}\n' >&7
until_true grep -q demo.noop log
until_true grep -q ok out
kill -TERM $pid
wait $pid 2>/dev/null
is "an interrupted run" "$? $(wc -l <out) $(sed 1d log | cut -f 1 | head -n 1) $(sed 1d log | grep -c '^3')" "143 3 1 0"
exec 7>&-

seq 1 20000 | sed 's/.*/{"id":&,"fn":"demo.noop"}/' >jobs
run "$HAYFORK" run -j 3 -p demo --joblog log jobs
is "each job once" "$code $(sed 1d log | cut -f 1 | sort -n | uniq | wc -l) $(wc -l <log)" "0 20000 20001"
run "$HAYFORK" run -p demo --joblog log /dev/null
is "no job: the columns' names, and the old rows are gone" "$code $(cat log)" "0 $header"

# As the results go elsewhere: one clear line each, before any job runs.
jobs '{"fn":"demo.noop"}'
for bad in /nowhere/log . ''; do
    run "$HAYFORK" run -p demo --joblog "$bad" jobs
    is "refused: --joblog '$bad'" "$((code == 2 || code == 74)) $(wc -c <out) $(grep -c '^hayfork run: ' err)" "1 0 1"
done
run "$HAYFORK" run -p demo --joblog jobs jobs
is "the joblog is not an input" "$code $(wc -c <out) $(cat jobs)" '2 0 {"fn":"demo.noop"}'
run "$HAYFORK" run -p demo -o both --joblog both jobs
is "nor the output" "$code $(sed -n 1p err)" "2 hayfork run: 'both' would be written twice"
printf '1\n2\n' >list
for option in --joblog --trace --stderr -o; do
    for lists in 'a b :::: list' ':::: list :::: /dev/null' 'a :::: -'; do
        run sh -c "exec \"\$HAYFORK\" exec $option list echo ::: $lists <list"
        [ "$code $(sed -n 1p err)|$(cat list)" = "2 hayfork exec: 'list' is an input, and would be written|1${newline}2" ] ||
            echo "# $option $lists: $code $(cat err)"
    done
done >bad
is "nor one of several lists" "$(cat bad)" ""
for option in --joblog --trace --stderr -o; do
    $limit "$HAYFORK" exec $option errors echo ::: 1 >out 2>errors
    echo "$? $(cat errors)"
done >got
is "nor standard error" "$(grep -c "^2 hayfork exec: 'errors' is standard error, and would be written twice" got) $(cat out)" "4 "
run sh -c '"$HAYFORK" exec --json -o - --summary echo ::: 1 2 >both 2>&1'
is "which may be where the results go" "$code $(grep -c '"ok"' both) $(grep -c '^hayfork exec: 2 jobs: 2 ok' both)" "0 2 1"
if [ -c /dev/full ]; then
    run "$HAYFORK" run -p demo --joblog /dev/full jobs
    is "a full disk stops the joblog and not the run" "$code $(grep -c ok out) $(grep -c '^hayfork run: cannot write' err) $(wc -l <err)" \
        "0 1 1 1"
fi
seq 1 200 | sed 's/.*/{"id":&,"fn":"demo.noop"}/' >jobs
bad=
for blocks in 1 2 3 4 5 6 7 8; do
    run sh -c "ulimit -f $blocks; exec \"\$HAYFORK\" run -p demo --joblog log jobs >/dev/null"
    [ "$code $(wc -l <err) $(tail -c 1 log | wc -l)" = "0 1 1" ] && [ $(($(wc -c <log) + 80)) -gt $((blocks * 512)) ] || bad="$bad $blocks"
done
is "one that becomes full leaves all whole rows" "$bad $(awk -F '\t' 'NF != 9 || !/ demo.noop .null.$|Command$/' log) $(cat err)" \
    "  hayfork run: cannot write 'log': File too large; it is written no further"
run "$HAYFORK" run -p demo --joblog log jobs
sed 1d log >rows
for copy in 1 2 3; do
    cat rows >>log
done
cp log before
rm -f fresh
run sh -c "ulimit -f $(($(wc -c <log) / 512 + 3)); exec \"\$HAYFORK\" run -p demo -o fresh --resume --joblog log jobs"
size=$(wc -c <before)
is "so does one that is continued" "$code $(wc -l <fresh | tr -d ' ') $(wc -l <err) $(tail -c 1 log | wc -l) $(head -c "$size" log | cmp - before)" "0 200 1 1 "
ok "and has more than before" test "$(wc -c <log)" -gt "$size"
rm -f fresh
mkfifo pipe
cat pipe >copied &
run "$HAYFORK" run -p demo --joblog pipe jobs
wait $!
is "a pipe" "$code $(wc -l <copied)" "0 201"
run "$HAYFORK" run -p demo --joblog pipe jobs
is "a pipe that nobody reads" "$code $(wc -l <err) $(grep -c 'nobody reads' err)" "74 1 1"
# More rows than the pipe and the buffer hold.
yes '{"fn":"demo.noop"}' | head -n 60000 >thousands
mkfifo go
{ cat go && cat; } <pipe >late &
"$HAYFORK" run -p demo --joblog pipe thousands >out 2>err &
pid=$!
until_true sh -c '[ "$(wc -l <out)" -gt 1000 ]'
: >go
wait $pid
code=$?
wait
is "a late reader holds the run up, and gets all" "$code $(wc -l <out) $(wc -l <late) $(wc -l <err)" "0 60000 60001 0"
# Also where no worker stands between the lines and the rows: the last job, which looks, is not read before they are.
if [ "${HAY_SANITIZED:-}" ]; then
    skip "a slow reader costs no memory" "a sanitizer takes its own"
else
    look()
    {
        printf '{"fn":"exec.run","args":{"shell":"sh look %s"}}\n' "$1"
    }
    printf '%s\n' 'sed -n "s/^$2:[^0-9]*\([0-9]*\).*/\1/p" "/proc/$1/status"' >status
    echo 'sh status $1 VmHWM >peak' >look
    { yes '{"fn":"demo.noop"}' | head -n 300000; look '$PPID'; } >inline
    { yes x | head -n 300000; look '$(sh status $PPID PPid)'; } >rejected
    for how in inline rejected; do
        rm -f peak
        while dd bs=64k count=1 2>/dev/null >part && [ -s part ]; do
            wc -c <part
            sleep 0.002
        done <pipe >sizes &
        case $how in
        inline) run "$HAYFORK" run --inline -p demo -p exec --joblog pipe inline ;;
        *) run "$HAYFORK" run -j 1 -p exec --joblog pipe rejected ;;
        esac
        wait $!
        is "a slow reader costs no memory: $how" "$(wc -l <out) $(($(cat peak) < 16384))" "300001 1"
    done
fi
sleep 300 <pipe &
reader=$!
run "$HAYFORK" run -p demo --joblog pipe thousands
is "one that takes nothing ends the joblog and not the run" "$code $(wc -l <out) $(cat err)" \
    "0 60000 hayfork run: cannot write 'pipe': Connection timed out; it is written no further"
# Again where the machine stood still until the joblog was given up, and with it the wait that the signal has to end.
for again in 1 2 3 4 5; do
    env --default-signal=INT "$HAYFORK" run -p demo --joblog pipe thousands >out 2>err &
    pid=$!
    until_true sh -c '[ "$(wc -l <out)" -gt 1000 ]'
    kill -INT $pid
    wait $pid
    code=$?
    [ $code = 0 ] && grep -q 'written no further' err || break
done
kill $reader
wait $reader 2>/dev/null
is "and an interrupt is heard meanwhile" "$code $(($(wc -l <out) < 60000))" "130 1"

# Killed and resumed, it has the rows of all results that the journal has.
awk 'BEGIN { for (i = 0; i < 20000; i++) print "{\"fn\":\"demo.spin\",\"args\":{\"us\":50}}" }' >spins
rm -f journal killed.log
killed=0
for round in 1 2 3; do
    "$HAYFORK" run -j 2 -p demo -o journal --resume --joblog killed.log spins 2>err &
    pid=$!
    until_true sh -c "[ \"\$(wc -l <journal 2>/dev/null || echo 0)\" -gt $((round * 3000)) ] || ! kill -0 $pid 2>/dev/null"
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    [ $? != 137 ] || killed=$((killed + 1))
done
ok "runs are killed ($killed)" test $killed -gt 0
run "$HAYFORK" run -j 2 -p demo -o journal --resume --joblog killed.log spins
is "a joblog of killed runs has each job" "$code $(wc -l <journal | tr -d ' ') $(sed 1d killed.log | cut -f1 | sort -u | wc -l)" "0 20000 20000"

# Killed after a write to the journal by which time many results come in one turn.
if [ -z "${HAY_SANITIZED:-}" ]; then
    awk 'BEGIN { for (i = 0; i < 300000; i++) print "{\"fn\":\"demo.noop\"}" }' >noops
    rm -f journal killed.log
    killed=0
    for at in 41 42 43 44 45 46; do
        { LD_PRELOAD=$top_builddir/tests/support/.libs/hurtwrite.so HURT_FILE=$PWD/journal HURT_AT=$at HURT_HOW=after \
            "$HAYFORK" run -j 2 -p demo -o journal --resume --joblog killed.log noops 2>err; } 2>/dev/null
        [ $? != 137 ] || killed=$((killed + 1))
    done
    run "$HAYFORK" run -j 2 -p demo -o journal --resume --joblog killed.log noops
    is "wherever it was killed" "$killed $code $(wc -l <journal | tr -d ' ') $(sed 1d killed.log | cut -f1 | sort -u | wc -l)" \
        "6 0 300000 300000"
else
    skip "wherever it was killed" "a sanitizer does not like what is preloaded"
fi

for old in 'no joblog' 'Seq	Host	Starttime' ''; do
    printf '%s' "$old" >old.log
    run "$HAYFORK" run -p demo -o fresh --resume --joblog old.log jobs
    case $old in
    no*) is "what is no joblog is not continued" "$code $(wc -l <err) $(cat old.log)" "65 1 no joblog" ;;
    *) is "a joblog that was cut off early is: '$old'" "$code $(head -n 1 old.log | cut -f1-3) $(sed 1d old.log | wc -l)" "0 Seq	Host	Starttime $(wc -l <jobs)" ;;
    esac
    rm -f fresh
done

# GNU parallel itself.
if parallel --version 2>/dev/null | grep -q '^GNU parallel'; then
    HOME=$scratch
    export HOME
    mkdir -p .parallel
    : >.parallel/will-cite
    seq 1 6 | sed 's/.*/{"fn":"demo.add","args":{"a":&,"b":1}}/; 3s/.*/{"fn":"demo.fail"}/' >jobs
    sed 5,6d jobs >part
    run "$HAYFORK" run -p demo --joblog log part
    run parallel -j 1 --resume --joblog log echo ran ::: 1 2 3 4 5 6
    is "parallel --resume runs what has no row" "$code $(tr '\n' ' ' <out)" "0 ran 5 ran 6 "
    run "$HAYFORK" run -p demo --joblog log part
    run parallel -j 1 --resume-failed --joblog log echo ran ::: 1 2 3 4 5 6
    is "parallel --resume-failed runs that and what failed" "$code $(tr '\n' ' ' <out)" "0 ran 3 ran 5 ran 6 "
    echo '{"fn":"demo.fail","args":{"message":"it'"'"'s"}}' >part
    run "$HAYFORK" run -p demo --joblog log part
    run parallel -j 1 --retry-failed --joblog log
    is "parallel --retry-failed runs the command" "$code $(sed -n 's/.*: //p' err)" "1 it's"
else
    skip "GNU parallel goes on from it" "GNU parallel is not installed"
fi
done_testing
