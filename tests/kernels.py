"""Boots kernels of many versions, runs scenarios on them, and says what changed from one to the next.

`tests/kernels.sh` prepares what this needs, and says how it is called.
"""

import concurrent.futures
import io
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "KERNELS.md"
PLACE = pathlib.Path(sys.argv[1])

# A backend, and the system that judges it; none is the one that fits the kernel. One system for all kernels shows where
# they part.
QUICK = [("epoll", None), ("io-uring", None), ("io-uring", "io-uring-7.2")]
ALL = QUICK + [(backend, None) for backend in ("pipe", "mqueue", "select", "poll", "condvar")]
FUZZED = ("epoll", "io-uring", "pipe", "select")

HEAD = """# Kernels

This page shows what Linux does from 5.10 on, as seen when the scenarios run on kernels that Debian packages, each
booted in a virtual machine. `tests/kernels.sh` makes this page, and checks it.

A backend *agrees* if the model could have shown whatever it showed, in every scenario that it can play. Where versions
of Linux differ the model has versions too, and the one that fits the kernel judges.
"""


class Kernel:
    """A packaged kernel."""

    def __init__(self, package, version):
        self.package, self.version = package, version
        self.series = re.match(r"\d+\.\d+", version).group()
        # 5.10.223-1 and 7.3.4-1~bpo13+1 are told apart by numbers, the way dpkg does.
        self.order = [int(n) for n in re.findall(r"\d+", version.split("-")[0])]
        self.order.append(0 if "~" in version else 1)

    def image(self):
        folder = PLACE / "kernels" / self.package
        if not list(folder.rglob("vmlinuz*")):
            subprocess.run(
                ["tests/kernels.sh", "unpack", f"{self.package}={self.version}", str(folder)],
                cwd=ROOT, check=True,
            )
        return next(folder.rglob("vmlinuz*"))


# Seconds after which a machine that has not begun its job stands still.
START = 180


def kernels():
    """All that are packaged, oldest first. Where the kernel of an image is in a package of its own, that is taken."""
    found = {}
    for line in (PLACE / "list").read_text().splitlines():
        package, version = (word.strip() for word in line.split("|")[:2])
        kernel = Kernel(package, version)
        if package.startswith("linux-binary-") or version not in found:
            found[version] = kernel
    return sorted(found.values(), key=lambda kernel: kernel.order)


def newest_of_each_series():
    return list({kernel.series: kernel for kernel in kernels()}.values())


def boot(kernel, name, job, limit=1500):
    """Runs shell commands on a kernel; what they leave in /tmp/out comes back, by name."""
    own = PLACE / "machines" / f"{kernel.package}-{name}"
    own.mkdir(parents=True, exist_ok=True)
    (own / "job").write_text(job)
    said, brought = own / "console", own / "brought"
    packed = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], input=b"job\n", cwd=own, stdout=subprocess.PIPE, check=True)
    (own / "files").write_bytes((PLACE / "first").read_bytes() + packed.stdout)
    command = [
        "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "2048", "-smp", "2",
        "-kernel", str(kernel.image()), "-initrd", str(own / "files"),
        "-append", "console=ttyS0 quiet panic=1", "-display", "none", "-monitor", "none",
        "-serial", f"file:{said}", "-serial", f"file:{brought}", "-no-reboot", "-net", "none",
    ]
    try:
        # The emulator runs processors side by side, and now and then one of them meets code that a kernel is just
        # patching at its start: it ends, or stands still. What goes wrong behind the start is told.
        for _ in range(5):
            with subprocess.Popen(command, stdin=subprocess.DEVNULL) as machine:
                if ends(machine, said, limit):
                    break
        with tarfile.open(fileobj=io.BytesIO(brought.read_bytes())) as files:
            return {
                pathlib.PurePath(member.name).as_posix(): files.extractfile(member).read()
                for member in files.getmembers() if member.isfile()
            }
    except (subprocess.SubprocessError, tarfile.TarError) as error:
        tail = said.read_text(errors="replace").splitlines()[-20:] if said.exists() else []
        sys.exit("\n".join([f"Linux {kernel.version}: {error}", *tail]))


def ends(machine, said, limit):
    """Whether a machine began its job, and ended by itself; one that has not begun after some minutes never will."""
    began = lambda: said.exists() and "the job begins" in said.read_text(errors="replace")
    try:
        try:
            machine.wait(START)
        except subprocess.TimeoutExpired:
            if not began():
                machine.kill()
                return False
            machine.wait(limit)
    except subprocess.TimeoutExpired:
        machine.kill()
        raise
    if machine.returncode:
        raise subprocess.CalledProcessError(machine.returncode, "qemu-system-x86_64")
    return began()


