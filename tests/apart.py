#!/usr/bin/env python3
"""Makes tests/apart.txt: the shortest experiment that tells each pair of systems apart.

    tests/apart.py target/release/portsim [FOLDER]

Asks `distinguish` for every pair, which takes some minutes, and keeps the reports in FOLDER, if that is given: what is there
is not asked again. An experiment is a scenario in scenarios/apart/ that passes on
the systems that it names in `as` and is violated on the others that can play it; one experiment serves many pairs. What a new
one is called, and its `why`, is for people to write. A test checks every experiment on every system, and makes
docs/SYSTEMS.md of them.
"""

import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "scenarios" / "apart"
COMMAND = os.path.abspath(sys.argv[1])
LINE = re.compile(r'^    "([a-z0-9.-]+)",$', re.M)


def portsim(*arguments):
    done = subprocess.run([COMMAND, *arguments, "--json"], capture_output=True, text=True)
    return json.loads(done.stdout)


def verdict(scenario, system):
    """What `check` says of an experiment on a system, whatever it is meant for; none if the system lacks something."""
    file = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"apart-{os.getpid()}.json"
    file.write_text(json.dumps({**scenario, "as": [system]}))
    verdicts = portsim("check", str(file), "--as", system)["scenarios"]
    file.unlink()
    return {"pass": True, "violation": False}.get(verdicts[0]["verdict"])


def key(scenario):
    """What makes an experiment: not its names, and not what is said of it."""
    parts = {name: it for name, it in scenario.items() if name not in ("why", "as", "claims", "$schema")}
    return json.dumps(parts, sort_keys=True)


def with_systems(text, systems):
    """An experiment as the folder keeps it: meant for the systems on which it passes."""
    return re.sub(r'"as": \[[^]]*\]', lambda _: f'"as": {json.dumps(systems)}', text, count=1)


def asked(pair, folder):
    """What `distinguish` says of a pair."""
    kept = folder / f"{'.'.join(pair)}.json"
    if not kept.exists():
        kept.write_text(json.dumps(portsim("distinguish", *pair)))
    return json.loads(kept.read_text())


def written(it, depth=0):
    """A scenario as people write one: what fits on a line has one."""
    inner = lambda values: json.dumps(values).replace("{", "{ ").replace("}", " }").replace("{  }", "{}")
    if depth and len(inner(it)) + 2 * depth < 80 or not isinstance(it, (dict, list)):
        return inner(it)
    pad = "  " * (depth + 1)
    named = isinstance(it, dict)
    parts = [f"{pad}{json.dumps(name)}: {written(it[name], depth + 1)}" if named else pad + written(name, depth + 1) for name in it]
    return "[{"[named] + "\n" + ",\n".join(parts) + "\n" + "  " * depth + "]}"[named]


def main():
    names = (ROOT / "model/src/personality/mod.rs").read_text().split("pub const NAMES")[1].split("];")[0]
    systems = LINE.findall(names)
    known = {}
    for file in sorted(FOLDER.glob("*.json")):
        scenario = json.loads(file.read_text())
        known[key(scenario)] = (file.stem, scenario, file.read_text())
    sizes, bounds = {}, {}
    folder = pathlib.Path(sys.argv[2] if sys.argv[2:] else tempfile.mkdtemp())
    for pair in itertools.combinations(systems, 2):
        report = asked(pair, folder)
        bounds[pair] = report["bound"]["operations"]
        for found in report["found"]:
            assert "at_end" in found["scenario"].get("properties", {}), f"no condition tells {pair} apart"
            sizes[pair] = found["operations"]
            known.setdefault(key(found["scenario"]), (None, found["scenario"], written(found["scenario"]) + "\n"))
        print(*pair, sizes.get(pair), file=sys.stderr)
    size_of = lambda it: sum(map(len, it["threads"].values()))
    verdicts = {name: {it: verdict(scenario, it) for it in systems} for name, (_, scenario, _) in known.items()}
    parts = lambda name, pair: {verdicts[name][pair[0]], verdicts[name][pair[1]]} == {True, False}
    # Of the experiments of the same size those that serve the most pairs.
    left, chosen = dict(sizes), []
    while left:
        serves = lambda name: [it for it in left if size_of(known[name][1]) == left[it] and parts(name, it)]
        best = max(known, key=lambda name: (len(serves(name)), -len(known[name][1]["threads"]), known[name][0] is not None))
        assert serves(best), f"nothing serves {left}"
        chosen.append((best, serves(best)))
        for pair in serves(best):
            del left[pair]
    FOLDER.mkdir(exist_ok=True)
    rows, kept = {}, set()
    for number, (name, pairs) in enumerate(chosen):
        stem, _, text = known[name]
        if stem is None:
            stem = f"new-{number}"
        holds = [it for it in systems if verdicts[name][it]]
        (FOLDER / f"{stem}.json").write_text(with_systems(text, holds))
        kept.add(stem)
        rows.update((pair, f"apart/{stem}") for pair in pairs)
    for file in FOLDER.glob("*.json"):
        if file.stem not in kept:
            file.unlink()
    lines = []
    for pair in itertools.combinations(systems, 2):
        nothing = f"nothing of up to {bounds[pair]} operations"
        lines.append(f"{' '.join(pair)}: {rows.get(pair, nothing)}\n")
    (ROOT / "tests" / "apart.txt").write_text("".join(lines))


main()
