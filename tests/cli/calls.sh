#!/bin/sh
# SPDX-License-Identifier: MIT
# A system that says no: each verb is run again and again, each time with another of its system calls failing, alone and with all
# later ones of its name.
. "${top_srcdir:?}/tests/cli/lib.sh"
. "${top_srcdir:?}/tests/cli/failing.sh"
hurt=$top_builddir/tests/support/.libs/hurtcall.so

system_calls()
{
    failing 1000000000 "$@"
    wc -l <names
}

again=yes
each_verb system_calls

# The first pipe is that of the plugin's check. What the machine lacks is no fault of the plugin, and is told as at the start.
failing 1000000000 "$HAYFORK" call demo.add '{"a":1,"b":2}'
failing "$(grep -n -m 1 pipe2 names | cut -d: -f 1)" "$HAYFORK" call demo.add '{"a":1,"b":2}'
is "a plugin that cannot be checked for want of a descriptor" "$code $(cut -d: -f 1,2 err)" "70 hayfork call: pipe2"
done_testing
