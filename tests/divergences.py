"""Makes docs/DIVERGENCES.md of what cross-check found, or says that the page is not what it would be.

    tests/divergences.py RESULT...          each the output of `portsim cross-check --json --as windows`
    UPDATE_EXPECT=1 tests/divergences.py RESULT...   writes the page

A divergence that no claim speaks of is an error: nobody would know what it is about.
"""

import json
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "DIVERGENCES.md"
HEAD = """# Divergences from Windows

These are recordings of other systems, judged by the rules of Windows: where each system differs, in the smallest
scenario that names the claim. `tests/windows.sh` makes this page, and checks it. A row has the claims that the scenario
names, the event at which the two differ, what the backend shows there, and what the model of Windows allows.

None of this says what Windows does: that is what [the claims](CLAIMS.md) and their sources are for.
"""


# Scenarios that come out one way or the other from run to run, and so are in no count and no row.
ENDS_RACE = "what CancelIoEx ends on a whole file reports in the order in which the issuing threads get to it"
UNSTEADY = {
    "epoll": {
        "vectors/b/b7-handed-packet-and-the-handle": (
            "one event wakes the waiter and who polls the descriptor, and the latter may look before the former has taken it"
        ),
    },
    "wine-8": {
        "windows/cancel-of-a-whole-file": ENDS_RACE,
        "windows-2003/any-waiter-may-end-it": "of two waiters the end of an I/O operation goes to the older or to the newer",
    },
    "wine-10": {
        "windows/cancel-of-a-whole-file": ENDS_RACE,
    },
}


def scenario(name):
    path = ROOT / "scenarios" / f"{name}.json"
    return json.loads(path.read_text()), path.stat().st_size


def rows(cells):
    """The smallest scenario for each claim that some scenario which differs names."""
    found = []
    for cell in cells:
        claims, size = scenario(cell["scenario"])[0].get("claims", []), scenario(cell["scenario"])[1]
        claims = [claim for claim in claims if claim.startswith("windows/")]
        if not claims:
            sys.exit(f"{cell['scenario']} on {cell['on']} differs, and names no claim of Windows")
        found.append((cell["at"], size, cell["scenario"], claims, cell))
    known = set()
    for at, _, name, claims, cell in sorted(found, key=lambda row: row[:3]):
        if known.issuperset(claims):
            continue
        known.update(claims)
        allowed = " or ".join(f"`{step}`" for step in cell["allowed"])
        said = ", ".join(f"`{claim}`" for claim in claims)
        yield f"| {said} | `{name}` | {at} | `{cell['why']}` | {allowed} |"


def part(file):
    cells = json.loads(pathlib.Path(file).read_text())["cells"]
    name = pathlib.Path(file).stem
    unsteady = UNSTEADY.get(name, {})
    cells = [cell for cell in cells if cell["scenario"] not in unsteady]
    of = {verdict: [c for c in cells if c["verdict"] == verdict] for verdict in ("agree", "differ", "unavailable")}
    for cell in of["unavailable"]:
        sys.exit(f"{cell['scenario']} on {name}: {cell['why']}")
    words = f"\n## {name}\n\n{len(of['differ'])} scenarios differ, {len(of['agree'])} agree.\n\n"
    for left_out, why in unsteady.items():
        words += f"`{left_out}` comes out one way or the other: {why}.\n\n"
    words += "| claims | smallest scenario | event | it shows | Windows allows |\n|---|---|---|---|---|\n"
    return words + "\n".join(rows(of["differ"])) + "\n"


page = HEAD + "".join(map(part, sys.argv[1:]))
if os.environ.get("UPDATE_EXPECT"):
    PAGE.write_text(page)
elif not PAGE.exists() or PAGE.read_text() != page:
    sys.stdout.write(page)
    sys.exit("docs/DIVERGENCES.md is not this page; UPDATE_EXPECT=1 tests/windows.sh writes it")
