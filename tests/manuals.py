#!/usr/bin/env python3
"""Runs every command of the README and of every manual, and compares what it prints with what the page shows.

    tests/manuals.py PORTSIM [PAGE...]

PORTSIM is the built command. Each page has a folder of its own to write into, in which the project's folders are to be
found. A block of `sh` is run line by line; the block of `text` behind it must stand in what it printed, where
times and rates may be others. Comments of a page steer this:

    <!-- file: NAME -->           the next block is this file, on this page and, until that is another, on all others
    <!-- not run: REASON -->      the next block is not run
    <!-- exit code N -->          the next block ends with this exit code; without it 0, 1 and 4 are as good as any
    <!-- of another run -->       the next block of text is not what the block before it prints

Sweeps are run with fewer seeds and seconds than the page says. What is not run is said, with its reason.
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ["scenarios", "traces", "docs", "sim", "tests", "model", ".github"]
SECONDS = 300
# What goes on until somebody ends it is ended as somebody would end it.
GOES_ON = re.compile(r"^portsim (explore|watch)\b(?!.*--html)")
SHORTER = [
    (re.compile(r"\bcheck scenarios (?=--junit)"), "check scenarios/portable "),
    (re.compile(r"--seeds 0\.\.\d{5,}"), "--seeds 0..200"),
    (re.compile(r"--seconds \d+"), "--seconds 1"),
    (re.compile(r"--runs \d{3,}"), "--runs 50"),
]
# What differs from machine to machine and from run to run.
VARIES = [
    (re.compile(r"\b\d[\d ]* (ms|µs)\b"), "N ms"),
    (re.compile(r"\b\d+(\.\d+)? s\b"), "N s"),
    (re.compile(r"\b\d[\d ]* a second\b"), "N a second"),
    (re.compile(r"linux \d+\.\d+[^\s,]*"), "linux N"),
]
ELSEWHERE = {
    "cargo": "the gate runs what needs a build of its own",
    "spin": "tests/second_opinion.sh runs SPIN",
    "git": "it is about a checkout",
    "podman": "it needs images from elsewhere",
}


def blocks(text):
    """Each fenced block: its language, its lines, the comments before it, the line it starts on."""
    fence, comments = None, []
    for number, line in enumerate(text.split("\n"), 1):
        if fence is None:
            if comment := re.fullmatch(r"<!-- (.*) -->", line.strip()):
                comments.append(comment[1])
            elif start := re.match(r"(```+)(\w*)", line):
                fence, language, lines, at = start[1], start[2], [], number
            elif line.strip():
                comments = []
        elif line.startswith(fence):
            yield language, lines, comments, at
            fence, comments = None, []
        else:
            lines.append(line)


def commands(language, lines):
    """The commands of a block of shell, each on one line."""
    whole = "\n".join(lines).replace("\\\n", " ").split("\n")
    if language == "console":
        whole = [line[2:] for line in whole if line.startswith("$ ")]
    return [line for line in whole if line.strip() and not line.startswith("#")]


def files_of(pages):
    """What the pages say that files hold, and the scenario that `portsim new` writes."""
    files = {"first.json": (ROOT / "sim/src/cli/first.json").read_text()}
    for page in pages:
        for _, lines, comments, _ in blocks(page.read_text()):
            for name in (it.removeprefix("file: ") for it in comments if it.startswith("file: ")):
                files.setdefault(name, "\n".join(lines) + "\n")
    return files


def plain(line):
    for pattern, instead in VARIES:
        line = pattern.sub(instead, line)
    return line.rstrip()


def stands_in(shown, printed):
    """Whether the shown lines stand in the printed ones, without a gap but where a line of dots is one."""
    shown = [plain(line) for line in shown]
    printed = [plain(line) for line in printed]
    while shown and not shown[-1]:
        shown.pop()

    def from_here(at, rest):
        for n, line in enumerate(rest):
            if line == "...":
                return any(from_here(later, rest[n + 1 :]) for later in range(at, len(printed) + 1))
            if at >= len(printed) or printed[at] != line:
                return False
            at += 1
        return True

    return any(from_here(at, shown) for at in range(len(printed) + 1))


class Page:
    def __init__(self, path, portsim, files):
        self.path, self.portsim, self.files = path, portsim, files
        self.name = str(path.relative_to(ROOT))
        self.ran, self.compared, self.left_out, self.wrong = 0, 0, [], []

    def run(self):
        place = pathlib.Path(tempfile.mkdtemp(prefix="portsim-manual-"))
        try:
            for folder in FOLDERS:
                (place / folder).symlink_to(ROOT / folder)
            (place / "bin").mkdir()
            (place / "bin" / "portsim").symlink_to(self.portsim)
            self.place = place
            page = self.path.read_text()
            for name, text in self.files.items():
                if f"portsim new {name}" not in page:
                    (place / name).write_text(text)
            printed = None
            for language, lines, comments, at in blocks(self.path.read_text()):
                printed = self.block(language, lines, comments, at, printed)
        finally:
            shutil.rmtree(place)
        return self

    def block(self, language, lines, comments, at, printed):
        """Does what a block says; what its last command printed, for the block behind it."""
        said = dict(comment.split(": ", 1) for comment in comments if ": " in comment)
        if "file" in said:
            (self.place / said["file"]).write_text("\n".join(lines) + "\n")
            return None
        if language == "text" and printed is not None and "of another run" not in comments:
            self.compared += 1
            if not stands_in(lines, printed):
                self.wrong.append((at, "it printed something else", "\n".join(printed[:60])))
            return None
        if language not in ("sh", "console"):
            return None
        if "not run" in said:
            self.left_out.append((at, said["not run"]))
            return None
        codes = [int(it.removeprefix("exit code ")) for it in comments if it.startswith("exit code ")]
        printed = []
        for command in commands(language, lines):
            first = command.split()[0]
            if first in ELSEWHERE or first.startswith(("tests/", ".ci/", "sim/benches/")):
                self.left_out.append((at, f"{command}: {ELSEWHERE.get(first, 'a script of its own')}"))
                continue
            for pattern, instead in SHORTER:
                command = pattern.sub(instead, command)
            goes_on = GOES_ON.match(command)
            if goes_on:
                command = "timeout --foreground --preserve-status --signal=INT 3 " + command
                command += " --no-open" if goes_on[1] == "explore" else ""
            code, said = self.shell(command)
            printed += said
            self.ran += 1
            if code not in (codes or [0, 1, 4]):
                self.wrong.append((at, f"{command}: exit code {code}", "\n".join(said[-20:])))
        return printed or None

    def shell(self, command):
        paths = f"{self.place}/bin:{os.environ['PATH']}"
        environment = os.environ | {"PATH": paths, "HOME": str(self.place), "COLUMNS": "1000"}
        try:
            done = subprocess.run(
                ["bash", "-c", command], cwd=self.place, env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS, check=False,
            )
        except subprocess.TimeoutExpired:
            return -1, [f"no end in {SECONDS} seconds"]
        return done.returncode, done.stdout.decode(errors="replace").splitlines()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    portsim = pathlib.Path(sys.argv[1]).resolve()
    pages = [pathlib.Path(page).resolve() for page in sys.argv[2:]]
    every = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    pages = pages or every
    files = files_of(every)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        done = list(pool.map(lambda page: Page(page, portsim, files).run(), pages))
    for page in done:
        for at, reason in page.left_out:
            print(f"not run  {page.name}:{at}: {reason}")
    for page in done:
        for at, what, printed in page.wrong:
            print(f"\nWRONG  {page.name}:{at}: {what}\n{printed}")
    ran, compared, wrong = (sum(of(page) for page in done) for of in (lambda it: it.ran, lambda it: it.compared, lambda it: len(it.wrong)))
    print(f"\n{ran} commands of {len(done)} pages run, {compared} outputs compared, {wrong} wrong")
    sys.exit(1 if wrong or not ran or not compared else 0)


if __name__ == "__main__":
    main()
