#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Each public function has its place in a manual page of section 3: in the NAME, in the SYNOPSIS and in the text, of one page and
# no other. And no page tells of a function that is not there. The functions are those of exports.txt, which exports.sh compares
# with the headers, and the inline ones of the headers themselves.
set -u
LC_ALL=C
export LC_ALL
src=${top_srcdir:-.}
pages=$(ls "$src"/docs/hayfork-*.3)
. "$src/tests/layers/report.sh"

# What the headers' own inline functions call, and nobody else should: these, and all of hay_reader_ and hay_writer_.
private='hay_json_append hay_json_may_be_deep hay_json_put hay_json_run hay_pipe_json_error hay_text_character'

inline=$(grep -ohE '^static inline [a-z_ *]*hay_[a-z0-9_]+\(' "$src"/include/hayfork/*.h | sed 's/($//; s/.*[ *]//' | grep -vE '^hay_(reader|writer)_' | sort -u)
for name in $private; do
    inline=$(printf '%s\n' "$inline" | grep -vx "$name")
done
public=$({ grep -v '^#' "$src/tests/layers/exports.txt"; printf '%s\n' "$inline"; } | sort -u)

# PAGE WHERE FUNCTION for each place.
# shellcheck disable=SC2086 # a list of words
places=$(awk '
    FNR == 1 { where = ""; page = FILENAME; sub(/.*\//, "", page) }
    /^\.Sh / { where = $2 == "NAME" ? "name" : $2 == "SYNOPSIS" ? "synopsis" : "text"; next }
    where == "name" && /^\.Nm hay_/ { print page, where, $2 }
    where != "name" && /^\.F[no] hay_/ { print page, where, $2 }' $pages | sort -u)

for where in name synopsis text; do
    report "each function is in the $where of a page" "$(
        { printf '%s\n' "$places" | awk -v where=$where '$2 == where { print $3 }'; echo --; printf '%s\n' "$public"; } | awk '
            $0 == "--" { second = 1; next }
            !second { has[$0] = 1; next }
            !($0 in has) { print $0 }')"
done
report "no page is about what is not public" "$(
    { printf '%s\n' "$public"; echo hay_plugin_entry; echo --; printf '%s\n' "$places"; } | awk '
        $0 == "--" { second = 1; next }
        !second { is[$0] = 1; next }
        !($3 in is) { print $1 ": " $3 }')"
report "no function has two pages" "$(printf '%s\n' "$places" | awk '$2 == "synopsis" { print $3 }' | sort | uniq -d)"
report "a page names in its NAME what is in its SYNOPSIS" "$(
    printf '%s\n' "$places" | awk '
        $2 == "name" { named[$1 " " $3] = 1 }
        $2 == "synopsis" { shown[$1 " " $3] = 1 }
        END {
            for (i in shown) if (!(i in named)) print i ": not in the NAME"
            for (i in named) if (!(i in shown)) print i ": not in the SYNOPSIS"
        }' | sort)"
report "each page is installed" "$(for page in $pages; do
    name=docs/${page##*/}
    grep -qF "$name" "$src/docs/Makefile.inc" || echo "$name"
done)"
if command -v mandoc >/dev/null 2>&1; then
    # shellcheck disable=SC2086
    report "mandoc has nothing to warn of" "$(mandoc -Tlint -W warning $pages "$src"/docs/hayfork*.1 2>&1)"
else
    count=$((count + 1))
    echo "ok $count - mandoc has nothing to warn of # SKIP no mandoc here"
fi
echo "1..$count"
exit $status
