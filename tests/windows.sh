#!/usr/bin/env bash
# The part of this program that runs where the Win32 interface is: built here, and run under two versions of Wine.
#
#   tests/windows.sh            prepares what is missing, builds, runs the tests of the library and cross-checks under
#                               both Wines
#   tests/windows.sh prepare    only prepares
#   tests/windows.sh library    only fetches the source of the standard library, and says where it is
#   tests/windows.sh wake N     records the wake order N times under both Wines, and compares
#
# It needs Debian 12 or a relative, root, and the mirror that this machine uses already. What it fetches and unpacks
# stays in target/windows and is reused. Where the toolchain cannot be had it says so, and ends with 0 after the
# words "not run"; whatever goes wrong behind that is a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TERM_COLOR=never DEBIAN_FRONTEND=noninteractive
export WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml='
unset DISPLAY RUSTFLAGS

readonly PLACE=$PWD/target/windows
source tests/debian.sh
# Wine 8 lacks a DLL that programs for x86_64-pc-windows-gnu import; those for this target run on both.
readonly TARGET=x86_64-win7-windows-gnu
readonly EXE=$PLACE/cargo/$TARGET/debug/portsim.exe

not_run() {
    printf '\n!! The Windows part was not run: %s\n' "$1"
    exit 0
}

# The source of the standard library, of the very version of the compiler.
standard_library() {
    local release version
    release=$(rustc +stable --version | cut -d ' ' -f 2)
    LIBRARY=$PLACE/rust/usr/src/rustc-$release/library
    [ ! -e "$LIBRARY/Cargo.lock" ] || return 0
    view trixie trixie-backports || return 1
    version=$(other_releases apt-cache madison rust-src | awk -v start="$release+" '
        index($3, start) == 1 { print $3; exit }')
    [ -n "$version" ] || return 1
    rm -f "$PLACE/packages/rust-src.done"
    fetch "rust-src=$version" "$PLACE/rust"
    [ -e "$LIBRARY/Cargo.lock" ]
}

# The linker, the system's own Wine, and what the other Wine is fitted with.
system_packages() {
    if x86_64-w64-mingw32-gcc --version >/dev/null 2>&1 && [ -x /usr/lib/wine/wine64 ] \
        && patchelf --version >/dev/null 2>&1; then
        return 0
    fi
    { apt-get -q update && apt-get -q install -y --no-install-recommends \
        gcc-mingw-w64-x86-64-win32 wine64 patchelf; } >"$PLACE/apt.log" 2>&1
}

# Wine 10 beside it, with the C library that it was built for.
wine_10() {
    local wine=$PLACE/wine-10 libraries package builtin
    [ ! -e "$wine/done" ] || return 0
    view trixie trixie-backports || return 1
    rm -rf "$wine"
    mkdir -p "$wine"
    for package in libwine wine64 libc6 libunwind8 liblzma5 libgcc-s1 libz-mingw-w64; do
        rm -f "$PLACE/packages/$package.done"
        fetch "$package" "$wine" || return 1
    done
    libraries=$wine/usr/lib/x86_64-linux-gnu
    local binary
    for binary in wine64 wineserver64; do
        patchelf --set-interpreter "$libraries/ld-linux-x86-64.so.2" --set-rpath "$libraries" \
            "$wine/usr/lib/wine/$binary" || return 1
    done
    ln -sf wineserver64 "$wine/usr/lib/wine/wineserver"
    # As the package does when it is installed: zlib, marked as a part of Wine.
    builtin=$libraries/wine/x86_64-windows/zlib1.dll
    { head -c 64 "$wine/usr/x86_64-w64-mingw32/lib/zlib1.dll"
        printf 'Wine builtin DLL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
        tail -c +97 "$wine/usr/x86_64-w64-mingw32/lib/zlib1.dll"
    } >"$builtin"
    touch "$wine/done"
}

# wine VERSION: the program and its own folder for what it keeps.
wine() {
    case $1 in
    8) printf '%s' /usr/lib/wine/wine64 ;;
    10) printf '%s' "$PLACE/wine-10/usr/lib/wine/wine64" ;;
    esac
}

prefix() {
    export WINEPREFIX=$PLACE/prefix-$1
    [ ! -e "$WINEPREFIX/done" ] || return 0
    timeout 120 "$(wine "$1")" wineboot -i >"$PLACE/wine-$1.log" 2>&1
    touch "$WINEPREFIX/done"
}

prepare() {
    mkdir -p "$PLACE"
    [ -n "$(mirror)" ] || not_run 'this machine names no mirror of Debian'
    standard_library || not_run "no source of the standard library of this compiler ($(rustc +stable --version))"
    system_packages || not_run 'no linker for Windows, or no Wine 8; see target/windows/apt.log'
    wine_10 || not_run 'no Wine 10; see target/windows/apt.log'
    local version
    for version in 8 10; do
        prefix "$version" || not_run "Wine $version does not start; see target/windows/wine-$version.log"
    done
}

# cargo for Windows, with a standard library built for it, and the backend that takes a C compiler. Nothing is optimised:
# Wine takes the time.
for_windows() {
    local verb=$1
    shift
    RUSTC_BOOTSTRAP=1 __CARGO_TESTS_ONLY_SRC_ROOT="$LIBRARY" \
        CARGO_TARGET_X86_64_WIN7_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc \
        CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_PROFILE_DEV_DEBUG=false \
        cargo +stable "$verb" -p portsim -p portsim-port --features portsim/wepoll -Zbuild-std=std,panic_unwind,test \
        --target "$TARGET" --target-dir "$PLACE/cargo" --locked "$@"
}