def judged(kernel, asked):
    """What each backend showed, by backend and judge."""
    lines = []
    for backend, system in asked:
        judge = f"--as {system}" if system else ""
        name = f"{backend}-{system}"
        lines.append(
            f"portsim cross-check /scenarios --json --quiet --seeds 0..1 --on {backend} {judge} "
            f">/tmp/out/{name}.json 2>/tmp/out/{name}.said"
        )
    files = boot(kernel, "judged", "\n".join(lines) + "\n")
    results = {}
    for backend, system in asked:
        said = files[f"{backend}-{system}.said"].decode(errors="replace").strip()
        try:
            results[backend, system] = json.loads(files[f"{backend}-{system}.json"])["cells"]
        except (ValueError, KeyError):
            results[backend, system] = said or "it said nothing"
    return results


def ask_again(kernel, judgements):
    """Emulated processors stand still now and then, and clocks go on: what may come of that is asked once more, and that is
    said."""
    for (backend, system), cells in judgements.items():
        if isinstance(cells, str):
            continue
        for place, cell in enumerate(cells):
            if may_be_disturbed(cell, system, judgements.get((backend, None))):
                cells[place] = judged_once(kernel, cell["scenario"], backend, system)
                print(
                    f"!! Linux {kernel.version}, {cell['scenario']} on {backend} as {cell['as']}: {cell['verdict']} once: "
                    f"{cell['why']}; asked again: {cells[place]['verdict']}",
                    flush=True,
                )


def may_be_disturbed(cell, system, own):
    """Whether a call stood still, or something differs although its version, or the same version asked before, says
    otherwise. That a kernel differs from another version is what is asked for."""
    if cell["verdict"] != "differ" or not system:
        return cell["verdict"] in ("differ", "unavailable")
    before = [it for it in own if it["scenario"] == cell["scenario"]] if isinstance(own, list) else []
    return any((it["as"], it["verdict"]) == (cell["as"], "agree") for it in before)


def count(cells, verdict):
    return sum(cell["verdict"] == verdict for cell in cells)


def on_every(chosen, asked, seconds=None):
    """Results by kernel. Two at a time, as each spends much of its time waiting; begun until the time is over."""
    begun, results, left_out = time.monotonic(), {}, []

    def one(kernel):
        if seconds and time.monotonic() - begun > seconds:
            left_out.append(kernel)
            return
        start = time.monotonic()
        results[kernel] = judged(kernel, asked)
        ask_again(kernel, results[kernel])
        words = []
        for (backend, system), cells in results[kernel].items():
            if isinstance(cells, str):
                words.append(f"{backend}: {cells}")
            else:
                by = f" as {system}" if system else ""
                words.append(f"{backend}{by} {count(cells, 'agree')} agree, {count(cells, 'differ')} differ")
        print(f"Linux {kernel.version} ({time.monotonic() - start:.0f} s): {'; '.join(words)}", flush=True)

    # The newest and the oldest first: where there is no time for all, these say most.
    order = [chosen[-1], chosen[0], *reversed(chosen[1:-1])] if len(chosen) > 1 else chosen
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(one, kernel) for kernel in order]:
            done.result()
    if left_out:
        print(f"\n!! Not run, for want of time: {', '.join(kernel.version for kernel in left_out)}\n")
    return dict(sorted(results.items(), key=lambda item: item[0].order))


def wrong(results):
    """What no claim explains."""
    for kernel, judgements in results.items():
        for (backend, system), cells in judgements.items():
            if system:
                continue
            if isinstance(cells, str):
                yield f"Linux {kernel.version}, {backend}: {cells}"
                continue
            if not count(cells, "agree"):
                yield f"Linux {kernel.version}, {backend}: nothing was judged"
            for cell in cells:
                if cell["verdict"] == "differ":
                    yield f"Linux {kernel.version}, {cell['scenario']} on {backend} as {cell['as']}: {cell['why']}"


def shown(cell):
    """What is compared from kernel to kernel; a kernel that lacks something shows nothing."""
    if cell is None or cell["verdict"] in ("unavailable", "unsupported"):
        return None
    return cell["verdict"] == "agree" or f"{cell['at']}: {cell['why']}"


def changes(results):
    """(scenario, backend, judge, kernel before, kernel behind, what it showed before, what behind)"""
    for backend, system in {key: None for judgements in results.values() for key in judgements}:
        rows = {}
        for kernel, judgements in results.items():
            cells = judgements[backend, system]
            for cell in cells if isinstance(cells, list) else []:
                rows.setdefault(cell["scenario"], []).append((kernel, cell))
        if system is None and any((backend, judge) in judgements for judgements in results.values() for _, judge in judgements if judge):
            continue
        for scenario, row in sorted(rows.items()):
            for (before, was), (behind, now) in zip(row, row[1:]):
                if None not in (shown(was), shown(now)) and shown(was) != shown(now):
                    yield scenario, backend, system, before, behind, was, now


