#!/usr/bin/env python3
"""How the time to a verdict grows with a pool: the reduced search on 2 workers, this build beside an older one.

    sim/benches/pools.py file WORKERS CONCURRENCY POSTERS PACKETS     prints a pool as a scenario
    sim/benches/pools.py run [BEFORE]                                 measures, and writes docs/pools.svg and the table
                                                                      in docs/PERFORMANCE.md

The build that is measured is target/release/portsim; BEFORE is another one. A row ends where the next pool would take longer
than LIMIT seconds, by how the last two grew, or does.
"""

import json
import math
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 300
# Rows: what grows, and pools as workers, concurrency, posters, packets of each.
ROWS = {
    "pools of n workers, n/4 of which run, n/4 posters of n/2 packets": [
        (n, (n, n // 4, n // 4, n // 2)) for n in (8, 12, 16, 18, 20, 22)
    ],
    "n packets of each of 3 posters, 12 workers of which 3 run": [
        (n, (12, 3, 3, n)) for n in (5, 10, 20, 30)
    ],
}


def scenario(workers, concurrency, posters, packets):
    """A pool, as sim/benches/peers/ has it in other languages: each poster's packets have a key of their own."""
    threads = {f"post{n}": [{"post": "p", "key": n}] * packets for n in range(1, posters + 1)}
    worker = [{"loop": [{"get": "p", "into": "x"}, {"loop": [{"either": [["stall"], ["break"]]}]}]}]
    threads["worker"] = {"count": workers, "do": worker}
    return {
        "why": f"{workers} workers of which {concurrency} may run, {posters} posters of {packets} packets each.",
        "as": ["windows"],
        "ports": {"p": {"concurrency": concurrency}},
        "threads": threads,
        "may_wait": ["worker"],
        "expect": "pass",
    }


def decided(build, path):
    """Seconds to the verdict, and states; none if there is none in time."""
    start = time.monotonic()
    command = [build, "check", path, "--quiet", "--json", "--workers", "2"]
    try:
        said = subprocess.run(command, capture_output=True, timeout=LIMIT, check=False).stdout
    except subprocess.TimeoutExpired:
        return None
    seconds = time.monotonic() - start
    report = json.loads(said)
    report = report["scenarios"][0] if "scenarios" in report else report
    return (seconds, report["states_unique"]) if report["verdict"] == "pass" else None


def grows_beyond(points, n):
    """Whether a pool of this size would take longer than the limit, if time goes on to grow as a power of the size."""
    if len(points) < 2:
        return False
    (a, (before, _)), (b, (last, _)) = sorted(points.items())[-2:]
    power = max(1, math.log(last / before) / math.log(b / a))
    return last * (n / b) ** power > 1.5 * LIMIT


def measure(builds):
    """Points by row and build."""
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch) / "pool.json"
        for row, pools in ROWS.items():
            done = set()
            for n, pool in pools:
                path.write_text(json.dumps(scenario(*pool)))
                for name, build in builds.items():
                    if name in done:
                        continue
                    point = None if grows_beyond(found.get(row, {}).get(name, {}), n) else decided(build, path)
                    print(row, n, name, point, file=sys.stderr, flush=True)
                    if point is None:
                        done.add(name)
                    else:
                        found.setdefault(row, {}).setdefault(name, {})[n] = point
    return found


def table(found, builds):
    lines = []
    for row, pools in ROWS.items():
        heads = "".join(f" {name} | states |" for name in builds)
        lines += [f"| {row} |{heads}", "|---" * (1 + 2 * len(builds)) + "|"]
        for n, _ in pools:
            cells = []
            for name in builds:
                point = found.get(row, {}).get(name, {}).get(n)
                cells += [f"{point[0]:.2f} s", f"{point[1]:,}"] if point else [f"not in {LIMIT} s", ""]
            lines.append(f"| {n} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def picture(found, builds):
    """Two diagrams beside each other: seconds over n, both logarithmic."""
    wide, high, left, top = 380, 260, 60, 40
    colours = ["#0b62a4", "#c0392b"]
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * wide + 20} {high + 90}" font-family="sans-serif" font-size="11">',
        "<title>Seconds to a verdict, 2 workers, all reductions</title>",
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    least, most = -2, math.ceil(math.log10(LIMIT))
    for number, (row, pools) in enumerate(ROWS.items()):
        x0, y0 = number * wide + left, top
        width, height = wide - left - 20, high - top
        ns = [n for n, _ in pools]
        across = lambda n: x0 + width * math.log(n / ns[0]) / math.log(ns[-1] / ns[0])
        up = lambda s: y0 + height * (1 - (math.log10(max(s, 10**least)) - least) / (most - least))
        out.append(f'<text x="{x0}" y="{y0 - 22}">{row.split(",")[0]},</text>')
        out.append(f'<text x="{x0}" y="{y0 - 9}">{",".join(row.split(",")[1:]).strip()}</text>')
        for power in range(least, most + 1):
            y = up(10**power)
            out.append(f'<path d="M{x0} {y:.1f}H{x0 + width}" stroke="#ddd"/>')
            out.append(f'<text x="{x0 - 6}" y="{y + 4:.1f}" text-anchor="end">{10**power:g} s</text>')
        for n in ns:
            out.append(f'<text x="{across(n):.1f}" y="{y0 + height + 16}" text-anchor="middle">{n}</text>')
        for name, colour in zip(builds, colours):
            points = sorted(found.get(row, {}).get(name, {}).items())
            way = " ".join(f"{across(n):.1f},{up(point[0]):.1f}" for n, point in points)
            out.append(f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="2"/>')
            out += [f'<circle cx="{across(n):.1f}" cy="{up(p[0]):.1f}" r="3" fill="{colour}"/>' for n, p in points]
    for number, (name, colour) in enumerate(zip(builds, colours)):
        x = left + 160 * number
        out.append(f'<rect x="{x}" y="{high + 40}" width="14" height="4" fill="{colour}"/>')
        out.append(f'<text x="{x + 20}" y="{high + 46}">{name}</text>')
    return "\n".join(out + ["</svg>", ""])


def main():
    if sys.argv[1:2] == ["file"] and len(sys.argv) == 6:
        print(json.dumps(scenario(*map(int, sys.argv[2:]))))
    elif sys.argv[1:2] == ["run"] and len(sys.argv) <= 3:
        builds = {"now": str(ROOT / "target/release/portsim")}
        if len(sys.argv) == 3:
            builds["before"] = sys.argv[2]
        found = measure(builds)
        (ROOT / "docs/pools.svg").write_text(picture(found, builds))
        page = ROOT / "docs/PERFORMANCE.md"
        head, rest = page.read_text().split("<!-- pools -->\n", 1)
        _, tail = rest.split("<!-- end of pools -->\n", 1)
        page.write_text(f"{head}<!-- pools -->\n\n{table(found, builds)}\n<!-- end of pools -->\n{tail}")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
