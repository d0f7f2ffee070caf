"""A complete agent: a port of its own, made of a lock and condition variables, for portsim to record.

    portsim cross-check scenarios/portable --on 'agent:python3 docs/agent.py' --as windows

The port keeps packets in order and hands each to the waiter that came last. With the argument `oldest` it hands
them to the one that came first, which is wrong, and is found out. docs/AGENTS.md explains the lines.
"""

import json
import sys
import threading
import time

ABANDONED = {"ok": False, "error": "ERROR_ABANDONED_WAIT_0"}
FIELDS = ("key", "bytes", "overlapped", "status")  # what a packet carries
OLDEST_FIRST = "oldest" in sys.argv[1:]
LOCK = threading.Lock()  # one lock around everything that threads share
MOVED = threading.Condition(LOCK)  # a call has returned or parked


class Port:
    def __init__(self, is_open):
        self.open = is_open
        self.packets = []
        self.waiting = []  # the threads inside a get, the one that came last at the end

    def deliver(self):
        while self.waiting and (self.packets or not self.open):
            thread = self.waiting.pop(0 if OLDEST_FIRST else -1)
            thread.finish(take(self, thread.call["op"]) if self.open else ABANDONED)


def take(port, op):
    if "max" in op:
        batch, port.packets = port.packets[: op["max"]], port.packets[op["max"] :]
        return {"ok": True, "packets": batch}
    return {"ok": True, **port.packets.pop(0)}


class Thread(threading.Thread):
    """Makes the calls that it is given, and waits on a condition of its own."""

    def __init__(self, run):
        super().__init__(daemon=True)
        self.run_of, self.call, self.answer, self.member = run, None, None, None
        self.parked = self.told = self.gone = False
        self.woken = threading.Condition(LOCK)
        self.start()

    def finish(self, answer):
        self.answer, self.parked = answer, False
        self.woken.notify()
        MOVED.notify()

    def run(self):
        with LOCK:
            while True:
                while not self.gone and (self.call is None or self.answer is not None):
                    self.woken.wait()
                if self.gone:
                    return
                self.make(self.call["op"])

    def make(self, op):
        port = self.run_of.ports[op["port"]]
        if op["call"] == "create" and not port.open:
            port.__init__(True)
        elif op.get("max") == 0 or not port.open:
            error = "ERROR_INVALID_PARAMETER" if op.get("max") == 0 else "ERROR_INVALID_HANDLE"
            return self.finish({"ok": False, "error": error})
        if op["call"] == "get":
            return self.get(port, op)
        if op["call"] == "post":
            port.packets.append({word: op[word] for word in FIELDS if word in op})
        if op["call"] == "close":
            port.open, port.packets = False, []
        port.deliver()
        self.finish({"ok": True})

    def get(self, port, op):
        self.member = port
        if port.packets:
            return self.finish(take(port, op))
        end = "timeout" in op and time.monotonic() + op["timeout"] * self.run_of.tick
        port.waiting.append(self)
        self.parked, call = op.get("timeout") != 0, self.call
        MOVED.notify()
        while self.call is call and self.answer is None and not self.gone:
            left = end - time.monotonic() if end else None
            if end and left <= 0:
                port.waiting.remove(self)
                self.finish({"ok": False, "error": "WAIT_TIMEOUT"})
            else:
                self.woken.wait(left)


class Run:
    def __init__(self, setup):
        self.tick = setup["tick_us"] / 1e6
        self.ports = {port["name"]: Port(port["open"]) for port in setup["ports"]}
        self.threads = {thread["name"]: Thread(self) for thread in setup["threads"]}

    def end(self):
        with LOCK:
            for thread in self.threads.values():
                thread.gone = True
                thread.woken.notify()
        for thread in self.threads.values():
            thread.join()

    def quiesce(self, until, limit):
        """Waits until every call has returned or is parked, and says which."""
        threads = [thread for thread in self.threads.values() if thread.call]
        moves = lambda it: it.answer is None and (not it.parked or it.call["id"] in until)
        if not MOVED.wait_for(lambda: not any(map(moves, threads)), limit):
            return say({"overdue": next(filter(moves, threads)).call["id"]})
        for thread in threads:
            if thread.answer is not None:
                say({"id": thread.call["id"], "returned": thread.answer})
                thread.call, thread.answer, thread.told = None, None, False
            elif not thread.told:
                say({"id": thread.call["id"], "parked": True})
                thread.told = True
        members = [name for name, it in self.threads.items() if not it.call and it.member and it.member.open]
        say({"quiet": True, "counted": members})  # the end of one that belongs to a port is a turn of its own


def say(line):
    print(json.dumps(line), flush=True)


run = None
for line in map(json.loads, sys.stdin):
    if "hello" in line:
        say({"hello": 1, "name": "condvar", "os": sys.platform, "ops": ["get", "post", "close", "create"]})
    elif "setup" in line or "reset" in line:
        if run:
            run.end()
        run = Run(line["setup"]) if "setup" in line else None
        say({"ready": True} if run else {"quiet": True})
    elif "op" in line:
        with LOCK:
            run.threads[line["thread"]].call = line
            run.threads[line["thread"]].woken.notify()
    elif "leave" in line:
        run.threads[line["leave"]].member = None
    elif "quiesce" in line:
        with LOCK:
            run.quiesce(line.get("until", []), line["limit_ms"] / 1000)
