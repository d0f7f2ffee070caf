#!/usr/bin/env bash
# The page that `--html` writes, in a real Chromium: opened, stepped through, linked to, attacked. Where Debian's packages
# can be had, they are installed; where Chromium is missing, this says so, loudly.
#
#   tests/page.sh [PORTSIM]      by default target/release/portsim
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

portsim=$(realpath "${1:-target/release/portsim}")

have() {
    command -v "$1" >/dev/null
}

if ! { have chromium && have chromedriver; } && have apt-get; then
    as=()
    [ "$(id -u)" -eq 0 ] || as=(sudo -n)
    "${as[@]}" apt-get install -y --no-install-recommends chromium chromium-driver >/dev/null 2>&1 || true
fi
for needed in chromium chromedriver python3; do
    if ! have "$needed"; then
        printf '\n!! %s is not here and could not be installed: the PAGE was NOT TRIED in a browser\n' "$needed"
        exit 0
    fi
done

# A checker of accessibility, from npm.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
axe=
if have npm && npm install --prefix "$scratch" --no-audit --no-fund --ignore-scripts axe-core@4 >/dev/null 2>&1; then
    axe=$scratch/node_modules/axe-core/axe.min.js
else
    printf '\n!! axe-core could not be installed: ACCESSIBILITY was NOT CHECKED by it\n'
fi

AXE=$axe PORTSIM=$portsim CHROMIUM=$(command -v chromium) CHROMEDRIVER=$(command -v chromedriver) PYTHONDONTWRITEBYTECODE=1 \
    python3 tests/page/page_test.py
