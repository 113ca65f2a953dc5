#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The tests that use threads, built anew with ThreadSanitizer and run: it has nothing to say. Only src/base and src/sync are
# needed for that. Skipped where the compiler has no ThreadSanitizer, or that does not run.
set -u
src=${top_srcdir:-.}
build=${top_builddir:-.}
cc=${CC:-cc}
folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder"' EXIT
TSAN_OPTIONS='exitcode=66:halt_on_error=0'
export TSAN_OPTIONS
flags="-std=gnu11 -O1 -g -pthread -fsanitize=thread"
count=0
status=0

skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}

echo 'int main(void) { return 0; }' >"$folder/probe.c"
# shellcheck disable=SC2086 # lists of words
$cc $flags "$folder/probe.c" -o "$folder/probe" >/dev/null 2>&1 || skip_all "no ThreadSanitizer here"
"$folder/probe" >/dev/null 2>&1 || skip_all "ThreadSanitizer does not run here"

for name in test_sync_threads test_queue_waits; do
    count=$((count + 1))
    # shellcheck disable=SC2086
    if $cc $flags -D_GNU_SOURCE -DHAVE_CONFIG_H -I"$build" -I"$src/include" -I"$src/src" -I"$src/tests" ${JANSSON_CFLAGS:-} \
        "$src/tests/unit/sync/$name.c" "$src/tests/support/tap.c" "$src"/src/base/*.c "$src"/src/sync/*.c \
        -o "$folder/$name" -lcunit -ljansson >"$folder/said" 2>&1 && "$folder/$name" >"$folder/said" 2>&1; then
        echo "ok $count - $name is clean"
    else
        echo "not ok $count - $name is clean"
        sed 's/^/# /' "$folder/said" | head -60
        status=1
    fi
done
echo "1..$count"
exit $status
