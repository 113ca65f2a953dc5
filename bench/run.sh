#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs the benchmarks and prints the table; `make bench` calls it with top_builddir and bench_srcdir set.
# BENCH: which (default all, "1 2 3 4 5 6 7 8 9 10"; 7 to 10 are also called pipe, queue, lock and start). BENCH_ROUNDS: rounds
# of each (5). BENCH_JOBS: jobs of benchmark 1 (1000000), by which the counts of the others scale. BENCH_DIR: where inputs and
# outputs go while it runs (bench/ of the build tree).
# What is compared runs side by side in interleaved rounds; a ratio is the median of the rounds' ratios, a figure the
# median of the rounds. The cost of --progress takes four times as many. It judges no one: the exit status is 0 unless something breaks.
set -eu
LC_ALL=C
export LC_ALL

: "${top_builddir:?set by make bench}" "${bench_srcdir:?set by make bench}"
rounds=${BENCH_ROUNDS:-5}
jobs=${BENCH_JOBS:-1000000}
which=${BENCH:-1 2 3 4 5 6 7 8 9 10}
bin=$top_builddir/bench
hayfork=$bin/hayfork
HAYFORK_PLUGIN_PATH=$top_builddir/plugins/.libs
export HAYFORK_PLUGIN_PATH

die() {
    echo "bench: $*" >&2
    exit 1
}

case $rounds$jobs in *[!0-9]*) die "BENCH_ROUNDS and BENCH_JOBS are numbers" ;; esac
case $rounds-$jobs in *-0* | 0*) die "BENCH_ROUNDS and BENCH_JOBS are at least 1" ;; esac

results=$bin/results-$(date +%Y-%m-%d-%H%M%S).txt
work=$(mktemp -d "${BENCH_DIR:-$bin}/work.XXXXXX")
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
: > "$work/rows"

# scaled COUNT LEAST: a count at one million jobs, cut for this run.
scaled() {
    scaled_n=$(awk -v n="$1" -v jobs="$jobs" 'BEGIN { printf "%d", n * jobs / 1000000 }')
    [ "$scaled_n" -ge "$2" ] || scaled_n=$2
    echo "$scaled_n"
}

# timed NAME WATCH-ARGUMENTS: run once, append the wall time to $work/NAME.
timed() {
    timed_name=$1
    shift
    rm -f "$work/out" # a new file for whoever writes there; hayfork would append
    "$bin/watch" "$@" > "$work/watched"
    read -r timed_wall timed_user timed_system timed_peak timed_others < "$work/watched"
    echo "$timed_wall" >> "$work/$timed_name"
    echo "$timed_peak" >> "$work/$timed_name.peak"
    # The machine counts in hundredths of a second: too coarse for less than a quarter.
    awk -v wall="$timed_wall" -v others="$timed_others" 'BEGIN { if (wall >= 0.25) print others }' >> "$work/others"
    echo "  $timed_name: $timed_wall s, processor $timed_user + $timed_system s, others took $timed_others %" >&2
}

median() {
    sort -g "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

largest() {
    sort -g "$1" | tail -n 1
}

# figure NAME UNIT [DIVISOR]: the median, for people.
figure() {
    awk -v v="$(median "$work/$1")" -v unit="$2" -v by="${3:-1}" 'BEGIN {
        v /= by
        printf v < 10 ? "%.2f %s" : v < 100 ? "%.1f %s" : "%.0f %s", v, unit
    }'
}

# ratio A B: the median of A's rounds over B's.
ratio() {
    paste "$work/$1" "$work/$2" | awk '{ print $1 / $2 }' > "$work/ratio"
    median "$work/ratio"
}

# rate NAME COUNT: per second, for people.
rate() {
    awk -v n="$2" -v s="$(median "$work/$1")" 'BEGIN {
        r = n / s
        if (r >= 1e6) printf "%.2f M/s", r / 1e6; else if (r >= 1e4) printf "%.0f k/s", r / 1e3; else printf "%.0f /s", r
    }'
}

megabytes() {
    awk -v n="$2" -v s="$(median "$work/$1")" 'BEGIN { printf "%.0f MB/s", n / s / 1e6 }'
}

# row WHAT OURS OTHER RATIO SIGN GOAL: SIGN >= or <= with a goal, or "-" for a figure that has none. RATIO may carry a unit.
row() {
    awk -v number="$number" -v what="$1" -v ours="$2" -v other="$3" -v ratio="$4" -v sign="$5" -v goal="$6" 'BEGIN {
        value = ratio + 0
        met = sign == "-" ? "" : (sign == ">=" ? value >= goal + 0 : value <= goal + 0) ? "met" : "NOT MET"
        unit = ratio; sub(/^[-0-9.e+]*/, "", unit)
        shown = value >= 100 || value <= -100 ? sprintf("%.0f", value) : sprintf("%.3f", value)
        print number "\t" what "\t" ours "\t" other "\t" shown unit "\t" (sign == "-" ? "" : sign " " goal) "\t" met
    }' >> "$work/rows"
}

