// One chart of a sweep: its options, its figure, what is new in it, and the runs chosen in it.

import { cells, showCells } from "./cells.js";
import { duration, fill, h, menu, number, text } from "./dom.js";
import { decoded } from "./figure.js";
import { Plot } from "./plot.js";

export const dark = matchMedia("(prefers-color-scheme: dark)");

const ZOOMED = new Set(["curves", "importance", "savings", "timeline"]); // dragging zooms there, and selects elsewhere
const SWITCHES = new Set(["show", "over", "scale"]); // with two choices: a button that is pressed or not
const MOST_TIPS = 14;
const REST = 40; // a figure that took a second to ask for and draw leaves the machine alone for so many
const LONGEST = 10_000; // milliseconds at most that a figure waits for others
let free = 0; // when the next figure may be drawn anew: all charts of a page share the machine
const LATE = 200; // messages of new points that are kept for figures drawn before them
const FRESH = "#8b93a1"; // the line of a run that no figure has coloured yet
const tip = h("div", { class: "tip", role: "tooltip", popover: "manual" });

/** Controls for options that the server has named; `choices` holds what is chosen, `chosen` is called when it changes. */
export function optionFields(options, choices, chosen) {
  return options.filter((option) => option.choices.length > 1).map((option) => {
    if (!option.choices.includes(choices[option.name])) choices[option.name] = option.default;
    const choose = (value) => {
      choices[option.name] = value;
      chosen();
    };
    if (SWITCHES.has(option.name) && option.choices.length === 2) {
      const [off, on] = option.choices;
      const press = (event) => {
        const pressed = choices[option.name] !== on;
        event.target.setAttribute("aria-pressed", pressed);
        choose(pressed ? on : off);
      };
      const label = option.label === "Scale" || option.label === "Show" ? on : `${option.label.toLowerCase()}: ${on}`;
      return h("button", { class: "switch", "aria-pressed": String(choices[option.name] === on), "data-option": option.name, title: `${option.label}: ${off} or ${on}`, onclick: press }, label);
    }
    return h("label", {}, h("span", {}, option.label), h("select", { "aria-label": option.label, onchange: (event) => choose(event.target.value) },
      option.choices.map((choice) => h("option", { value: choice, selected: choice === choices[option.name] }, choice))));
  });
}

