# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Shared by the scripts here and by .ci/run: finds what a build needs, installs what is missing, and builds into a folder beside
# the sources. Source it; it leaves the caller in the project's top folder. Nothing here reads standard input.
set -u
LC_ALL=C
export LC_ALL
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
top=$PWD

say() { printf '%s\n' "$*"; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

cpu_count() { nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1; }

# --- what is missing -------------------------------------------------------------------------------------------------------

compiles() { # WORD...
    echo | "$@" -E -o /dev/null - >/dev/null 2>&1
}

# As configure takes it: CC, which may be several words, such as "ccache gcc"; without it the first that there is.
compiler() {
    local name
    # shellcheck disable=SC2086 # a list of words
    [ -z "${CC:-}" ] || { compiles $CC && echo "$CC"; return; }
    for name in gcc cc clang; do
        compiles "$name" && { echo "$name"; return 0; }
    done
    return 1
}

has_header() { # HEADER [FLAG...]
    local header=$1 cc
    shift
    cc=$(compiler) || return 1
    # shellcheck disable=SC2086 # a list of words
    printf '#include <%s>\n' "$header" | $cc "$@" -E -o /dev/null - 2>/dev/null
}

# A library is there when its header can be read, by pkg-config's flags where it has some.
has_library() { # MODULE HEADER
    local flags
    flags=$(pkg-config --cflags "$1" 2>/dev/null)
    # shellcheck disable=SC2086 # a list of words
    has_header "$2" $flags
}

# Each line: what is needed, then its package on Debian, Fedora and Arch.
missing_packages() {
    compiler >/dev/null || echo "a C compiler|gcc|gcc|gcc"
    has_header stdlib.h || echo "the C library's headers|libc6-dev|glibc-devel|glibc"
    command -v make >/dev/null || echo "make|make|make|make"
    command -v autoreconf >/dev/null || echo "autoconf|autoconf|autoconf|autoconf"
    command -v automake >/dev/null || echo "automake|automake|automake|automake"
    command -v libtoolize >/dev/null || echo "libtool|libtool|libtool|libtool"
    command -v pkg-config >/dev/null || echo "pkg-config|pkg-config|pkgconf-pkg-config|pkgconf"
    has_macros || echo "autoconf-archive|autoconf-archive|autoconf-archive|autoconf-archive"
    has_library jansson jansson.h || echo "jansson|libjansson-dev|jansson-devel|jansson"
    has_library libev ev.h || echo "libev|libev-dev|libev-devel|libev"
    has_library libxxhash xxhash.h || echo "xxHash|libxxhash-dev|xxhash-devel|xxhash"
    has_library cunit CUnit/CUnit.h || echo "CUnit|libcunit1-dev|CUnit-devel|cunit"
    has_library libcrypto openssl/evp.h || echo "libcrypto|libssl-dev|openssl-devel|openssl"
}

# A release carries the macros in m4/ already.
has_macros() {
    local folder
    for folder in m4 "$(aclocal --print-ac-dir 2>/dev/null)" /usr/share/aclocal /usr/local/share/aclocal; do
        [ -e "$folder/ax_append_compile_flags.m4" ] && return 0
    done
    return 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    else
        sudo DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

# apt_install PACKAGE...: quiet unless it fails. Fails where there is no apt-get, or no right to use it.
apt_install() {
    local log status=0
    command -v apt-get >/dev/null || return 1
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null || return 1
    log=$(mktemp) || return 1
    say "installing: $*"
    if [ -z "${apt_updated:-}" ]; then
        as_root apt-get update -qq </dev/null >"$log" 2>&1 ||
            say "apt-get update did not wholly work; going on with what it knows"
        apt_updated=yes
    fi
    as_root apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" \
        </dev/null >>"$log" 2>&1 ||
        { status=1; tail -n 15 "$log" >&2; }
    rm -f "$log"
    return $status
}

# Everything that a build and its tests need is there afterwards, or the script ends with a list of what is not.
install_missing() {
    local missing
    # CC may name what is installed below.
    ! CC='' compiler >/dev/null || compiler >/dev/null || die "CC is '$CC', which is no C compiler here"
    missing=$(missing_packages)
    [ -z "$missing" ] && return 0
    # shellcheck disable=SC2046 # one word per package
    apt_install $(printf '%s\n' "$missing" | cut -d'|' -f2) && missing=$(missing_packages)
    [ -z "$missing" ] && return 0
    {
        printf '%s: these are missing and could not be installed from here:\n' "${0##*/}"
        printf '%s\n' "$missing" | cut -d'|' -f1 | sed 's/^/  /'
        printf 'Packages:\n'
        printf '  Debian, Ubuntu: apt-get install %s\n' "$(printf '%s\n' "$missing" | cut -d'|' -f2 | tr '\n' ' ')"
        printf '  Fedora:         dnf install %s\n' "$(printf '%s\n' "$missing" | cut -d'|' -f3 | tr '\n' ' ')"
        printf '  Arch:           pacman -S %s\n' "$(printf '%s\n' "$missing" | cut -d'|' -f4 | tr '\n' ' ')"
    } >&2
    exit 1
}

# --- building --------------------------------------------------------------------------------------------------------------

# logged FILE COMMAND...: its output goes into FILE; where it fails, the end of that is shown.
logged() {
    local log=$1
    shift
    "$@" </dev/null >"$log" 2>&1 && return 0
    {
        printf 'failed: %s\n' "$*"
        grep -nE 'error:|\*\*\*|Error [0-9]' "$log" | head -n 20
        printf -- '--- the end of %s:\n' "$log"
        tail -n 25 "$log"
    } >&2
    return 1
}

# make's own rules run autoconf and automake again when their input changes; this is for the first time, and after a pull that
# changed what those rules cannot see.
generate() {
    local made
    for made in configure Makefile.in config.h.in build-aux/ltmain.sh build-aux/tap-driver.sh; do
        [ -e "$made" ] || made=
        [ -n "$made" ] || break
    done
    if [ -n "$made" ] && [ -z "$(find configure.ac -newer configure 2>/dev/null)" ] &&
        [ -z "$(find Makefile.am include src plugins examples tests bench docs scripts \
            -name 'Makefile.*' -newer Makefile.in 2>/dev/null)" ]; then
        return 0
    fi
    say "generating configure"
    mkdir -p m4 && logged "$1/autoreconf.log" autoreconf -fi
}

# build_tree FOLDER [CONFIGURE-ARGUMENT...]: configured with just these arguments (with none: as it is, or plainly), and built.
# Nothing is done twice: the second time only what changed is made again. Fails with the reason on stderr.
build_tree() {
    local folder=$1 wanted jobs
    shift
    wanted="configure $*"
    jobs=$(cpu_count)
    mkdir -p "$folder" || return 1
    generate "$top/$folder" || return 1
    if [ ! -e "$folder/Makefile" ] || [ ! -e "$folder/.configured" ] ||
        { [ $# -gt 0 ] && [ "$(cat "$folder/.configured")" != "$wanted" ]; }; then
        say "configuring $folder${*:+ with $*}"
        # Objects do not depend on the flags that they were made with.
        [ ! -e "$folder/Makefile" ] || (cd "$folder" && make -s clean >/dev/null 2>&1)
        rm -f "$folder/.configured"
        (cd "$folder" && logged configure.log ../configure "$@") || return 1
        printf '%s\n' "$wanted" >"$folder/.configured"
    fi
    say "building $folder with $jobs jobs"
    (cd "$folder" && logged build.log make -j"$jobs" all)
}
