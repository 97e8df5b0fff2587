// Two axes: lines, dots and bars of Plotly's figures. Dragging zooms or selects, and with Shift does the other.

import { channels, svg } from "./pen.js";
import { Scale, inner, worded } from "./scale.js";
import { Stage, css, nearest, shades } from "./stage.js";

const FADED = 0.12; // of what is not chosen
const BAR = 58; // pixels of a colour bar with its words
const THIN = 10; // pixels: a box that is lower or narrower zooms one axis alone

export class Plane extends Stage {
  constructor(place, on, { drag = "zoom" } = {}) {
    super(place, on);
    Object.assign(this, { drag, zoomed: {}, about: null });
  }

  draw(pen) {
    const { data, layout } = this.figure;
    const about = JSON.stringify(["xaxis", "yaxis"].map((name) => [layout[name]?.title?.text, layout[name]?.type]));
    if (about !== this.about) this.zoomed = {};
    this.about = about;
    const parts = data.map((trace) => part(trace));
    if (layout.barmode === "stack") stack(parts);
    const axes = this.axes(parts, layout);
    const scales = this.frame(pen, axes, layout, data);
    const { x, y } = scales;
    pen.clip(this.box.x, this.box.y, this.box.width, this.box.height);
    this.scales = scales;
    this.screen = [];
    const lit = [];
    for (const one of parts) {
      const runs = one.trace.customdata;
      const fades = this.chosen && runs && one.trace.meta?.aside !== true;
      const is = (k) => this.chosen.has(runs[k]);
      if (one.kind === "bar") {
        const edges = [one.x0, one.x1].map((values) => values.map((value) => x.at(value))).concat([one.y0, one.y1].map((values) => values.map((value) => y.at(value))));
        const colors = one.colors(edges[0].length);
        pen.boxes(...edges, { colors, alpha: fades ? FADED : 1, keep: fades ? (k) => !is(k) : undefined });
        if (fades) pen.boxes(...edges, { colors, keep: is });
        if (runs) this.screen.push({ trace: one.trace, edges, runs });
        this.words(one, edges);
        continue;
      }
      const xs = placed(one.x, x);
      const ys = placed(one.y, y);
      if (runs) this.screen.push({ trace: one.trace, xs, ys, runs });
      const mode = one.trace.mode ?? "lines";
      if (mode.includes("lines")) {
        const { color = this.ink.accent, width = 1.5, shape } = one.trace.line ?? {};
        const [px, py] = shape === "hv" ? stairs(xs, ys) : [xs, ys];
        pen.lines(px, py, { color, width, alpha: fades ? FADED * 0.8 : 1 });
        if (fades) lit.push(() => pen.lines(px, py.map((value, k) => (is(k) ? value : NaN)), { color, width: width + 0.6 }));
      }
      if (mode.includes("markers")) {
        const { size = 6, symbol, opacity = 1 } = one.trace.marker ?? {};
        const shape = { "x-thin": "cross", "circle-open": "ring" }[symbol] ?? "dot";
        const colors = one.colors(xs.length, layout.coloraxis);
        const many = Math.max(0.45, Math.min(1, (60 / Math.sqrt(xs.length + 1)) ** 0.5));
        const dots = { size: shape === "dot" ? Math.max(3, size * many) : size, shape, colors };
        pen.dots(xs, ys, { ...dots, alpha: opacity * (fades ? FADED : 1), keep: fades ? (k) => !is(k) : undefined });
        if (fades) lit.push(() => pen.dots(xs, ys, { ...dots, alpha: 1, keep: is }));
      }
    }
    for (const work of lit) work();
  }

