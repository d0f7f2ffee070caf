// What is seen. Text reaches the document by text nodes alone, and what would steer the reading of text is spelled out.

const STEERS = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

const plain = (text) => String(text).replace(STEERS, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

// An element: attributes, and children that are elements or text.
function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else element.setAttribute(name, value === true ? "" : plain(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === "") continue;
    element.append(typeof child === "object" ? child : document.createTextNode(plain(child)));
  }
  return element;
}

const button = (label, act, attributes) => el("button", { type: "button", ...attributes, on: { click: act } }, label);

const counted = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;

// A claim as something to press, which shows its entry among the rules.
function claimLink(claim, showRule) {
  return el(
    "span",
    { class: "claim" },
    button(claim.id, () => showRule(claim.id), { class: "link", "aria-label": `rule ${claim.id}: show its source` }),
    ` ${claim.says} `,
    el("span", { class: "status" }, claim.status),
    ` ${claim.source}`,
  );
}

// ---- The lanes: a column for each thread, time runs down.

// What each thread is in as the events of a trail come one after the other.
function lanesRows(states, trail) {
  const open = states.threads.map(() => false);
  const groups = [];
  trail.forEach((moment, at) => {
    if (at === 0) return;
    const rows = [];
    for (const edge of moment.edges) {
      const first = rows.length;
      for (const [thread, text, bar, failed] of edge.seen.e) {
        const bars = open.map((isOpen) => (isOpen ? "through" : ""));
        if (bar === BARS.CALL) bars[thread] = "point";
        if (bar === BARS.PARKS) bars[thread] = "begin";
        if (bar === BARS.RETURNS) bars[thread] = "end";
        if (bar === BARS.PARKS) open[thread] = true;
        if (bar === BARS.RETURNS || bar === BARS.CALL) open[thread] = false;
        rows.push({ thread, text, failed, bars, woken: [], from: null, isSilent: bar === BARS.SILENT });
      }
      const cause = rows[first];
      if (!cause) continue;
      cause.woken = (edge.seen.w ?? []).filter((thread) => thread !== cause.thread);
      for (const row of rows.slice(first + 1)) if (row.thread !== cause.thread) row.from = first;
    }
    groups.push({ at, rows, moment });
  });
  return groups;
}

function lanesView(n, app) {
  const { course, side } = app;
  const states = course.sides[n];
  const trail = course.trails[n];
  const groups = lanesRows(states, trail);
  const acts = states.threads.map((_, thread) => groups.some((group) => group.rows.some((row) => row.thread === thread)));
  const parts = states.data.parted?.shown?.[0];
  const columns = states.threads.map((_, thread) => thread).filter((thread) => acts[thread] || thread === parts || states.threads.length <= 6);
  const head = el(
    "tr",
    null,
    el("th", { scope: "col", class: "n" }, el("span", { class: "unseen" }, "step")),
    columns.map((thread) => el("th", { scope: "col" }, states.threads[thread])),
  );
  const table = el("table", { class: "lanes" }, el("caption", { class: "unseen" }, `what each thread does, ${side(n).system}`), el("thead", null, head));
  const arrows = [];
  const loop = states.data.loop_from;
  const parting = course.parting();
  for (const { at, rows, moment } of groups) {
    const isHere = at === course.at;
    const names = ["step", isHere && "here", at > course.at && "ahead", at === parting && "parts"].filter(Boolean);
    const body = el("tbody", { class: names.join(" "), "data-step": at, "aria-current": isHere ? "step" : null });
    if (app.isRun(n) && loop !== null && at === loop + 1) body.append(pillRow(columns, rows[0], "from here, for ever"));
    if (at === parting) body.append(pillRow(columns, rows[0], "here the two differ for the first time", "bad"));
    if (moment.isMissing) {
      body.append(
        el("tr", null, el("th", { scope: "row", class: "n" }, stepButton(at, app)), el("td", { colspan: columns.length, class: "missing" }, `${course.keys[at - 1]}: ${moment.isOver ? "over already" : "not possible here"}`)),
      );
    }
    const cells = [];
    rows.forEach((row, place) => {
      const line = el("tr", null, place === 0 ? el("th", { scope: "row", class: "n" }, stepButton(at, app)) : el("td", { class: "n" }));
      cells.push(new Map());
      for (const thread of columns) {
        const bar = row.bars[thread];
        const isOwn = thread === row.thread;
        const isWoken = row.woken.includes(thread);
        const from = isOwn && row.from !== null ? rows[row.from] : null;
        const cell = el(
          "td",
          { class: [bar && `bar ${bar}`, isOwn && row.failed && "failed", row.isSilent && "silent"].filter(Boolean).join(" ") || null },
          bar ? el("i", { "aria-hidden": "true" }) : "",
          isOwn ? el("span", { class: "words" }, row.text) : "",
          from ? el("small", null, ` from ${states.threads[from.thread]}`) : "",
          isWoken ? el("small", { class: "woken" }, "woken") : "",
        );
        cells[place].set(thread, cell);
        line.append(cell);
      }
      body.append(line);
      for (const thread of row.woken) arrows.push({ from: cells[place].get(row.thread), to: cells[place].get(thread), isWake: true, at });
      if (row.from !== null) arrows.push({ from: cells[row.from].get(rows[row.from].thread), to: cells[place].get(row.thread), isWake: false, at });
    });
    const wrong = states.wrong(moment.state);
    if (wrong && (at === groups.length || at === course.at)) {
      body.append(el("tr", { class: "remark bad" }, el("td", { class: "n" }), el("td", { colspan: columns.length }, wrong.culprit || wrong.property)));
    }
    table.append(body);
  }
  const parted = app.isRun(n) ? states.data.parted : null;
  if (parted) table.append(partedView(parted, columns, states, app));
  const wrapper = el("div", { class: "lanes-box" }, table);
  if (groups.length === 0) wrapper.append(el("p", { class: "soft" }, "Nothing has happened yet: take a step."));
  wrapper.drawArrows = () => drawArrows(wrapper, table, arrows, app);
  return wrapper;
}

