// The page: which scenario and systems it shows, which course through them, and what the keys do.

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const page = read("page");
const constants = new Map(page.constants.map(([name, value]) => [name, BigInt(value)]));
const portable = new Map(page.portable);
const isLive = page.generation !== null;
const top_ = document.getElementById("top");

const RANDOM_MAX = 200;
// How far a search goes that has to ask for states.
const SEARCHED_MAX = 100_000;

// The states of each side, with what was asked for since.
const known = new Map();

function statesOf(number, side, data) {
  const key = `${number}/${side}`;
  const ask = async (what) => {
    const answer = await fetch(`states?generation=${page.generation}&side=${side}&${what}`, { method: "POST" });
    if (!answer.ok) throw new Error(answer.statusText);
    return answer.json();
  };
  if (!known.has(key)) known.set(key, new States(data, constants, isLive ? ask : null));
  return known.get(key);
}

class App {
  constructor(number, systems) {
    this.number = number;
    this.sheet = read(`sheet-${number}`);
    const named = systems.map((system) => this.sheet.sides.findIndex((side) => side.system === system));
    const found = named.filter((side) => side >= 0 && this.sheet.sides[side].states);
    const first = this.sheet.sides.findIndex((side) => side.states);
    this.shown = found.length ? found.slice(0, 2) : first >= 0 ? [first] : [];
    this.course = new Course(this.shown.map((side) => statesOf(number, side, this.sheet.sides[side].states)), portable);
    this.note = "";
    this.trouble = "";
    this.side = (n) => this.sheet.sides[this.shown[n]];
    this.showRule = this.showRule.bind(this);
  }

  // The run that is seen first: that of the first side that has one.
  firstRun() {
    const n = this.course.sides.findIndex((states) => states.data.is_run);
    if (n < 0) return [];
    const keys = this.course.sides[n].run();
    return this.course.isBeside ? keys.filter((key) => !/~(:\d+)?$/.test(key)) : keys;
  }

  isRun(n) {
    const run = this.course.sides[n].run();
    return !this.course.isBeside && run.length > 0 && run.length === this.course.keys.length && run.every((key, at) => key === this.course.keys[at]);
  }

  isOnRun() {
    const run = this.firstRun();
    return this.course.keys.length === run.length && run.every((key, at) => key === this.course.keys[at]);
  }

  async start(keys, at) {
    const wanted = keys ?? this.firstRun();
    const taken = await this.course.follow(wanted);
    this.course.seek(at ?? wanted.length);
    if (taken < wanted.length) this.note = `Only ${taken} of ${counted(wanted.length, "step")} are possible here: the rest was left out.`;
    await this.render();
  }

  async take(key) {
    this.note = "";
    await this.course.take(key);
    await this.moved(true);
  }

  async seek(at) {
    this.note = "";
    this.course.seek(at);
    await this.moved(false);
  }

  // To where these steps lead from here.
  async go(keys) {
    for (const key of keys) await this.course.take(key);
    await this.moved(false);
  }

  async moved(isTaken) {
    const focused = document.activeElement?.classList.contains("take");
    await this.render();
    if (isTaken && focused) (top_.querySelector("button.take") ?? top_.querySelector("#next-head")).focus();
  }

  // The shortest way to something, on the first side.
  async find(what, holds) {
    const { keys, edge } = await this.course.sides[0].find(this.course.state(0), holds, SEARCHED_MAX);
    this.note = "";
    if (keys) return this.go(keys);
    const where = isLive ? `the first ${SEARCHED_MAX.toLocaleString("en")} from here` : "the states that this file carries";
    this.note = edge ? `${what}: not among ${where}.` : `${what}: no state that can be reached from here.`;
    return this.render();
  }

  async search(text) {
    const states = this.course.sides[0];
    try {
      const tree = parseExpression(text);
      const here = states.terms(this.course.state(0));
      evaluate(tree, here, null, true);
      await this.find(`A state in which ${text}`, (state) => {
        const value = evaluate(tree, states.terms(state));
        return value !== null && value !== 0n;
      });
    } catch (error) {
      if (!(error instanceof BadExpression)) throw error;
      this.note = `${text}: ${error.message}`;
      await this.render();
    }
    top_.querySelector("#find").value = text;
  }