machine() {
    model=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
    version=$("$hayfork" --version | head -n 1)
    echo "$version, $(date '+%Y-%m-%d %H:%M'), ${model:-$(uname -m)}, $(nproc) cores, Linux $(uname -r)"
    echo "built with ${bench_cflags:-unknown flags}; medians of $rounds rounds; scale $jobs jobs"
    if [ -s "$work/others" ]; then
        awk -v often="$(median "$work/others")" -v most="$(largest "$work/others")" 'BEGIN {
            printf "other processes took %.0f %% of the processors meanwhile (median), at most %.0f %%", often, most
            print (most > 5 ? ": on a quiet machine the ratios may differ" : "")
        }'
    fi
}

table() {
    machine
    { printf '#\twhat\tours\tother\tratio\tgoal\t\n'; cat "$work/rows"; } | awk -F '\t' '
        { for (i = 1; i <= 7; i++) { cell[NR, i] = $i; if (length($i) > width[i]) width[i] = length($i) } }
        END {
            for (n = 1; n <= NR; n++) {
                line = sprintf("%-*s  %-*s", width[1], cell[n, 1], width[2], cell[n, 2])
                for (i = 3; i <= 6; i++) line = line sprintf("  %*s", width[i], cell[n, i])
                line = line "  " cell[n, 7]
                sub(/ +$/, "", line)
                print line
            }
        }'
}

# Also when something broke on the way: what was measured is shown.
finish() {
    status=$?
    trap - EXIT
    if [ -s "$work/rows" ]; then
        echo
        if table > "$results"; then
            cat "$results"
            echo "also in $results"
        else
            status=1
        fi
    fi
    rm -rf "$work"
    exit $status
}

# all_ok FILE N: a quick look at outputs that verify does not know.
all_ok() {
    all_ok_n=$(grep -c '"status":"ok"' "$1" || :)
    [ "$all_ok_n" = "$2" ] || die "$all_ok_n ok results for $2 jobs in benchmark $number"
}

# A real python3: the start of a version manager's shim is not Python's.
find_python() {
    python=$(python3 -c 'import sys; print(sys.executable)' 2> /dev/null) || python=
}

# The bar begins after half a second, so these take four times the input; and one hundredth is less than what two runs of the
# same differ by: more pairs, half of them in each order.
progress_pairs() {
    pair=0
    while [ $((pair += 1)) -le $((4 * rounds)) ]; do
        for what in $([ $((pair % 2)) = 0 ] && echo none bar || echo bar none); do
            timed "progress-$what" -o "$work/out" "$hayfork" run -j 2 -p demo --progress "$what" "$in" "$in" "$in" "$in" \
                2> "$work/progress.err"
            sed -n 's/.*\(  progress-\)/\1/p' "$work/progress.err" >&2
        done
    done
}

