# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
#
# Benchmarks 7 to 10: pipes, queues, locks and starts of processes, beside the bare system calls and Python's multiprocessing.
# Read by run.sh, whose functions and variables it uses. The programs let their ways take turns within a round.

# keep PREFIX: each "NAME FIGURE" line of the input goes to $work/PREFIX-NAME.
keep() {
    while read -r keep_name keep_figure; do
        echo "$keep_figure" >> "$work/$1-$keep_name"
        echo "  $1-$keep_name: $keep_figure" >&2
    done
}

# beside_python PREFIX ARGUMENTS: the same in Python, if there is one.
beside_python() {
    [ "$python" ] || return 0
    beside_prefix=$1
    shift
    "$python" "$bench_srcdir/processes.py" "$@" > "$work/python"
    keep "$beside_prefix" < "$work/python"
}

bench_7() {
    trips=$(scaled 20000 20)
    messages=$(scaled 100 20)
    size=1048576
    find_python
    round=0
    while [ $((round += 1)) -le "$rounds" ]; do
        "$bin/pipes" 1 "$trips" 100 "$messages" $size > "$work/pipes"
        keep pipe < "$work/pipes"
        beside_python pipe-py pipe "$trips" 100 "$messages" $size
    done
    for cpus in 2 1; do
        [ -s "$work/pipe-raw$cpus" ] || continue
        raw="$(figure pipe-raw$cpus us 1000)"
        what="pipe, 100 bytes there and back, $cpus CPU"
        [ "$cpus" = 1 ] || what=${what}s
        row "$what : raw socket pair" "$(figure pipe-bytes$cpus us 1000)" "$raw" "$(ratio pipe-bytes$cpus pipe-raw$cpus)" "<=" 1.3
        row "$what, as JSON : raw socket pair" "$(figure pipe-json$cpus us 1000)" "$raw" \
            "$(ratio pipe-json$cpus pipe-raw$cpus)" - 0
        [ "$cpus" = 1 ] || [ ! -s "$work/pipe-py-trip" ] || row "$what : Python Pipe" "$(figure pipe-bytes$cpus us 1000)" \
            "$(figure pipe-py-trip us 1000)" "$(ratio pipe-bytes$cpus pipe-py-trip)" - 0
    done
    raw="$(figure pipe-raw-stream "us each" 1000)"
    what="pipe, messages of 1 MiB one way"
    ours="$(figure pipe-bytes-stream "us each" 1000)"
    row "$what, rate : raw socket pair" "$ours" "$raw" "$(ratio pipe-raw-stream pipe-bytes-stream)" ">=" 0.8
    row "$what, into new memory, rate : raw" "$(figure pipe-new-stream "us each" 1000)" "$raw" \
        "$(ratio pipe-raw-stream pipe-new-stream)" - 0
    row "$what, as JSON, rate : raw" "$(figure pipe-json-stream "us each" 1000)" "$raw" \
        "$(ratio pipe-raw-stream pipe-json-stream)" - 0
    [ ! -s "$work/pipe-py-stream" ] || row "$what, rate : Python Pipe" "$ours" "$(figure pipe-py-stream "us each" 1000)" \
        "$(ratio pipe-py-stream pipe-bytes-stream)" - 0
}

bench_8() {
    items=$(scaled 4000000 4000)
    slow=$(scaled 200000 400)
    find_python
    round=0
    while [ $((round += 1)) -le "$rounds" ]; do
        for many in 1 4; do
            "$bin/queues" 1 "$items" 64 $many $many > "$work/queues"
            keep "items$many" < "$work/queues"
            beside_python "items$many-py" queue "$slow" 64 $many $many
        done
    done
    for many in 1 4; do
        awk '{ print $1 / 1000000 }' "$work/items$many-queue" > "$work/millions$many"
        ours="$(figure "millions$many" M/s)"
        what="queue, 64-byte items, $many to $many"
        if [ $many = 1 ]; then
            row "$what" "$ours" "" "$(median "$work/millions1") M/s" ">=" "2 M/s"
        else
            row "$what : 1 to 1" "$ours" "$(figure millions1 M/s)" "$(ratio items4-queue items1-queue)" ">=" 0.5
        fi
        row "$what : bare pipe(2)" "$ours" "$(figure "items$many-pipe" M/s 1000000)" \
            "$(ratio "items$many-queue" "items$many-pipe")" - 0
        sign=-
        [ $many = 4 ] || sign=">="
        [ ! -s "$work/items$many-py-items" ] || row "$what : Python Queue" "$ours" "$(figure "items$many-py-items" k/s 1000)" \
            "$(ratio "items$many-queue" "items$many-py-items")" $sign 10
    done
}

bench_9() {
    find_python
    round=0
    while [ $((round += 1)) -le "$rounds" ]; do
        "$bin/locks" 1 "$(scaled 20000000 20000)" > "$work/locks"
        keep lock < "$work/locks"
        beside_python lock-py lock "$(scaled 500000 1000)"
    done
    bare="$(figure lock-bare ns)"
    row "value, add under its lock : bare robust mutex" "$(figure lock-add ns)" "$bare" "$(ratio lock-add lock-bare)" "<=" 1.5
    row "value, load and store under its lock : bare" "$(figure lock-store ns)" "$bare" "$(ratio lock-store lock-bare)" - 0
    row "value, add without a lock : bare" "$(figure lock-atomic ns)" "$bare" "$(ratio lock-atomic lock-bare)" - 0
    [ ! -s "$work/lock-py-add" ] || row "value, add under its lock : Python Value" "$(figure lock-add ns)" \
        "$(figure lock-py-add ns)" "$(ratio lock-add lock-py-add)" - 0
}

bench_10() {
    starts=$(scaled 2000 20)
    command=$(command -v /bin/true || command -v /usr/bin/true)
    find_python
    round=0
    while [ $((round += 1)) -le "$rounds" ]; do
        "$bin/starts" 1 "$starts" 1000 "$command" > "$work/starts"
        keep start < "$work/starts"
        beside_python start-py start "$(scaled 500 10)"
    done
    ours="$(figure start-process us 1000)"
    row "process, start and join : bare fork and waitpid" "$ours" "$(figure start-fork us 1000)" \
        "$(ratio start-process start-fork)" "<=" 1.2
    row "process, start and join : fork, with what it promises done by hand" "$ours" "$(figure start-clean us 1000)" \
        "$(ratio start-process start-clean)" - 0
    row "process of a program, start and join : posix_spawn" "$(figure start-program us 1000)" "$(figure start-spawn us 1000)" \
        "$(ratio start-program start-spawn)" - 0
    [ ! -s "$work/start-py-start" ] || row "process, start and join : Python Process" "$ours" "$(figure start-py-start us 1000)" \
        "$(ratio start-process start-py-start)" - 0
    fds="$(largest "$work/start-fds")"
    memory="$(largest "$work/start-memory") KiB"
    row "1,000 processes started and joined, twice: descriptors left" "$fds" "" "$fds fds" "<=" "0 fds"
    row "1,000 processes started and joined, twice: memory left" "$memory" "" "$memory" "<=" "64 KiB"
}