  async toRest() {
    const states = this.course.sides[0];
    await this.find("A state in which nobody can move", async (state) => {
      if (states.steps(state) === null) await states.load(state, 1000);
      return states.steps(state)?.length === 0 && !states.isBroken(state);
    });
  }

  async random() {
    this.note = "";
    for (let n = 0; n < RANDOM_MAX; n += 1) {
      const possible = await this.course.possible();
      if (possible.length === 0) break;
      await this.course.take(possible[Math.floor(Math.random() * possible.length)].key);
    }
    await this.moved(false);
  }

  // Whether a step does more than a call that comes back as it should: it fails, hands over, wakes, or changes what holds.
  isInteresting(states, state, edge, before) {
    if (states.wrong(state) || (edge.seen.w ?? []).length || edge.seen.e.length > 1 || edge.kind === CLOCK) return true;
    if (edge.seen.e.some(([, , , failed]) => failed)) return true;
    return states.facts(state, before).some((fact) => fact.about === "property" && fact.was !== undefined);
  }

  // Along the steps that were taken before, or else the shortest way.
  async interesting() {
    const { course } = this;
    const [states, trail] = [course.sides[0], course.trails[0]];
    for (let at = course.at + 1; at < trail.length; at += 1) {
      const { state, edges } = trail[at];
      if (at === course.parting() || edges.some((edge) => this.isInteresting(states, state, edge, trail[at - 1].state))) return this.seek(at);
    }
    if (course.at < course.keys.length) return this.seek(course.keys.length);
    return this.find("An event that is not plain", (state, edge, before) => this.isInteresting(states, state, edge, before));
  }

  showRule(id) {
    const rules = top_.querySelector("details.rules");
    rules.open = true;
    const rule = rules.querySelector(`[data-rule="${CSS.escape(id)}"]`);
    rule.scrollIntoView({ block: "center" });
    rule.focus();
  }

  // What the address says behind its mark: a link is a moment.
  fragment() {
    const parts = [];
    if (page.sheets.length > 1) parts.push(`sheet=${encodeURIComponent(this.sheet.name)}`);
    parts.push(`as=${this.shown.map((side) => encodeURIComponent(this.sheet.sides[side].system)).join(",")}`);
    parts.push(`at=${this.course.at}`, `p=${this.course.keys.map(encodeURIComponent).join(",")}`);
    return `#${parts.join("&")}`;
  }

  async show(systems) {
    const keys = this.course.isBeside || systems.length > 1 ? this.course.keys.filter((key) => !/~(:\d+)?$/.test(key)) : this.course.keys;
    const { at } = this.course;
    const isAtEnd = at === this.course.keys.length;
    app = new App(this.number, systems);
    await app.start(keys, isAtEnd ? undefined : at);
  }

  async render() {
    if (this.shown.length === 0) return this.renderNothing();
    const { course } = this;
    const possible = await course.possible();
    this.possible = possible;
    const finding = top_.querySelector("#find")?.value ?? "";
    const scrolled = top_.querySelector(".lanes-box")?.scrollLeft ?? 0;
    history.replaceState(null, "", this.fragment());
    document.title = plain(`${this.sheet.name} - portsim`);
    const lanes = course.sides.map((_, n) => lanesView(n, this));
    const main = el(
      "main",
      { class: course.isBeside ? "beside" : null },
      el(
        "div",
        { class: "left" },
        lanes.map((it, n) => el("section", { class: "lane-section", "aria-label": `lanes of ${this.side(n).system}` }, course.isBeside ? el("h2", null, this.side(n).system) : "", it)),
      ),
      el(
        "div",
        { class: "right" },
        el("section", { "aria-labelledby": "next-head" }, el("h2", { id: "next-head", tabindex: "-1" }, "What can happen next"), nextView(possible, this)),
        course.sides.map((_, n) => this.heldSection(n)),
        course.sides.map((_, n) => el("section", { "aria-label": `state ${this.side(n).system}` }, el("h2", null, `State after step ${course.at}${this.of(n)}`), stateView(n, this))),
        course.sides.map((_, n) => this.decidedSection(n)),
      ),
    );
    top_.replaceChildren(this.header(), main, this.footer());
    top_.querySelector("#find").value = finding;
    for (const box of lanes) {
      box.scrollLeft = scrolled;
      box.drawArrows();
    }
    top_.querySelector("tbody.here")?.scrollIntoView({ block: "nearest" });
    this.announce(possible.length);
  }

