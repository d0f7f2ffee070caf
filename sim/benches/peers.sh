#!/usr/bin/env bash
# Runs other checkers beside `portsim check` on the same pool, on this machine, and prints what came out as the
# table of docs/PERFORMANCE.md; --write puts it there.
#
#   sim/benches/peers.sh [--write]
#
# All of them explore the same transition system (sim/benches/peers/): the runs are taken in turn, A B A B ..., and
# the median of ROUNDS counts. A peer that is not here is named as not measured. It needs SPIN, a C compiler and the
# registry of crates; rumur, and TLC by TLA2TOOLS=path/to/tla2tools.jar, if they are here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly ROUNDS=${ROUNDS:-5}
readonly POOL=scenarios/bench/pool-5-2-2-5.json TRANSITIONS=13808128
readonly PAGE=docs/PERFORMANCE.md
write=${1:-}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cargo build --release --locked >&2
cargo bench -p portsim --bench steps --locked --no-run >&2
portsim=$PWD/target/release/portsim

# Peers, each a function that explores the pool once.
ours() { "$portsim" check "$POOL" --quiet --json --workers "$1" --reduce none >"$scratch/ours-$1.json"; }
ours_reduced() { "$portsim" check "$POOL" --quiet --json >/dev/null; }
ours_1() { ours 1; }
ours_2() { ours 2; }
peers=(ours_1 ours_2 ours_reduced)
missing=()

if command -v spin >/dev/null && command -v gcc >/dev/null; then
    for reduce in NOREDUCE REDUCE; do
        mkdir "$scratch/$reduce"
        (
            cd "$scratch/$reduce"
            cp "$OLDPWD/sim/benches/peers/spin/port.pml" .
            spin -a -DN=5 -DC=2 -DP=2 -DK=5 -DL=0 port.pml >/dev/null
            gcc -O2 -w -DMEMLIM=16000 -DVECTORSZ=512 -DSAFETY "-D$reduce" -o pan pan.c
        )
    done
    spin_exact() { (cd "$scratch/NOREDUCE" && ./pan -m200000 -w26 -n >pan.txt); }
    spin_reduced() { (cd "$scratch/REDUCE" && ./pan -m200000 -w26 -n >pan.txt); }
    peers+=(spin_exact spin_reduced)
else
    missing+=(SPIN)
fi
mkdir "$scratch/stateright"
cp -r sim/benches/peers/stateright/. "$scratch/stateright"
if (cd "$scratch/stateright" && CARGO_TARGET_DIR="$OLDPWD/target/peers" cargo build --release) >"$scratch/stateright.txt" 2>&1; then
    stateright_dfs2() { target/peers/release/portbench dfs2 5 2 2 5 0 >"$scratch/dfs2.txt"; }
    peers+=(stateright_dfs2)
else
    missing+=(Stateright)
fi
if command -v rumur >/dev/null; then
    rumur sim/benches/peers/rumur/port.m --output "$scratch/rumur.c" --threads 1 >/dev/null
    gcc -std=c11 -O3 -march=native -w -o "$scratch/rumur" "$scratch/rumur.c" -lpthread -latomic
    rumur_1() { "$scratch/rumur" >"$scratch/rumur.txt"; }
    peers+=(rumur_1)
else
    missing+=(rumur)
fi

# timed FUNCTION: its seconds.
timed() {
    local from=$EPOCHREALTIME to
    "$1" || true
    to=$EPOCHREALTIME
    awk -v from="$from" -v to="$to" 'BEGIN { printf "%.4f\n", to - from }'
}

