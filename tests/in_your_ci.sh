#!/usr/bin/env bash
# The action of .github/actions/check in a small project of somebody else, and its files in the hands of those who read such
# files: an annotation at the line of the property, test results, results for code scanning, a page.
#
#   tests/in_your_ci.sh [PORTSIM]      by default target/release/portsim
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

portsim=$(realpath "${1:-target/release/portsim}")
action=$PWD/.github/actions/check
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

not_run() {
    printf '\n!! %s\n' "$1"
}

# Inputs reach the script through variables alone.
if grep -n '\${{' "$action/check.sh" || grep -n 'run:.*\${{' "$action/action.yml"; then
    echo 'an input is put into a script'
    exit 1
fi

project="$scratch/a project"
mkdir -p "$project/models/deep"
cat >"$project/models/good.json" <<'JSON'
{
  "why": "Is a packet that was posted taken?",
  "ports": { "p": {} },
  "threads": { "a": [ { "get": "p", "into": "x" } ], "b": [ { "post": "p", "key": 1 } ] },
  "properties": { "at_end": { "taken": "a.x.ok" } }
}
JSON
cat >"$project/models/deep/bad one.json" <<'JSON'
{
  "why": "May two packets wait? <b> & %0A::error::no",
  "ports": { "p": { "concurrency": 1 } },
  "threads": { "b": [ { "post": "p", "key": 1 }, { "post": "p", "key": 2 } ] },
  "properties": {
    "always": {
      "few": "p.depth < 2"
    }
  }
}
JSON
printf '{ "why": 1,\n' >"$project/models/broken.json"

# run EXPECTED NAME=VALUE...: the action, as a runner carries it out.
run() {
    local expected=$1 status=0
    shift
    (cd "$project" && env "$@" PORTSIM_COMMAND="$portsim" GITHUB_OUTPUT="$scratch/output" RUNNER_TEMP="$scratch" \
        bash "$action/check.sh") >"$scratch/said" 2>"$scratch/besides" || status=$?
    if [ "$status" -ne "$expected" ]; then
        printf 'exit code %s, not %s\n' "$status" "$expected"
        cat "$scratch/said" "$scratch/besides"
        exit 1
    fi
}

run 0 PORTSIM_PATH=models/good.json PORTSIM_RESULTS=good
[ "$(grep -c '^::' "$scratch/said" || true)" -eq 0 ]
run 1 PORTSIM_PATH=$'models/good.json\nmodels/deep' PORTSIM_RESULTS='the results' PORTSIM_ARGUMENTS="--as windows"
grep -qx 'results=the results' "$scratch/output"
grep -q '^::error file=models/deep/bad one.json,line=7,title=.*few::few does not hold: .*%0Arepeat: portsim check ' "$scratch/said"
run 2 PORTSIM_PATH=models PORTSIM_RESULTS=all
grep -q '^::error file=models/broken.json,line=' "$scratch/said"
# What looks like a command of a shell is an argument that the command does not know.
run 2 PORTSIM_PATH=models/good.json PORTSIM_ARGUMENTS='$(touch hit); `touch hit`'
[ ! -e "$project/hit" ]
echo 'the action runs in a project of somebody else'

python3 - "$project/the results" "$project/all" <<'PY'
import json, pathlib, sys
import xml.etree.ElementTree as tree

for folder, bad, tests in [(sys.argv[1], 0, 2), (sys.argv[2], 1, 3)]:
    folder = pathlib.Path(folder)
    suites = tree.parse(folder / "results.xml").getroot()
    count = lambda name: int(suites.get(name))
    assert (count("tests"), count("failures"), count("errors")) == (tests, 1, bad), suites.attrib
    cases = list(suites.iter("testcase"))
    assert len(cases) == tests
    failed = [it for it in cases if it.find("failure") is not None]
    assert failed[0].get("line") == "7" and "p.depth < 2 is false" in failed[0].find("failure").get("message")
    assert "post p key 2" in failed[0].find("failure").text and "repeat: portsim check" in failed[0].find("failure").text
    sarif = json.loads((folder / "results.sarif").read_text())
    run = sarif["runs"][0]
    assert len(run["results"]) == 1 + bad
    first = run["results"][0]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "models/deep/bad%20one.json" and place["region"]["startLine"] == 7
    assert run["tool"]["driver"]["rules"][first["ruleIndex"]]["id"] == first["ruleId"] == "few"
    assert "<title>portsim" in (folder / "results.html").read_text()
print("its results are well formed")
PY

# Those who read such files.
if python3 -m venv "$scratch/venv" >/dev/null 2>&1 &&
    "$scratch/venv/bin/pip" install -q junitparser sarif-tools >/dev/null 2>&1; then
    "$scratch/venv/bin/junitparser" verify "$project/good/results.xml" >/dev/null
    if "$scratch/venv/bin/junitparser" verify "$project/the results/results.xml" >/dev/null; then
        echo 'junitparser sees no failure'
        exit 1
    fi
    "$scratch/venv/bin/sarif" summary "$project/the results/results.sarif" >"$scratch/summary"
    grep -q 'error: 1' "$scratch/summary"
    echo 'junitparser and sarif-tools read them'
else
    not_run 'junitparser and sarif-tools could not be installed: the results were read by this script ALONE'
fi
