#!/bin/sh
# SPDX-License-Identifier: MIT
# Real files, compared line for line with what sha256sum and wc say of them. HAY_REAL=/usr takes every file under there, and some
# minutes; without it the first 2,000 under /usr/include and /usr/share do.
. "${top_srcdir:?}/tests/cli/lib.sh"

# Names that are UTF-8 (others cannot be said in JSON), in one order, NUL behind each.
if [ "${HAY_REAL:-}" ]; then
    find "$HAY_REAL" -type f -readable -print0 2>/dev/null | LC_ALL=C.UTF-8 grep -zax '.*' | sort -z >names
else
    find /usr/include /usr/share -type f -readable -print0 2>/dev/null | LC_ALL=C.UTF-8 grep -zax '.*' | sort -z | head -z -n 2000 >names
fi
files=$(tr -cd '\0' <names | wc -c)
ok "there are files: $files" test "$files" -gt 100

# differences WANTED GOT: how many lines differ, and the first.
differences()
{
    diff "$1" "$2" >difference
    head -n 4 difference | sed 's/^/# /'
    grep -c '^[<>]' difference
}

if [ -e "${HAYFORK_PLUGIN_PATH%%:*}/hash.so" ]; then
    limit="timeout -k 5 900"
    run sh -c '"$HAYFORK" map -0 -k hash.file <names'
    sed -n 's/.*"status":"ok".*"digest":"\([0-9a-f]*\)".*/\1/p' out >got
    xargs -0 sha256sum <names | sed 's/^\\//' | cut -c1-64 >wanted
    is "hash.file: exit 0" "$code" 0
    is "each digest is that of sha256sum" "$(wc -l <got | tr -d ' ') $(differences wanted got | tail -n 1)" "$files 0"
else
    skip "hash.file" "no libcrypto"
fi

limit="timeout -k 5 900"
run sh -c '"$HAYFORK" map -0 -k text.count <names'
columns='\1 \2 \3'
# From coreutils 9.5 on, wc lets bytes begin a word that are no characters in the C locale.
[ "$(printf '\200' | wc -w)" -eq 0 ] || columns='\1 \3'
sed -n "s/.*\"status\":\"ok\".*\"lines\":\([0-9]*\),\"words\":\([0-9]*\),\"bytes\":\([0-9]*\)}.*/$columns/p" out >got
wc --files0-from=names 2>wc.err | sed '$d' | sed "s/^ *\([0-9]*\) *\([0-9]*\) *\([0-9]*\) .*/$columns/" >wanted
is "text.count: exit 0" "$code" 0
is "each count is that of wc" "$(wc -l <got | tr -d ' ') $(differences wanted got | tail -n 1)" "$files 0"

done_testing
