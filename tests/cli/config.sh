#!/bin/sh
# SPDX-License-Identifier: MIT
# --config: what reaches a plugin's configure(), and what is refused before anything starts.
. "${top_srcdir:?}/tests/cli/lib.sh"
HAYFORK_PLUGIN_PATH=$HAYFORK_PLUGIN_PATH:${top_builddir:?}/tests/support/plugins/.libs
export HAYFORK_PLUGIN_PATH

# shown NAME WANTED ARGUMENT... : both in a worker and inline
shown()
{
    name=$1
    wanted=$2
    shift 2
    for how in '' --inline; do
        run "$HAYFORK" call $how "$@" configured.show
        is "call $how: $name" "$code $(cat out err)" "$wanted"
    done
}
shown "none is null" "0 null"
shown "JSON, before start" '0 {"a":[1,2]}' --config 'configured={"a":[1,2]}'
shown "the last one counts" "0 2" --config configured=1 --config configured=2
shown "its own one of two" "0 2" -p configured -p good --config 'good="="' --config configured=2
printf '{\n  "a": "x=y"\n}\n' >config.json
shown "a file, over lines" '0 {   "a": "x=y" }' --config configured=@config.json

printf '%s\n' '{}' '{}' '{}' '{}' >jobs
run "$HAYFORK" run -j 2 --max-jobs-per-worker 1 -p configured --config 'configured="é"' -f configured.show jobs
is "each worker of run, replaced ones too" "$code $(grep -c '"result":"é"' out)" "0 4"
run "$HAYFORK" map --config configured=7 configured.show jobs
is "map" "$code $(grep -c '"result":7' out)" "0 4"
run "$HAYFORK" run --joblog log -f configured.fail --config good=1 -p good --config 'configured=[1, 2]' jobs
is "the command of each in the joblog has it" "$(grep -c "hayfork call --config 'configured=\[1, 2\]' configured.fail" log)" 4

run "$HAYFORK" run --joblog log -f configured.show --config "configured=[1,${newline}2]" jobs
is "one over lines takes one row" "$(wc -l <log) $(grep -c -- "--config 'configured=\[1, 2\]' configured.show" log)" "5 4"
run "$HAYFORK" run --joblog log -f configured.show --config configured=@config.json jobs
is "a file is named by its path" "$(grep -c -- "--config configured=@$PWD/config.json configured.show" log)" 4
run "$HAYFORK" run --joblog log -f configured.show --config "configured=\"$(head -c 20000 /dev/zero | tr '\0' a)\"" jobs
is "a long one is left out" "$(grep -c -- "--config configured=... configured.show" log)" 4

# refused VERB CODE ERR CONFIG...
refused()
{
    verb=$1
    wanted=$2
    shift 2
    run "$HAYFORK" $verb --config "$@" jobs
    is "$verb --config $1" "$code $(sed 1q err) $(wc -c <out)" "$wanted 0"
}
printf '1\0' >nul
for verb in 'run -f configured.show' 'check -f configured.show' 'map configured.show'; do
    word=${verb%% *}
    refused "$verb" "2 hayfork $word: --config needs PLUGIN=JSON or PLUGIN=@FILE, not 'configured'" configured
    refused "$verb" "2 hayfork $word: --config needs PLUGIN=JSON or PLUGIN=@FILE, not '=1'" =1
    refused "$verb" "2 hayfork $word: --config: no plugin \"nosuch\" is loaded" nosuch=1
    refused "$verb" "2 hayfork $word: --config: plugin text takes no configuration" text=1 -p text
    refused "$verb" "2 hayfork $word: --config: the configuration of plugin configured is not JSON: column 3: unexpected end of line" \
        'configured=[1'
    refused "$verb" "2 hayfork $word: --config: the configuration of plugin configured is not JSON: column 1: unexpected end of line" \
        configured=
    refused "$verb" "65 hayfork $word: cannot read nosuch: No such file or directory" configured=@nosuch
    refused "$verb" "2 hayfork $word: --config: nul holds a NUL byte" configured=@nul
done
run "$HAYFORK" check -f configured.show --config configured=1 jobs
is "check takes a good one" "$code" 0

run "$HAYFORK" run -j 1 -f configured.show --config configured=false jobs
is "one that the plugin refuses ten times stops the pool" "$code $(grep -c 'this will not do' err) $(grep -c 'its configure() refused with 3' err)" \
    "70 10 1"
run "$HAYFORK" call --inline --config configured=false configured.show
is "and an inline call" "$code $(grep -c 'its configure() refused with 3' err)" "69 1"

run "$HAYFORK" info configured
is "info says that it takes one" "$(grep -c -- '^--config configured=JSON' out)" 1
run "$HAYFORK" info --json configured
is "info --json" "$(grep -c '"configurable":true' out)" 1
run "$HAYFORK" info --json text
is "and that another takes none" "$(grep -c '"configurable":false' out)" 1
done_testing