// What a recording shows behind the run that shows all before, and what the model could have shown.
function partedView(parted, columns, states, app) {
  const body = el("tbody", { class: "step refused" });
  if (parted.shown) {
    const [thread, text] = parted.shown;
    const cells = columns.map((column) => el("td", null, column === thread ? el("span", { class: "words" }, text) : ""));
    body.append(el("tr", null, el("th", { scope: "row", class: "n" }, el("span", { class: "bad", "aria-label": "refused" }, "\u00d7")), cells));
  }
  const says = [
    el("p", { class: "bad" }, `at event ${parted.at} the recording shows ${parted.saw}`),
    el("p", null, parted.allowed.length ? `the model allows ${parted.allowed.join(", or ")}` : "the model allows nothing there"),
    parted.by.map((claim) => el("p", null, claimLink(states.claim(claim), app.showRule))),
  ];
  body.append(el("tr", { class: "remark" }, el("td", { class: "n" }), el("td", { colspan: columns.length }, says)));
  return body;
}

// A remark before a step: the bars go on behind its words.
function pillRow(columns, next, says, tone) {
  const cells = columns.map((thread, place) => {
    const bar = next && ["through", "end"].includes(next.bars[thread]) ? "bar through" : null;
    return el("td", { class: bar }, bar ? el("i", { "aria-hidden": "true" }) : "", place === 0 ? el("span", { class: tone ? `pill ${tone}` : "pill" }, says) : "");
  });
  return el("tr", { class: "between" }, el("td", { class: "n" }), cells);
}

function stepButton(at, app) {
  return button(at, () => app.seek(at), { class: "number", "aria-label": `to the moment after step ${at}` });
}

// Hand-offs and wakes, drawn over the table: what they say stands in its cells too.
function drawArrows(wrapper, table, arrows, app) {
  wrapper.querySelector("svg")?.remove();
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  const box = table.getBoundingClientRect();
  svg.setAttribute("width", table.offsetWidth);
  svg.setAttribute("height", table.offsetHeight);
  svg.setAttribute("aria-hidden", "true");
  const place = (cell) => {
    const it = cell.getBoundingClientRect();
    return { x: it.left - box.left + 13, y: it.top - box.top + 15 };
  };
  for (const { from, to, isWake, at } of arrows) {
    if (!from || !to) continue;
    const [a, b] = [place(from), place(to)];
    const turn = a.x < b.x ? 1 : -1;
    // It begins behind the words of the call, and comes to the bar of the other thread in the line of the call, where no
    // other words stand.
    const words = from.querySelector(".words")?.getBoundingClientRect();
    const x0 = turn > 0 && words ? words.right - box.left + 4 : a.x + 8 * turn;
    const x1 = b.x - 8 * turn;
    const group = document.createElementNS(ns, "g");
    group.setAttribute("class", `${isWake ? "wake" : "hand"}${at > app.course.at ? " ahead" : ""}`);
    const path = document.createElementNS(ns, "path");
    path.setAttribute("d", `M${x0} ${a.y} L${x1} ${a.y}`);
    const tip = document.createElementNS(ns, "path");
    tip.setAttribute("d", `M${x1 - 7 * turn} ${a.y - 4} L${x1} ${a.y} L${x1 - 7 * turn} ${a.y + 4}`);
    group.append(path, tip);
    svg.append(group);
  }
  wrapper.append(svg);
}

