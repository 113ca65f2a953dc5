#!/bin/sh
# SPDX-License-Identifier: MIT
# The two examples of queues: what they print, in an order of their own, is compared; and a stage is killed.
set -u
examples=${top_builddir:?}/examples
failed=0
check() { # number, name, wanted, got
    if [ "$3" = "$4" ]; then
        echo "ok $1 - $2"
    else
        echo "not ok $1 - $2"
        printf '%s\n' "$4" | sed 's/^/# /'
        failed=1
    fi
}
wanted='Consuming 1
Consuming 2
Consuming 3
Consuming 4
Consuming 5
Producing 1
Producing 2
Producing 3
Producing 4
Producing 5'
check 1 "producer_consumer passes five items and a sentinel" "$wanted" "$(timeout 60 "$examples/producer_consumer" | LC_ALL=C sort)"
check 2 "pipeline sums squares through three stages" 'The sum of the squares from 1 to 1000 is 333833500.' \
    "$(timeout 60 "$examples/pipeline")"
# stages PID: the processes that the program started which PID started, a line each, when both are there.
stages() {
    program=$(sed -n "s/^\([0-9]*\) (pipeline) . $1 .*/\1/p" /proc/[0-9]*/stat 2>/dev/null)
    [ -n "$program" ] && sed -n "s/^\([0-9]*\) (pipeline) . $program .*/\1/p" /proc/[0-9]*/stat 2>/dev/null
}

# One of its stages is killed: whichever it is, the other ends too.
for stage in 1 2; do
    timeout 60 "$examples/pipeline" 3000000 >pipeline.out.$$ 2>&1 &
    tries=600
    until both=$(stages $!) && [ "$(printf '%s\n' "$both" | wc -l)" -eq 2 ] || [ $((tries -= 1)) -eq 0 ]; do
        sleep 0.05
    done
    kill -KILL "$(printf '%s\n' "$both" | sed -n ${stage}p)"
    wait $!
    check $((stage + 2)) "pipeline ends when a stage is killed ($stage)" '1, ' "$?, $(cat pipeline.out.$$)"
    rm -f pipeline.out.$$
done
echo 1..4
exit $failed