def words_of(cell):
    if shown(cell) is None:
        return cell["why"]
    if cell["verdict"] == "agree":
        return f"as `{cell['as']}` says"
    allowed = " or ".join(f"`{step}`" for step in cell["allowed"]) or "that nothing comes"
    return f"at event {cell['at']} `{cell['why']}`, where `{cell['as']}` says {allowed}"


def cell_of(cells):
    """One place of the table of kernels."""
    if isinstance(cells, str):
        return cells
    lacking = count(cells, "unavailable")
    words = "differs" if count(cells, "differ") else "agrees"
    return f"{words}, {lacking} lack something" if lacking else words


def page(results, bisected):
    asked = [backend for backend, system in ALL if not system]
    lines = [HEAD, f"| series | version | {' | '.join(asked)} |", "|---" * (len(asked) + 2) + "|"]
    for kernel, judgements in results.items():
        cells = " | ".join(cell_of(judgements[backend, None]) for backend in asked)
        lines.append(f"| {kernel.series} | {kernel.version} | {cells} |")
    lines += ["", "## What changed", "", "| scenario | backend | up to | it showed | from | it shows |", "|---|---|---|---|---|---|"]
    for scenario, backend, _, before, behind, was, now in bisected:
        lines.append(f"| `{scenario}` | {backend} | {before.version} | {words_of(was)} | {behind.version} | {words_of(now)} |")
    lines += ["", "## What kernels lack", "", "| backend | what it says | series | scenarios |", "|---|---|---|---|"]
    for (backend, why), where in lacking(results).items():
        series = ", ".join({series: None for series, _ in where})
        lines.append(f"| {backend} | {why} | {series} | {len({scenario for _, scenario in where})} |")
    return "\n".join(lines) + "\n"


def lacking(results):
    """Where a kernel cannot play what another can: by backend and reason, series and scenario."""
    judged = [
        (kernel.series, backend, cell)
        for kernel, judgements in results.items()
        for (backend, system), cells in judgements.items() if not system and isinstance(cells, list)
        for cell in cells
    ]
    played = {(backend, cell["scenario"]) for _, backend, cell in judged if shown(cell) is not None}
    lacks = {}
    for series, backend, cell in judged:
        if shown(cell) is None and (backend, cell["scenario"]) in played and not_for(cell) is False:
            lacks.setdefault((backend, cell["why"]), []).append((series, cell["scenario"]))
    return lacks


def not_for(cell):
    """Whether the scenario is for another version than the one that fits the kernel."""
    asked = json.loads((ROOT / "scenarios" / f"{cell['scenario']}.json").read_text()).get("as")
    return asked is not None and cell["as"] not in asked


def bisect(scenario, backend, system, before, behind, was):
    """The last packaged version that shows what the older end shows, and the first that does not, with what they show."""
    between = [kernel for kernel in kernels() if before.order <= kernel.order <= behind.order]
    low, high, seen = 0, len(between) - 1, {}

    def cell(place):
        if place not in seen:
            seen[place] = judged_once(between[place], scenario, backend, system)
            print(f"Linux {between[place].version}: {words_of(seen[place])}", flush=True)
        return seen[place]

    while high - low > 1:
        middle = (low + high) // 2
        if shown(cell(middle)) in (None, shown(was)):
            low = middle
        else:
            high = middle
    return between[low], between[high], cell(low), cell(high)


def judged_once(kernel, scenario, backend, system):
    judge = f"--as {system}" if system else ""
    files = boot(kernel, "once", (
        f"portsim cross-check /scenarios/{scenario}.json --json --quiet --seeds 0..1 --on {backend} {judge} >/tmp/out/cells\n"
        f"portsim record /scenarios/{scenario}.json --quiet --on {backend} --out /tmp/out/trace\n"
    ))
    kept = PLACE / "bisected" / f"{scenario.replace('/', '-')}-on-{backend}-{kernel.version}.jsonl"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(files["trace"])
    return json.loads(files["cells"])["cells"][0]


def every_change(scenario, backend):
    """A change can be carried back into an earlier series, and so come more than once."""
    system, ends = judge_of(backend), newest_of_each_series()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        cells = list(pool.map(lambda kernel: judged_once(kernel, scenario, backend, system), ends))
    print(f"{scenario} on {backend}:")
    for kernel, cell in zip(ends, cells):
        print(f"Linux {kernel.version}: {words_of(cell)}", flush=True)
    for (before, was), (behind, now) in itertools.pairwise(zip(ends, cells)):
        if None in (shown(was), shown(now)) or shown(was) == shown(now):
            continue
        last, first, was, now = bisect(scenario, backend, system, before, behind, was)
        print(f"\nup to Linux {last.version}: {words_of(was)}\nfrom Linux {first.version} on: {words_of(now)}")
    print(f"\nrecordings: {PLACE / 'bisected'}")