  of(n) {
    return this.course.isBeside ? `, ${this.side(n).system}` : "";
  }

  heldSection(n) {
    const held = heldView(n, this);
    return held.length ? el("section", { class: "helds", "aria-label": "held back" }, el("h2", null, `Cannot move${this.of(n)}`), held) : "";
  }

  decidedSection(n) {
    const decided = decidedView(n, this);
    return decided.length ? el("section", null, el("h2", null, `Step ${this.course.at} was decided by${this.of(n)}`), decided) : "";
  }

  header() {
    const { course } = this;
    const last = course.keys.length;
    const find = el("input", { id: "find", type: "search", autocomplete: "off", spellcheck: "false", "aria-label": "find a state in which this holds", placeholder: this.example() });
    const form = el("form", { class: "find", on: { submit: (event) => { event.preventDefault(); this.search(find.value.trim()); } } }, find, el("button", { type: "submit" }, "find"));
    const chips = this.sheet.sides.map((side, number) => {
      const isShown = this.shown.includes(number);
      return button(side.system, () => this.toggle(number), { class: isShown ? "chip on" : "chip", "aria-pressed": String(isShown), disabled: side.states === null });
    });
    const first = this.side(0);
    const isOther = this.firstRun().length > 0 && !this.isOnRun();
    return el(
      "header",
      null,
      el(
        "div",
        { class: "title" },
        page.sheets.length > 1 ? button("all scenarios", () => openOverview(), { class: "link" }) : "",
        el("h1", null, this.sheet.name),
        el("div", { class: "systems", role: "group", "aria-label": "systems; two are shown side by side" }, chips),
        this.shown.map((side) => el("span", { class: `badge ${this.sheet.sides[side].tone}` }, course.isBeside ? `${this.sheet.sides[side].system}: ` : "", this.sheet.sides[side].verdict)),
      ),
      el("p", { class: "why" }, this.sheet.why),
      el(
        "div",
        { class: "go", role: "toolbar", "aria-label": "moments" },
        button("|<", () => this.seek(0), { "aria-label": "to the start", title: "Home", disabled: course.at === 0 }),
        button("<", () => this.seek(course.at - 1), { "aria-label": "back", title: "Left arrow", disabled: course.at === 0 }),
        el("label", { class: "at" }, "step ", el("input", { id: "at", type: "number", min: 0, max: last, value: course.at, "aria-label": `step, of ${last}`, on: { change: (event) => this.seek(Number(event.target.value) || 0) } }), ` of ${last}`),
        button(">", () => this.seek(course.at + 1), { "aria-label": "forward", title: "Right arrow", disabled: course.at === last }),
        button(">|", () => this.seek(last), { "aria-label": "to the end", title: "End", disabled: course.at === last }),
        button("next interesting", () => this.interesting(), { title: "i" }),
        button("random", () => this.random(), { title: "r: random steps until nobody can move" }),
        button("to rest", () => this.toRest(), { title: "the shortest way to where nobody can move" }),
        isOther ? button(first.states.parted ? "the recording" : first.states.is_run && first.culprit ? "the counterexample" : "the first run", () => this.start(this.firstRun()), {}) : "",
        form,
      ),
      this.note ? el("p", { class: "note", role: "alert" }, this.note) : "",
    );
  }

  example() {
    const { columns, threads } = this.course.sides[0].data;
    const named = (kind) => columns.find(([about]) => about === kind)?.[1];
    if (named("port")) return `find: ${named("port")}.depth == 2`;
    return named("variable") ? `find: ${named("variable")} == 1` : `find: ${threads[0]}.done`;
  }

  toggle(number) {
    const here = this.shown.indexOf(number);
    const shown = here >= 0 ? this.shown.filter((it) => it !== number) : [...this.shown, number].slice(-2);
    return this.show((shown.length ? shown : [number]).map((it) => this.sheet.sides[it].system));
  }

