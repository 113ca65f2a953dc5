#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The example programs of processes and pipes print what their introductions promise, and end by themselves.
set -u
build=${top_builddir:-.}/examples
count=0
status=0

report() { # NAME WANTED GOT
    count=$((count + 1))
    if [ "$2" = "$3" ]; then
        echo "ok $count - $1"
    else
        echo "not ok $count - $1"
        printf 'wanted:\n%s\ngot:\n%s\n' "$2" "$3" | sed 's/^/# /'
        status=1
    fi
}

now_ms() {
    read -r up _ </proc/uptime
    echo "${up%.*}${up#*.}0"
}

begin=$(now_ms)
got=$(timeout 60 "$build/two_processes")
code=$?
took=$(($(now_ms) - begin))
report "two_processes ends well" 0 "$code"
report "two_processes ends with its last line" "All processes have finished execution." "$(printf '%s\n' "$got" | tail -n 1)"
report "two_processes starts both and both finish" "Process-A started
Process-B started
Process-A finished after 2 s
Process-B finished after 1 s" "$(printf '%s\n' "$got" | sed -n 's/ (PID [0-9]*)//p' | LC_ALL=C sort -k 2,2r -k 1,1)"
if [ -z "${HAY_SANITIZED:-}" ]; then
    report "two_processes sleeps side by side (took $took ms)" yes "$([ "$took" -lt 2300 ] && echo yes)"
fi

# The two processes print to one terminal: their lines may mix, but each one's order holds.
got=$(timeout 60 "$build/sender_receiver")
report "sender_receiver ends by itself" 0 "$?"
report "its sender sends" 'Sent: Hello
Sent: 42
Sent: {"key": "value"}' "$(printf '%s\n' "$got" | grep '^Sent')"
report "its receiver receives, and sees the end" 'Received: Hello
Received: 42
Received: {"key": "value"}
No more data. Exiting.' "$(printf '%s\n' "$got" | grep -v '^Sent')"

got=$(timeout 60 "$build/supervisor")
report "supervisor ends well" 0 "$?"
report "supervisor restarts what died and leaves alone what is done" 'shaky: start 1 killed by SIGABRT
shaky: start 2 exited with 0
steady: start 1 exited with 0
unlucky: start 1 killed by SIGABRT
unlucky: start 2 exited with 3
unlucky: start 3 killed by SIGABRT
unlucky: start 4 exited with 0' "$(printf '%s\n' "$got" | grep ': start' | sed 's/ (core.*//' | LC_ALL=C sort)"
report "supervisor says when all is done" "All services are done." "$(printf '%s\n' "$got" | tail -n 1)"
echo "1..$count"
exit $status
