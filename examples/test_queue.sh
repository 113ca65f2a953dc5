#!/bin/sh
# SPDX-License-Identifier: MIT
# The two examples of queues: what they print, in an order of their own, is compared.
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
echo 1..2
exit $failed
