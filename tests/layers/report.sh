# SPDX-License-Identifier: MIT
#
# Sourced by the tests here that compare lists: report() makes one TAP line of a difference, which is empty where all is well; `count` and
# `status` are for the plan and the exit code.
count=0
status=0

report() { # NAME DIFFERENCE
    count=$((count + 1))
    if [ -z "$2" ]; then
        echo "ok $count - $1"
    else
        echo "not ok $count - $1"
        printf '%s\n' "$2" | sed 's/^/# /'
        status=1
    fi
}