/** The menu that shows a plot as a table, or saves it as a picture; `figure` gives what it shows. */
export function saveMenu(plot, title, filename, figure, runs) {
  const save = (blob, format) => {
    const url = URL.createObjectURL(blob);
    h("a", { href: url, download: `${filename}.${format}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  const look = ({ target }) => ((target.closest("details").open = false), showCells(target.closest("section"), title, cells(figure() ?? { data: [], layout: {} }, runs), (text) => save(new Blob([text], { type: "text/csv" }), "csv")));
  const picture = (format) => h("button", { "aria-label": `Save ${title} as ${format.toUpperCase()}`, onclick: async () => save(await plot.picture(format), format) }, format.toUpperCase());
  return menu("⤓", `Table and pictures of ${title}`, [h("button", { "aria-label": `${title} as a table`, onclick: look }, "Table"), picture("svg"), picture("png")]);
}

/** So many milliseconds were spent: figures are drawn anew the later for it. */
function rest(spent) {
  const now = performance.now();
  free = Math.min(now + LONGEST, Math.max(free, now) + REST * spent);
}

export class Panel {
  /** `ask(name, choices)` promises a figure; `choices` are those to begin with, and `chosen()` hears that they change. */
  constructor(sweep, chart, { selection, runs, ask, choices = {}, chosen = () => {} }) {
    Object.assign(this, { chart, selection, runs, ask, choices, chosen });
    this.figure = null;
    this.later = []; // new points that the next figure may not have
    this.dirty = true; // there is news that the figure does not show
    this.visible = false;
    this.timer = null;
    this.place = h("div", { class: "plot", role: "img", "aria-label": `${chart.title}: arrow keys go from run to run, Enter chooses; its menu has it as a table` });
    this.plot = new Plot(this.place, {
      drag: ZOOMED.has(chart.name) ? "zoom" : "select",
      on: {
        select: (runs) => selection.set(runs, this),
        pick: (run) => selection.toggle(run),
        hover: (point) => this.tip(point),
        leave: () => tip.remove(),
      },
    });
    this.note = h("p", { class: "note", role: "status" });
    this.options = h("div", { class: "options" });
    this.node = h("section", { class: `panel ${chart.name}`, "aria-label": chart.title },
      h("header", {}, h("h2", {}, chart.title), this.options, saveMenu(this.plot, chart.title, `${sweep}-${chart.name}`, () => this.figure, runs)),
      h("div", { class: "canvas" }, this.place), this.note);
    this.offer(chart);
    this.eye = new IntersectionObserver(([seen]) => this.see(seen.isIntersecting), { rootMargin: "200px" });
    this.eye.observe(this.node);
    this.shape = new ResizeObserver(() => this.plot.resize());
    this.shape.observe(this.place);
    this.ended = new AbortController();
    dark.addEventListener("change", () => this.paint(), { signal: this.ended.signal });
    selection.listen((source) => {
      if (source !== this) this.plot.forget();
      this.paint();
    });
  }

  close() {
    this.closed = true;
    this.ended.abort();
    this.eye.disconnect();
    this.shape.disconnect();
    clearTimeout(this.timer);
    tip.remove();
    this.plot.close();
  }

  /** What may be chosen; a choice that is still possible stays. */
  offer(chart) {
    this.chart = chart;
    fill(this.options, optionFields(chart.options, this.choices, () => {
      this.chosen();
      this.load();
    }));
  }

  see(visible) {
    this.visible = visible;
    if (!visible) return;
    if (this.dirty) this.load();
    if (this.unpainted) this.paint();
  }

  /** Something has changed: draw anew soon, the later the longer drawing takes. */
  stale(soonest = 0.7) {
    this.dirty = true;
    if (!this.visible || this.timer !== null || this.asked) return;
    this.timer = setTimeout(() => this.load(), Math.max(soonest * 1000, free - performance.now()));
  }

  async load() {
    clearTimeout(this.timer);
    this.timer = null;
    if (this.closed) return;
    const began = performance.now();
    const mine = (this.asked = Symbol("question"));
    this.dirty = false;
    try {
      const figure = await this.ask(this.chart.name, this.choices);
      if (mine !== this.asked) return;
      this.figure = { data: decoded(figure.data), layout: figure.layout };
      for (const trace of this.figure.data) if (trace.meta?.live !== undefined) for (const name of ["x", "y", "customdata"]) trace[name] = Array.from(trace[name]);
      for (const { points, version } of this.later) if (version > figure.version) this.add(points);
    } catch (error) {
      if (mine !== this.asked) return;
      this.asked = null;
      return fill(this.note, error.message);
    }
    this.asked = null;
    this.paint();
    rest(performance.now() - began);
    if (this.dirty) this.stale();
  }

  /** Show the figure with the selection; out of sight, when it comes into sight. */
  paint() {
    this.unpainted = true;
    if (!this.figure || !this.visible || this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = null;
      if (!this.closed && this.visible) this.draw();
    });
  }

  draw() {
    this.unpainted = false;
    const { data, layout } = this.figure;
    this.node.classList.toggle("blank", !data.length);
    fill(this.note, layout.meta?.note ?? (data.length ? "" : layout.meta?.empty ?? "Nothing to show yet."));
    this.place.style.minWidth = layout.meta?.width ? `${layout.meta.width}px` : "";
    const began = performance.now();
    this.plot.show(this.figure, this.selection.runs);
    rest(performance.now() - began);
  }

  /** What a point is: its run, where it stands, the run's values. */
  tip(point) {
    const run = this.runs.get(point.run);
    if (!run) return tip.remove();
    const { clientX, clientY } = point;
    const entry = (name, value) => [h("dt", {}, name), h("dd", {}, typeof value === "number" ? number(value) : text(value))];
    const values = Object.entries(run.params);
    fill(tip, h("b", {}, `run ${run.number}`), ` ${run.status}`,
      this.chart.name === "curves" ? h("p", {}, `${this.choices.over ?? "interval"} ${number(point.x)}: ${number(point.y, 6)}`) : null,
      this.chart.name === "timeline" ? h("p", {}, duration((run.ended ?? Date.now() / 1000) - run.started)) : null,
      h("dl", {}, entry("best", run.best), values.slice(0, MOST_TIPS).flatMap(([name, value]) => entry(name, value))),
      values.length > MOST_TIPS ? h("p", {}, `and ${values.length - MOST_TIPS} more`) : null);
    this.node.append(tip);
    tip.togglePopover(true); // above all else, wherever the chart stands
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(clientX + 14, innerWidth - width - 8))}px`;
    tip.style.top = `${Math.max(4, Math.min(clientY + 14, innerHeight - height - 8))}px`;
  }

  /** New points of runs that have a line of their own, as of `version`; what cannot be added is drawn anew. */
  extend(points, version) {
    this.later = [...this.later.slice(-LATE), { points, version }];
    if (this.figure) this.add(points);
  }

  add(points) {
    const plain = this.choices.show !== "best so far" && (this.choices.smooth ?? "none") === "none";
    if (!plain) return this.stale(0.3);
    let added = false;
    for (const [run, name, interval, value, step, time] of points) {
      if (name !== (this.choices.metric ?? this.chart.options[0].default)) continue;
      const row = this.runs.get(run);
      let trace = this.figure.data.find((one) => one.meta?.live === run);
      if (!trace && row && interval === 1) {
        trace = { type: "scatter", mode: "lines+markers", meta: { live: run }, line: { width: 1.4, color: FRESH }, marker: { size: 4, color: FRESH }, x: [], y: [], customdata: [] };
        this.figure.data.push(trace);
      }
      if (!trace || !row) {
        this.stale(0.2);
        continue;
      }
      trace.count ??= trace.x.length;
      if (interval <= trace.count) continue; // already in the figure
      const over = { interval, step: step ?? interval, seconds: time - row.started }[this.choices.over ?? "interval"];
      trace.x.push(over);
      trace.y.push(value ?? NaN);
      trace.customdata.push(run);
      trace.count = interval;
      added = true;
    }
    if (added) this.paint();
  }
}
