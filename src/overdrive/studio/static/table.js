// The table of runs: sorted, filtered, its columns chosen; only the rows in sight exist.

import { duration, fill, h, menu, number, paced, renew, status, text } from "./dom.js";

const ROW = 28; // pixels, as in the style
const SPARE = 8; // rows beyond those in sight
const DRAW_SECONDS = 0.2;
const order = new Intl.Collator(undefined, { numeric: true });

export class Table {
  /** `href(run)` is the address of a run's page, where there are such pages; `kept` is what the reader had chosen. */
  constructor({ selection, runs, href = null, kept = {}, save = () => {} }) {
    Object.assign(this, { selection, runs, href, kept, save });
    this.hidden = new Set(kept.hidden);
    this.columns = [];
    this.metrics = []; // every logged scalar by name
    this.sort = kept.sort ?? { by: "best", down: null };
    this.soon = paced(() => this.draw(), DRAW_SECONDS);
    this.filter = h("input", { type: "search", placeholder: "Filter: text, lr>0.01, status=failed", title: "Words that must all hold: text of any cell, or column, sign (= != < > <= >=) and value", "aria-label": "Filter runs", oninput: () => this.keep() });
    this.filter.value = kept.filter ?? "";
    this.only = h("input", { type: "checkbox", onchange: () => this.draw() });
    this.count = h("span", { class: "soft", role: "status" });
    this.lines = new WeakMap(); // by run: its row, and what that shows beside the run
    this.chooser = h("div", { class: "columns-chosen" });
    this.head = h("tr");
    this.body = h("tbody");
    this.table = h("table", { class: "runs" }, h("thead", {}, this.head), this.body);
    this.view = h("div", { class: "rows", tabindex: 0, role: "region", "aria-label": "Runs", onscroll: () => this.window() }, this.table);
    this.node = h("section", { class: "panel table", "aria-label": "Table of runs" },
      h("header", {}, h("h2", {}, "Runs"), this.count, this.filter, h("label", {}, this.only, "chosen only"), menu("Columns", "Columns", this.chooser)), this.view);
    this.shape = new ResizeObserver(() => this.window());
    this.shape.observe(this.view);
    selection.listen(() => this.draw());
  }

  close() {
    this.shape.disconnect();
  }

  /** The reader has chosen: remember it, and show it. */
  keep() {
    Object.assign(this.kept, { hidden: [...this.hidden], sort: this.sort, filter: this.filter.value });
    this.save();
    this.draw();
  }

  /** The sweep's head has changed: its parameters and metrics are the columns. */
  update(head) {
    const logged = new Set(this.metrics);
    for (const run of this.runs.values()) for (const name in run.last) logged.add(name);
    this.metrics = [...logged].sort();
    this.sort.down ??= head.goal === "maximize";
    this.best = head.best?.number;
    this.total = head.total;
    const column = (key, name, of, show = number) => ({ key, name, of, show });
    renew(this.chooser, [head.metric, head.params, this.metrics], () => {
      this.columns = [
        column("status", "status", (run) => run.status, status),
        column("best", head.metric || "best", (run) => run.best, (value) => number(value, 5)),
        column("last", "last", (run) => run.last[head.metric], (value) => number(value, 5)),
        column("intervals", "intervals", (run) => run.intervals),
        column("time", "time", seconds, duration),
        ...head.params.map((name) => column(`p:${name}`, name, (run) => run.params[name])),
        ...this.metrics.filter((name) => name !== head.metric).map((name) => column(`m:${name}`, name, (run) => run.last[name])),
        column("reason", "reason", (run) => run.reason ?? undefined, text),
      ];
      return this.columns.map((one) => {
        const show = (event) => {
          event.target.checked ? this.hidden.delete(one.key) : this.hidden.add(one.key);
          this.keep();
        };
        return h("label", {}, h("input", { type: "checkbox", checked: !this.hidden.has(one.key), onchange: show }), one.name);
      });
    });
    this.soon();
  }