  footer() {
    const parts = this.course.sides.map((states, n) => {
      const side = this.side(n);
      const { data } = states;
      const carries = isLive
        ? `${counted(data.states.length, "state")} ${data.is_whole ? "are all that there are" : "are known so far; more are found out as they are asked for"}`
        : data.is_whole
        ? `This page carries all ${counted(data.states.length, "state")}`
        : `This page carries ${counted(data.states.length, "state")}, ${data.is_run ? "the run shown first and what is near it" : "those near the start"}: ${data.states_max.toLocaleString("en")} were the bound, and there are more`;
      return el(
        "div",
        { class: `verdict ${side.tone}` },
        side.culprit ? el("p", null, el("b", null, side.verdict), `: ${side.culprit}`) : el("p", null, el("b", null, side.verdict)),
        el("p", null, `${carries}${course_of(side)}.`),
        data.unexplained ? el("p", { class: "bad" }, `The run shows the recording but for its last ${counted(data.unexplained, "event")}: no steps were found for them.`) : "",
        side.repeat ? el("p", null, "Repeat: ", el("code", null, side.repeat)) : "",
      );
    });
    return el("footer", null, parts, rulesView(this.course.sides), helpView());
  }

  renderNothing() {
    const sides = this.sheet.sides.map((side) => [
      el("p", null, el("b", null, side.system), " ", el("span", { class: `badge ${side.tone}` }, side.verdict), ` ${side.instead}`),
      side.culprit ? el("p", { class: "bad" }, side.culprit) : "",
      side.timeline ? timelineView(side.timeline) : "",
      side.repeat ? el("p", null, "Repeat: ", el("code", null, side.repeat)) : "",
    ]);
    const back = page.sheets.length > 1 ? button("all scenarios", () => openOverview(), { class: "link" }) : "";
    document.title = plain(`${this.sheet.name} - portsim`);
    top_.replaceChildren(el("header", null, el("div", { class: "title" }, back, el("h1", null, this.sheet.name)), el("p", { class: "why" }, this.sheet.why)), el("main", { class: "plain" }, sides));
    history.replaceState(null, "", page.sheets.length > 1 ? `#sheet=${encodeURIComponent(this.sheet.name)}` : "#");
  }

  announce(possible) {
    const { course } = this;
    const shown = course.trails[0][course.at].edges.flatMap((edge) => edge.seen.e.map(([thread, text]) => `${course.sides[0].threads[thread]} ${text}`));
    const wrong = course.sides[0].wrong(course.state(0));
    live.textContent = plain(`Step ${course.at} of ${course.keys.length}. ${shown.join(", ")}. ${wrong ? `${wrong.culprit || wrong.property}. ` : ""}${counted(possible, "step")} possible.`);
  }

  key(event) {
    const act = {
      ArrowRight: () => this.seek(this.course.at + 1),
      ArrowLeft: () => this.seek(this.course.at - 1),
      Home: () => this.seek(0),
      End: () => this.seek(this.course.keys.length),
      i: () => this.interesting(),
      r: () => this.random(),
      "/": () => top_.querySelector("#find").focus(),
    }[event.key];
    if (act) return act;
    const number = /^[1-9]$/.test(event.key) ? Number(event.key) - 1 : -1;
    const step = this.possible?.[number];
    return step && (() => this.take(step.key));
  }
}

const course_of = (side) => (side.states.has_schedule ? "; a schedule says whose turn it is" : "");

function helpView() {
  const keys = [["→ ←", "forward and back along the steps that were taken"], ["Home End", "to the start, to the end"], ["1 to 9", "take that step"], ["i", "to the next event that is not plain"], ["r", "random steps until nobody can move"], ["/", "find a state in which an expression holds"]];
  return el("details", { class: "help" }, el("summary", null, "Keys, and what is what"), el("dl", null, keys.map(([key, what]) => el("div", null, el("dt", null, key), el("dd", null, what)))),
    el("p", null, "The address of this page holds the systems, every step and the moment: send it, and it opens here. Two systems side by side take the same turns; threads that were woken go on before the next turn, as in a run in lock-step."));
}

// ---- All scenarios.

function openOverview() {
  app = null;
  history.replaceState(null, "", "#");
  renderOverview();
}

