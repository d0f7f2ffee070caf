#!/usr/bin/env bash
# Gives each of portsim's readers inputs that libFuzzer makes up, from scenarios and traces of this tree and from
# sim/fuzz/corpus, guided by which code they reach. None may panic, hang, or take more than 256 MB.
#
#   tests/fuzz.sh                         a few inputs for each reader
#   tests/fuzz.sh INPUTS [READER...]      so many for each of these, or of all
#
# A stable toolchain and a C++ compiler do. What is found stays in target/fuzz: an input that fails by its reader's
# name, which `READER=... target/fuzz/reader FILE` repeats, and what reached new code for the next time.
# FUZZ_SECONDS is how long an input may take (10), FUZZ_SEED the seed (1).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TERM_COLOR=never

inputs=${1:-20000}
shift || true
start=$SECONDS
place=$PWD/target/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')

# What tells libFuzzer which code was reached; for the machine that runs it only, not for what runs while building.
flags=(--cfg fuzzing -Cpasses=sancov-module)
for level in level=4 inline-8bit-counters pc-table trace-compares; do
    flags+=("-Cllvm-args=-sanitizer-coverage-$level")
done
RUSTFLAGS="${flags[*]}" cargo build --quiet --release --locked --manifest-path sim/fuzz/Cargo.toml \
    --target "$host" --target-dir "$place"
ln -sf "$place/$host/release/reader" "$place/reader"
printf 'The readers were built in %s seconds.\n' $((SECONDS - start))

# collect READER FILE...: copies files to where the fuzzer of a reader begins.
collect() {
    local to=$place/seeds/$1 file
    mkdir -p "$to"
    for file in "${@:2}"; do
        cp "$file" "$to/${file//\//-}"
    done
}
rm -rf "$place/seeds"
shopt -s globstar nullglob
collect scenario scenarios/**/*.json
collect played scenarios/**/*.json
collect trace traces/**/*.jsonl
for reader in sim/fuzz/corpus/*/; do
    collect "$(basename "$reader")" "$reader"*
done

# fuzz READER: one line in the end; all that the fuzzer says if something is wrong.
fuzz() {
    local reader=$1 own=$place/corpus/$1 log=$place/$1.log
    mkdir -p "$own" "$place/seeds/$reader"
    if ! READER=$reader "$place/reader" -runs="$inputs" -seed="${FUZZ_SEED:-1}" -max_len=8192 \
        -timeout="${FUZZ_SECONDS:-10}" -rss_limit_mb=256 -print_final_stats=1 -verbosity=1 \
        -artifact_prefix="$place/$reader-" "$own" "$place/seeds/$reader" >"$log" 2>&1; then
        tail -n 60 "$log"
        printf 'FAILED: %s\n' "$reader"
        return 1
    fi
    awk -v reader="$reader" '
        /cov: / { for (n = 1; n < NF; n++) if ($n == "cov:") covered = $(n + 1) }
        /^stat::number_of_executed_units/ { done = $2 }
        /^stat::average_exec_per_sec/ { rate = $2 }
        /^stat::peak_rss_mb/ { most = $2 }
        END { printf "%-11s %9d inputs, %6d a second, %6d places reached, %3d MB\n", reader, done, rate, covered, most }
    ' "$log"
}
export -f fuzz
export place inputs

readers=("$@")
if ((${#readers[@]} == 0)); then
    mapfile -t readers < <(sed -n 's/^    ("\([a-z]*\)", .*/\1/p' sim/src/readers.rs)
fi
printf '%s\n' "${readers[@]}" | xargs -P "$(nproc)" -I{} bash -euo pipefail -c 'fuzz {}'
printf 'All readers took what they were given, in %s seconds.\n' $((SECONDS - start))
