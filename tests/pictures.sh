#!/usr/bin/env bash
# What `portsim export` draws, opened by the programs that it is for: Graphviz, PlantUML, Mermaid, a renderer of SVG, and
# Python's reader of ITF. Debian's packages and those of npm and PyPI are installed where they can be had; what is missing is
# said, loudly.
#
#   tests/pictures.sh [PORTSIM]      by default target/release/portsim
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

portsim=$(realpath "${1:-target/release/portsim}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export PYTHONDONTWRITEBYTECODE=1

have() {
    command -v "$1" >/dev/null
}

not_run() {
    printf '\n!! %s\n' "$1"
}

if ! { have dot && have plantuml && have rsvg-convert && have chromium && have chromedriver; } && have apt-get; then
    as=()
    [ "$(id -u)" -eq 0 ] || as=(sudo -n)
    "${as[@]}" apt-get install -y --no-install-recommends \
        graphviz plantuml librsvg2-bin chromium chromium-driver >/dev/null 2>&1 || true
fi
if ! have python3; then
    not_run 'python3 is not here: NO PICTURE was tried'
    exit 0
fi

python3 tests/pictures/check.py "$portsim" "$scratch"

if have dot; then
    for file in "$scratch"/*.dot; do
        said=$(dot -Tsvg "$file" 2>&1 >/dev/null)
        if [ -n "$said" ]; then
            printf 'Graphviz, on %s: %s\n' "${file##*/}" "$said"
            exit 1
        fi
    done
    echo 'Graphviz draws them'
else
    not_run 'Graphviz is not here and could not be installed: its graphs were NOT TRIED'
fi

if have rsvg-convert; then
    for file in "$scratch"/*.svg; do
        rsvg-convert "$file" -o "$file.png"
    done
    echo 'librsvg draws them'
else
    not_run 'librsvg is not here and could not be installed: SVG was only read as XML'
fi

if have plantuml; then
    mkdir "$scratch/plantuml"
    for file in "$scratch"/*.plantuml; do
        # It takes all files for text of the system's encoding.
        plantuml -charset UTF-8 -failfast2 -tsvg -o "$scratch/plantuml" "$file" >/dev/null
    done
    echo 'PlantUML draws them'
else
    not_run 'PlantUML is not here and could not be installed: its diagrams were NOT TRIED'
fi

if have npm && have chromium && have chromedriver &&
    npm install --prefix "$scratch/npm" --no-audit --no-fund --ignore-scripts mermaid@11 >/dev/null 2>&1; then
    CHROMIUM=$(command -v chromium) CHROMEDRIVER=$(command -v chromedriver) \
        python3 tests/pictures/mermaid.py "$scratch/npm/node_modules/mermaid/dist/mermaid.min.js" "$scratch"/*.mermaid
else
    not_run 'Mermaid could not be installed, or there is no browser for it: its diagrams were NOT TRIED'
fi

if python3 -m venv "$scratch/venv" >/dev/null 2>&1 && "$scratch/venv/bin/pip" install -q itf-py >/dev/null 2>&1; then
    for file in "$scratch"/*.itf; do
        "$scratch/venv/bin/python" -c '
import json, sys
from itf_py import trace_from_json
trace = trace_from_json(json.load(open(sys.argv[1])))
assert len(trace.states) > 1 and trace.states[1].meta["index"] == 1' "$file"
    done
    echo 'itf-py reads them'
else
    not_run 'itf-py could not be installed: ITF was only read as JSON'
fi
