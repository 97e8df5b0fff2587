// One chart of a sweep: its options, its figure, what is new in it, and the runs chosen in it.

import { decoded, highlighted, themed } from "./figure.js";
import { duration, fill, h, menu, number, text } from "./dom.js";

export const CONFIG = { displaylogo: false, responsive: false, doubleClickDelay: 400, modeBarButtonsToRemove: ["sendDataToCloud", "autoScale2d", "toImage"] };
export const dark = matchMedia("(prefers-color-scheme: dark)");

const ZOOMED = new Set(["curves", "importance", "savings", "timeline"]); // dragging zooms there, and selects elsewhere
const SWITCHES = new Set(["show", "over", "scale"]); // with two choices: a button that is pressed or not
const MOST_TIPS = 14;
const LATE = 200; // messages of new points that are kept for figures drawn before them
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

/** The menu that saves a plot as a picture. */
export function saveMenu(plot, title, filename, plotly = globalThis.Plotly) {
  const save = (format) => () => {
    const { width, height } = plot.getBoundingClientRect();
    plotly.downloadImage(plot, { format, width: Math.round(width), height: Math.round(height), scale: format === "png" ? 2 : 1, filename });
  };
  return menu("⤓", `Save ${title}`, ["svg", "png"].map((format) => h("button", { "aria-label": `Save ${title} as ${format.toUpperCase()}`, onclick: save(format) }, format.toUpperCase())));
}