  /** The ends of both axes in inner coordinates, and how they are marked. */
  axes(parts, layout) {
    return Object.fromEntries(["x", "y"].map((name) => {
      const axis = layout[`${name}axis`] ?? {};
      const kind = axis.type === "log" ? "log" : "linear";
      let [low, high] = [Infinity, -Infinity];
      let padded = name === "y";
      for (const one of parts) {
        for (const values of one.kind === "bar" ? [one[`${name}0`], one[`${name}1`]] : [one[name]]) {
          for (const value of values) {
            const at = inner(kind, value);
            if (at < low && at > -Infinity) low = at;
            if (at > high && at < Infinity) high = at;
          }
        }
        padded ||= one.kind !== "bar" && one.trace.mode !== "lines";
      }
      if (low > high) [low, high] = [0, 1];
      if (low === high) [low, high] = [low - 0.5, high + 0.5];
      const bars = parts.some((one) => one.kind === "bar" && one.flat === (name === "x"));
      const room = padded ? (high - low) * 0.04 : 0;
      if (axis.rangemode === "tozero" || bars) [low, high] = [Math.min(0, low), high + room];
      else [low, high] = [low - room, high + room];
      return [name, { kind, axis, ends: this.zoomed[name] ?? axis.range ?? [low, high] }];
    }));
  }

  /** Axes, grid, legend and colour bar; the scales that are left. */
  frame(pen, { x, y }, layout, data) {
    const { width, height, over, ink } = this;
    const legend = this.legend(layout, data);
    const top = 8 + legend;
    const bottom = height - (x.axis.title?.text ? 38 : 24);
    const probe = new Scale(y.kind, y.ends, [bottom, top]).ticks(y.axis, 38);
    const left = Math.min(width * 0.4, Math.max(0, ...probe.map(([, word]) => this.wide(word))) + (y.axis.title?.text ? 30 : 12));
    const right = width - (layout.coloraxis ? BAR : 14);
    this.box = { x: left, y: top, width: Math.max(10, right - left), height: Math.max(10, bottom - top) };
    const scales = { x: new Scale(x.kind, x.ends, [left, right]), y: new Scale(y.kind, y.ends, [bottom, top]) };
    for (const [value, word] of scales.x.ticks(x.axis, 64)) {
      const at = scales.x.at(value);
      pen.lines([at, at], [top, bottom], { color: ink.grid });
      over.append(svg("g", { class: "xtick" }, this.text(at, bottom + 15, word)));
    }
    for (const [value, word] of scales.y.ticks(y.axis, 38)) {
      const at = scales.y.at(value);
      pen.lines([left, right], [at, at], { color: ink.grid });
      over.append(svg("g", { class: "ytick" }, this.text(left - 6, at + 4, word, { anchor: "end" })));
    }
    if (x.axis.title?.text) over.append(this.text((left + right) / 2, height - 6, worded(x.axis.title.text), { kind: "xtitle" }));
    if (y.axis.title?.text) over.append(this.text(12, (top + bottom) / 2, worded(y.axis.title.text), { kind: "ytitle", turn: -90 }));
    if (layout.coloraxis) over.append(...this.bar(layout.coloraxis, right + 14, top, bottom));
    over.append(svg("rect", { class: "hit", ...this.box }));
    return scales;
  }

  bar({ colorscale, cmin, cmax, colorbar }, x, top, bottom) {
    return colorBar(this, { colorscale, cmin, cmax, title: colorbar?.title?.text }, x, top, bottom);
  }

  /** The height of the legend, which names traces by their colours. */
  legend(layout, data) {
    if (!layout.showlegend) return 0;
    let [x, y] = [4, 14];
    for (const trace of data.filter((one) => one.name && one.showlegend !== false)) {
      const words = worded(trace.name);
      const long = this.wide(words) + 34;
      if (x > 4 && x + long > this.width) [x, y] = [4, y + 16];
      this.over.append(svg("rect", { x, y: y - 6, width: 14, height: 3, fill: trace.line?.color ?? this.ink.soft }), this.text(x + 18, y, words, { anchor: "start", kind: "legend" }));
      x += long;
    }
    return y;
  }

