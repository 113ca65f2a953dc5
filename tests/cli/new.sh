#!/bin/sh
# SPDX-License-Identifier: MIT
# new: what it makes builds, passes its own check, and installs, with nothing but pkg-config.
. "${top_srcdir:?}/tests/cli/lib.sh"

run "$HAYFORK" new greet
is "a plugin is begun" "$code $(wc -c <out) $(find greet -type f | sort | tr '\n' ' ')" \
    "0 0 greet/Makefile greet/expected.jsonl greet/greet.c greet/jobs.jsonl "
is "and it is said how to go on" "$(sed -n '$p' err)" "hayfork new: try it: make -C greet check"
is "the name stands where it has to" "$(cat greet/* | grep -c '~') $(grep -c '^HAY_PLUGIN(greet,' greet/greet.c)" "0 1"
cp -r greet copy
run "$HAYFORK" new greet
is "nothing is written over" "$code $(cat err) $(diff -r greet copy)" \
    "74 hayfork new: cannot make the folder greet: File exists "
long=$(printf '%064d' 0 | tr 0 a)
run "$HAYFORK" new "$long"
is "a name of 64 letters" "$code $(ls "$long" | wc -l)" "0 4"
for bad in "${long}a" Greet 1greet _greet gr-eet gr.eet a/b ../up '' ' ' "gr${newline}eet" '~'; do
    run "$HAYFORK" new "$bad"
    is "no name: '$(printf %s "$bad" | tr '\n' '|' | cut -c 1-20)'" "$code $(wc -l <err) $(find . -mindepth 1 -maxdepth 1 | wc -l)" "2 2 5"
done

# A disk that is full in the first file, and one that is in the second.
for bytes in 100 800; do
    run prlimit --fsize=$bytes sh -c 'trap "" XFSZ; exec "$HAYFORK" new small'
    is "a full disk leaves nothing: $bytes bytes" "$code $(wc -l <err) $(ls -d small 2>/dev/null)" "74 1 "
done
mkdir closed
chmod a-w closed
if [ -w closed ]; then
    skip "a folder that may not be written" "root may write everywhere"
else
    run sh -c 'cd closed && exec "$HAYFORK" new greet'
    is "a folder that may not be written" "$code $(cat err)" "74 hayfork new: cannot make the folder greet: Permission denied"
fi

if ! pkg-config --exists jansson 2>/dev/null || ! make --version >/dev/null 2>&1; then
    skip "what it makes builds" "no make, or pkg-config does not know jansson"
    done_testing
    exit
fi
printf 'plugindir=%s/plugins\nName: hayfork\nDescription: of the tree\nVersion: 0\nCflags: -I%s/include\n' \
    "$scratch" "$(cd "$top_srcdir" && pwd)" >hayfork.pc
for name in greet stdin; do
    [ -d $name ] || "$HAYFORK" new $name 2>err
    run make -j 4 -C $name CC="${CC:-cc}" CFLAGS='-Wall -Wextra -Werror' PKG_CONFIG_PATH="$scratch" HAYFORK="$HAYFORK" check
    is "$name builds and passes its check" "$code $(grep -v '^make' err)" "0 hayfork check: 2 lines, 0 bad"
    run make -C $name PKG_CONFIG_PATH="$scratch" DESTDIR="$scratch/to" install
    is "$name is installed" "$code $(ls "to$scratch/plugins")" "0 $name.so"
    run env HAYFORK_PLUGIN_PATH="$scratch/to$scratch/plugins" "$HAYFORK" call $name.greet '{"name":"Bo"}'
    is "$name is found by its name" "$code $(cat out)" '0 {"hello":"Bo"}'
    run make -C $name clean
    is "$name is clean again" "$code $(ls $name | wc -l)" "0 4"
    rm -r to
done
sed -i 's/"hello"/"bye"/' greet/greet.c
run make -C greet CC="${CC:-cc}" PKG_CONFIG_PATH="$scratch" HAYFORK="$HAYFORK" check
is "its check can fail" "$((code != 0)) $(grep -c '^[<>]' out)" "1 2"
done_testing
