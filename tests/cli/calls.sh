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
done_testing
