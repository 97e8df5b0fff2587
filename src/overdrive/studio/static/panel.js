// One chart: its options, its figure, what is new in it, and the runs chosen in it.

import { decoded, highlighted, themed } from "./figure.js";
import { fill, h, number, text } from "./dom.js";
import { ask, at } from "./server.js";

const CONFIG = { displaylogo: false, responsive: false, doubleClickDelay: 400, modeBarButtonsToRemove: ["sendDataToCloud", "autoScale2d"] };
const ZOOMED = new Set(["curves", "importance", "savings", "timeline"]); // dragging zooms there, and selects elsewhere
const dark = matchMedia("(prefers-color-scheme: dark)");

export class Panel {
  constructor(sweep, chart, { selection, runs, choices }) {
    Object.assign(this, { sweep, chart, selection, runs });
    this.choices = choices[chart.name] ??= {};
    this.figure = null;
    this.dirty = true;
    this.visible = false;
    this.cost = 0;
    this.timer = null;
    this.plot = h("div", { class: "plot" });
    this.note = h("p", { class: "note" });
    this.options = h("div", { class: "options" });
    this.node = h("section", { class: `panel ${chart.name}`, "aria-label": chart.title },
      h("header", {}, h("h2", {}, chart.title), this.options,
        h("button", { class: "quiet", title: "Save this chart as SVG", "aria-label": `Save ${chart.title} as SVG`, onclick: () => this.save("svg") }, "SVG"),
        h("button", { class: "quiet", title: "Save this chart as PNG", "aria-label": `Save ${chart.title} as PNG`, onclick: () => this.save("png") }, "PNG")),
      h("div", { class: "canvas" }, this.plot), this.note);
    this.ask(chart.options);
    this.eye = new IntersectionObserver(([seen]) => this.see(seen.isIntersecting), { rootMargin: "200px" });
    this.eye.observe(this.node);
    this.shape = new ResizeObserver(() => this.plot.data && this.visible && Plotly.Plots.resize(this.plot));
    this.shape.observe(this.plot);
    this.plot.addEventListener("pointerdown", () => (this.held = this.hand = true));
    this.release = () => {
      if (!this.held) return;
      this.held = false;
      setTimeout(() => {
        this.hand = this.held;
        if (this.again) this.paint();
      }, 500); // Plotly tells of a selection some time after the hand has gone
    };
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, this.release, true);
    this.restyle = () => this.paint();
    dark.addEventListener("change", this.restyle);
    selection.listen((source) => source !== this && this.paint());
  }

  close() {
    this.eye.disconnect();
    this.shape.disconnect();
    dark.removeEventListener("change", this.restyle);
    for (const end of ["pointerup", "pointercancel"]) removeEventListener(end, this.release, true);
    tip.remove();
    clearTimeout(this.timer);
    this.closed = true;
    Plotly.purge(this.plot);
  }

  /** What may be chosen; a choice that is still possible stays. */
  ask(options) {
    const found = options.filter((option) => option.choices.length > 1).map((option) => {
      if (!option.choices.includes(this.choices[option.name])) this.choices[option.name] = option.default;
      const choose = (event) => {
        this.choices[option.name] = event.target.value;
        this.load();
      };
      return h("label", {}, h("span", {}, option.label),
        h("select", { "aria-label": option.label, onchange: choose }, option.choices.map((choice) => h("option", { value: choice, selected: choice === this.choices[option.name] }, choice))));
    });
    fill(this.options, found);
  }

  see(visible) {
    this.visible = visible;
    if (visible && this.dirty) this.load();
  }

  /** Something has changed: draw anew soon, the later the longer drawing takes. */
  stale(soonest = 0.7) {
    this.dirty = true;
    if (!this.visible || this.timer !== null || this.loading) return;
    this.timer = setTimeout(() => this.load(), Math.max(soonest * 1000, this.cost * 4));
  }

  async load() {
    clearTimeout(this.timer);
    this.timer = null;
    if (this.closed) return;
    const began = performance.now();
    const mine = (this.loading = Symbol());
    this.dirty = false;
    try {
      const figure = await ask(`${at(this.sweep, "charts", this.chart.name)}?${new URLSearchParams(this.choices)}`);
      if (mine !== this.loading || this.closed) return;
      this.version = figure.version;
      this.figure = { data: decoded(figure.data), layout: figure.layout };
      fill(this.note);
    } catch (error) {
      fill(this.note, error.message);
    }
    if (mine === this.loading) this.loading = null;
    await this.paint();
    this.cost = performance.now() - began;
    if (this.dirty) this.stale();
  }

  /** Show the figure with the selection; one drawing at a time, and none under the reader's hand. */
  async paint() {
    if (!this.figure || this.closed) return;
    this.again = Boolean(this.painting || this.held);
    if (this.again) return;
    const { data, layout } = this.figure;
    this.node.classList.toggle("blank", !data.length);
    if (!data.length) fill(this.note, layout.meta?.empty ?? "Nothing to show yet.");
    const traces = highlighted(this.ordered(data), this.selection.runs);
    const first = !this.plot.data;
    this.plot.style.minWidth = layout.meta?.width ? `${layout.meta.width}px` : "";
    this.painting = true;
    const { runs } = this.selection;
    await Plotly.react(this.plot, traces, themed(layout, { drag: ZOOMED.has(this.chart.name) ? "zoom" : "select" }), CONFIG);
    this.painting = false;
    if (this.closed) return;
    if (first) this.listen();
    if (this.again || runs !== this.selection.runs) await this.paint();
  }

  /** Parallel axes stay where the reader has put them, with the ranges that were dragged. */
  ordered(data) {
    const shown = this.plot.data?.[0];
    if (this.chart.name !== "parallel" || !shown?.dimensions || !data.length) return data;
    const order = shown.dimensions.map((one) => one.name);
    const rank = (one) => (order.includes(one.name) ? order.indexOf(one.name) : order.length);
    const kept = this.selection.runs ? this.brushed ?? {} : {};
    const dimensions = [...data[0].dimensions]
      .sort((a, b) => rank(a) - rank(b))
      .map((one) => ({ ...one, constraintrange: kept[one.name] ?? null }));
    return [{ ...data[0], dimensions }, ...data.slice(1)];
  }

  listen() {
    const runsOf = (event) => event.points.map((point) => point.customdata).filter((run) => run >= 0);
    this.plot.on("plotly_selected", (event) => {
      if (event?.points && this.hand) this.selection.set(runsOf(event)); // Plotly says it again when it draws anew
    });
    this.plot.on("plotly_deselect", () => this.hand && this.selection.set(null));
    this.plot.on("plotly_click", (event) => {
      const [run] = runsOf(event);
      if (run !== undefined) this.selection.toggle(run);
    });
    this.plot.on("plotly_hover", (event) => this.tip(event));
    this.plot.on("plotly_unhover", () => tip.remove());
    this.plot.on("plotly_restyle", () => this.chart.name === "parallel" && !this.painting && this.brush());
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

  tip(event) {
    const point = event.points.find((one) => one.customdata >= 0);
    const run = point && this.runs.get(point.customdata);
    if (!run) return;
    const { clientX, clientY } = event.event ?? { clientX: 0, clientY: 0 };
    const at = [point.x, point.y].filter((value) => typeof value === "number").map((value) => number(value));
    fill(tip, h("b", {}, `run ${run.number}`), ` ${run.status}`, h("br"), h("span", {}, at.join(" · ")),
      h("dl", {}, Object.entries(run.params).slice(0, 14).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, typeof value === "number" ? number(value) : text(value))]),
        h("dt", {}, "best"), h("dd", {}, number(run.best, 6))));
    document.body.append(tip);
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(clientX + 14, innerWidth - width - 8))}px`;
    tip.style.top = `${Math.max(4, Math.min(clientY + 14, innerHeight - height - 8))}px`;
  }

  /** New points of runs that have a line of their own; what cannot be added is drawn anew. */
  extend(points) {
    if (!this.figure || this.chart.name !== "curves") return;
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
      if (trace.count === undefined) {
        for (const part of ["x", "y", "customdata"]) trace[part] = Array.from(trace[part]);
        trace.count = trace.x.length;
      }
      if (interval <= trace.count) continue; // already in the figure
      const over = { interval, step: step ?? interval, seconds: time - row.started }[this.choices.over ?? "interval"];
      trace.x = [...trace.x, over];
      trace.y = [...trace.y, value ?? NaN];
      trace.customdata = [...trace.customdata, run];
      trace.count = interval;
      added = true;
    }
    if (added && this.visible) this.repaint();
  }

  repaint() {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(async () => {
      await this.paint();
      this.drawing = null;
    });
  }

  save(format) {
    const { width, height } = this.plot.getBoundingClientRect();
    Plotly.downloadImage(this.plot, { format, width: Math.round(width), height: Math.round(height), scale: format === "png" ? 2 : 1, filename: `${this.sweep}-${this.chart.name}` });
  }
}

const tip = h("div", { class: "tip", role: "tooltip" });