  draw() {
    if (!this.columns.length) return;
    this.shown = this.columns.filter((one) => !this.hidden.has(one.key));
    const accept = wanted(this.filter.value, this.columns);
    const of = this.columns.find((one) => one.key === this.sort.by)?.of ?? ((run) => run.number);
    this.rows = [...this.runs.values()]
      .filter((run) => accept(run) && (!this.only.checked || this.selection.has(run.number)))
      .map((run) => [of(run), run])
      .sort(([a, one], [b, other]) => compare(a, b, this.sort.down) || one.number - other.number)
      .map(([, run]) => run);
    for (const one of this.shown) one.numeric ??= kind(this.runs, one.of);
    renew(this.head, [this.sort, this.shown.map((one) => [one.key, one.numeric])], () => [h("th", { class: "pick" }), this.heading("number", "run"), ...this.shown.map((one) => this.heading(one.key, one.name, one.numeric))]);
    const all = this.runs.size;
    this.count.textContent = this.rows.length === all ? `${all}` : `${this.rows.length} of ${all}`;
    this.table.setAttribute("aria-rowcount", this.rows.length + 1);
    this.window();
  }

  heading(key, name, numeric = false) {
    const here = this.sort.by === key;
    const sort = () => {
      this.sort = { by: key, down: here ? !this.sort.down : false };
      this.keep();
      this.head.querySelector(`[data-key="${CSS.escape(key)}"] button`).focus({ preventScroll: true });
    };
    return h("th", { scope: "col", class: numeric ? "number" : null, "data-key": key, "aria-sort": here ? (this.sort.down ? "descending" : "ascending") : "none" }, h("button", { onclick: sort, title: name }, name, here ? (this.sort.down ? " ↓" : " ↑") : ""));
  }

  /** The rows in sight, and empty space for the others. */
  window() {
    if (!this.rows) return;
    const first = Math.max(0, Math.floor(this.view.scrollTop / ROW) - SPARE);
    const last = Math.min(this.rows.length, first + Math.ceil((this.view.clientHeight || 400) / ROW) + 2 * SPARE);
    const wide = this.shown.length + 2;
    const space = (rows) => (rows > 0 ? h("tr", { class: "space", "aria-hidden": "true" }, h("td", { style: `height:${rows * ROW}px`, colSpan: wide })) : null);
    const nothing = this.rows.length ? null : h("tr", { class: "space" }, h("td", { class: "none", colSpan: wide }, this.runs.size ? "No run is like that: change the filter." : "No run yet: the first ones appear here by themselves."));
    const held = document.activeElement?.closest?.("tr[data-run]")?.dataset.run;
    const inside = document.activeElement?.localName;
    fill(this.body, nothing, space(first), this.rows.slice(first, last).map((run, place) => this.row(run, first + place + 2)), space(this.rows.length - last));
    if (held !== undefined) this.body.querySelector(`tr[data-run="${Number(held)}"] ${inside}`)?.focus({ preventScroll: true });
  }

  /** The row of a run, the same one as long as it shows the same; the time of a run under way goes on. */
  row(run, place) {
    const key = [this.selection.runs?.has(run.number), run.number === this.best, ...this.shown.map((one) => one.key)].join();
    const known = this.lines.get(run);
    const node = known?.key === key && run.ended ? known.node : this.line(run);
    node.setAttribute("aria-rowindex", place);
    this.lines.set(run, { key, node });
    return node;
  }

  line(run) {
    const chosen = this.selection.runs?.has(run.number) ?? false;
    const name = this.href ? h("a", { href: this.href(run) }, String(run.number)) : String(run.number);
    const pick = (event) => event.target.closest("a, .pick") || this.selection.toggle(run.number);
    const cell = (one) => {
      const value = one.of(run);
      const shown = value === undefined ? "" : one.show(value);
      return h("td", { title: typeof shown === "string" ? shown : null, class: typeof value === "number" ? "number" : null }, shown);
    };
    return h("tr", { class: chosen ? "chosen" : null, "data-run": run.number, onclick: pick },
      h("td", { class: "pick" }, h("input", { type: "checkbox", checked: chosen, "aria-label": `Choose run ${run.number}`, onchange: () => this.selection.toggle(run.number) })),
      h("td", {}, name, run.number === this.best ? h("span", { class: "crown", title: "the best run" }, " ★") : null),
      this.shown.map(cell));
  }
}

/** Whether a column's first value is a number; undefined while it has none. */
function kind(runs, of) {
  for (const run of runs.values()) {
    const value = of(run);
    if (value !== undefined && value !== null) return typeof value === "number";
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
  const found = typeof a === "number" && typeof b === "number" ? a - b : order.compare(text(a), text(b));
  return down ? -found : found;
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
