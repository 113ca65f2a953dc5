# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# For tests in which one thing after the other fails that a verb asks for; sourced after lib.sh. Whatever fails, it ends by
# itself, with an exit code of its own, never by a signal; where that says success its output is right, else it says something.
#   $hurt                         the library to preload, which lets the HURT_AT-th fail, and may name what it counts in HURT_LOG
#   failing N [VARIABLE=VALUE] COMMAND...   run it with the Nth failing
#   judge N                       was what that did in order? Prints what was not
#   each COUNT NAME COMMAND...    let one after the other fail; COUNT COMMAND... is a function that prints how many there are
if [ -n "${HAY_SANITIZED:-}" ]; then
    skip "each thing that is asked for may fail" "a sanitizer has its own"
    done_testing
fi

failing()
{
    at=$1
    shift
    rm -f names
    run env LD_PRELOAD="${hurt:?}" HURT_LOG="$PWD/names" HURT_AT="$at" "$@"
}

# The output without the times in a report, and without how often a job was tried.
output()
{
    sed 's/[0-9]*-[0-9]*-[0-9]* [0-9:]*//; s/,"attempts":2//' out
}

judge()
{
    failed="$1 $(sed -n "$1p" names 2>/dev/null)"
    case $code in
    0) output | cmp -s - wanted || echo "$failed: 0 with a wrong output" ;;
    1 | 65 | 69 | 70 | 74) [ -s err ] || grep -q '"status":"[^o]' out || echo "$failed: $code and silent" ;;
    *) echo "$failed: $code" ;;
    esac
}

each()
{
    counted=$1 verb=$2
    shift 2
    run "$@"
    output >wanted
    count=$($counted "$@")
    ok "$verb: $counted are counted" test "$count" -gt 0
    for n in $(seq "$count"); do
        failing "$n" "$@"
        judge "$n"
        if [ "${again:-}" ]; then
            failing "$n" HURT_ON=1 "$@"
            judge "$n"
        fi
    done >bad
    is "$verb: each of $count $counted may fail" "$(cat bad)" ""
}

cat >jobs <<'EOF'
{"fn":"demo.add","args":{"a":1,"b":2}}
{"fn":"text.count","args":{"path":"jobs"},"after":[1],"retries":1}
{"id":"x","fn":"demo.add","args":{"a":3,"b":4},"timeout":20}
EOF
"$HAYFORK" run -j 1 -p demo -p text -o results jobs
printf '%s\n' one two three >lines

# each_verb COUNT : of the verbs that need nothing else
each_verb()
{
    each "$1" run "$HAYFORK" run -j 1 -k -p demo -p text jobs
    each "$1" "run --inline" "$HAYFORK" run --inline -p demo -p text jobs
    each "$1" map "$HAYFORK" map -j 1 -k text.count ::: jobs lines
    each "$1" exec "$HAYFORK" exec -j 1 -k -a lines echo {}
    each "$1" "exec ::::" "$HAYFORK" exec -j 1 -k echo {1} {2} :::: lines ::: a
    each "$1" "exec --pipe" "$HAYFORK" exec -j 1 -k -a lines --pipe -n 2 cat
    each "$1" "exec --line-buffer" "$HAYFORK" exec -j 1 -a lines --line-buffer --tag echo {}
    each "$1" results "$HAYFORK" results results
    each "$1" report "$HAYFORK" report results
    each "$1" call "$HAYFORK" call demo.add '{"a":1,"b":2}'
    each "$1" info "$HAYFORK" info "$top_builddir/plugins/.libs/demo.so" # not by its name: there may be one installed
    each "$1" check "$HAYFORK" check -p demo -p text jobs
}
