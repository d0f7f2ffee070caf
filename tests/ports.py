"""Ports by the rules of several systems, and of none, for `identify` to tell: an agent without real threads.

    portsim identify --on 'agent:python3 tests/ports.py epoll'

Whom a call releases has returned before the next call comes, so one turn of the conductor is one turn here, and only time
passes in between. docs/AGENTS.md explains the lines.
"""

import json
import sys
import time

# The rules of a port, each as far as it differs from these: a list of packets, and waiters in the order in which they came.
RULES = {
    "epoll": {"newest": True, "level": True, "ops": ["epoll_ctl", "write", "drain"]},
    "windows": {"newest": True, "counts": True, "abandons": True, "os": "windows"},
    # Windows, but for the waiter that is released.
    "windows-fifo": {"counts": True, "abandons": True, "os": "windows"},
    "io-uring-7.2": {"minimum": True, "invalid_first": True},
    # Windows counts, epoll keeps waiters of a closed port, and nobody gives the newest packet first.
    "mixed": {"counts": True, "last": True, "newest": True},
    # Windows, but for a waiter that gave up: it does not count.
    "windows-late": {"newest": True, "counts": True, "abandons": True, "late": True, "os": "windows"},
}
RULE = RULES[sys.argv[1]]
HAS = lambda rule: RULE.get(rule, False)
NAMES = {
    "windows": ("WAIT_TIMEOUT", "ERROR_INVALID_HANDLE", "ERROR_INVALID_PARAMETER", "ERROR_ABANDONED_WAIT_0"),
    "linux 7.2": ("ETIMEDOUT", "EBADF", "EINVAL", "ECANCELED"),
}
OS = RULE.get("os", "linux 7.2")
TIMEOUT, CLOSED, INVALID, ABANDONED = ({"ok": False, "error": name} for name in NAMES[OS])
FIELDS = ("key", "bytes", "overlapped", "status")
PROCESSORS = 2


class Port:
    def __init__(self, setup):
        self.open, self.limit = setup["open"], setup.get("concurrency") or PROCESSORS
        self.packets, self.waiters, self.running, self.watched = [], [], set(), {}
        self.taken = 0

    def has_room(self):
        return not HAS("counts") or len(self.running) < self.limit

    def wants(self, op):
        """So many packets have come to the port, those that are gone included, when a call has what it waits for."""
        return self.taken + (op.get("min", 1) if HAS("minimum") and "max" in op else 1)

    def has_come(self, wanted):
        return self.taken + len(self.packets) >= wanted

    def release(self):
        """Waiters take what is there, as far as there is room."""
        while self.open and self.waiters and self.packets and self.has_room():
            thread = self.waiters[-1 if HAS("newest") else 0]
            if not self.has_come(thread.wanted):
                return  # who stands behind it waits as well
            self.waiters.remove(thread)
            self.running.add(thread)
            packets = self.take(thread.op, 1 if HAS("counts") else None)
            if packets is None:
                self.running.discard(thread)
                self.waiters.append(thread)
                return
            thread.returns(packets)

    def take(self, op, most=None):
        """What a call comes back with; none if what was listed is not there any more."""
        most, took = most or op.get("max", 1), []
        for _ in range(len(self.packets)):
            if len(took) == most:
                break
            packet = self.packets.pop(-1 if HAS("last") else 0)
            if isinstance(packet, Source):
                if not packet.readable or packet not in self.watched:
                    continue
                self.packets.append(packet)  # it stays ready, behind the others
                packet = {"key": self.watched[packet]}
            else:
                self.taken += 1
            took.append(packet)
        if not took:
            return {"ok": True, "packets": []} if op.get("min") == 0 else None
        return {"ok": True, "packets": took} if "max" in op else {"ok": True, **took[0]}


class Source:
    def __init__(self, setup):
        self.readable = setup.get("readable", False)