// ---- Calls at full speed, as intervals: a column for each thread, and a line for each moment at which something begins or ends.

function timelineView(timeline) {
  const times = [...new Set(timeline.intervals.flatMap(([, , , t0, t1]) => (t1 === null ? [t0] : [t0, t1])))].sort((a, b) => a - b);
  const line = new Map(times.map((time, place) => [time, place + 2]));
  const last = times.length + 2;
  const first = times[0] ?? 0;
  const grid = el("div", { class: "timeline", role: "list" });
  timeline.threads.forEach((thread, column) => {
    const head = el("b", null, thread);
    head.style.gridArea = `1 / ${column + 1}`;
    grid.append(head);
  });
  const since = (time) => `${((time - first) / 1000).toLocaleString("en", { maximumFractionDigits: 1 })} \u00b5s`;
  for (const [n, thread, text, t0, t1, failed] of timeline.intervals) {
    const names = ["interval", timeline.window.includes(n) && "window", timeline.after.includes(n) && "after", n === timeline.at && "refused", failed && "failed"];
    const until = t1 === null ? "the end" : since(t1);
    const item = el("div", { class: names.filter(Boolean).join(" "), role: "listitem", title: `event ${n}, ${since(t0)} to ${until}` }, el("span", { class: "unseen" }, `${timeline.threads[thread]}: `), `${n} ${text}`, el("span", { class: "unseen" }, `, ${since(t0)} to ${until}`));
    item.style.gridArea = `${line.get(t0)} / ${thread + 1} / ${t1 === null ? last : Math.max(line.get(t1), line.get(t0) + 1)} / ${thread + 2}`;
    grid.append(item);
  }
  const shown = timeline.intervals.length;
  const says = [`${counted(timeline.events_all, "call")} at full speed${shown < timeline.events_all ? `, of which ${shown} are shown` : ""}: each is as long as it took, in the order of the clock; what stands side by side overlapped, and nobody knows which came first.`];
  if (timeline.window.length) says.push("No order explains those with a red border; those with a broken one are what each thread had done last before.");
  return [says.map((it) => el("p", { class: "soft" }, it)), el("div", { class: "lanes-box" }, grid)];
}

// ---- The state, as the nouns that people draw.

const was = (fact) => (fact.was === undefined ? "" : el("span", { class: "was" }, ` was ${words(fact.was)}`));

function words(is) {
  if (Array.isArray(is)) return is.length ? is.join(", ") : "empty";
  if (is === true) return "yes";
  if (is === false) return "no";
  return is === "" ? "nothing" : String(is);
}

// The items of a list; those that were not in it stand out.
function chips(fact, kind) {
  const old = (fact.was ?? fact.is).slice();
  const items = fact.is.map((item) => {
    const known = old.indexOf(item);
    if (known >= 0) old.splice(known, 1);
    return el("li", { class: `${kind}${known < 0 ? " new" : ""}` }, item);
  });
  const list = el("ul", { class: "chips" }, items);
  return items.length ? [list, was(fact)] : [el("span", { class: "soft" }, "empty"), was(fact)];
}

const row = (label, isNew, ...content) => el("div", { class: isNew ? "row changed" : "row" }, el("dt", null, label), el("dd", null, content));

