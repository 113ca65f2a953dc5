#!/bin/sh
# SPDX-License-Identifier: MIT
# What is wrong with a command line gets one clear line, the way to help, and exit 2; help that was asked for is a success.
. "${top_srcdir:?}/tests/cli/lib.sh"

# refused ARGUMENT... : exit 2, nothing on stdout, two lines on stderr of which the second points to help.
refused()
{
    run "$HAYFORK" "$@"
    is "refused: hayfork $(echo "$*" | tr '\n' ' ')" \
        "$code $(wc -c <out) $(wc -l <err) $(sed -n '2s/^Try .hayfork help.*$/try/p' err)" "2 0 2 try"
}

refused
refused nosuchverb
refused --nosuch
refused run -j 0
refused run -j x
refused run -j 4097
refused run -j ''
refused run -j -x
refused run -j
refused run -j 2x
refused run --jobs=18446744073709551617
refused run --nosuch
refused run -Z
refused run --meta=yes
refused run --re 1
is "an ambiguous option is told with what it may be" "$(head -n 1 err)" \
    "hayfork run: ambiguous option '--re': --retry-on, --retry-delay, --retry-delay-max, --resume, --resume-changed, --retry-failed, --retries, --retry-timeouts"
refused run --queue 0
refused run --timeout 5x
refused run --timeout -1
refused run --timeout ''
refused run --timeout .
refused run --grace 1e3
refused run --start-timeout 0
refused call --start-timeout 0s demo.noop
refused run --retries -1
refused run --crash-retries many
refused run --max-result 0
refused run --max-result 1T
refused run -f nodot
refused run -f .x
refused run -f x.
refused run -p demo -f demo.nosuch
refused call
refused call nodot
refused call demo.nosuch
refused call demo.echo '[1'
refused call demo.echo 1 2
refused call demo.echo "\"a${newline}b\""
refused info
refused info demo text
refused check --summary
refused results
refused results --nosuch
refused run --resume
refused run --sync often -o x
refused new
refused new a b
refused new --nosuch
refused help nosuch
refused help run call
refused --nosuch
refused -
refused --

run "$HAYFORK" run -j x
is "a message names the option and the value" "$(sed -n 1p err)" \
    "hayfork run: -j needs N from 1 to 4096, N%, +N, -N or @FILE, not 'x'"

for verb in run map exec results report call info check new help; do
    run "$HAYFORK" help $verb
    cp out first
    is "help $verb: success, on stdout" "$code $(wc -c <err)" "0 0"
    ok "help $verb has an example" grep -q '^Example: .*hayfork ' out
    is "help $verb fits a screen" "$(wc -l <out | awk '{ print ($1 <= 24) }') $(awk 'length > 80' out)" "1 "
    run "$HAYFORK" $verb --help
    is "$verb --help is the same" "$code $(cmp out first)" "0 "
    run "$HAYFORK" $verb -h
    is "$verb -h is the same" "$code $(cmp out first)" "0 "
done
for flag in help --help --hel -h; do
    run "$HAYFORK" $flag
    is "hayfork $flag lists the verbs" "$code $(grep -Ec '^  (run|call|info|check|help) ' out)" "0 5"
done
for flag in --version --vers -V; do
    run "$HAYFORK" $flag
    is "hayfork $flag" "$code $(sed 's/[0-9][0-9]*\.[0-9.]*$/N/' out)" "0 hayfork N"
done
run sh -c '"$HAYFORK" help >/dev/full'
is "help that cannot be written is exit 74" "$code" 74

# Values that are right.
echo '{"fn":"demo.noop"}' >jobs
for good in '-j1' '-j 2' '--jobs=2' '--max-res 1M' '--timeout 250ms' '--timeout 5s' '--timeout 2m' '--timeout 1h' '--timeout 1.5' \
    '--timeout .5' '--timeout 0' '--grace 0' '--grace 10' '--start-timeout 1m' '--retries 3 --retry-timeouts' '--crash-retries 0' '--max-result 64K' \
    '--max-result 1g' '--max-result 1000' '--max-worker-rss 2t' '--queue 1' '--meta --summary' '--'; do
    run "$HAYFORK" run -p demo $good jobs
    is "accepted: $good" "$code $(grep -c '"status":"ok"' out)" "0 1"
done
run "$HAYFORK" run jobs -p demo -- jobs
is "options and files mix" "$code $(wc -l <out)" "0 2"
done_testing
