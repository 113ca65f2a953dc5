#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The tables of behaviours and of defects in tests/README.md have all their rows, each with a test or a reason, and every test
# that they name is there: as a string of the file, or as a function of that name.
set -u
LC_ALL=C
export LC_ALL
tests=${top_srcdir:-.}/tests
rows=$(grep -E '^\| [0-9]+ \|' "$tests/README.md")
status=0

missing=$(for number in $(seq 88); do
    cell=$(printf '%s\n' "$rows" | awk -F ' [|] ' -v wanted="| $number" '$1 == wanted { print $3 }')
    case $cell in
    *'`: '* | 'No counterpart: '*) ;;
    *) echo "$number" ;;
    esac
done)
if [ -z "$missing" ]; then
    echo "ok 1 - each behaviour has a test or a reason"
else
    echo "not ok 1 - each behaviour has a test or a reason"
    printf '%s\n' "$missing" | sed 's/^/# number /'
    status=1
fi

# FILE NAME, a line for each test that is named.
named=$(printf '%s\n' "$rows" | sed 's/ |$//' | awk -F ' [|] ' '{
    parts = split($3, part, "<br>")
    for (i = 1; i <= parts; i++) {
        if (part[i] !~ /^`[a-z_\/]+\.c`: /) continue
        file = part[i]; sub(/^`/, "", file); sub(/`.*/, "", file)
        list = part[i]; sub(/^`[^`]*`: /, "", list)
        names = split(list, name, "; ")
        for (j = 1; j <= names; j++) print file "\t" name[j]
    }
}')
tab=$(printf '\t')
lost=$(printf '%s\n' "$named" | while IFS=$tab read -r file name; do
    word=$(printf '%s' "$name" | tr ' ' '_')
    grep -qF -e "\"$name\"" -e "($word)" "$tests/$file" 2>/dev/null || echo "$file: $name"
done)
if [ -z "$lost" ]; then
    echo "ok 2 - the tests that are named are there"
else
    echo "not ok 2 - the tests that are named are there"
    printf '%s\n' "$lost" | sed 's/^/# /'
    status=1
fi
echo "1..2"
exit $status
