#!/usr/bin/env bash
# What the action `check` does: `portsim check` with annotations, and its results in a folder. Inputs come in variables, so
# that none is ever taken for a piece of this script. Its exit code is that of the command.
set -euo pipefail

command=${PORTSIM_COMMAND:-}
if [ -z "$command" ]; then
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
    cargo install --locked --quiet --path "$here/sim" --root "${RUNNER_TEMP:-/tmp}/portsim"
    command=${RUNNER_TEMP:-/tmp}/portsim/bin/portsim
fi

results=${PORTSIM_RESULTS:-portsim-results}
mkdir -p "$results"
if [ -n "${GITHUB_OUTPUT:-}" ]; then
    printf 'results=%s\n' "$results" >>"$GITHUB_OUTPUT"
fi

paths=()
while IFS= read -r path; do
    [ -z "$path" ] || paths+=("$path")
done <<<"${PORTSIM_PATH:-scenarios}"
# Words as a shell divides them, but nothing in them is carried out.
arguments=()
if [ -n "${PORTSIM_ARGUMENTS:-}" ]; then
    mapfile -d '' -t arguments < <(xargs printf '%s\0' <<<"$PORTSIM_ARGUMENTS")
fi

"$command" check --format github --junit "$results/results.xml" --sarif "$results/results.sarif" \
    --html "$results/results.html" ${arguments[@]+"${arguments[@]}"} -- "${paths[@]}"
