#!/bin/sh
# SPDX-License-Identifier: MIT
# The journal against kills and full disks: wherever the master ends, a resumed run makes one ok line for each job, and no line
# is torn.
# HAY_KILL_JOBS (default 60; the whole proof: 300): jobs of the runs that are killed, and filled up, at each single write.
# HAY_KILLS (default 10; the whole proof: 200): kills at random instants of a run of 100,000 jobs.
. "${top_srcdir:?}/tests/cli/lib.sh"

jobs=${HAY_KILL_JOBS:-60}
kills=${HAY_KILLS:-10}
hurt=$top_builddir/tests/support/.libs/hurtwrite.so
seq 1 "$jobs" | sed 's/.*/{"id":&,"fn":"demo.add","args":{"a":&,"b":7}}/' >few
seq 1 100000 | sed 's/.*/{"id":&,"fn":"demo.add","args":{"a":&,"b":7}}/' >many

# Each of N jobs has one line, its own, and each line has its end.
whole()
{
    awk -v n="$2" -F '[:,}]' '
        !/^\{"id":[0-9]+,"status":"ok","result":[0-9]+,"seq":[0-9]+,"key":"[0-9a-f]+"\}$/ { bad++ }
        { id = $2; if ($6 != id + 7 || $8 != id || seen[id]++) bad++ }
        END { exit bad || NR != n }' "$1" && [ -z "$(tail -c 1 "$1")" ]
}

# hurting HOW N MOST : the run that this happens to at its Nth write; its exit code
hurting()
{
    rm -f results count
    LD_PRELOAD=$hurt HURT_FILE=$PWD/results HURT_COUNT=$PWD/count HURT_HOW=$1 HURT_AT=$2 HURT_MOST=$3 \
        "$HAYFORK" run -j 2 --sync "${4:-interval}" -p demo -o results few >out 2>err
}

# each HOW WANTED MOST [SYNC] : at each write until there are no more; bad and good resumptions counted
each()
{
    n=0
    bad=0
    while :; do
        n=$((n + 1))
        { hurting "$1" $n "$3" "${4:-interval}"; code=$?; } 2>/dev/null
        [ $code != 0 ] || break
        [ $code = "$2" ] || bad=$((bad + 1))
        $limit "$HAYFORK" run -j 2 -p demo -o results --resume few >out 2>err || bad=$((bad + 1))
        whole results "$jobs" || bad=$((bad + 1))
    done
    is "$1 each of $((n - 1)) writes${3:+ of $3 bytes}${4:+, --sync $4}: resumed" "$((n > 1)) $bad $(whole results "$jobs"; echo $?)" \
        "1 0 0"
}

if [ -z "${HAY_SANITIZED:-}" ]; then
    for how in before within after; do
        each $how 137 ''
    done
    each within 137 '' always
    # Writes so short that nearly every line is torn somewhere.
    each after 137 61
    each full 74 ''
    each full 74 61
    hurting full 3 61
    is "a full disk is named" "$(cat err)" "hayfork run: cannot write 'results': No space left on device"
    for level in interval always; do
        rm -f results
        run env LD_PRELOAD="$hurt" HURT_SYNC=plain "$HAYFORK" run -j 2 --sync $level -p demo -o results few
        is "without AIO, --sync $level" "$code $(whole results "$jobs"; echo $?)" "0 0"
        rm -f results
        run env LD_PRELOAD="$hurt" HURT_SYNC=fail "$HAYFORK" run -j 2 --sync $level -p demo -o results few
        is "a flush that fails, --sync $level" "$code $(cat err)" "74 hayfork run: cannot write 'results': Input/output error"
        # Of a disk with an error, what was not flushed before is lost, although the write had been taken.
        rm -f results
        run env LD_PRELOAD="$hurt" HURT_SYNC=abort "$HAYFORK" run -j 2 --sync $level -p demo -o results few
        is "a file system that an error made read-only, --sync $level" "$code $(cat err)" \
            "74 hayfork run: cannot write 'results': Read-only file system"
    done
    # Results that take several writes in one turn.
    text=$(head -c 100000 /dev/zero | tr '\0' x)
    for id in 1 2 3 4 5 6 7 8; do
        echo '{"id":'$id',"fn":"demo.echo","args":"'"$text"'"}'
    done >large
    rm -f results
    run env LD_PRELOAD="$hurt" HURT_FILE="$PWD/results" HURT_SYNC=each "$HAYFORK" run -j 2 --sync always -p demo -o results large
    is "--sync always: each write is on the disk before the next" "$code $(cat err) $(wc -l <results)" "0  8"
else
    skip "each single write" "a sanitizer does not like what is preloaded"
fi

rm -f results
begin=$(date +%s%N)
run "$HAYFORK" run -j 2 -p demo -o results many
wall=$(($(date +%s%N) - begin))

# chaos SEED : kill a run three times at random instants, and let the fourth end
chaos()
{
    rm -f results
    for delay in $(awk -v seed="$1" -v s="$wall" 'BEGIN { srand(seed); for (i = 0; i < 3; i++) print rand() * s / 1e9 }'); do
        "$HAYFORK" run -j 2 -p demo -o results --resume many >out 2>err &
        master=$!
        sleep "$delay"
        kill -9 $master
        wait $master
        [ $? != 137 ] || [ ! -s results ] || echo >>hits
    done 2>/dev/null
    $limit "$HAYFORK" run -j 2 -p demo -o results --resume many >out 2>err && whole results 100000
}
bad=0
killed=0
: >hits
while [ $killed -lt "$kills" ]; do
    chaos $killed || bad=$((bad + 1))
    killed=$((killed + 3))
done
is "$killed kills at random instants: one line for each of 100000 jobs" $bad 0
ok "of which some hit a run that had written something ($(wc -l <hits))" test -s hits
done_testing
