#!/usr/bin/env bash
# How many instructions a search and a run take, which drifts with no machine: callgrind counts them.
#
#   sim/benches/instructions.sh [PORTSIM]          says them, and fails where one has risen by more than 3 %
#   UPDATE_EXPECT=1 sim/benches/instructions.sh    notes them as they are now, in sim/benches/instructions.txt
#
# PORTSIM is a release build, target/release/portsim if none is named. What is noted is true of one compiler; where
# another one has built, the counts are said and not judged.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly NOTED=sim/benches/instructions.txt PORTSIM=${1:-target/release/portsim}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Eight workers of which two may run, and three posters of six packets: 49,819 states with all reductions.
posts() {
    local n
    for n in 1 2 3; do
        printf ', "post%s": [{"post":"p"}, {"post":"p"}, {"post":"p"}, {"post":"p"}, {"post":"p"}, {"post":"p"}]' "$n"
    done
}
printf '{ "why": "A pool.", "as": ["windows"], "ports": { "p": { "concurrency": 2 } }, "may_wait": ["worker"],
  "threads": { "worker": { "count": 8, "do": [{ "loop": [{ "get": "p", "into": "x" },
    { "loop": [{ "either": [["stall"], ["break"]] }] }] }] }%s }, "expect": "pass" }\n' "$(posts)" >"$scratch/pool.json"

# counted FILE ARGUMENT...: the instructions of the command, and what it says.
counted() {
    local said=$1
    shift
    valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file="$scratch/log" "$PORTSIM" "$@" >"$said"
    sed -n 's/.*Collected : *//p' "$scratch/log"
}

# of KEY FILE: a number of a report.
of() {
    sed -n "s/^ *\"$1\": \([0-9]*\),*$/\1/p" "$2" | head -n 1
}

start=$(counted "$scratch/start" check scenarios/bench/pool-2-1-1-2.json --quiet --json --workers 1)
{
    rustc --version
    all=$(counted "$scratch/all" check scenarios/bench/pool-4-2-2-4.json --quiet --json --workers 1 --reduce none)
    printf 'transition %s\n' $(((all - start) / $(of transitions "$scratch/all")))
    reduced=$(counted "$scratch/reduced" check "$scratch/pool.json" --quiet --json --workers 1)
    printf 'transition-reduced %s\n' $(((reduced - start) / $(of transitions "$scratch/reduced")))
    # A run of this pool takes 45 steps.
    runs=$(counted "$scratch/runs" run scenarios/bench/pool-5-2-2-5.json --seeds 0..4000 --quiet)
    printf 'run %s\n' $(((runs - start) / 4000))
} >"$scratch/now"

if [ -n "${UPDATE_EXPECT:-}" ]; then
    cp "$scratch/now" "$NOTED"
fi
paste -d ' ' "$scratch/now" "$NOTED" | awk -v noted="$NOTED" '
    NR == 1 { same = substr($0, 1, length($0) / 2) == substr($0, length($0) / 2 + 2); next }
    { printf "%s: %s instructions, noted %s\n", $1, $2, $4; if ($2 > 1.03 * $4) more = 1 }
    END {
        if (!same) print "!! Not judged: another compiler has built than the one of " noted
        else if (more) { print "more than 3 % above what is noted"; exit 1 }
    }'
