// States as they come: numbers in lists, each state as what differs from one before it.

const TURN = 0;
const WAKE = 1;
const CLOCK = 2;
const LISTS = ["claims", "values", "steps", "events", "held", "wrongs", "states"];
const BARS = { CALL: 0, PARKS: 1, RETURNS: 2, SILENT: 3 };

class States {
  constructor(data, constants, ask) {
    this.data = data;
    this.constants = constants;
    // Asks a process that knows more; none in a file.
    this.ask = ask;
    this.asking = Promise.resolve();
    this.hasEnded = false;
    this.rows = [];
    this.edges = [];
    this.groups = new Map(data.groups);
  }

  get threads() {
    return this.data.threads;
  }

  // Has the steps out of a state found out, and of so many states near it, where a process knows more.
  load(state, more = 200) {
    this.asking = this.asking.then(async () => {
      if (!this.ask || this.hasEnded || this.steps(state) !== null) return;
      const has = LISTS.map((list) => `${list}=${this.data[list].length}`).join("&");
      try {
        this.add(await this.ask(`state=${state}&more=${more}&${has}`));
      } catch {
        this.hasEnded = true;
      }
    });
    return this.asking;
  }

  add(more) {
    this.data.is_whole = more.is_whole;
    for (const list of LISTS.slice(0, -1)) this.data[list].push(...more[list]);
    for (const [number, state] of more.states) {
      this.data.states[number] = state;
      delete this.edges[number];
    }
  }

  // For each place of a state the number of its value.
  row(state) {
    const way = [];
    for (let at = state; at !== null && !this.rows[at]; at = this.data.states[at][0]) way.push(at);
    for (const at of way.reverse()) {
      const [before, , , , other] = this.data.states[at];
      const row = before === null ? [] : this.rows[before].slice();
      for (let n = 0; n < other.length; n += 2) row[other[n]] = other[n + 1];
      this.rows[at] = row;
    }
    return this.rows[state];
  }

  // Every fact of a state that is shown, and what it was in another one where that is not the same.
  facts(state, was = null) {
    const row = this.row(state);
    const old = was === null ? row : this.row(was);
    const facts = [];
    this.data.columns.forEach(([about, noun, part, isTerms], place) => {
      if (isTerms) return;
      const isOther = row[place] !== old[place];
      facts.push({ about, noun, part, is: this.data.values[row[place]], was: isOther ? this.data.values[old[place]] : undefined });
    });
    return facts;
  }

  // What expressions can ask in a state.
  terms(state) {
    const row = this.row(state);
    const terms = new Map();
    const add = (key, value) => terms.set(key, BigInt(value));
    this.data.columns.forEach(([about, noun, part, isTerms], place) => {
      const value = this.data.values[row[place]];
      if (!isTerms) {
        if (about === "variable") add(noun, value);
        if (about === "thread" && part !== "") add(`${noun}.${part}`, value);
        return;
      }
      const base = part === "" ? noun : `${noun}.${part}`;
      for (const [word, number] of Object.entries(value)) {
        const [nth, field] = word.split(".");
        if (field === undefined) add(`${base}.${word}`, number);
        else add(`${base}[${nth}].${field}`, number);
        if (about === "result" && field === undefined) add(`${base}[0].${word}`, number);
      }
    });
    return {
      term: (key) => terms.get(key) ?? this.missing(terms, key) ?? this.constants.get(key),
      group: (name) => {
        const threads = this.groups.get(name) ?? (this.threads.includes(name) ? [this.threads.indexOf(name)] : null);
        return threads && threads.map((thread) => this.threads[thread]);
      },
    };
  }

  // Of a packet that a call did not take, everything is 0.
  missing(terms, key) {
    const part = /^(.*)\[\d+\]\.(\w+)$/.exec(key);
    return part && terms.has(`${part[1]}[0].${part[2]}`) ? 0n : undefined;
  }

  // The steps out of a state; none where nobody knows.
  steps(state) {
    if (this.edges[state]) return this.edges[state];
    const known = this.data.states[state][5];
    if (known === null) return null;
    const edges = [];
    for (let n = 0; n < known.length; n += 3) {
      const [thread, kind, choice] = this.data.steps[known[n]];
      edges.push({ key: this.key(known[n]), thread, kind, choice, seen: this.data.events[known[n + 1]], to: known[n + 2] });
    }
    this.edges[state] = edges;
    return edges;
  }

  // A step by what it does: a thread's turn is its name, `~` behind it says that it goes on inside its call, `@` that its
  // time passes; a number says which of several ways it goes.
  key(step) {
    const [thread, kind, choice] = this.data.steps[step];
    return this.threads[thread] + ["", "~", "@"][kind] + (choice ? `:${choice}` : "");
  }

  edge(state, key) {
    return (this.steps(state) ?? []).find((edge) => edge.key === key);
  }

  held(state) {
    return this.data.held[this.data.states[state][1]].map(([thread, words, claim]) => ({ thread, words, claim }));
  }

  wrong(state) {
    const wrong = this.data.states[state][2];
    return wrong === null ? null : { property: this.data.wrongs[wrong][0], culprit: this.data.wrongs[wrong][1] };
  }

  isBounded(state) {
    return this.data.states[state][3] === 1;
  }

  isBroken(state) {
    return this.data.states[state][3] === 2;
  }

  claim(number) {
    const [id, says, status, source] = this.data.claims[number];
    return { id, says, status, source };
  }

  // The keys of the run that is seen first.
  run() {
    return this.data.run.map((step) => this.key(step));
  }

  // The shortest way from a state to one where `holds` says yes of it and of the step into it; as keys. Null where there is
  // none among the states that can be had; `edge` says whether it came to where they end.
  async find(from, holds, statesMax) {
    const before = new Map([[from, null]]);
    let edge = false;
    for (let level = [from]; level.length; ) {
      const next = [];
      for (const state of level) {
        if (this.steps(state) === null && before.size < statesMax) await this.load(state, 5000);
        const steps = this.steps(state);
        if (steps === null) edge = true;
        for (const step of steps ?? []) {
          const isNew = !before.has(step.to);
          if (isNew) before.set(step.to, { state, key: step.key });
          if (await holds(step.to, step, state)) {
            const keys = [step.key];
            for (let at = before.get(state); at; at = before.get(at.state)) keys.push(at.key);
            return { keys: keys.reverse() };
          }
          if (isNew) next.push(step.to);
        }
      }
      level = next;
    }
    return { keys: null, edge };
  }
}
