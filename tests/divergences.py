"""Makes docs/DIVERGENCES.md of what cross-check found, or says that the page is not what it would be.

    tests/divergences.py RESULT...          each the output of `portsim cross-check --json --as windows`, or `--as epoll`
    UPDATE_EXPECT=1 tests/divergences.py RESULT...   writes the page

A divergence from Windows that no claim speaks of is an error, and so is one from epoll that is of no known kind: nobody
would know what it is about.
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
names, the event at which the two differ, what the backend shows there, and what the model of Windows allows. The end of the
page has [a library that gives epoll on Windows](#wepoll-by-the-rules-of-epoll).

None of this says what Windows does: that is what [the claims](CLAIMS.md) and their sources are for.
"""

EPOLL = """
## wepoll, by the rules of epoll

[wepoll](https://github.com/piscisaureus/wepoll) is a library for Windows that gives epoll: sockets are polled by the system's
driver of sockets, and the end of each poll comes as a packet of one completion port. What is recorded on it, under Wine, is judged
by the rules of epoll. It has no edge-triggered and no exclusive watching; what else differs is of these kinds:

"""


# What differs between wepoll and epoll: why, and in which scenarios.
KINDS = {
    "order": (
        "A poll begins when a thread waits, or at once if one does. What has become ready while nobody waited is therefore reported "
        "in the order in which it was added or reported last, and not in that in which it became ready.",
        {
            "epoll/level-goes-round",
            "epoll/level-goes-round-by-two",
            "epoll/oneshot-once",
            "epoll/rearm-in-this-order",
        },
    ),
    "changed": (
        "Where a source is to be watched for more than the poll that is under way asks for, that is cancelled, and another "
        "one begins when its end has come. A call that does not wait is over before.",
        {"epoll/oneshot-disarms-both-directions", "epoll/watched-for-nothing"},
    ),
    "duplicate": (
        "A source is known by the number of its socket, and not by what is open: as long as a poll is under way a "
        "closed number can still be taken out, and when the next poll begins the source is gone, whether or not a duplicate is open.",
        {"epoll/close-with-a-duplicate-keeps-reporting", "epoll/last-duplicate-ends-it"},
    ),
    "close": (
        "The end of the port ends all calls on it; they fail with EBADF.",
        {"apart/close-wakes-nobody", "apart/timeout-after-close", "designs/stop-by-close-on-epoll"},
    ),
    "waiter": (
        "The event comes to another waiter. Wine 8 gives a packet to the thread that has waited longest.",
        set(),
    ),
}


def is_other_waiter(cell):
    """Whether only the thread is another one, of those whose call it ends."""
    said = {step.partition(": ")[2] for step in [cell["why"], *cell["allowed"]]}
    return len(said) == 1 and said.pop().startswith("= ")


def kind(cell):
    named = (kind for kind, (_, scenarios) in KINDS.items() if cell["scenario"] in scenarios)
    found = next(named, "waiter" if is_other_waiter(cell) else None)
    return found or sys.exit(f"{cell['scenario']} on {cell['on']} differs in a way that is of no known kind")


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
    "wepoll-wine-8": {
        "epoll/newest-waiter-first-oneshot": "the thread that began a poll is asked for help when that ends, and waits again behind the others",
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


def rows_of_kinds(cells):
    """The smallest scenario of each kind."""
    for name in KINDS:
        found = [(cell["at"], scenario(cell["scenario"])[1], cell["scenario"], cell) for cell in cells if kind(cell) == name]
        if found:
            at, _, smallest, cell = min(found, key=lambda row: row[:3])
            allowed = " or ".join(f"`{step}`" for step in cell["allowed"])
            yield f"| {name} | {len(found)} | `{smallest}` | {at} | `{cell['why']}` | {allowed} |"


def part(file):
    cells = json.loads(pathlib.Path(file).read_text())["cells"]
    name, judge = pathlib.Path(file).stem, cells[0]["as"]
    unsteady = UNSTEADY.get(name, {})
    cells = [cell for cell in cells if cell["scenario"] not in unsteady]
    of = {verdict: [c for c in cells if c["verdict"] == verdict] for verdict in ("agree", "differ", "unavailable")}
    for cell in of["unavailable"]:
        sys.exit(f"{cell['scenario']} on {name}: {cell['why']}")
    heading = "##" if judge == "windows" else "###"
    words = f"\n{heading} {name}\n\n{len(of['differ'])} scenarios differ, {len(of['agree'])} agree.\n\n"
    for left_out, why in unsteady.items():
        words += f"`{left_out}` comes out one way or the other: {why}.\n\n"
    if judge == "windows":
        words += "| claims | smallest scenario | event | it shows | Windows allows |\n|---|---|---|---|---|\n"
        return judge, words + "\n".join(rows(of["differ"])) + "\n"
    words += f"| kind | scenarios | smallest scenario | event | it shows | {judge} allows |\n|---|---|---|---|---|---|\n"
    return judge, words + "\n".join(rows_of_kinds(of["differ"])) + "\n"


parts = [part(file) for file in sys.argv[1:]]
page = HEAD + "".join(words for judge, words in parts if judge == "windows") + EPOLL
page += "".join(f"- **{name}**: {why}\n" for name, (why, _) in KINDS.items())
page += "".join(words for judge, words in parts if judge == "epoll")
if os.environ.get("UPDATE_EXPECT"):
    PAGE.write_text(page)
elif not PAGE.exists() or PAGE.read_text() != page:
    sys.stdout.write(page)
    sys.exit("docs/DIVERGENCES.md is not this page; UPDATE_EXPECT=1 tests/windows.sh writes it")