bench_1() {
    in=$work/in.jsonl
    spawns=$(scaled 2000 20)
    "$bin/gen" add "$jobs" > "$in"
    seq "$spawns" > "$work/seq"
    find_python
    round=0
    while [ $((round += 1)) -le "$rounds" ]; do
        timed serial "$bin/serial" "$in" "$work/out"
        [ "$round" -gt 1 ] || "$bin/verify" "$jobs" < "$work/out" >&2
        timed hayfork -o "$work/out" "$hayfork" run -j 2 -p demo "$in"
        "$bin/verify" "$jobs" < "$work/out" >&2
        timed journal "$hayfork" run -j 2 -p demo -o "$work/out" "$in"
        timed logs -o "$work/out" "$hayfork" run -j 2 -p demo --trace "$work/trace" \
            --joblog "$work/joblog" "$in"
        timed ordered -o "$work/out" "$hayfork" run -k -j 2 -p demo "$in"
        "$bin/verify" "$jobs" < "$work/out" >&2
        timed inline -o "$work/out" "$hayfork" run --inline -p demo "$in"
        "$bin/verify" "$jobs" < "$work/out" >&2
        if [ "$python" ]; then
            for how in map imap_unordered; do
                timed "$how" "$python" "$bench_srcdir/pool.py" "$how" "$in" "$work/out"
                [ "$round" -gt 1 ] || "$bin/verify" "$jobs" < "$work/out" >&2
            done
        fi
        timed xargs -i "$work/seq" xargs -P2 -n1 true
        rm -f "$work/out" "$work/trace" "$work/joblog" # not to be written to disk beside the next round
    done
    progress_pairs
    ours=$(rate hayfork "$jobs")
    row "demo.add, -j 2 : serial jansson loop" "$ours" "$(rate serial "$jobs")" "$(ratio serial hayfork)" ">=" 4
    row "demo.add, -j 2, with -k : without" "$(rate ordered "$jobs")" "$ours" "$(ratio hayfork ordered)" ">=" 0.9
    row "demo.add, -j 2, with -o, a journal synced each second : without" "$(rate journal "$jobs")" "$ours" "$(ratio hayfork journal)" ">=" 0.85
    row "demo.add, -j 2, with --trace and --joblog : without" "$(rate logs "$jobs")" "$ours" "$(ratio hayfork logs)" ">=" 0.4
    row "demo.add, -j 2, with --progress bar : without" "$(rate progress-bar $((4 * jobs)))" "$(rate progress-none $((4 * jobs)))" \
        "$(ratio progress-none progress-bar)" ">=" 0.99
    row "demo.add, -j 2 : --inline" "$ours" "$(rate inline "$jobs")" "$(ratio inline hayfork)" ">=" 1.25
    if [ "$python" ]; then
        row "demo.add, -j 2 : Python Pool(2).map" "$ours" "$(rate map "$jobs")" "$(ratio map hayfork)" - 0
        row "demo.add, -j 2 : Python imap_unordered, chunks of 1024" "$ours" "$(rate imap_unordered "$jobs")" \
            "$(ratio imap_unordered hayfork)" - 0
    fi
    row "demo.add, -j 2 : xargs -P2 -n1 true" "$ours" "$(rate xargs "$spawns")" \
        "$(ratio xargs hayfork | awk -v n="$jobs" -v m="$spawns" '{ print $1 * n / m }')" - 0
}

bench_2() {
    "$bin/roundtrip" "$rounds" "$(scaled 20000 1000)" 100 > "$work/trips"
    for cpus in 2 1; do
        for name in raw pool checked; do
            sed -n "s/^$name$cpus //p" "$work/trips" | awk '{ print $1 / 1000 }' > "$work/$name"
        done
        [ -s "$work/raw" ] || continue
        raw="$(figure raw us)"
        what="round trip of 100 bytes, $cpus CPU"
        [ "$cpus" = 1 ] || what=${what}s
        sign="<="
        [ "$cpus" = 2 ] || sign=-
        row "$what : raw socket pair" "$(figure pool us)" "$raw" "$(ratio pool raw)" "$sign" 1.6
        row "$what, results checked as JSON : raw socket pair" "$(figure checked us)" "$raw" "$(ratio checked raw)" - 0
    done
}

bench_3() {
    few=10000 # not scaled: it fills the queue
    many=$(scaled 5000000 50000)
    "$bin/gen" add "$few" > "$work/few.jsonl"
    "$bin/gen" add "$many" > "$work/many.jsonl"
    round=0
    while [ $((round += 1)) -le "$rounds" ]; do
        for size in few many; do
            timed $size -m "$hayfork" run -j 2 -p demo -o "$work/out" "$work/$size.jsonl"
            rm -f "$work/out"
        done
    done
    for size in few many; do
        awk '{ print $1 / 1024 }' "$work/$size.peak" > "$work/$size.mib"
    done
    growth=$(paste "$work/many.mib" "$work/few.mib" | awk '{ d = $1 - $2; print d < 0 ? -d : d }' > "$work/growth" &&
        median "$work/growth")
    row "peak memory of the master, $many lines : $few lines" "$(figure many.mib MiB)" "$(figure few.mib MiB)" \
        "$growth MiB" "<=" "1 MiB"
    most=$(largest "$work/many.mib" | awk '{ printf "%.2f MiB", $1 }')
    row "peak memory of the master, $many lines, largest round" "$most" "" "$most" "<=" "8 MiB"
    rm -f "$work/few.jsonl" "$work/many.jsonl"
}