export class Panel {
  /** `ask(name, choices)` promises a figure; `plotly` is the library. */
  constructor(sweep, chart, { selection, runs, ask, plotly = globalThis.Plotly }) {
    Object.assign(this, { chart, selection, runs, ask, plotly, choices: {}, brushed: {} });
    this.figure = null;
    this.later = []; // new points that the next figure may not have
    this.dirty = true; // there is news that the figure does not show
    this.visible = false;
    this.cost = 0; // milliseconds that the last drawing took, from the question on
    this.timer = null;
    this.held = false; // a pointer is down on the plot
    this.brushing = false; // Plotly has told of a selection that is not finished
    this.plot = h("div", { class: "plot", role: "img", "aria-label": `${chart.title}; the table below lists the same runs` });
    this.note = h("p", { class: "note", role: "status" });
    this.options = h("div", { class: "options" });
    this.node = h("section", { class: `panel ${chart.name}`, "aria-label": chart.title },
      h("header", {}, h("h2", {}, chart.title), this.options, saveMenu(this.plot, chart.title, `${sweep}-${chart.name}`, plotly)),
      h("div", { class: "canvas" }, this.plot), this.note);
    this.offer(chart);
    this.eye = new IntersectionObserver(([seen]) => this.see(seen.isIntersecting), { rootMargin: "200px" });
    this.eye.observe(this.node);
    this.shape = new ResizeObserver(() => this.plot.data && this.plot.offsetWidth && plotly.Plots.resize(this.plot));
    this.shape.observe(this.plot);
    this.ended = new AbortController();
    const { signal } = this.ended;
    for (const began of ["mousedown", "touchstart"]) this.plot.addEventListener(began, () => (this.held = true), { capture: true, passive: true, signal });
    // One frame later: Plotly hears of it from the same event.
    for (const end of ["mouseup", "touchend", "touchcancel"]) addEventListener(end, () => this.held && requestAnimationFrame(() => this.release()), { signal });
    dark.addEventListener("change", () => this.paint(), { signal });
    selection.listen((source) => {
      if (source !== this) this.brushed = {};
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
    this.plotly.purge(this.plot);
  }

  /** What may be chosen; a choice that is still possible stays. */
  offer(chart) {
    this.chart = chart;
    fill(this.options, optionFields(chart.options, this.choices, () => this.load()));
  }

  see(visible) {
    this.visible = visible;
    if (visible && this.dirty) this.load();
  }

  /** Something has changed: draw anew soon, the later the longer drawing takes. */
  stale(soonest = 0.7) {
    this.dirty = true;
    if (!this.visible || this.timer !== null || this.asked) return;
    this.timer = setTimeout(() => this.load(), Math.max(soonest * 1000, this.cost * 4));
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
      for (const { points, version } of this.later) if (version > figure.version) this.add(points);
    } catch (error) {
      if (mine !== this.asked) return;
      this.asked = null;
      return fill(this.note, error.message);
    }
    this.asked = null;
    await this.paint();
    this.cost = performance.now() - began;
    if (this.dirty) this.stale();
  }

  /** Show the figure with the selection: one drawing at a time, and none under the reader's hand. */
  async paint() {
    this.again = true;
    if (this.painting) return;
    this.painting = true;
    while (this.again && this.figure && !this.closed && !this.held && !this.brushing) {
      this.again = false;
      await this.draw();
    }
    this.painting = false;
  }

  async draw() {
    const { data, layout } = this.figure;
    this.node.classList.toggle("blank", !data.length);
    fill(this.note, layout.meta?.note ?? (data.length ? "" : layout.meta?.empty ?? "Nothing to show yet."));
    const first = !this.plot.data;
    this.plot.style.minWidth = layout.meta?.width ? `${layout.meta.width}px` : "";
    const traces = highlighted(this.arranged(data), this.selection.runs, { place: this.plot });
    await this.plotly.react(this.plot, traces, themed(layout, { drag: ZOOMED.has(this.chart.name) ? "zoom" : "select", place: this.plot }), CONFIG);
    if (first && !this.closed) this.listen();
  }

  release() {
    this.held = false;
    if (this.again) this.paint();
  }

  /** Parallel axes stay where the reader has put them, with the ranges that were dragged. */
  arranged(data) {
    const shown = this.plot.data?.[0];
    if (this.chart.name !== "parallel" || !shown?.dimensions || !data.length) return data;
    const order = shown.dimensions.map((one) => one.name);
    const rank = (one) => (order.includes(one.name) ? order.indexOf(one.name) : order.length);
    const dimensions = [...data[0].dimensions].sort((a, b) => rank(a) - rank(b)).map((one) => ({ ...one, constraintrange: this.brushed[one.name] ?? null }));
    return [{ ...data[0], dimensions }, ...data.slice(1)];
  }

  listen() {
    const runsOf = (event) => event.points.map((point) => point.customdata).filter((run) => run >= 0);
    // Only a hand is "selecting"; "selected" comes again whenever Plotly draws.
    this.plot.on("plotly_selecting", () => (this.brushing = true));
    this.plot.on("plotly_selected", (event) => {
      if (!this.brushing) return;
      this.brushing = false;
      this.selection.set(event?.points ? runsOf(event) : null);
      this.paint();
    });
    this.plot.on("plotly_deselect", () => this.selection.set(null));
    this.plot.on("plotly_click", (event) => {
      const [run] = runsOf(event);
      if (run !== undefined) this.selection.toggle(run);
    });
    this.plot.on("plotly_hover", (event) => this.tip(event));
    this.plot.on("plotly_unhover", () => tip.remove());
    this.plot.on("plotly_restyle", () => this.chart.name === "parallel" && this.brush());
  }

  /** Runs inside all ranges that are dragged on parallel axes. The event's own index is of the old order: not used. */
  brush() {
    const { dimensions, customdata } = this.plot.data[0];
    const ranges = dimensions
      .filter((one) => one.constraintrange?.length)
      .map((one) => [one, typeof one.constraintrange[0] === "number" ? [one.constraintrange] : one.constraintrange]);
    this.brushed = Object.fromEntries(ranges.map(([one]) => [one.name, one.constraintrange]));
    if (!ranges.length) return this.selection.set(null, this);
    const inside = (run, place) => ranges.every(([one, parts]) => parts.some(([low, high]) => one.values[place] >= low && one.values[place] <= high));
    const found = Array.from(customdata).filter(inside);
    this.selection.set(found.length ? found : [-1], this);
  }

  /** What a point is: its run, where it stands, the run's values. */
  tip(event) {
    const point = event.points.find((one) => one.customdata >= 0);
    const run = point && this.runs.get(point.customdata);
    if (!run) return;
    const { clientX, clientY } = event.event ?? { clientX: 0, clientY: 0 };
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
      const trace = this.figure.data.find((one) => one.meta?.live === run);
      const row = this.runs.get(run);
      if (!trace || !row) {
        this.stale(0.2);
        continue;
      }
      trace.count ??= trace.x.length;
      if (interval <= trace.count) continue; // already in the figure
      const over = { interval, step: step ?? interval, seconds: time - row.started }[this.choices.over ?? "interval"];
      trace.x = [...trace.x, over];
      trace.y = [...trace.y, value ?? NaN];
      trace.customdata = [...trace.customdata, run];
      trace.count = interval;
      added = true;
    }
    if (added && this.visible) this.paint();
  }
}
