# SPDX-License-Identifier: MIT
#
# For the tests of the command: sourced first. Makes a directory that goes away at the end, changes into it, and prints TAP.
#   run COMMAND...        stdout to ./out, stderr to ./err, exit code to $code
#   is NAME GOT WANTED    one test: both strings are equal
#   ok NAME COMMAND...    one test: the command succeeds
#   skip NAME WHY         one test that cannot be tried here
#   children PID, has_children PID COUNT
#   until_true COMMAND... wait for a condition, a minute at most
#   done_testing          the plan; last
set -u
LC_ALL=C
export LC_ALL
unset MAKEFLAGS MAKELEVEL MFLAGS # under make -j the command would take part in that make's jobserver
: "${HAYFORK:?the command to test}" "${HAYFORK_PLUGIN_PATH:?where its plugins are}"
case $0 in
/*) here=$(dirname "$0") ;;
*) here=$PWD/$(dirname "$0") ;;
esac
scratch=$(mktemp -d) || exit 99
trap 'exit 1' HUP INT TERM
trap 'cd /; rm -rf "$scratch"' EXIT
cd "$scratch" || exit 99
tests=0
failures=0
newline='
'

# A test that hangs fails: every command under test runs under this limit.
limit='timeout -k 5 120'

run()
{
    $limit "$@" >out 2>err
    code=$?
}

verdict()
{
    tests=$((tests + 1))
    if [ "$1" = 0 ]; then
        echo "ok $tests - $2"
    else
        failures=$((failures + 1))
        echo "not ok $tests - $2"
        [ ! -s err ] || head -n 5 err | sed 's/^/# stderr: /'
    fi
}

is()
{
    if [ "$2" = "$3" ]; then
        verdict 0 "$1"
        return
    fi
    verdict 1 "$1"
    printf '%s\n' "$2" | head -n 20 | sed 's/^/# got:    /'
    printf '%s\n' "$3" | head -n 20 | sed 's/^/# wanted: /'
}

ok()
{
    name=$1
    shift
    "$@" >/dev/null
    verdict $? "$name"
}

skip()
{
    tests=$((tests + 1))
    echo "ok $tests - $1 # SKIP $2"
}

until_true()
{
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 1200 ] || return 1
        sleep 0.05
    done 2>/dev/null
}

# children PID: the processes that it started, a line each. pgrep is not everywhere.
children()
{
    sed -n "s/^\([0-9]*\) (.*) [A-Za-z] $1 .*/\1/p" /proc/[0-9]*/stat 2>/dev/null
}

# has_children PID COUNT: has it at least so many?
has_children()
{
    [ "$(children "$1" | wc -l)" -ge "$2" ]
}

sorted()
{
    sort "$@"
}

done_testing()
{
    echo "1..$tests"
    [ $failures = 0 ]
    exit
}
