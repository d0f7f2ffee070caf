#!/usr/bin/env python3
"""An agent that is recorded at full speed only: Python's own queue as a port, just as it is.

    portsim record scenarios/portable/mixed-waiters.json --mode free --on 'agent:python3 docs/free_agent.py'
    portsim record --mode free --seconds 10 --on 'agent:python3 docs/free_agent.py'

A thread makes the calls that it is given, one after the other, and says of each how it ended and when it was made.
Nobody waits until it is parked; only when nothing is heard any more the queue is asked who stands in its line. With
the argument `newest` it gives its newest packet first, which is wrong, and is found out. docs/AGENTS.md explains the
lines.
"""

import json
import queue
import sys
import threading
import time

FIELDS = ("key", "bytes", "overlapped", "status")  # what a packet carries
KIND = queue.LifoQueue if "newest" in sys.argv[1:] else queue.Queue
SAYS = threading.Lock()


def say(line):
    with SAYS:
        print(json.dumps(line), flush=True)


class Thread(threading.Thread):
    def __init__(self, run):
        super().__init__(daemon=True)
        self.run_of, self.given, self.open = run, queue.SimpleQueue(), []
        self.start()

    def give(self, line):
        self.open.append(line)
        self.given.put(line)

    def run(self):
        while line := self.given.get():
            before = time.monotonic_ns()
            answer = self.make(line["op"]) if "op" in line else {"ok": True}
            after = time.monotonic_ns()
            if self.run_of.over:
                return
            say({"id": line["id"], "returned": answer, "t0": before, "t1": after})
            self.open.pop(0)

    def make(self, op):
        timeout = op["timeout"] * self.run_of.tick if "timeout" in op else None
        if op["call"] == "sleep":
            time.sleep(op["ticks"] * self.run_of.tick)
            return {"ok": True}
        port = self.run_of.ports[op["port"]]
        if op["call"] == "post":
            port.put({word: op[word] for word in FIELDS if word in op})
            return {"ok": True}
        try:
            return {"ok": True, **port.get(timeout != 0, timeout or None)}
        except queue.Empty:
            return {"ok": False, "error": "ETIMEDOUT"}


class Run:
    def __init__(self, setup):
        self.over, self.tick = False, setup["tick_us"] / 1e6
        self.ports = {port["name"]: KIND() for port in setup["ports"]}
        self.threads = {thread["name"]: Thread(self) for thread in setup["threads"]}

    def end(self):
        self.over = True
        for thread in self.threads.values():
            thread.given.put(None)
            for port in self.ports.values():
                port.put({"key": 0})  # whoever waits comes home
        for thread in self.threads.values():
            thread.join()

    def moves(self):
        """The number of a call that has not returned and does not stand in the line of a queue for good."""
        calls = [open[0] for thread in self.threads.values() if (open := thread.open[:1])]
        for call in calls:
            op = call.get("op", {})
            if op.get("call") != "get" or "timeout" in op:
                return call["id"]
        for name, port in self.ports.items():
            gets = [call["id"] for call in calls if call["op"]["port"] == name]
            if len(port.not_empty._waiters) != len(gets):
                return gets[0] if gets else 0
        return None


run = None
for line in map(json.loads, sys.stdin):
    if "hello" in line:
        ops = ["get", "post", "sleep"]
        say({"hello": 1, "name": "condvar", "os": sys.platform, "ops": ops, "modes": ["free"]})
    elif "setup" in line or "reset" in line:
        if run:
            run.end()
        run = Run(line["setup"]) if "setup" in line else None
        say({"ready": True} if run else {"quiet": True})
    elif "op" in line:
        run.threads[line["thread"]].give(line)
    elif "leave" in line:
        run.threads[line["leave"]].give(line)
    elif "quiesce" in line:
        moves = run.moves()
        say({"quiet": True} if moves is None else {"overdue": moves})
