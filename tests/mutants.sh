#!/usr/bin/env bash
# Breaks the model in one place at a time, and says which mutants the shipped scenarios, traces and tests catch.
#
#   tests/mutants.sh              every mutant
#   tests/mutants.sh FILE...      those of these files, written as model/src/...
#   tests/mutants.sh --left ...   what survived the last run: the tests are asked about it once more, the oracle is not
#
# It copies the tree to target/mutants and builds it there, with all mutants in one program. docs/MUTANTS.md says how
# long that takes, and what came out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TERM_COLOR=never
unset RUSTFLAGS

start=$SECONDS
nice -n 10 cargo run --quiet --locked --manifest-path tests/mutants/Cargo.toml \
    --target-dir target/mutants/runner -- "$@"
printf '\nAll that took %s seconds.\n' $((SECONDS - start))
