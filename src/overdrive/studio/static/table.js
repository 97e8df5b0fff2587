// The table of runs: sorted, filtered, its columns chosen; only the rows in sight exist.

import { duration, fill, h, number, status, text } from "./dom.js";

const ROW = 28;
const SPARE = 8;

export class Table {
  constructor(sweep, { selection, runs }) {
    Object.assign(this, { sweep, selection, runs });
    this.hidden = new Set();
    this.columns = [];
    this.sort = { by: "best", down: null };
    this.filter = h("input", { type: "search", placeholder: "Filter: text, lr>0.01, status=failed", "aria-label": "Filter runs", oninput: () => this.draw() });
    this.only = h("input", { type: "checkbox", onchange: () => this.draw() });
    this.count = h("span", { class: "soft" });
    this.chooser = h("div", { class: "chooser" });
    this.head = h("tr");
    this.body = h("tbody");
    this.view = h("div", { class: "rows", tabindex: 0, role: "region", "aria-label": "Runs", onscroll: () => this.window() },
      h("table", { class: "runs" }, h("thead", {}, this.head), this.body));
    this.node = h("section", { class: "panel table", "aria-label": "Table of runs" },
      h("header", {}, h("h2", {}, "Runs"), this.filter, h("label", {}, this.only, "chosen only"), this.count,
        h("details", { class: "menu" }, h("summary", {}, "Columns"), this.chooser)), this.view);
    selection.listen(() => this.draw());
  }

  /** The sweep's head has changed: its parameters and metrics are the columns. */
  update(head) {
    const metrics = new Set([...this.runs.values()].flatMap((run) => Object.keys(run.last)));
    metrics.delete(head.metric);
    const column = (key, name, of, show = number) => ({ key, name, of, show });
    const columns = [
      column("status", "status", (run) => run.status, status),
      column("best", head.metric || "best", (run) => run.best, (value) => number(value, 5)),
      column("last", "last", (run) => run.last[head.metric], (value) => number(value, 5)),
      column("intervals", "intervals", (run) => run.intervals),
      column("time", "time", (run) => seconds(run), duration),
      ...head.params.map((name) => column(`p:${name}`, name, (run) => run.params[name], (value) => (typeof value === "number" ? number(value) : text(value)))),
      ...[...metrics].map((name) => column(`m:${name}`, name, (run) => run.last[name])),
      column("reason", "reason", (run) => run.reason, text),
    ];
    this.sort.down ??= head.goal === "maximize";
    const same = columns.map((one) => one.key).join("\n") === this.columns.map((one) => one.key).join("\n");
    this.columns = columns;
    if (!same) {
      fill(this.chooser, columns.map((one) =>
        h("label", {}, h("input", { type: "checkbox", checked: !this.hidden.has(one.key), onchange: (event) => {
          event.target.checked ? this.hidden.delete(one.key) : this.hidden.add(one.key);
          this.draw();
        } }), one.name)));
    }
    this.best = head.best?.number;
    this.draw();
  }

  draw() {
    const shown = this.columns.filter((one) => !this.hidden.has(one.key));
    const heading = (key, name) => {
      const here = this.sort.by === key;
      const sort = () => {
        this.sort = { by: key, down: here ? !this.sort.down : false };
        this.draw();
      };
      return h("th", { scope: "col", "aria-sort": here ? (this.sort.down ? "descending" : "ascending") : "none" },
        h("button", { onclick: sort, title: name }, name, here ? (this.sort.down ? " ↓" : " ↑") : ""));
    };
    const focused = document.activeElement?.closest?.("th")?.cellIndex;
    fill(this.head, h("th", { class: "pick" }), heading("number", "run"), shown.map((one) => heading(one.key, one.name)));
    if (focused >= 0 && this.node.contains(this.head)) this.head.cells[focused]?.querySelector("button")?.focus({ preventScroll: true });
    const accept = wanted(this.filter.value, this.columns);
    const of = this.columns.find((one) => one.key === this.sort.by)?.of ?? ((run) => run.number);
    this.rows = [...this.runs.values()]
      .filter((run) => accept(run) && (!this.only.checked || this.selection.has(run.number)))
      .sort((a, b) => compare(of(a), of(b), this.sort.down) || a.number - b.number);
    this.shown = shown;
    this.count.textContent = this.rows.length === this.runs.size ? `${this.runs.size} runs` : `${this.rows.length} of ${this.runs.size} runs`;
    this.window();
  }

