#!/usr/bin/env bash
# A second opinion: SPIN explores every scenario that can be said in its language, on rules that are stated a
# second time (sim/src/export/rules.pml), and must come to what `portsim check` comes to.
#
#   tests/second_opinion.sh PORTSIM [PATH...]
#
# Where everything holds, both meet the same number of states and of transitions, to the last one, and SPIN shows
# all that a scenario wants to see at least once. Where something does not hold, both find it after the same number
# of steps. Left out, and named, are scenarios with more than STATES_MAX states, or too many for
# a little memory. Needs spin and a C compiler.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

portsim=$(realpath "$1")
shift
[ $# -gt 0 ] || set -- scenarios
# SPIN would need minutes for more.
readonly STATES_MAX=${STATES_MAX:-1000000}
# An empty comparison proves nothing: so many scenarios are compared, and of so many every state is counted.
readonly COMPARED_MIN=${COMPARED_MIN:-190} COUNTED_MIN=${COUNTED_MIN:-155}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# What the checker says of each scenario: file, name, verdict, states, transitions, depth, property.
ours() {
    { "$portsim" check "$@" --reduce none --memory 64M --json --quiet || [ $? -eq 4 ]; } | awk '
        function value(line) { sub(/^[^:]*: /, "", line); gsub(/[",]/, "", line); return line }
        /^      "name":/ { name = value($0) }
        /^      "as":/ { as = value($0) }
        /^      "verdict":/ { verdict = value($0) }
        /^      "states_unique":/ { states = value($0) }
        /^      "transitions":/ { transitions = value($0) }
        /^      "depth_max":/ { depth = value($0) }
        /^      "property":/ { print name, as, verdict, states, transitions, depth, value($0) }'
}

# one FILE NAME AS VERDICT STATES TRANSITIONS DEPTH PROPERTY: compares one scenario and says how it went.
one() {
    local file=$1 name=$2 as=$3 verdict=$4 states=$5 transitions=$6 depth=$7 property=$8
    local room level said
    room=$(mktemp -d "$scratch/XXXXXX")
    cd "$room"
    if [ "$as" != windows ] || [ "$verdict" = unsupported ]; then
        printf 'other  %s: not for windows\n' "$name"
        return
    fi
    if ! said=$("$portsim" export promela "$file" --as windows --out port.pml 2>&1); then
        printf 'DIFFER %s: the export failed: %s\n' "$name" "$said"
        return
    fi
    if [ ! -s port.pml ]; then
        printf 'unsaid %s\n' "${said#unsupported: }"
        return
    fi
    if [ "$verdict" = partial ] || [ "$states" -gt "$STATES_MAX" ]; then
        printf 'large  %s: %s states\n' "$name" "$states"
        return
    fi
    # Small ones take longer to compile than to explore.
    level=-O0
    [ "$states" -gt 20000 ] && level=-O2
    if ! spin -o2 -a port.pml >spin.txt 2>&1; then
        printf 'DIFFER %s: SPIN does not take the model: %s\n' "$name" "$(head -3 spin.txt | tr '\n' ' ')"
        return
    fi
    # The shortest way to a violation is asked for, not just any. What nothing ever shows, every state must deny.
    [ "$verdict" != violation ] || explore -DREACH -i
    [ -s port.pml.trail ] || explore -DALL -n
    judge
    rm -rf "$room"
}

# explore DEFINE FLAG: builds SPIN's search and runs it.
explore() {
    gcc "$level" -w -DSAFETY -DNOREDUCE -DPRINTF -DMEMLIM=3000 -DVECTORSZ=4096 "$1" -o pan pan.c &&
        ./pan "$2" -w20 -m100000 >pan.txt 2>&1 || true
}

# What SPIN found, held against what the checker found.
judge() {
    local stored total broken at wanted=0 shown=0 word=${property//[^A-Za-z0-9_]/_}
    stored=$(awk '/states, stored/ { print $1; exit }' pan.txt)
    total=$(awk '/transitions \(= stored\+matched\)/ { print $1; exit }' pan.txt)
    # Every assertion that fails in the last step of a shortest way.
    broken=$(sed -n 's/^pan:.*assertion violated (*holds_\([A-Za-z0-9_]*\).*/\1/p' pan.txt | sort -u | tr '\n' ' ')
    at=$([ ! -s port.pml.trail ] || tail -n 1 port.pml.trail | cut -d: -f1)
    wanted=$(grep -c '^hidden byte h_shown_' port.pml || true)
    shown=$(grep -c '^ *sometimes ' pan.txt || true)
    if ! grep -q '^State-vector .* errors: ' pan.txt || grep -q 'max search depth too small\|out of memory' pan.txt; then
        printf 'DIFFER %s: SPIN did not end: %s\n' "$name" "$(grep -v '^$' pan.txt | head -3 | tr '\n' ' ')"
    elif [ -n "$broken" ]; then
        # What is judged at rest is found when the steps from there are looked for, which may be one further.
        if [ "$verdict" = violation ] && [[ " $broken" == *" $word "* ]] &&
            ((at == depth || at == depth - 1)); then
            printf 'found  %s: %s after %s steps\n' "$name" "$property" "$at"
        else
            printf 'DIFFER %s: %s %s after %s steps, SPIN: %s after %s\n' \
                "$name" "$verdict" "$property" "$depth" "$broken" "$at"
        fi
    elif [ -n "$at" ]; then
        printf 'DIFFER %s: SPIN: %s\n' "$name" "$(grep '^pan:' pan.txt | head -1)"
    elif [ "$verdict" = violation ] && [[ " spin assert deadlock schedule " == *" $property "* ]]; then
        # As many states are no answer to these: each is a broken assertion.
        printf 'DIFFER %s: %s after %s steps, and nothing is broken, says SPIN\n' "$name" "$property" "$depth"
    elif [ "$stored $total" != "$states $transitions" ]; then
        printf 'DIFFER %s: %s states, %s transitions, SPIN: %s, %s\n' \
            "$name" "$states" "$transitions" "$stored" "$total"
    elif [ "$verdict" = pass ] && [ "$wanted" != "$shown" ]; then
        printf 'DIFFER %s: shown %s times, SPIN: %s\n' "$name" "$wanted" "$shown"
    elif [ "$verdict" = violation ] && grep -qx " *sometimes $property" pan.txt; then
        printf 'DIFFER %s: %s is shown, says SPIN\n' "$name" "$property"
    else
        # A violation that is no broken assertion: something is shown never, or judged never.
        printf 'equal  %s: %s states, %s transitions\n' "$name" "$states" "$transitions"
    fi
}

ours "$@" >"$scratch/ours.txt"
export -f one explore judge
export portsim scratch STATES_MAX
export top=$PWD
xargs -a "$scratch/ours.txt" -P "$(nproc)" -L 1 bash -euo pipefail -c 'one "$top/scenarios/$0.json" "$0" "$@"' \
    >"$scratch/answers.txt" || printf 'DIFFER a comparison broke off: see above\n' >>"$scratch/answers.txt"
LC_ALL=C sort "$scratch/answers.txt" >"$scratch/sorted.txt"

number() { grep -c "^$1 " "$scratch/sorted.txt" || true; }
grep -E '^(DIFFER|large|found)' "$scratch/sorted.txt" || true
printf '\nwhat has no words in Promela:\n'
sed -n 's/^unsaid .*: \(the export .*\|.*\)$/\1/p' "$scratch/sorted.txt" | sort | uniq -c
equal=$(number 'equal ') found=$(number 'found ') differ=$(number DIFFER)
printf '\n%s states and transitions alike, %s violations found alike, %s differ, %s too large, %s unsaid, %s for other systems\n' \
    "$equal" "$found" "$differ" "$(number 'large ')" "$(number unsaid)" "$(number 'other ')"
if [ "$differ" -gt 0 ] || [ "$((equal + found))" -lt "$COMPARED_MIN" ] || [ "$equal" -lt "$COUNTED_MIN" ]; then
    printf 'FAILED: %s compared, of them %s counted; at least %s and %s are expected, and no difference\n' \
        "$((equal + found))" "$equal" "$COMPARED_MIN" "$COUNTED_MIN"
    exit 1
fi