bench_4() {
    mixed=$(scaled 2000 20)
    "$bin/gen" spin "$mixed" > "$work/spin.jsonl"
    "$bin/gen" spin "$mixed" 10 2000 > "$work/long.jsonl"
    : > "$work/fields"
    round=0
    while [ $((round += 1)) -le "$rounds" ]; do
        for kind in spin long; do
            timed $kind "$hayfork" run -j 2 -p demo --meta -o "$work/out" "$work/$kind.jsonl"
            "$bin/schedule" 2 < "$work/out" > "$work/schedule"
            read -r _ makespan greedy stretch held held_id idle longest < "$work/schedule"
            echo "$makespan" >> "$work/$kind.makespan"
            echo "$greedy" >> "$work/$kind.greedy"
            echo "$held" >> "$work/$kind.held"
            echo "  $kind: makespan $makespan ms, greedy $greedy ms, ratio $stretch;" \
                "held at most $held ms (job $held_id); idle $idle ms, at once $longest ms" >&2
        done
    done
    sign="<="
    for kind in spin long; do
        what="$mixed jobs of 10 us to 100 ms"
        [ $kind = spin ] || what="$what, one of 2 s early"
        row "$what, makespan : greedy" "$(figure $kind.makespan ms)" "$(figure $kind.greedy ms)" \
            "$(ratio $kind.makespan $kind.greedy)" "$sign" 1.02
        sign=-
    done
    row "$what : longest held after a later job began" "$(figure long.held ms)" "" "$(median "$work/long.held") ms" "<=" "150 ms"
}

bench_5() {
    # GNU true looks up its locale when it has an argument, as with xargs -n1: what is compared has to have one, or none.
    command=$(command -v /bin/true || command -v /usr/bin/true)
    commands=$(scaled 10000 20)
    "$bin/gen" run "$commands" "$command" > "$work/run.jsonl"
    seq "$commands" > "$work/seq"
    few=$(scaled 1000 10)
    seq "$few" > "$work/few"
    loud="head -c 8000000 /dev/zero; : {}"
    seq $(((few + 9) / 10)) > "$work/tens"
    parallel=
    ! parallel --version 2> /dev/null < /dev/null | grep -q '^GNU' || parallel=parallel
    # glibc's loader executes CPUID some 40 times, each of which leaves a virtual machine; musl's, where it is installed, never.
    loaded=
    if command -v musl-gcc > /dev/null && echo 'int main(void) { return 0; }' | musl-gcc -O2 -x c -o "$work/loaded" -; then
        loaded=$work/loaded
        "$bin/gen" run "$commands" "$loaded" > "$work/loaded.jsonl"
    fi
    round=0
    while [ $((round += 1)) -le "$rounds" ]; do
        timed verb -i "$work/seq" "$hayfork" exec -j 2 "$command" {}
        timed verb.ungrouped -i "$work/seq" "$hayfork" exec -u -j 2 "$command" {}
        [ -z "$parallel" ] || timed parallel -i "$work/few" parallel --plain -j 2 "$command" {}
        timed loud -m -i "$work/tens" -o "$work/out" "$hayfork" exec -j 2 --shell "$loud"
        [ -z "$parallel" ] || timed parallel.loud -m -i "$work/tens" -o "$work/out" parallel --plain -j 2 "$loud"
        timed exec "$hayfork" run -j 2 -p exec -o "$work/out" "$work/run.jsonl"
        all_ok "$work/out" "$commands"
        [ "$(grep -c '"exit":0' "$work/out")" = "$commands" ] || die "$command did not exit 0 each time"
        timed xargs5 -i "$work/seq" xargs -P2 -n1 "$command"
        timed xargs5.bare -i "$work/seq" xargs -P2 -I{} "$command"
        timed spawn2 "$bin/spawn" 2 "$commands" 2 "$command"
        timed spawn0 "$bin/spawn" 2 "$commands" 0 "$command"
        timed spawn0.word "$bin/spawn" 2 "$commands" 0 "$command" 1
        if [ "$loaded" ]; then
            timed verb.loaded -i "$work/seq" "$hayfork" exec -j 2 "$loaded" {}
            timed exec.loaded "$hayfork" run -j 2 -p exec -o "$work/out" "$work/loaded.jsonl"
            all_ok "$work/out" "$commands"
            timed xargs5.loaded -i "$work/seq" xargs -P2 -n1 "$loaded"
        fi
        "$bin/nothing" || continue
        timed verb.nothing -i "$work/seq" "$hayfork" exec -j 2 "$bin/nothing" {}
        timed xargs5.nothing -i "$work/seq" xargs -P2 -n1 "$bin/nothing"
    done
    ours=$(rate verb "$commands")
    row "hayfork exec true {}, -j 2 : xargs -P2 -n1" "$ours" "$(rate xargs5 "$commands")" "$(ratio xargs5 verb)" ">=" 1.4
    row "hayfork exec -u true {}, nothing captured either, -j 2 : xargs -P2 -n1" "$(rate verb.ungrouped "$commands")" \
        "$(rate xargs5 "$commands")" "$(ratio xargs5 verb.ungrouped)" - 0
    row "its bound, bare posix_spawn of true 1 with nothing captured : xargs -P2 -n1" "$(rate spawn0.word "$commands")" \
        "$(rate xargs5 "$commands")" "$(ratio xargs5 spawn0.word)" - 0
    [ -z "$parallel" ] || row "hayfork exec true {}, -j 2 : GNU parallel" "$ours" "$(rate parallel "$few")" \
        "$(ratio parallel verb | awk -v n="$commands" -v m="$few" '{ print $1 * n / m }')" - 0
    if [ "$parallel" ]; then
        row "hayfork exec of 8 MB of output each, -j 2 : GNU parallel" "$(figure loud s)" "$(figure parallel.loud s)" \
            "$(ratio parallel.loud loud)" - 0
        row "its peak memory, without its workers : GNU parallel" "$(figure loud.peak KiB)" "$(figure parallel.loud.peak KiB)" \
            "$(ratio parallel.loud.peak loud.peak)" - 0
    fi
    ours=$(rate exec "$commands")
    row "exec.run of true, -j 2 : xargs -P2 -n1" "$ours" "$(rate xargs5 "$commands")" "$(ratio xargs5 exec)" ">=" 1.6
    row "exec.run of true, -j 2 : xargs -P2 -I{}, no argument either" "$ours" "$(rate xargs5.bare "$commands")" \
        "$(ratio xargs5.bare exec)" - 0
    row "its bound, bare posix_spawn of true with nothing captured : xargs -P2 -I{}" "$(rate spawn0 "$commands")" \
        "$(rate xargs5.bare "$commands")" "$(ratio xargs5.bare spawn0)" - 0
    row "exec.run of true, -j 2 : bare posix_spawn, stdout and stderr captured" "$ours" "$(rate spawn2 "$commands")" \
        "$(ratio spawn2 exec)" - 0
    if [ "$loaded" ]; then
        row "hayfork exec of a program with musl's loader, -j 2 : xargs -P2 -n1" "$(rate verb.loaded "$commands")" \
            "$(rate xargs5.loaded "$commands")" "$(ratio xargs5.loaded verb.loaded)" - 0
        row "exec.run of it, -j 2 : xargs -P2 -n1" "$(rate exec.loaded "$commands")" "$(rate xargs5.loaded "$commands")" \
            "$(ratio xargs5.loaded exec.loaded)" - 0
    fi
    ! "$bin/nothing" || row "hayfork exec of a program without a loader, -j 2 : xargs -P2 -n1" "$(rate verb.nothing "$commands")" \
        "$(rate xargs5.nothing "$commands")" "$(ratio xargs5.nothing verb.nothing)" - 0
}

