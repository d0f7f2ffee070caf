#!/usr/bin/env bash
# What an editor shows of a scenario by its schema, asked of the language server for JSON that most editors use. Where it cannot
# be had, this says so, loudly.
#
#   tests/editor.sh [PORTSIM]      by default target/release/portsim
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

portsim=$(realpath "${1:-target/release/portsim}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if ! command -v npm >/dev/null || ! command -v python3 >/dev/null ||
    ! npm install --prefix "$scratch" --no-audit --no-fund --ignore-scripts vscode-langservers-extracted@4 >/dev/null 2>&1; then
    printf '\n!! the language server for JSON could not be installed: NO EDITOR was asked about scenarios\n'
    exit 0
fi
"$portsim" schema scenario >"$scratch/scenario.schema.json"
PYTHONDONTWRITEBYTECODE=1 timeout 120 python3 tests/editor/ask.py "$scratch/scenario.schema.json" \
    "$scratch/node_modules/.bin/vscode-json-language-server" --stdio
