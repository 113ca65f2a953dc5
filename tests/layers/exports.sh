#!/bin/sh
# SPDX-License-Identifier: MIT
#
# libhayfork exports exactly the names in exports.txt: nothing private leaks, nothing public is lost. And that list is what the
# public headers declare, so a new function is written down in both or fails here.
set -u
LC_ALL=C
export LC_ALL
src=${top_srcdir:-.}
library=${top_builddir:-.}/.libs/libhayfork.so
nm=${NM:-nm}
. "$src/tests/layers/report.sh"

# Lines only in the first list are missing, lines only in the second are too many.
compare() {
    { printf '%s\n' "$1"; echo --; printf '%s\n' "$2"; } | awk '
        $0 == "--" { second = 1; next }
        $0 == "" { next }
        !second { wanted[$0] = 1; next }
        !($0 in wanted) { print "not in the list: " $0; next }
        { delete wanted[$0] }
        END { for (name in wanted) print "missing: " name }' | sort
}

listed=$(grep -v '^#' "$src/tests/layers/exports.txt")
report "exports.txt is sorted and names nothing twice" "$(printf '%s\n' "$listed" | sort -cu 2>&1)"

# A declaration may stretch over lines: the name is the last word before the first bracket after HAY_API.
# A header is public once include/Makefile.inc installs it.
headers=$(grep -o 'include/hayfork[a-z_/]*\.h' "$src/include/Makefile.inc")
# shellcheck disable=SC2086 # a list of words
declared=$(cd "$src" && cat $headers | awk '
    /^#/ { next }
    /^(extern )?HAY_API / { text = ""; open = 1 }
    open {
        text = text " " $0
        if (text ~ /[(;]/) {
            sub(/ *[(;].*/, "", text)
            sub(/.*[ *]/, "", text)
            print text
            open = 0
        }
    }' | sort -u)
report "exports.txt has what the public headers declare" "$(compare "$declared" "$listed")"

if ! command -v "${nm%% *}" >/dev/null 2>&1; then
    count=$((count + 1))
    echo "ok $count - libhayfork.so exports exports.txt # SKIP no nm here"
elif [ ! -e "$library" ]; then
    report "libhayfork.so exports exports.txt" "no $library"
else
    # The sanitizers' own marks beside each symbol are theirs.
    exported=$($nm -D --defined-only "$library" | awk '
        $NF !~ /^_*(odr_)?[atu]san|^__odr_|^(_init|_fini|_edata|_end|__bss_start)$/ { print $NF }' | sort -u)
    report "libhayfork.so exports exports.txt" "$(compare "$listed" "$exported")"
fi
echo "1..$count"
exit $status
