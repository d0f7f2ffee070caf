#!/usr/bin/env bash
# What runs on systems that are not here is compiled for them, and no more: the program for illumos, FreeBSD and
# macOS, the model for a machine without any system.
#
#   tests/elsewhere.sh              for every target below
#   tests/elsewhere.sh TARGET...    for these targets
#
# It needs the source of the standard library, which tests/windows.sh fetches from the mirror of Debian that this
# machine uses. Where that cannot be had it says so, and ends with 0 after the words "not compiled"; whatever goes
# wrong behind that is a failure. Nothing is linked and nothing is run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TERM_COLOR=never CARGO_PROFILE_DEV_DEBUG=false RUSTC_BOOTSTRAP=1
unset RUSTFLAGS

readonly PLACE=$PWD/target/elsewhere
readonly TARGETS=(x86_64-unknown-illumos x86_64-unknown-freebsd aarch64-apple-darwin thumbv7em-none-eabi)

if ! library=$(tests/windows.sh library); then
    printf '\n!! The parts for other systems were not compiled: no source of the standard library of this compiler (%s)\n' \
        "$(rustc +stable --version)"
    exit 0
fi
export __CARGO_TESTS_ONLY_SRC_ROOT=$library

# check TARGET ARGUMENT...: what the arguments select, on a standard library that is built for the target. A warning is
# a failure.
check() {
    local target=$1
    shift
    cargo +stable check --target "$target" --target-dir "$PLACE" --config 'build.warnings="deny"' -Zwarnings \
        --locked "$@"
}

if [ "$#" -eq 0 ]; then
    set -- "${TARGETS[@]}"
fi
for target; do
    printf '== compiled for %s, never run\n' "$target"
    case $target in
    *-none-*) check "$target" -p portsim-model -Zbuild-std=core,alloc ;;
    *) check "$target" -p portsim --lib --bins -Zbuild-std=std,panic_unwind ;;
    esac
done
