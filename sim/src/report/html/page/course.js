// A course: steps from the first state on, on one system or on two side by side, and how far somebody looks at it.

const SETTLED_MAX = 64;

class Course {
  constructor(sides, portable) {
    this.sides = sides;
    // What systems call the same error, as one number.
    this.portable = portable;
    this.keys = [];
    this.at = 0;
    this.trails = sides.map(() => [{ state: 0, edges: [], isMissing: false }]);
  }

  get isBeside() {
    return this.sides.length > 1;
  }

  // The steps of this course from now on, as far as they are possible; how many are.
  async follow(keys) {
    this.keys = [];
    this.trails = this.trails.map((trail) => trail.slice(0, 1));
    let taken = 0;
    for (const key of keys) {
      if (!(await this.append(key))) break;
      taken += 1;
    }
    return taken;
  }

  // Takes a step where somebody looks. What was ahead is forgotten, unless it begins with this step.
  async take(key) {
    if (this.keys[this.at] !== key) {
      this.keys.length = this.at;
      for (const trail of this.trails) trail.length = this.at + 1;
      if (!(await this.append(key))) return false;
    }
    this.at += 1;
    return true;
  }

  seek(at) {
    this.at = Math.max(0, Math.min(this.keys.length, at));
  }

  async append(key) {
    const moments = [];
    for (let n = 0; n < this.sides.length; n += 1) moments.push(await this.moment(n, key));
    if (moments.every((moment) => moment.isMissing)) return false;
    moments.forEach((moment, n) => this.trails[n].push(moment));
    this.keys.push(key);
    return true;
  }

  // What a step comes to on one side. Side by side, threads that were woken go on before the next turn, as in a run in
  // lock-step: else the two would be out of step at once.
  async moment(n, key) {
    const [states, trail] = [this.sides[n], this.trails[n]];
    let { state } = trail[trail.length - 1];
    await this.known(n, state);
    const edge = states.edge(state, key);
    if (!edge) return { state, edges: [], isMissing: true, isOver: this.isOver(n, state, key) };
    const edges = [edge];
    state = edge.to;
    for (let settled = 0; this.isBeside && settled < SETTLED_MAX; settled += 1) {
      await this.known(n, state);
      const woken = (states.steps(state) ?? []).find((step) => step.kind === WAKE);
      if (!woken) break;
      edges.push(woken);
      state = woken.to;
    }
    return { state, edges, isMissing: false };
  }

  // Whether the thread of a step is over: the end of one that no port counts is no step of its own.
  isOver(n, state, key) {
    const thread = key.replace(/[~@]?(:\d+)?$/, "");
    return this.sides[n].terms(state).term(`${thread}.done`) === 1n;
  }

  async known(n, state) {
    const states = this.sides[n];
    if (states.steps(state) === null) await states.load(state);
  }

  state(n, at = this.at) {
    return this.trails[n][at].state;
  }

  // The steps that can be taken where somebody looks, with the sides that can.
  async possible() {
    const all = [];
    for (let n = 0; n < this.sides.length; n += 1) {
      await this.known(n, this.state(n));
      for (const edge of this.sides[n].steps(this.state(n)) ?? []) {
        if (this.isBeside && edge.kind === WAKE) continue;
        const known = all.find((it) => it.key === edge.key);
        if (known) known.edges[n] = edge;
        else all.push({ key: edge.key, edges: this.sides.map((_, m) => (m === n ? edge : null)) });
      }
    }
    return all;
  }

  // What is seen in a step on one side, whatever each system calls an error, in an order that nobody can tell.
  seen(n, at) {
    const words = [];
    for (const edge of this.trails[n][at].edges) {
      for (const [thread, text, bar, failed] of edge.seen.e) {
        if (bar === BARS.SILENT || /^exit\b/.test(text)) continue;
        const same = failed ? text.replace(/! (\S+)/, (all, name) => `! ${this.portable.get(name) ?? name}`) : text;
        words.push(`${this.sides[n].threads[thread]}: ${same}`);
      }
    }
    return words.sort();
  }

  // The number of the first step in which the sides differ; null where they do not.
  parting() {
    if (!this.isBeside) return null;
    for (let at = 1; at <= this.keys.length; at += 1) {
      const [left, right] = this.trails.map((trail) => trail[at]);
      if (left.isMissing !== right.isMissing && !left.isOver && !right.isOver) return at;
      if (JSON.stringify(this.seen(0, at)) !== JSON.stringify(this.seen(1, at))) return at;
    }
    return null;
  }
}