function stateView(n, app) {
  const { course } = app;
  const state = course.state(n);
  const before = course.at > 0 ? course.state(n, course.at - 1) : null;
  const facts = course.sides[n].facts(state, before);
  const rows = [];
  const nouns = new Map();
  for (const fact of facts) {
    const noun = `${fact.about === "result" ? "thread" : fact.about} ${fact.noun}`;
    if (!nouns.has(noun)) nouns.set(noun, []);
    nouns.get(noun).push(fact);
  }
  for (const [noun, of] of nouns) if (noun.startsWith("port ")) rows.push(portView(noun, of));
  const of = (about) => [...nouns].filter(([noun]) => noun.startsWith(`${about} `));
  const threads = of("thread").map(([, those]) => threadView(those));
  if (threads.length) rows.push(el("h3", null, "threads"), el("dl", null, threads));
  for (const [about, title] of [["variable", "variables"], ["object", "objects"], ["file", "files"], ["operation", "operations"], ["source", "sources"]]) {
    const those = of(about).flatMap(([, facts]) => facts);
    if (!those.length) continue;
    const lines = those.map((fact) => {
      const value = fact.part && fact.part !== "owner" ? `${fact.part}: ${words(fact.is)}` : words(fact.is);
      return row(fact.noun, fact.was !== undefined, fact.part === "owner" ? "owner " : "", value, was(fact));
    });
    rows.push(el("h3", null, title), el("dl", null, lines));
  }
  const kinds = { always: "always", sometimes: "at least once", at_end: "at the end" };
  const properties = facts.filter((fact) => fact.about === "property");
  if (properties.length) {
    const texts = course.sides[n].data.properties;
    const lines = properties.map((fact, place) => {
      const holds = fact.is === true ? "holds" : fact.is === false ? "does not hold" : fact.is;
      const tone = fact.is === false && fact.noun === "always" ? "bad" : fact.is === true ? "good" : "soft";
      return row(fact.part, fact.was !== undefined, el("span", { class: tone }, holds), ` ${kinds[fact.noun]}: `, el("code", null, texts[place][2]));
    });
    rows.push(el("h3", null, "properties in this state"), el("dl", null, lines));
  }
  return rows;
}

function portView(title, facts) {
  const part = (name) => facts.find((fact) => fact.part === name);
  const lines = [];
  const open = part("open");
  if (!open.is || open.was !== undefined) lines.push(row("handle", open.was !== undefined, open.is ? "open" : "closed", was(open)));
  const running = part("running");
  if (running) {
    const limit = part("concurrency").is;
    const dots = [];
    for (let n = 0; n < Math.min(limit, 12); n += 1) dots.push(el("i", { class: n < running.is ? "full" : null }));
    const counted = part("counted").is;
    lines.push(
      row(
        "running",
        running.was !== undefined,
        el("span", { class: "dots", "aria-hidden": "true" }, dots),
        ` ${running.is} of ${limit}${counted.length ? `: ${counted.join(", ")}` : ""}`,
        was(running),
      ),
    );
  }
  const queue = part("queue");
  lines.push(row("queue", queue.was !== undefined, chips(queue, "packet"), queue.is.length > 1 ? el("span", { class: "soft" }, " oldest first") : ""));
  const taken = part("taken");
  if (taken) lines.push(row("taken, not returned", taken.was !== undefined, chips(taken, "packet")));
  const waiters = part("waiters");
  lines.push(row("waiters", waiters.was !== undefined, chips(waiters, "thread"), waiters.is.length > 1 ? el("span", { class: "soft" }, " oldest first") : ""));
  return el("div", { class: "port" }, el("h3", null, title), el("dl", null, lines));
}

function threadView(facts) {
  const name = facts[0].noun;
  const does = facts.find((fact) => fact.about === "thread" && fact.part === "");
  const locals = facts.filter((fact) => fact.about === "thread" && fact.part !== "");
  const results = facts.filter((fact) => fact.about === "result" && (fact.is !== "" || fact.was));
  const isOther = facts.some((fact) => fact.was !== undefined);
  const extra = [...results, ...locals].map((fact) => {
    const value = fact.is === "" ? "cleared" : fact.about === "result" ? fact.is : `= ${words(fact.is)}`;
    return el("span", { class: fact.was === undefined ? "value" : "value new" }, `${fact.part} ${value}`);
  });
  return row(name, isOther, el("span", { class: does.was === undefined ? null : "new" }, does.is), " ", extra);
}

// ---- What can happen next, and what cannot.

// What a step does, in words.
function stepWords(states, edge) {
  const [first, ...others] = edge.seen.e.map(([thread, text, bar]) => ({ thread, text, bar }));
  const own = first.thread === edge.thread;
  let text = first.text;
  if (first.bar === BARS.SILENT) text = edge.kind === CLOCK ? "its time passes" : edge.kind === WAKE ? "goes on, and nobody sees it" : "goes on";
  else if (edge.kind === CLOCK) text = `its time passes: ${text}`;
  else if (edge.kind === WAKE) text = `goes on: ${text}`;
  if (!own) text = `${states.threads[first.thread]} ${text}`;
  const then = others.map((it) => `${states.threads[it.thread]} ${it.text}`);
  const woken = (edge.seen.w ?? []).map((thread) => `wakes ${states.threads[thread]}`);
  return [text, ...then, ...woken].join(", then ");
}

