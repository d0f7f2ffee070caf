#!/usr/bin/env bash
# The part of this program that runs on systems that are not here: it is compiled for them, and no more.
#
#   tests/elsewhere.sh              for every system below
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
readonly TARGETS=(x86_64-unknown-illumos x86_64-unknown-freebsd aarch64-apple-darwin powerpc64-ibm-aix)

if ! library=$(tests/windows.sh library); then
    printf '\n!! The parts for other systems were not compiled: no source of the standard library of this compiler (%s)\n' \
        "$(rustc +stable --version)"
    exit 0
fi
export __CARGO_TESTS_ONLY_SRC_ROOT=$library

# The library and the command, on a standard library that is built for the target. A warning is a failure.
check() {
    cargo +stable check -p portsim --lib --bins -Zbuild-std=std,panic_unwind --target "$1" \
        --target-dir "$PLACE" --config 'build.warnings="deny"' -Zwarnings --locked
}

# AIX has no standard library here: its calls alone, in a package of their own with nothing but core.
check_calls() {
    local package=$PLACE/aix
    mkdir -p "$package/src"
    cat >"$package/Cargo.toml" <<-'END'
		[package]
		name = "calls"
		version = "0.0.0"
		edition = "2024"

		[workspace]
	END
    printf '#![no_std]\n#![deny(warnings)]\n#[path = "%s/sim/src/native/aix.rs"]\npub mod aix;\n' "$PWD" >"$package/src/lib.rs"
    cargo +stable check --manifest-path "$package/Cargo.toml" -Zbuild-std=core --target "$1" --target-dir "$PLACE"
}

if [ "$#" -eq 0 ]; then
    set -- "${TARGETS[@]}"
fi
for target; do
    printf '== compiled for %s, never run\n' "$target"
    case $target in
    *-aix) check_calls "$target" ;;
    *) check "$target" ;;
    esac
done
