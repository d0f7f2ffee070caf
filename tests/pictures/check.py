"""Whether what `portsim export` draws is what the programs take that it is for.

    check.py PORTSIM FOLDER

Formats with a reader in Python's own library are read here: JSON, XML, and the log of ShiViz by its own expression. The files
are left in FOLDER for the tools that tests/pictures.sh has.
"""

import json
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
portsim, folder = sys.argv[1], pathlib.Path(sys.argv[2])

# Every character that steers something in one of the languages.
ODD = "end ; # : -- __ ** \"\" [[x]] {y} <b> & ' \" \\ | ~ % $ @enduml -> note over \u202e \u00e9"
HOSTILE = {
    "why": "Are names and notes text?",
    "ports": {"p": {"concurrency": 1}, "end": {}},
    "threads": {
        "worker": {"count": 2, "do": [{"note": ODD}, {"get": "p", "into": "x"}]},
        "note": [{"post": "p", "key": 1}, {"note": "end"}, {"post": "end", "key": 2}],
    },
    "properties": {"always": {"end": "!worker[0].x.ok"}},
}
FORMATS = ["mermaid", "plantuml", "dot", "svg", "perfetto", "itf", "shiviz"]
SOURCES = {
    "freed": ["scenarios/bugs/buffer-dropped-with-the-future.json"],
    "loop": ["scenarios/for-ever/first-waiter-starves.json"],
    "seed": ["scenarios/bench/pool-2-1-1-2.json", "--seed", "7"],
    "refused": ["traces/refused/epoll-oldest-waiter-first.jsonl"],
    "free": ["traces/refused/windows-taken-twice-at-full-speed.jsonl"],
    "hostile": [str(folder / "hostile.json")],
}


def clocks(log):
    """Each host of a log of ShiViz with its clocks, by the expression that ShiViz begins with."""
    form = re.compile(r"(?P<event>.*)\n(?P<host>\S*) (?P<clock>{.*})")
    found = list(form.finditer(log))
    assert sum(match.end() - match.start() + 1 for match in found) == len(log), "there is something else in it"
    return [(match["host"], json.loads(match["clock"])) for match in found]


def check_shiviz(text):
    seen = {}
    for host, clock in clocks(text):
        before = seen.get(host, {})
        assert clock[host] == before.get(host, 0) + 1, "each event is one tick of its host"
        assert all(clock.get(other, 0) >= time for other, time in before.items()), "clocks go on"
        for other, time in clock.items():
            assert other == host or time <= seen[other][other], "nobody knows what has not happened"
        seen[host] = clock


def check_perfetto(text):
    events = json.loads(text)["traceEvents"]
    slices = [it for it in events if it["ph"] == "X"]
    assert slices and all(it["dur"] >= 0 and it["ts"] >= 0 for it in slices)
    named = {it["tid"] for it in events if it["name"] == "thread_name"}
    assert {it["tid"] for it in slices} <= named
    begins = {it["id"]: it for it in events if it["ph"] == "s"}
    for end in (it for it in events if it["ph"] == "f"):
        begin = begins[end["id"]]
        assert begin["ts"] <= end["ts"] and end["bp"] == "e"
        # An arrow is drawn from and to slices that are there then.
        for it in (begin, end):
            assert any(s["tid"] == it["tid"] and s["ts"] <= it["ts"] <= s["ts"] + s["dur"] for s in slices), it


def check_itf(text):
    trace = json.loads(text)
    assert trace["#meta"]["format"] == "ITF" and trace["states"]
    for state in trace["states"]:
        assert set(state) - {"#meta"} == set(trace["vars"])
    assert 0 <= trace.get("loop", 0) < len(trace["states"])
    assert all(re.fullmatch(r"[A-Za-z_]\w*", name) for name in trace["vars"])


def check_svg(text):
    root = xml.etree.ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not [it for it in root.iter() if it.tag.endswith("script") or it.tag == "b"]


CHECKS = {"shiviz": check_shiviz, "perfetto": check_perfetto, "itf": check_itf, "svg": check_svg}


def main():
    (folder / "hostile.json").write_text(json.dumps(HOSTILE))
    for name, source in SOURCES.items():
        for form in FORMATS:
            file = folder / f"{name}.{form}"
            command = [portsim, "export", form, *source, "--out", str(file)]
            done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
            assert done.returncode == 0, (command, done.stderr)
            if name == "free" and form == "itf":
                assert "at full speed" in done.stderr
                continue
            CHECKS.get(form, len)(file.read_text())
    graph = folder / "states.dot"
    subprocess.run([portsim, "export", "dot", *SOURCES["freed"], "--states", "100", "--out", str(graph)], check=True, cwd=ROOT)
    assert ": all " in graph.read_text()
    bounded = folder / "bounded.dot"
    subprocess.run([portsim, "export", "dot", SOURCES["seed"][0], "--states", "20", "--out", str(bounded)], check=True, cwd=ROOT)
    assert "which was the bound" in bounded.read_text()
    print(f"{len(SOURCES)} runs in {len(FORMATS)} formats")


main()
