#!/bin/sh
# SPDX-License-Identifier: MIT
# Completion of the command line: what bash's and fish's offer, and that zsh's is one.
. "${top_srcdir:?}/tests/cli/lib.sh"
completions=$top_srcdir/scripts/completions
table=$("$top_srcdir/tests/cli/option-table" "$top_srcdir")

# options VERB: all long options that it has, on one line. Its function is what exec itself says.
options()
{
    printf '%s\n' "$table" | awk -v verb="$1" '
        $1 == verb || ($1 == "run" && (verb == "map" || (verb == "exec" && $2 != "function"))) { print "--" $2 }' | sort -u | tr '\n' ' '
}

# offered WORD...: by bash for the last word, on one line.
offered()
{
    "$top_srcdir/tests/cli/bash-complete" "$completions/hayfork.bash" "$HAYFORK" "$@" 2>&1 | sort -u | tr '\n' ' '
}

: >jobs.jsonl
: >'two words'
mkdir folder

if command -v bash >/dev/null 2>&1; then
    ok "bash can read it" bash -n "$completions/hayfork.bash"
    is "the verbs" "$(offered '')" "--help --version -V -h call check exec help info map new report results run "
    is "the beginning of a verb" "$(offered re)" "report results "
    for verb in run map exec call results report info check new; do
        is "all options of $verb" "$(offered $verb --)" "$(options $verb)"
    done
    is "no options behind --" "$(offered run -- --)" ""
    is "letters too" "$(offered report -)" "$(printf '%s\n' --help --output --trace -h -o | tr '\n' ' ')"
    is "a value from a list" "$(offered run --sync '')" "always interval none "
    is "behind = too" "$(offered run --sync=al)" "always "
    is "behind a bare = too" "$(offered run --progress=)" "auto bar json lines none "
    is "where plugins print: words and files" "$(offered run --stderr '')" "folder jobs.jsonl pass tag two words "
    is "--halt" "$(offered run --halt so)" "soon,done= soon,fail= soon,success= "
    is "nothing can be said of its number" "$(offered run --halt now,fail=)" ""
    is "a list with commas" "$(offered run --retry-on error,)" "error,crash error,error error,timeout "
    is "a list with commas and =" "$(offered run --limit=mem=1G,c)" "1G,cpu= "
    is "files" "$(offered run j)" "jobs.jsonl "
    is "a name with a space is one" "$(offered run -o two)" "two words "
    is "also when its space was typed" "$(offered run 'two\ w')$(offered run -o '"two w')$(offered run "-o'two w")" \
        "two words two words -otwo words "
    is "-j @FILE" "$(offered run -j @j)" "@jobs.jsonl "
    is "a number has no completion" "$(offered run --retries '')" ""
    is "plugins by name" "$(offered run -p dem)" "demo "
    is "plugins by path" "$(offered run -p ./f)" "./folder "
    is "functions of the plugin that was chosen" "$(offered run -p demo -f demo.s)" "demo.sleep demo.spin "
    is "of --plugin=NAME too" "$(offered run --plugin=demo -f demo.a)" "demo.add "
    is "the function of map: its plugin first" "$(offered map dem)" "demo. "
    is "then the function" "$(offered map -k demo.a)" "demo.add "
    is "then files" "$(offered map --id line demo.add j)" "jobs.jsonl "
    is "call has one function" "$(offered call demo.a) $(offered call demo.add '')" "demo.add  "
    is "a plugin that is not there has no functions" "$(offered map nosuch.)" ""
    is "exec: options end with the command" "$(offered exec -k cat --)$(offered exec -j 2 cat j)" "jobs.jsonl "
    is "exec: a number is a letter's value" "$(offered exec -n 2 --ta)" "--tag "
    is "exec: a command" "$(offered exec -j2 mkfif)" "mkfifo "
    is "exec: a command by its path is a file's name" "$(COMPOPT=1 offered exec ./fo)" "-o filenames ./folder "
    is "exec: behind its separators" "$(offered exec cat ::: j) $(offered exec cat :::: j) $(offered exec cat ::: jobs.jsonl fo)" \
        "jobs.jsonl  jobs.jsonl  folder "
    is "exec: words with a : in them" "$(offered exec cat a:b c:=j) $(offered exec cat -o=j)" " "
    is "a value right behind its letter" "$(offered run -fdemo.ech) $(offered run -k -pdem) $(offered run -j@j)" \
        "-fdemo.echo  -pdemo  @jobs.jsonl "
    : >a@b.jsonl
    is "bash replaces from an @ on" "$(offered run -o a@) $(offered run -oa@b)" "@b.jsonl  @b.jsonl "
    rm a@b.jsonl
    is "help on a verb" "$(offered help c)" "call check "
    is "info: a plugin" "$(offered info dem)" "demo "
    is "an unknown verb has nothing" "$(offered nosuch --)" ""
    is "without a plugin path" "$(HAYFORK_PLUGIN_PATH='' offered run -p dem)" ""
else
    skip "bash" "there is no bash"
fi

if command -v zsh >/dev/null 2>&1; then
    ok "zsh can read it" zsh -n "$completions/_hayfork"
    is "and knows what it is for" "$(head -n 1 "$completions/_hayfork")" "#compdef hayfork"
else
    skip "zsh can read it" "there is no zsh"
fi

# completed LINE: by fish, on one line.
completed()
{
    HOME=$scratch XDG_CONFIG_HOME=$scratch XDG_DATA_HOME=$scratch XDG_CACHE_HOME=$scratch PATH=${HAYFORK%/*}:$PATH \
        $limit fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$completions/hayfork.fish" "$1" 2>&1 |
        cut -f 1 | sort | tr '\n' ' '
}
if ! command -v fish >/dev/null 2>&1; then
    skip "fish" "there is no fish"
elif ! fish --no-config -c 'complete -C "cat "' >/dev/null 2>&1; then
    ok "fish can read it" fish -n "$completions/hayfork.fish"
    skip "what fish offers" "this fish is too old to be asked"
else
    ok "fish can read it" fish -n "$completions/hayfork.fish"
    for verb in run map exec call results report info check new; do
        is "fish: all options of $verb" "$(completed "hayfork $verb --")" "$(options $verb)"
    done
    is "fish: the verbs" "$(completed 'hayfork re')" "report results "
    is "fish: a value from a list" "$(completed 'hayfork run --sync ')" "always interval none "
    is "fish: a list with commas" "$(completed 'hayfork run --retry-on error,t')" "error,timeout "
    is "fish: plugins" "$(completed 'hayfork info dem')" "demo "
    is "fish: functions of the plugin that was chosen" "$(completed 'hayfork run -p demo -f demo.s')" "demo.sleep demo.spin "
    is "fish: and of the one that is named" "$(completed 'hayfork map demo.a')" "demo.add "
    is "fish: files behind the function" "$(completed 'hayfork map demo.add j')" "jobs.jsonl "
    is "fish: exec's options end with the command" "$(completed 'hayfork exec -j 2 cat j')" "jobs.jsonl "
    is "fish: a number is a letter's value" "$(completed 'hayfork exec -n 2 --ta')" "--tag "
fi
done_testing
