#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make installcheck: an outsider builds a program and two plugins with nothing but pkg-config, and the installed command runs
# the plugins from a folder of theirs and from the installed one. Under DESTDIR, pkg-config's sysroot stands in for the prefix.
# shellcheck disable=SC2317 # functions are called through expect
set -u
src=${top_srcdir:-.}
pkg_config=${PKG_CONFIG:-pkg-config}
: "${bindir:?}" "${libdir:?}" "${pkgconfigdir:?}" # from make
PKG_CONFIG_PATH=${DESTDIR:-}$pkgconfigdir${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
if [ -n "${DESTDIR:-}" ]; then
    PKG_CONFIG_SYSROOT_DIR=$DESTDIR
    export PKG_CONFIG_SYSROOT_DIR
fi
unset HAYFORK_PLUGIN_PATH
folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder"' EXIT
status=0

expect() { # NAME COMMAND...
    name=$1
    shift
    if said=$("$@" 2>&1); then
        echo "ok - $name"
    else
        echo "not ok - $name"
        printf '%s\n' "$said" | sed 's/^/# /'
        status=1
    fi
}

build_plugin() { # NAME
    # shellcheck disable=SC2046,SC2086 # lists of words
    $CC -shared -fPIC -o "$folder/$1.so" "$src/tests/layers/$1.c" $($pkg_config --cflags hayfork) ${JANSSON_CFLAGS:-} \
        $($pkg_config --libs jansson)
}

build_program() {
    cat >"$folder/program.c" <<'END'
#include <hayfork.h>
#include <stdio.h>
int main(void) { return printf("%d processors, %s\n", hay_cpu_count(), hay_status_text(HAY_OK)) < 0; }
END
    # shellcheck disable=SC2046,SC2086
    $CC -o "$folder/program" "$folder/program.c" $($pkg_config --cflags --libs hayfork)
}

# says PATTERN COMMAND...
says() {
    pattern=$1
    shift
    said_here=$("$@" 2>&1)
    rc=$?
    printf '%s\n' "$said_here"
    [ "$rc" -eq 0 ] && printf '%s\n' "$said_here" | grep -q "$pattern"
}

LD_LIBRARY_PATH=${DESTDIR:-}$libdir
export LD_LIBRARY_PATH
hayfork=${DESTDIR:-}$bindir/hayfork

expect "hayfork.pc is found and names the plugin ABI" says '^1$' "$pkg_config" --variable=plugin_abi hayfork
expect "hayfork.pc names the plugin directory" says '/hayfork/plugins-1$' "$pkg_config" --variable=plugindir hayfork
expect "a program builds with pkg-config's words" build_program
expect "and runs" says 'processors, ok' "$folder/program"
expect "a plugin in bytes builds" build_plugin plugin_bytes
expect "a plugin in JSON builds" build_plugin plugin_values
expect "the command runs it from a folder of its own" \
    says '^42$\|[: ]42' env HAYFORK_PLUGIN_PATH="$folder" "$hayfork" call plugin_values.twice 21
expect "and the one in bytes" says '^1$' env HAYFORK_PLUGIN_PATH="$folder" "$hayfork" call plugin_bytes.size null
if [ -z "${DESTDIR:-}" ]; then
    expect "the command finds the installed plugins by name" says 42 "$hayfork" call demo.add '{"a":40,"b":2}'
fi
exit $status
