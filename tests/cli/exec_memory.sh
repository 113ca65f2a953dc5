#!/bin/sh
# SPDX-License-Identifier: MIT
# A command that was killed while the kernel killed for lack of memory. The kernel's count is a file here.
. "${top_srcdir:?}/tests/cli/lib.sh"

if [ -n "${HAY_SANITIZED:-}" ]; then
    skip "a lack of memory is told" "a sanitizer does not like what is preloaded"
    done_testing
    exit
fi
hurt=$top_builddir/tests/support/.libs/hurtmemory.so
export HURT_VMSTAT="$PWD/vmstat"
counted='echo oom_kill 8 >"$HURT_VMSTAT"'

# As the kernel has it: more of them, this one in the middle.
short()
{
    printf '%s\n' 'nr_free_pages 1' 'oom_kill 7' 'oom_kill_other 100' >vmstat
    run env LD_PRELOAD="$hurt" "$HAYFORK" "$@"
}

short exec --shell "$counted; kill -9 \$\$" ::: 1
is "a killed command" "$code $(cut -d: -f1-2 err)" \
    "1 hayfork exec: killed by signal 9 (SIGKILL), probably for lack of memory"
short exec --shell "$counted; exit 137" ::: 1
is "a shell's command" "$code $(cut -d: -f1-2 err)" "1 hayfork exec: exit 137, probably for lack of memory"
short exec --json --shell "$counted; kill -9 \$\$" ::: 1
is "in JSON too" "$code $(cat out)" '1 {"id":1,"status":"error","error":{"message":"killed by signal 9 (SIGKILL), probably for lack of memory"},"result":{"exit":null,"signal":9,"stdout":"","stderr":"","out_of_memory":true}}'

# Not where nobody was killed since, nor where it ended in another way.
short exec --shell 'kill -9 $$' ::: 1
is "no lack" "$code $(cut -d: -f1-2 err)" "1 hayfork exec: killed by signal 9 (SIGKILL)"
short exec --shell "$counted; kill -15 \$\$" ::: 1
is "another signal" "$code $(cut -d: -f1-2 err)" "1 hayfork exec: killed by signal 15 (SIGTERM)"
short exec -j 1 --json --shell "$counted; kill -9 \$\$" ::: 1 2
is "of one lack one hears" "$code $(grep -c lack out)" "1 1"

printf '%s\n' "{\"fn\":\"exec.run\",\"args\":{\"check\":true,\"shell\":\"echo a >&2; echo oom_kill 8 >vmstat; kill -9 \$\$\"}}" >jobs
short run -p exec jobs
is "an error by check" "$code $(cat out)" \
    '1 {"id":1,"status":"error","error":{"message":"signal 9 (SIGKILL), probably for lack of memory: a"}}'

rm vmstat
run env LD_PRELOAD="$hurt" "$HAYFORK" exec --shell 'kill -9 $$' ::: 1
is "a system that does not count" "$code $(cut -d: -f1-2 err)" "1 hayfork exec: killed by signal 9 (SIGKILL)"

done_testing