def judge_of(backend):
    return next((system for asked, system in ALL if asked == backend and system), None)


def main(words):
    if words[:1] == ["bisect"]:
        return every_change(*words[1:])
    if words[:1] == ["fuzz"]:
        return fuzz(int(words[1]), [kernel for kernel in newest_of_each_series() if kernel.series in words[2:]])

    quick = words == ["quick"]
    chosen = newest_of_each_series()
    budget = int(os.environ.get("KERNELS_SECONDS", "180")) if quick else None
    results = on_every(chosen, QUICK if quick else ALL, budget)
    faults = list(wrong(results))
    if faults:
        sys.exit("\n".join(faults))
    if quick:
        return hold(results)
    bisected = []
    for scenario, backend, system, before, behind, was, now in changes(results):
        print(f"\n{scenario} on {backend}: {before.version} and {behind.version} differ", flush=True)
        last, first, was, now = bisect(scenario, backend, system, before, behind, was)
        bisected.append((scenario, backend, system, last, first, was, now))
    text = page(results, bisected)
    if os.environ.get("UPDATE_EXPECT"):
        PAGE.write_text(text)
    elif PAGE.read_text() != text:
        sys.stdout.write(text)
        sys.exit("docs/KERNELS.md is not this page; UPDATE_EXPECT=1 tests/kernels.sh writes it")


def hold(results):
    """What was seen of few backends is what the page says; of a series that it has not, nothing."""
    text = PAGE.read_text()
    rows = [[word.strip() for word in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    heads = rows[0]
    known = {row[0]: dict(zip(heads, row)) for row in rows if re.fullmatch(r"\d+\.\d+", row[0])}
    faults = []
    for kernel, judgements in results.items():
        if kernel.series not in known:
            print(f"Linux {kernel.version} is not on docs/KERNELS.md yet; UPDATE_EXPECT=1 tests/kernels.sh writes it")
            continue
        for (backend, system), cells in judgements.items():
            if not system and known[kernel.series].get(backend) != cell_of(cells):
                faults.append(f"Linux {kernel.version}, {backend}: {cell_of(cells)}; the page says {known[kernel.series].get(backend)}")
    series = list(known)
    for scenario, backend, _, before, behind, was, now in changes(results):
        told = [row for row in rows if row[0] == f"`{scenario}`" and row[1] == backend]
        if not any(row[3] == words_of(was) and row[5] == words_of(now) for row in told) and behind.series in series:
            faults.append(f"{scenario} on {backend} changed from {before.version} to {behind.version}; the page does not say so")
    for row in rows:
        ran = [kernel.series for kernel in results]
        if len(row) == len(heads) or row[1:2] == ["backend"] or not row[0].startswith("`") or set(series) - set(ran):
            continue
        if row[1] in ("epoll", "io-uring") and not any(row[0] == f"`{change[0]}`" and row[1] == change[1] for change in changes(results)):
            faults.append(f"{row[0]} on {row[1]}: the page says that it changed, and it did not")
    if faults:
        sys.exit("\n".join(faults))
    print(f"{len(results)} kernels do what docs/KERNELS.md says")


def fuzz(cases, chosen):
    found = False
    for kernel in chosen:
        lines = [
            f"portsim fuzz --json --quiet --seeds 0..{cases} --on {backend} --out /tmp/out/{backend} "
            f">/tmp/out/{backend}.json 2>/tmp/out/{backend}.said"
            for backend in FUZZED
        ]
        files = boot(kernel, "fuzz", "\n".join(lines) + "\n", limit=6 * 3600)
        for backend in FUZZED:
            said = files[f"{backend}.json"] or files[f"{backend}.said"]
            try:
                fuzzed = json.loads(said)
                totals = {key: fuzzed[key] for key in ("agree", "differ", "unsupported", "unavailable")}
                reasons = fuzzed["reasons"]
            except (ValueError, KeyError):
                totals, reasons = {}, [said.decode(errors="replace")]
            print(f"Linux {kernel.version}, {backend}, {cases} cases: {totals} {reasons or ''}", flush=True)
            found |= not totals or totals["differ"] + totals["unavailable"] > 0
        for name in (name for name in files if name.count("/")):
            kept = PLACE / "found" / kernel.version / name
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(files[name])
    if found:
        sys.exit(f"something differs; see {PLACE / 'found'}")


main(sys.argv[2:])
