#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Each verb has a manual page of its own, which has all of the verb's options, with a value where they take one, and no other; so
# has the zsh completion. The options are those of the tables in src/cli, see tests/cli/option-table.
set -u
LC_ALL=C
export LC_ALL
src=${top_srcdir:-.}
. "$src/tests/layers/report.sh"

# What stands in one of two lists alone.
difference() { # WHERE-FIRST FIRST WHERE-SECOND SECOND
    { printf '%s\n' "$2"; echo --; printf '%s\n' "$4"; } | awk -v one="$1" -v two="$3" '
        $0 == "--" && !second { second = 1; next }
        !second { if ($0 != "") first[$0] = 1; next }
        $0 != "" && !($0 in first) { print two " alone has: " $0 }
        { delete first[$0] }
        END { for (i in first) print one " alone has: " i }' | sort
}

# `LONG LETTER VALUE` of each option in a list of a page.
documented() { # PAGE
    awk '
        /^\.It Fl / {
            value = / (Ar|Cm) / ? "yes" : "no"
            letter = "-"
            known = 0
            for (i = 3; i <= NF && $i !~ /^(Ar|Cm|Op|Ns)$/; i++) {
                if ($i == ",") continue
                if ($i ~ /^-/) { print substr($i, 2), letter, value; known = 1 }
                else letter = $i
            }
            if (!known) print "?", letter, value
        }' "$1" | sort -u
}

table=$("$src/tests/cli/option-table" "$src")
verbs=$(grep -oE '"[a-z]+", [a-z]+_main' "$src/src/cli/help.c" | sed 's/"\([a-z]*\)".*/\1/' | sort -u)

report "the verbs and the tables are found" "$(
    [ "$(printf '%s\n' "$verbs" | wc -l)" -ge 10 ] || echo "$verbs"
    printf '%s\n' "$table" | awk '$1 == "run" { n++ } END { if (n < 30) print n + 0 " options of run" }')"
report "each table is of a known verb" "$(printf '%s\n' "$table" | grep '^unknown ')"
report "each verb but help has a page, which is installed" "$(for verb in $verbs; do
    [ "$verb" != help ] || continue
    [ -f "$src/docs/hayfork-$verb.1" ] || echo "hayfork-$verb.1"
    grep -qF "docs/hayfork-$verb.1" "$src/docs/Makefile.inc" || echo "hayfork-$verb.1: not installed"
    grep -q "^\.Xr hayfork-$verb 1" "$src/docs/hayfork.1" || echo "hayfork-$verb.1: not in hayfork.1"
done)"
for verb in $verbs; do
    page=$src/docs/hayfork-$verb.1
    [ -f "$page" ] || continue
    report "the page of $verb has the options of $verb" "$(
        difference "the program" "$(printf '%s\n' "$table" | awk -v verb="$verb" '$1 == verb { print $2, $3, $4 }')" \
            "the page" "$(documented "$page")")"
    report "the page of $verb has an example and its exit codes" "$(for section in EXAMPLES 'EXIT STATUS' 'SEE ALSO'; do
        grep -qx "\.Sh $section" "$page" || echo "no $section"
    done)"
done

# zsh: an option stands with its verb as --NAME or --NAME=, or in one of the lists that the verb uses.
zsh_part() { # VERB
    awk -v verb="$1" '
        /^    (help|shared|run|function)=\(/ { list = $1; sub(/=.*/, "", list) }
        list != "" { text[list] = text[list] $0 "\n" }
        /^    \)$/ || /^    help=/ { list = "" }
        $1 == verb ")" { inside = 1 }
        inside { text["own"] = text["own"] $0 "\n" }
        /;;/ { inside = 0 }
        END {
            uses = text["own"] (text["own"] ~ /\$run/ ? text["run"] : "")
            uses = uses (uses ~ /\$function/ ? text["function"] : "")
            print uses (uses ~ /\$help/ ? text["help"] : "") (uses ~ /\$shared/ ? text["shared"] : "")
        }' "$src/scripts/completions/_hayfork"
}
for verb in $verbs; do
    [ "$verb" != help ] || continue
    report "zsh completes the options of $verb" "$(printf '%s\n' "$table" | while read -r of long _ value; do
        [ "$of" = "$verb" ] || continue
        equals=
        [ "$value" = no ] || equals='='
        zsh_part "$verb" | grep -qE -- "--$long$equals([^a-z=-]|\$)" || echo "--$long$equals"
    done)"
done
echo "1..$count"
exit $status
