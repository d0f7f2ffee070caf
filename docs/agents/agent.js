// A port in JavaScript for portsim to judge: one file, nothing to install. Its threads are tasks of one event loop.
//
// A packet goes to the waiter that came last; with the argument `oldest`, wrongly, to the one that came first. With
// `lost` a task awaits something between its look at the queue and its place in the line: only full speed shows that.
// docs/AGENTS.md says what the lines mean, and how a queue of your own is put in.
"use strict";

const [oldest, lost] = ["oldest", "lost"].map((fault) => process.argv.includes(fault));
const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));

// ---- Your port here: get, post, close, and `waits` of a thread. A packet is a text that it does not look into. ----
const CLOSED = '"ok":false,"error":"ERROR_INVALID_HANDLE"';
const ABANDONED = '"ok":false,"error":"ERROR_ABANDONED_WAIT_0"';
const LATE = '"ok":false,"error":"WAIT_TIMEOUT"';
const OK = '"ok":true';
class Port {
  open = true;
  packets = [];
  line = []; // who waits, the one that came last at the end: `me` and how to wake it

  // Whether a thread stands in the line. Whoever calls it out takes it away at once, and does not leave that to it.
  waits(me) {
    return this.line.some((waiter) => waiter.me === me);
  }

  // Waits so many milliseconds, or for ever where they are undefined.
  async get(me, patience) {
    if (!this.open) return CLOSED;
    if (this.packets.length > 0) return this.packets.shift();
    if (patience === 0) return LATE;
    if (lost) await sleep(0);
    if (!this.open) return ABANDONED;
    let clock;
    const answer = await new Promise((wake) => {
      this.line.push({ me, wake });
      if (patience !== undefined) clock = setTimeout(() => this.waits(me) && this.callOut(me, LATE), patience);
    });
    clearTimeout(clock);
    return answer;
  }

  callOut(me, answer) {
    const place = this.line.findIndex((waiter) => waiter.me === me);
    this.line.splice(place, 1)[0].wake(answer);
  }

  post(packet) {
    if (!this.open) return CLOSED;
    if (this.line.length > 0) this.callOut(this.line.at(oldest ? 0 : -1).me, packet);
    else this.packets.push(packet);
    return OK;
  }

  close() {
    if (!this.open) return CLOSED;
    this.open = false;
    while (this.line.length > 0) this.callOut(this.line[0].me, ABANDONED);
    return OK;
  }
}

// ---- The agent. Here nothing has to change but `name` in the last lines, by whose rules it is judged. ----

const START = process.hrtime.bigint();
const now = () => Number(process.hrtime.bigint() - START); // in nanoseconds, and never back
const say = (line) => process.stdout.write(line + "\n") || true;
let run = { threads: new Map(), ports: new Map(), over: true };

// A packet as the line has it: numbers of 64 bits would not survive being read.
const packetOf = (text) => [OK, ...text.match(/"(key|bytes|overlapped|status)":-?\d+/g)].join();

async function make(of, thread, { op }, text) {
  const port = of.ports.get(op?.port);
  switch (op?.call) {
    case "get": return port.get(thread, op.timeout === undefined ? undefined : op.timeout * of.tick);
    case "post": return port.post(packetOf(text));
    case "close": return port.close();
    case "sleep":
      thread.sleeps = true;
      await sleep(op.ticks * of.tick);
      thread.sleeps = false;
  }
  return OK; // it slept, or has no calls left
}

// Makes the calls that a thread has been given, one after the other.
async function lives(of, thread) {
  for (; thread.calls.length > 0 && !of.over; thread.calls.shift()) {
    const { line, text } = thread.calls[0];
    const t0 = now();
    const answer = await make(of, thread, line, text);
    const t1 = now();
    if (line.id && !of.over) say(`{"id":${line.id},"returned":{${answer}},"t0":${t0},"t1":${t1}}`);
  }
}

// A call that neither is over nor waits. In lock-step one that is due does not wait; at full speed, one with a time.
function moving(until) {
  for (const thread of run.threads.values()) {
    if (thread.calls.length === 0) continue;
    const { id, op } = thread.calls[0].line;
    const waits = thread.sleeps || run.ports.get(op?.port)?.waits(thread);
    const ends = run.free ? op?.timeout !== undefined || op?.ticks !== undefined : until.includes(id);
    if (!waits || ends) return thread.calls[0];
  }
}

async function quiesce({ until = [], limit_ms }) {
  for (const end = now() + limit_ms * 1e6; moving(until) && now() < end; ) await sleep(1);
  const moves = moving(until);
  if (moves) return say(`{"overdue":${moves.line.id ?? 0}}`);
  for (const [call] of [...run.threads.values()].map((thread) => thread.calls)) {
    if (call && !call.told && !run.free) call.told = say(`{"id":${call.line.id},"parked":true}`);
  }
  say('{"quiet":true}');
}

function begin({ tick_us, mode, threads, ports }) {
  const named = (list, it) => new Map(list.map(({ name }) => [name, it()]));
  const [ofThreads, ofPorts] = [named(threads, () => ({ calls: [] })), named(ports, () => new Port())];
  run = { tick: tick_us / 1000, free: mode === "free", threads: ofThreads, ports: ofPorts, over: false };
}

async function hears(line, text) {
  if (line.hello) {
    say('{"hello":1,"name":"wine-10","os":"any","ops":["get","post","close","sleep"],"modes":["lockstep","free"]}');
  } else if (line.setup && /"(max|reserve)":/.test(text)) {
    say('{"unsupported":"batches"}');
  } else if (line.setup) {
    begin(line.setup);
    say('{"ready":true}');
  } else if (line.quiesce) {
    await quiesce(line);
  } else if (line.reset) {
    run.over = true;
    for (const port of run.ports.values()) port.close();
    await Promise.all([...run.threads.values()].map((thread) => thread.life));
    say('{"quiet":true}');
  } else if (line.bye) {
    process.exit();
  } else {
    const thread = run.threads.get(line.thread ?? line.leave); // it makes a call, or has none left
    if (thread.calls.push({ line, text }) === 1) thread.life = lives(run, thread);
  }
}

(async () => {
  for await (const text of require("readline").createInterface(process.stdin)) await hears(JSON.parse(text), text);
})();