median() { sort -n "$1" | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

for ((round = 0; round < ROUNDS; round++)); do
    for peer in "${peers[@]}"; do
        timed "$peer" >>"$scratch/$peer.seconds"
        printf '.' >&2
    done
done
printf '\n' >&2

seconds() { [ -s "$scratch/$1.seconds" ] && median "$scratch/$1.seconds" || echo 0; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (a > 0 && b > 0) printf "%.2f times", a / b; else printf "not measured" }'; }
field() { sed -n "s/^ *\"$2\": \([0-9.]*\),*$/\1/p" "$1" | head -1; }

# A larger and a smaller pool, for growth.
pool() { # WORKERS CONCURRENCY POSTERS PACKETS
    local posts poster
    posts=$(printf '{"post":"p","key":KEY},%.0s' $(seq "$4"))
    printf '{"why":"A pool.","as":["windows"],"ports":{"p":{"concurrency":%s}},"may_wait":["worker"],"expect":"pass","threads":{' "$2"
    for poster in $(seq "$3"); do
        printf '"post%s":[%s],' "$poster" "$(sed "s/KEY/$poster/g; s/,$//" <<<"$posts")"
    done
    printf '"worker":{"count":%s,"do":[{"loop":[{"get":"p","into":"x"},{"loop":[{"either":[["stall"],["break"]]}]}]}]}}}' "$1"
}
per_transition() { # FILE: nanoseconds
    "$portsim" check "$1" --quiet --json --workers 1 --reduce none >"$scratch/grown.json"
    awk -v s="$(field "$scratch/grown.json" seconds)" -v t="$(field "$scratch/grown.json" transitions)" \
        'BEGIN { printf "%.2f", s * 1e9 / t }'
}
pool 4 2 2 4 >"$scratch/small.json"
pool 4 2 3 4 >"$scratch/large.json"
small=$(for _ in 1 2 3; do per_transition "$scratch/small.json"; echo; done | sort -n | sed -n 2p)
large=$(per_transition "$scratch/large.json")
large_states=$(field "$scratch/grown.json" states_unique)

# Start-up: a scenario of some dozens of states.
tiny() { "$portsim" check scenarios/bench/pool-2-1-1-2.json --quiet --json --reduce none >/dev/null; }
for _ in 1 2 3 4 5 6 7; do timed tiny >>"$scratch/tiny.seconds"; done

cargo bench -p portsim --bench steps --locked 2>/dev/null >"$scratch/steps.txt"
steps() { awk -v name="$1" '$1 == name { printf "%.2f M", $2 / 1e6 }' "$scratch/steps.txt"; }

# Conducted native calls: four threads on a real epoll descriptor, one at a time.
native_rate=$(awk '$1 == "conducted_calls_per_second" { if ($2 ~ /^[0-9]+$/) print $2; else { $1 = ""; print } }' "$scratch/steps.txt")

tlc='not measured'
if [ -n "${TLA2TOOLS:-}" ] && command -v java >/dev/null; then
    mkdir "$scratch/tlc"
    cp sim/benches/peers/tlc/Port.tla "$scratch/tlc/"
    printf 'CONSTANTS N = 4 C = 2 P = 2 K = 4\nINIT Init\nNEXT Next\nCHECK_DEADLOCK FALSE\n' >"$scratch/tlc/Port.cfg"
    tlc_1() { (cd "$scratch/tlc" && java -cp "$TLA2TOOLS" tlc2.TLC -workers 1 -deadlock Port >tlc.txt 2>&1); }
    tlc=$(awk -v s="$(timed tlc_1)" 'BEGIN { printf "%.2f M", 616059 / s / 1e6 }')
else
    missing+=(TLC)
fi

rate() { awk -v s="$(seconds "$1")" -v t="$TRANSITIONS" 'BEGIN { if (s > 0) printf "%.2f M", t / s / 1e6; else printf "not measured" }'; }
version() { "$@" 2>&1 | head -1 || true; }

table() {
    printf '%s, %s, %s processors, load %s; %s; %s; median of %s, taken in turn.\n\n' \
        "$(date -u +%Y-%m-%d)" "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)" "$(nproc)" \
        "$(cut -d' ' -f1 /proc/loadavg)" "$(version "$portsim" --version)" "$(version spin -V)" "$ROUNDS"
    printf '| who | how | transitions/s |\n|---|---|---|\n'
    printf '| portsim | 1 worker | %s |\n' "$(rate ours_1)"
    printf '| portsim | 2 workers | %s |\n' "$(rate ours_2)"
    printf '| SPIN | exact, no reduction, 1 core | %s |\n' "$(rate spin_exact)"
    printf '| Stateright 0.31 | depth first, 2 threads, 64-bit hashes | %s |\n' "$(rate stateright_dfs2)"
    printf '| rumur | 1 thread | %s |\n' "$(rate rumur_1)"
    printf '| TLC | 1 worker, the pool of 616,059 transitions, start of Java counted | %s |\n\n' "$tlc"
    printf '| what | now | bar |\n|---|---|---|\n'
    printf '| 1 worker, to SPIN exact | %s as fast | 3 |\n' "$(ratio "$(seconds spin_exact)" "$(seconds ours_1)")"
    printf '| 2 workers, to Stateright | %s as fast | 2.5 |\n' "$(ratio "$(seconds stateright_dfs2)" "$(seconds ours_2)")"
    printf '| 2 workers, to 1 | %s as fast | 1.7 |\n' "$(ratio "$(seconds ours_1)" "$(seconds ours_2)")"
    printf '| the verdict with all reductions, to SPIN with its own | %s as fast | 100 |\n' "$(ratio "$(seconds spin_reduced)" "$(seconds ours_reduced)")"
    printf '| memory a state | %s bytes | 24 |\n' "$(field "$scratch/ours-1.json" bytes_per_state)"
    printf '| growth of the time a transition, 106,107 to %s states | %s | 1.5 |\n' "$large_states" "$(ratio "$large" "$small")"
    printf '| `run`, nobody watching | %s steps/s | 10 M |\n' "$(steps run_steps_per_second)"
    printf '| lock-step admission | %s events/s | 1 M |\n' "$(steps admit_events_per_second)"
    printf '| start-up of `check` on 41 states | %s ms | 20 |\n' "$(awk -v s="$(seconds tiny)" 'BEGIN { printf "%.1f", s * 1000 }')"
    printf '| conducted native calls | %s a second | 10,000 |\n' "$native_rate"
    if ((${#missing[@]})); then
        printf '\nNot here, and so not measured: %s.\n' "$(printf '%s, ' "${missing[@]}" | sed 's/, $//')"
    fi
}

table | tee "$scratch/table.md"
if [ "$write" = --write ]; then
    awk -v table="$scratch/table.md" '
        /^<!-- begin/ { print; print ""; while ((getline line < table) > 0) print line; print ""; skip = 1; next }
        /^<!-- end/ { skip = 0 }
        !skip
    ' "$PAGE" >"$scratch/page.md"
    cp "$scratch/page.md" "$PAGE"
    printf 'written to %s\n' "$PAGE" >&2
fi