  /** Words beside the ends of bars. */
  words({ trace }, [, x1, y0, y1]) {
    for (const [k, word] of (trace.text ?? []).entries()) this.over.append(this.text(x1[k] + 5, (y0[k] + y1[k]) / 2 + 4, worded(word), { anchor: "start" }));
  }

  // The reader's hand

  nearest(x, y) {
    const dots = nearest(this.screen.filter((one) => one.xs), x, y);
    if (dots) return { ...dots, x: dots.trace.x[dots.place], y: dots.trace.y[dots.place] };
    for (const { trace, edges: [x0, x1, y0, y1], runs } of this.screen.filter((one) => one.edges)) {
      const place = runs.findIndex((_, k) => (x - x0[k]) * (x - x1[k]) <= 0 && (y - y0[k]) * (y - y1[k]) <= 0);
      if (place >= 0) return { run: runs[place], px: x, py: y, trace, place };
    }
    return null;
  }

  inside([x, y]) {
    const { box } = this;
    return [Math.min(box.x + box.width, Math.max(box.x, x)), Math.min(box.y + box.height, Math.max(box.y, y))];
  }

  grab(down) {
    down.within = down.x >= this.box.x && down.x <= this.box.x + this.box.width && down.y >= this.box.y && down.y <= this.box.y + this.box.height;
  }

  /** What the drag covers, and whether it selects. */
  covered(down, x, y, event) {
    const selects = (this.drag === "select") !== event.shiftKey && Boolean(this.on.select);
    let [[x0, y0], [x1, y1]] = [this.inside([down.x, down.y]), this.inside([x, y])];
    if (!selects && Math.abs(y1 - y0) < THIN) [y0, y1] = [this.box.y, this.box.y + this.box.height];
    else if (!selects && Math.abs(x1 - x0) < THIN) [x0, x1] = [this.box.x, this.box.x + this.box.width];
    return { selects, x0: Math.min(x0, x1), x1: Math.max(x0, x1), y0: Math.min(y0, y1), y1: Math.max(y0, y1) };
  }

  pull(down, x, y, event) {
    if (!down.within) return;
    const { x0, x1, y0, y1 } = this.covered(down, x, y, event);
    this.marks.replaceChildren(svg("rect", { class: "drawn", x: x0, y: y0, width: x1 - x0, height: y1 - y0 }));
  }

  let(down, x, y, event) {
    this.marks.replaceChildren();
    if (!down.within) return;
    const { selects, x0, x1, y0, y1 } = this.covered(down, x, y, event);
    if (!selects) {
      for (const [name, a, b] of [["x", x0, x1], ["y", y1, y0]]) {
        if (this.figure.layout[`${name}axis`]?.fixedrange) continue;
        this.zoomed[name] = [this.scales[name].of(a), this.scales[name].of(b)];
      }
      return this.redraw();
    }
    const found = new Set();
    for (const { xs, ys, edges, runs } of this.screen) {
      for (let k = 0; k < runs.length; k++) {
        const hit = edges
          ? Math.max(edges[0][k], edges[1][k]) >= x0 && Math.min(edges[0][k], edges[1][k]) <= x1 && Math.max(edges[2][k], edges[3][k]) >= y0 && Math.min(edges[2][k], edges[3][k]) <= y1
          : xs[k] >= x0 && xs[k] <= x1 && ys[k] >= y0 && ys[k] <= y1;
        if (hit && runs[k] >= 0) found.add(runs[k]);
      }
    }
    this.on.select(found);
  }

  reset() {
    const zoomed = Object.keys(this.zoomed).length;
    this.zoomed = {};
    if (zoomed) this.redraw();
    else super.reset();
  }

