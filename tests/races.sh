#!/usr/bin/env bash
# Runs the tests of the port in user space under ThreadSanitizer, with a standard library that is built for it.
#
#   tests/races.sh            20,000 rounds of stress, some minutes
#   tests/races.sh ROUNDS
#
# It needs the source of the standard library, which tests/windows.sh fetches from the mirror of Debian that this
# machine uses; where that cannot be had it says so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TERM_COLOR=never RUSTC_BOOTSTRAP=1

if ! library=$(tests/windows.sh library); then
    printf '\n!! Not run under ThreadSanitizer: no source of the standard library of this compiler (%s)\n' \
        "$(rustc +stable --version)"
    exit 0
fi
export __CARGO_TESTS_ONLY_SRC_ROOT=$library
export RUSTFLAGS=-Zsanitizer=thread PORT_ROUNDS=${1:-20000}
export TSAN_OPTIONS=halt_on_error=1

start=$SECONDS
cargo +stable test --locked -p portsim-port --test threads --test stress -Zbuild-std \
    --target "$(rustc -vV | sed -n 's/^host: //p')" --target-dir target/races
printf 'No race in %s rounds, in %s seconds.\n' "$PORT_ROUNDS" $((SECONDS - start))