  /** The rows in sight, and empty space for the others. */
  window() {
    if (!this.rows) return;
    const first = Math.max(0, Math.floor(this.view.scrollTop / ROW) - SPARE);
    const last = Math.min(this.rows.length, first + Math.ceil((this.view.clientHeight || 400) / ROW) + 2 * SPARE);
    const space = (rows) => (rows > 0 ? h("tr", { class: "space", "aria-hidden": "true" }, h("td", { style: `height:${rows * ROW}px`, colSpan: this.shown.length + 2 })) : null);
    const held = document.activeElement?.closest?.("tr[data-run]")?.dataset.run;
    fill(this.body, space(first), this.rows.slice(first, last).map((run) => this.line(run)), space(this.rows.length - last));
    if (held !== undefined && document.activeElement === document.body) this.body.querySelector(`tr[data-run="${Number(held)}"] input`)?.focus({ preventScroll: true });
  }

  line(run) {
    const chosen = this.selection.runs?.has(run.number) ?? false;
    const to = `#/sweeps/${encodeURIComponent(this.sweep)}/runs/${run.number}`;
    const pick = (event) => event.target.closest("a, input") || this.selection.toggle(run.number);
    return h("tr", { class: [chosen ? "chosen" : "", run.number === this.best ? "best" : ""].join(" "), "data-run": run.number, onclick: pick },
      h("td", { class: "pick" }, h("input", { type: "checkbox", checked: chosen, "aria-label": `Choose run ${run.number}`, onchange: () => this.selection.toggle(run.number) })),
      h("td", {}, h("a", { href: to }, String(run.number)), run.number === this.best ? h("span", { class: "crown", title: "the best run" }, " ★") : null),
      this.shown.map((one) => {
        const value = one.of(run);
        const cell = value === undefined ? "" : one.show(value);
        return h("td", { title: typeof cell === "string" ? cell : null, class: typeof value === "number" ? "number" : null }, cell);
      }));
  }
}

/** How long a run has taken so far. */
export function seconds(run) {
  if (!run.started) return null;
  return run.spent + (run.ended ?? Date.now() / 1000) - run.started;
}

function compare(a, b, down) {
  const none = (value) => value === null || value === undefined;
  if (none(a) || none(b)) return none(a) - none(b); // what is absent stands last, whatever the order
  const order = typeof a === "number" && typeof b === "number" ? a - b : text(a).localeCompare(text(b), undefined, { numeric: true });
  return down ? -order : order;
}

/** What a filter's words ask for: `name>value`, `name=value`, or text in any cell; all must hold. */
export function wanted(words, columns) {
  const rules = words.trim().split(/\s+/).filter(Boolean).map((word) => {
    const [, name, sign, value] = word.match(/^(.+?)(<=|>=|!=|<|>|=)(.+)$/) ?? [];
    const column = name && columns.find((one) => one.name.toLowerCase() === name.toLowerCase());
    if (!column) {
      const low = word.toLowerCase();
      return (run) => String(run.number) === low || columns.some((one) => text(one.of(run)).toLowerCase().includes(low));
    }
    return (run) => {
      const held = column.of(run);
      if (held === undefined || held === null) return sign === "!=";
      const numeric = typeof held === "number" && !Number.isNaN(Number(value));
      const [a, b] = numeric ? [held, Number(value)] : [text(held).toLowerCase(), value.toLowerCase()];
      return { "<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b, "=": numeric ? a === b : a.startsWith(b), "!=": numeric ? a !== b : !a.startsWith(b) }[sign];
    };
  });
  return (run) => rules.every((rule) => rule(run));
}