// Why there is no step.
function whyNothing(course) {
  const some = (holds) => course.sides.some((states, n) => holds(states, course.state(n)));
  if (some((states, state) => states.steps(state) === null)) {
    return isLive ? "The process that knows more has ended." : "This file ends here: what is behind was left out.";
  }
  if (some((states, state) => states.isBroken(state))) return "The run ends here: an invariant is broken, and no rule says what comes of that.";
  if (some((states, state) => states.isBounded(state))) return "Nothing: a bound of the scenario keeps everybody from moving.";
  return "Nothing: nobody can move any more.";
}

function nextView(possible, app) {
  const { course } = app;
  const ahead = course.keys[course.at];
  const groups = new Map();
  possible.forEach((step, number) => {
    const n = step.edges.findIndex((edge) => edge !== null);
    const thread = course.sides[n].threads[step.edges[n].thread];
    if (!groups.has(thread)) groups.set(thread, []);
    groups.get(thread).push({ step, number });
  });
  if (possible.length === 0) return [el("p", { class: "soft" }, whyNothing(course))];
  return [...groups].map(([thread, steps]) =>
    el(
      "div",
      { class: "group", role: "group", "aria-label": `steps of ${thread}` },
      el("h3", null, thread),
      steps.map(({ step, number }) => {
        const lines = step.edges.map((edge, n) => {
          const states = course.sides[n];
          if (!edge) return el("span", { class: "one missing" }, course.isBeside ? `${app.side(n).system}: not possible` : "");
          const wrong = states.wrong(edge.to);
          const system = course.isBeside ? el("small", null, `${app.side(n).system} `) : "";
          return el("span", { class: "one" }, system, stepWords(states, edge), wrong ? el("em", { class: "bad" }, ` breaks ${wrong.property}`) : "");
        });
        return button(
          [
            number < 9 ? el("kbd", { "aria-hidden": "true" }, number + 1) : el("kbd", { class: "unseen" }),
            el("span", { class: "ones" }, lines),
            step.key === ahead ? el("em", null, app.isOnRun() ? "the run shown first" : "taken before") : "",
          ],
          () => app.take(step.key),
          { class: "take", "data-key": step.key },
        );
      }),
    ),
  );
}

function heldView(n, app) {
  const states = app.course.sides[n];
  return states.held(app.course.state(n)).map((held) =>
    el(
      "div",
      { class: "held" },
      el("p", null, el("b", null, states.threads[held.thread]), ` ${held.words}`),
      held.claim === null ? "" : el("p", null, "held by ", claimLink(states.claim(held.claim), app.showRule)),
    ),
  );
}

function decidedView(n, app) {
  const states = app.course.sides[n];
  const ids = new Set(app.course.trails[n][app.course.at].edges.flatMap((edge) => edge.seen.by));
  return [...ids].map((claim) => el("p", null, claimLink(states.claim(claim), app.showRule)));
}

// Every rule that decides something or holds somebody in the states that are here.
function rulesView(sides) {
  const rules = new Map();
  for (const states of sides) {
    for (const [id, says, status, source] of states.data.claims) rules.set(id, { says, status, source });
  }
  const entries = [...rules].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, { says, status, source }]) =>
    el("div", { class: "rule", "data-rule": id, tabindex: "-1" }, el("dt", null, id), el("dd", null, says, " ", el("span", { class: "status" }, status), el("span", { class: "source" }, ` source: ${source}`))),
  );
  const letters = [...new Set(sides.map((states) => states.data.sources).filter(Boolean))];
  return el(
    "details",
    { class: "rules" },
    el("summary", null, `Rules: ${counted(entries.length, "claim")} with their sources`),
    letters.map((it) => el("p", { class: "soft" }, `Sources are ${it}.`)),
    el("p", { class: "soft" }, "verified: a test on the real system asserts it; measured: seen by us; documented: the system's manual; derived: its source; inferred: follows from others; open: nobody knows, every answer is allowed."),
    el("dl", null, entries),
  );
}