build() {
    for_windows build --bin portsim
    for_windows test --lib --test threads --no-run --message-format=json |
        python3 -c 'import json, sys
for line in sys.stdin:
    said = json.loads(line)
    if said.get("executable") and said["profile"]["test"]:
        print(said["executable"])' >"$PLACE/tests"
    cargo build --locked -p portsim --bin portsim
}

# both FUNCTION: runs it for each Wine, each on a processor of its own, and passes on what they said.
both() {
    local version pids=() failed=0
    for version in 8 10; do
        "$1" "$version" >"$PLACE/$1-$version" 2>&1 &
        pids+=($!)
    done
    for version in 8 10; do
        wait "${pids[0]}" || failed=1
        pids=("${pids[@]:1}")
        sed "s/^/Wine $version: /" "$PLACE/$1-$version"
    done
    return "$failed"
}

# The tests of the library and of the port in user space.
unit_tests() {
    local programs program said=$PLACE/tests-$1
    mapfile -t programs <"$PLACE/tests"
    for program in "${programs[@]}"; do
        WINEPREFIX=$PLACE/prefix-$1 timeout 900 "$(wine "$1")" "$program" >"$said" 2>&1 || {
            cat "$said"
            return 1
        }
        grep '^test result' "$said"
    done
}

# agent VERSION BACKEND
agent() {
    printf 'agent:%s %s agent --on %s' "$(wine "$1")" "$EXE" "$2"
}

# cross_check VERSION ARGUMENT...: the exit code is left in `code`, what was said in the file `said`.
cross_check() {
    local version=$1
    shift
    code=0
    said=$PLACE/said-$version
    export WINEPREFIX=$PLACE/prefix-$version
    target/debug/portsim cross-check --on "$(agent "$version" windows)" "$@" >"$said" 2>&1 || code=$?
}

# Each Wine does what its own personality says.
agrees() {
    cross_check "$1" scenarios --seeds 0..2
    tail -n 1 "$said"
    if [ "$code" -ne 0 ] || ! grep -q '^[1-9][0-9]* agree' "$said"; then
        cat "$said"
        return 1
    fi
}

# judged NAME JUDGE BACKEND: what a backend does, by the rules of a system, is left in a file of that name.
judged() {
    local code=0
    # Programs that never rest would be recorded up to the limit of turns, and show nothing more by that.
    grep -rL --include='*.json' '"eventually"' scenarios | LC_ALL=C sort |
        xargs target/debug/portsim cross-check --json --as "$2" --seeds 0..1 --on "$3" \
            >"$PLACE/$1.json" 2>"$PLACE/said-$1" || code=$?
    # xargs says 123 where the command says 1 to 125; a bad one leaves no whole result.
    if [ "$code" -ne 123 ]; then
        printf '%s by the rules of %s: exit code %s\n' "$1" "$2" "$code"
        cat "$PLACE/said-$1"
        return 1
    fi
    local verdict
    for verdict in agree differ; do
        printf '%s %s\n' "$(grep -c "\"verdict\": \"$verdict\"" "$PLACE/$1.json")" "$verdict"
    done
}

differs() {
    export WINEPREFIX=$PLACE/prefix-$1
    judged "wine-$1" windows "$(agent "$1" windows)"
}

# And not what Windows does, as epoll does not.
as_windows() {
    both differs
    echo epoll:
    judged epoll windows epoll
}

# wepoll is an epoll that is made of completion ports.
as_epoll() {
    export WINEPREFIX=$PLACE/prefix-$1
    judged "wepoll-wine-$1" epoll "$(agent "$1" wepoll)"
}

# Each divergence is one that a claim speaks of, and stands on the page of them.
findings() {
    python3 tests/divergences.py "$PLACE"/{epoll,wine-8,wine-10,wepoll-wine-8,wepoll-wine-10}.json
}

# wake N: three waiters and three posts, N times; nothing but the order is asked.
wake() {
    local version n
    rm -rf "$PLACE/wake"
    mkdir "$PLACE/wake"
    for ((n = 1; n <= $1; n++)); do
        cp scenarios/wine/wake-order.json "$PLACE/wake/$n.json"
    done
    for version in 8 10; do
        cross_check "$version" "$PLACE/wake"
        printf 'Wine %s: ' "$version"
        tail -n 1 "$said"
        if [ "$code" -ne 0 ]; then
            cat "$said"
            return 1
        fi
    done
}

if [ "${1-}" = library ]; then
    mkdir -p "$PLACE"
    [ -n "$(mirror)" ] && standard_library >&2 || exit 1
    printf '%s\n' "$LIBRARY"
    exit 0
fi
prepare
[ "${1-}" != prepare ] || exit 0
build
if [ "${1-}" = wake ]; then
    wake "$2"
    exit
fi
# part NAME FUNCTION ARGUMENT...: says when it begins.
part() {
    printf '== %s (%s s)\n' "$1" "$SECONDS"
    "${@:2}"
}
part 'tests of the library' both unit_tests
part 'by their own rules' both agrees
part 'by the rules of Windows' as_windows
part 'wepoll by the rules of epoll' both as_epoll
part 'the page of divergences' findings
