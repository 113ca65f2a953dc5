#!/bin/sh
# SPDX-License-Identifier: MIT
# What a function writes to its worker's pipe, and returns: the jobs that had ended before are not charged for it, nor run again,
# wherever their results were just then.
. "${top_srcdir:?}/tests/cli/lib.sh"

{ seq 1 40 | sed 's/.*/{"id":&,"fn":"demo.add","args":{"a":&,"b":1}}/'; echo '{"id":41,"fn":"fault.act","args":"garbage 4096"}'; } >jobs
lost=0
again=0
for round in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    run "$HAYFORK" run -j 1 --crash-retries 0 -p demo -p fault jobs
    [ "$(sed '/"id":41/d' out | grep -c '"status":"ok"') $(wc -l <out | tr -d ' ')" = "40 41" ] || lost=$((lost + 1))
    run "$HAYFORK" run -j 1 -p demo -p fault jobs
    ! sed '/"id":41/d' out | grep -q attempts || again=$((again + 1))
done
is "finished results behind garbage count" "$lost" 0
is "and their jobs do not run again" "$again" 0

# A job that hides that it began is charged all the same, in the end, and at a time within the run.
echo '{"fn":"fault.act","args":"ledger zero"}' >jobs
from=$(date +%s)
run "$HAYFORK" run -j 1 -p fault --meta jobs
began=$(sed 's/.*"start":\([0-9]*\).*/\1/' out)
is "a job that hides its start" "$code $(sed 's/.*"status":"\([a-z]*\)".*/\1/' out) $((began >= from && began <= from + 120))" "1 crash 1"

# What a lying worker only claims to have begun has not been there.
{ seq 1 8 | sed 's/.*/{"id":&,"fn":"demo.add","args":{"a":1,"b":1}}/'; echo '{"id":9,"fn":"fault.act","args":"ledger three; _exit 4"}'
  seq 10 15 | sed 's/.*/{"id":&,"fn":"demo.add","args":{"a":1,"b":1}}/'; } >jobs
run "$HAYFORK" run -j 1 -p demo -p fault --meta --crash-retries 0 --halt now,fail=1 jobs
is "what never began names no worker" "$code $(grep -c '"status":"skipped"' out) $(grep '"status":"skipped"' out | grep -c '"pid"')" "3 6 0"
is "and is not charged" "$(sed -n 's/^{"id":\([0-9]*\),"status":"crash".*/\1/p' out)" 9
printf '%s\n' '{"fn":"fault.act","args":"ledger three; _exit 4"}' '{"fn":"demo.noop"}' '{"fn":"demo.noop"}' >jobs
run "$HAYFORK" run -j 1 -p demo -p fault --summary --crash-retries 0 jobs
is "and who pays for such a lie has had an attempt" "$code $(wc -l <out) $(grep -c '3 attempts' err)" "1 3 1"
done_testing