function renderOverview() {
  document.title = "portsim";
  const rows = page.sheets.map((sheet, number) =>
    el(
      "tr",
      { "data-text": `${sheet.name} ${sheet.why} ${sheet.sides.map(([system, verdict]) => `${system} ${verdict}`).join(" ")}`.toLowerCase(), "data-tone": sheet.sides.map(([, , tone]) => tone).join(" ") },
      el("th", { scope: "row" }, button(sheet.name, () => open(number, [], null, undefined), { class: "link" })),
      el("td", null, sheet.sides.map(([system, verdict, tone]) => el("div", null, `${system} `, el("span", { class: `badge ${tone}` }, verdict)))),
      el("td", { class: "number" }, sheet.states ? sheet.states.toLocaleString("en") : ""),
      el("td", { class: "soft" }, sheet.why),
    ),
  );
  const count = el("p", { class: "soft", role: "status" });
  const filter = el("input", { type: "search", id: "filter", "aria-label": "show only rows with these words", placeholder: "filter" });
  const tone = el("select", { "aria-label": "which verdicts" }, [["", "every verdict"], ["bad", "not as expected"], ["good", "as expected"], ["open", "partial or unsupported"]].map(([value, words_]) => el("option", { value }, words_)));
  const apply = () => {
    const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row_ of rows) {
      const isShown = wanted.every((word) => row_.dataset.text.includes(word)) && (!tone.value || row_.dataset.tone.split(" ").includes(tone.value));
      row_.hidden = !isShown;
      shown += isShown ? 1 : 0;
    }
    count.textContent = `${shown.toLocaleString("en")} of ${counted(rows.length, "scenario")}`;
  };
  filter.addEventListener("input", apply);
  tone.addEventListener("change", apply);
  const head = el("tr", null, ["scenario", "verdict", "states here", "why"].map((title) => el("th", { scope: "col" }, title)));
  top_.replaceChildren(
    el("header", null, el("div", { class: "title" }, el("h1", null, "portsim")), el("div", { class: "go" }, filter, tone, count)),
    el("main", { class: "overview" }, el("table", null, el("thead", null, head), el("tbody", null, rows))),
  );
  apply();
  live.textContent = `${counted(rows.length, "scenario")}`;
}

// ---- The start.

const live = el("div", { class: "unseen", role: "status", "aria-live": "polite", id: "live" });
document.body.append(live);
let app = null;

async function open(number, systems, keys, at) {
  app = new App(number, systems);
  await app.start(keys, at);
}

// What the address says, part by part; what cannot be read is as if it were not there.
function fragmentParts() {
  const decode = (text) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return "";
    }
  };
  const parts = new Map(location.hash.slice(1).split("&").map((part) => part.split("=")).filter((pair) => pair.length === 2));
  const list = (name) => (parts.get(name) ? parts.get(name).split(",").map(decode) : []);
  const at = /^\d+$/.test(parts.get("at") ?? "") ? Number(parts.get("at")) : undefined;
  return { sheet: decode(parts.get("sheet") ?? ""), systems: list("as"), keys: parts.has("p") ? list("p") : null, at };
}

function fromAddress() {
  const { sheet, systems, keys, at } = fragmentParts();
  const number = page.sheets.length === 1 ? 0 : page.sheets.findIndex((it) => it.name === sheet);
  if (number < 0) return renderOverview();
  return open(number, systems, keys, at);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !app) return;
  if (event.target.closest?.("input, select, textarea")) return;
  const act = app.key(event);
  if (!act) return;
  event.preventDefault();
  act();
});
// A page that is served follows its file: what was shown is opened anew, at the same moment as far as that is possible.
async function follow() {
  let news;
  try {
    const answer = await fetch("news", { method: "POST" });
    if (!answer.ok) return;
    news = await answer.json();
  } catch {
    return;
  }
  if (news.generation !== page.generation) return location.reload();
  setTimeout(follow, 700);
  if (!app || news.trouble === app.trouble) return;
  if (news.trouble || app.trouble) app.note = news.trouble;
  app.trouble = news.trouble;
  await app.render();
}
if (isLive) setTimeout(follow, 700);
window.addEventListener("hashchange", fromAddress);
window.addEventListener("resize", () => top_.querySelectorAll(".lanes-box").forEach((box) => box.drawArrows?.()));
fromAddress();