class Thread:
    def __init__(self):
        self.id = self.op = self.answer = self.port = self.end = None
        self.told = False

    def returns(self, answer):
        self.answer = answer

    def call(self, run, line):
        self.id, self.op, self.answer, self.told, self.end = line["id"], line["op"], None, False, None
        op, name = self.op, self.op["call"]
        if name in ("write", "drain"):
            return run.set_readable(self, run.sources[op["source"]], name == "write")
        port = run.ports[op["port"]]
        if op.get("max") == 0 and (port.open or HAS("counts") or HAS("invalid_first")):
            return self.returns(INVALID)
        if not port.open:
            return self.returns(CLOSED)
        getattr(self, name)(run, port, op)

    def get(self, run, port, op):
        if HAS("counts"):
            old, self.port = self.port, port
            if old:
                old.running.discard(self)
                if old is not port:
                    old.release()
        self.wanted = port.wants(op)
        if port.has_room() and port.has_come(self.wanted):
            answer = port.take(op)
            if answer:
                port.running.add(self)
                return self.returns(answer)
        if op.get("timeout") == 0:
            if HAS("minimum") and port.packets:
                return self.returns(port.take(op))
            port.running.add(self)
            return self.returns(TIMEOUT)
        port.waiters.append(self)
        if "timeout" in op:
            self.end = time.monotonic() + op["timeout"] * run.tick

    def expire(self, run):
        time.sleep(max(0, self.end - time.monotonic()))
        port = run.ports[self.op["port"]]
        port.waiters.remove(self)
        if HAS("minimum") and port.packets:
            return self.returns(port.take(self.op))
        if not HAS("late"):
            port.running.add(self)
        self.returns(TIMEOUT)

    def post(self, run, port, op):
        port.packets.append({word: op[word] for word in FIELDS if word in op})
        self.returns({"ok": True})
        port.release()

    def close(self, run, port, op):
        port.open, port.packets = False, []
        if HAS("abandons"):
            for thread in port.waiters:
                thread.returns(ABANDONED)
            port.waiters = []
        for thread in run.threads.values():
            if thread.port is port:
                thread.port = None
        port.running.clear()
        self.returns({"ok": True})

    def epoll_ctl(self, run, port, op):
        source, change = run.sources[op["source"]], op["change"]
        if (change == "add") == (source in port.watched):
            return self.returns({"ok": False, "error": "EEXIST" if change == "add" else "ENOENT"})
        if change == "del":
            del port.watched[source]
            if source in port.packets:
                port.packets.remove(source)
        else:
            port.watched[source] = op["key"]
            run.comes(port, source)
        self.returns({"ok": True})


class Run:
    def __init__(self, setup):
        self.tick = setup["tick_us"] / 1e6
        self.ports = {port["name"]: Port(port) for port in setup["ports"]}
        self.sources = {source["name"]: Source(source) for source in setup.get("sources", [])}
        self.threads = {thread["name"]: Thread() for thread in setup["threads"]}

    def comes(self, port, source):
        if source.readable and source in port.watched:
            if source not in port.packets:
                port.packets.append(source)
            port.release()

    def set_readable(self, thread, source, readable):
        source.readable = readable
        thread.returns({"ok": True})
        for port in self.ports.values():
            self.comes(port, source)

    def leave(self, thread):
        port, thread.port = thread.port, None
        if port:
            port.running.discard(thread)
            port.release()

    def quiesce(self, until):
        late = [it for it in self.threads.values() if it.id in until and it.answer is None]
        for thread in sorted(late, key=lambda it: it.end):
            if thread.answer is None:
                thread.expire(self)
        for thread in self.threads.values():
            if thread.answer:
                say({"id": thread.id, "returned": thread.answer})
                thread.id = thread.answer = None
            elif thread.id and not thread.told:
                say({"id": thread.id, "parked": True})
                thread.told = True
        say({"quiet": True, "counted": [name for name, it in self.threads.items() if not it.id and it.port]})


def refuses(setup):
    """What no port here has."""
    if any("port" in source for source in setup.get("sources", [])):
        return "no port is a source"
    for call in (call for thread in setup["threads"] for call in thread["calls"]):
        if call["call"] == "epoll_ctl" and (
            call.get("trigger", "level") != "level" or {"events", "exclusive", "oneshot"} & set(call)
        ):
            return "it watches sources for what can be read, while it can be"
        if {"alertable", "min_wait", "reserve"} & set(call) or "min" in call and not HAS("minimum"):
            return "it has no such call"


def say(line):
    print(json.dumps(line), flush=True)


run = None
for line in map(json.loads, sys.stdin):
    if "hello" in line:
        say({"hello": 1, "name": "port", "os": OS, "ops": ["get", "post", "close"] + RULE.get("ops", [])})
    elif "setup" in line:
        why = refuses(line["setup"])
        run = None if why else Run(line["setup"])
        say({"unsupported": why} if why else {"ready": True})
    elif "reset" in line:
        say({"quiet": True})
    elif "op" in line:
        run.threads[line["thread"]].call(run, line)
    elif "leave" in line:
        run.leave(run.threads[line["leave"]])
    elif "quiesce" in line:
        run.quiesce(line.get("until", []))