bench_6() {
    size=1048576
    echoes=$(scaled 300 4)
    round=0
    for kind in objects string; do
        "$bin/gen" value $kind $size > "$work/$kind.json"
        "$bin/gen" echo "$echoes" $kind $size > "$work/$kind.jsonl"
    done
    while [ $((round += 1)) -le "$rounds" ]; do
        for kind in objects string; do
            timed $kind "$hayfork" run -j 2 -p demo -o "$work/out" "$work/$kind.jsonl"
            all_ok "$work/out" "$echoes"
            rm -f "$work/out"
            "$bin/echo" json "$work/$kind.json" "$echoes" >> "$work/$kind.jansson"
            echo "  $kind.jansson: $(tail -n 1 "$work/$kind.jansson") s" >&2
        done
        "$bin/echo" socket $size "$echoes" >> "$work/socket"
    done
    bytes=$((size * echoes))
    for kind in objects string; do
        what="echo of 1 MiB, -j 2, objects"
        [ $kind = objects ] || what="echo of 1 MiB, -j 2, a string"
        row "$what : jansson, 1 process" "$(megabytes $kind $bytes)" "$(megabytes $kind.jansson $bytes)" \
            "$(ratio $kind.jansson $kind)" ">=" 0.8
        row "$what : raw socket pair, one way" "$(megabytes $kind $bytes)" "$(megabytes socket $bytes)" \
            "$(ratio socket $kind)" - 0
    done
    rm -f "$work/objects.jsonl" "$work/string.jsonl"
}

. "$bench_srcdir/library.sh"

[ "$(nproc)" -ge 2 ] || echo "bench: fewer than 2 processors: the goals are for 2" >&2
for number in $which; do
    case $number in
    pipe) number=7 ;;
    queue) number=8 ;;
    lock) number=9 ;;
    start) number=10 ;;
    esac
    case $number in
    [1-9] | 10)
        echo "benchmark $number" >&2
        "bench_$number"
        ;;
    *) die "there is no benchmark $number" ;;
    esac
done