  /** One point for each run, from left to right: what arrow keys go over. The last of a line stands for it. */
  points() {
    const found = new Map();
    for (const { xs, ys, edges, runs, trace } of this.screen) {
      for (let k = 0; k < runs.length; k++) {
        const [px, py] = edges ? [(edges[0][k] + edges[1][k]) / 2, (edges[2][k] + edges[3][k]) / 2] : [xs[k], ys[k]];
        if (runs[k] >= 0 && !Number.isNaN(px) && !Number.isNaN(py)) found.set(runs[k], { run: runs[k], px, py, x: trace.x[k], y: trace.y[k] });
      }
    }
    return [...found.values()].sort((a, b) => a.px - b.px || a.run - b.run);
  }
}

/** A colour bar with its ticks and its title. */
export function colorBar(stage, { colorscale, cmin, cmax, title }, x, top, bottom) {
  const id = `bar-${Math.random().toString(36).slice(2)}`;
  const { table } = shades([], colorscale, cmin, cmax);
  const scale = new Scale("linear", [cmin, cmax], [bottom, top]);
  return [
    svg("linearGradient", { id, x1: 0, x2: 0, y1: 1, y2: 0 }, ...table.map((color, k) => svg("stop", { offset: k / (table.length - 1), "stop-color": css(color) }))),
    svg("rect", { x, y: top, width: 7, height: bottom - top, fill: `url(#${id})` }),
    ...scale.ticks({}, 44).map(([value, word]) => stage.text(x + 11, scale.at(value) + 4, word, { anchor: "start" })),
    ...(title ? [stage.text(x - 5, (top + bottom) / 2, worded(title), { turn: -90, kind: "ctitle" })] : []),
  ];
}

/** A trace as what is drawn: points, or the edges of bars. */
function part(trace) {
  const colors = (count, axis) => {
    const { color } = trace.marker ?? {};
    if (color === undefined || typeof color === "string") return Array(count).fill(channels(color ?? trace.line?.color ?? "#8b93a1"));
    if (typeof color[0] === "string") {
      const known = new Map();
      return color.map((one) => known.get(one) ?? (known.set(one, channels(one)), known.get(one)));
    }
    const { table, steps } = shades(color, axis.colorscale, axis.cmin, axis.cmax);
    return Array.from(steps, (step) => table[step]);
  };
  if (trace.type !== "bar") return { kind: "points", trace, x: trace.x, y: trace.y, colors };
  const flat = trace.orientation === "h";
  const [along, across] = flat ? [trace.x, trace.y] : [trace.y, trace.x];
  const half = (trace.width ?? 0.8) / 2;
  const ends = [Array.from(along, (_, k) => trace.base?.[k] ?? 0), Array.from(along, (value, k) => value + (trace.base?.[k] ?? 0))];
  const sides = [Array.from(across, (value) => value - half), Array.from(across, (value) => value + half)];
  const [[x0, x1], [y0, y1]] = flat ? [ends, sides] : [sides, ends];
  return { kind: "bar", flat, trace, x0, x1, y0, y1, colors };
}

/** Put bars on those of earlier traces, which stand at the same places in the same order. */
function stack(parts) {
  const bars = parts.filter((one) => one.kind === "bar");
  for (const [place, one] of bars.entries()) {
    if (!place) continue;
    one.y0 = Array.from(bars[place - 1].y1);
    one.y1 = one.y1.map((value, k) => value + one.y0[k]);
  }
}

function placed(values, scale) {
  const found = new Float32Array(values.length);
  for (let k = 0; k < values.length; k++) found[k] = values[k] === null ? NaN : scale.at(values[k]);
  return found;
}

/** The corners of a line of steps, which may have far fewer than it has points. */
function stairs(xs, ys) {
  const [px, py] = [[], []];
  for (let k = 0; k < xs.length; k++) {
    if (k && k < xs.length - 1 && ys[k] === ys[k - 1]) continue;
    if (k) px.push(xs[k]) && py.push(py.at(-1));
    px.push(xs[k]);
    py.push(ys[k]);
  }
  return [px, py];
}
