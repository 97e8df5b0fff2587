// Parallel coordinates: axes that are dragged by their names (or moved by arrow keys) and brushed along their length.

import { svg } from "./pen.js";
import { Scale, worded } from "./scale.js";
import { Stage, css, shades } from "./stage.js";

const NEAR = 14; // pixels beside an axis that belong to it
const GRIP = 5; // pixels at the end of a range that move this end alone
const GREY = "#8b93a1";

export class Parallel extends Stage {
  constructor(place, on) {
    super(place, on);
    Object.assign(this, { order: [], ranges: {} });
  }

  show(figure, chosen) {
    const names = figure.data[0]?.dimensions.map((one) => one.name) ?? [];
    const rank = (name) => (this.order.includes(name) ? this.order.indexOf(name) : this.order.length);
    this.order = names.sort((a, b) => rank(a) - rank(b));
    for (const name of Object.keys(this.ranges)) if (!this.order.includes(name)) delete this.ranges[name];
    super.show(figure, chosen);
  }

  /** No ranges any more: something else has made the selection. */
  forget() {
    this.ranges = {};
  }

  draw(pen) {
    const [trace] = this.figure.data;
    if (!trace) return;
    const { width, height, order } = this;
    const [top, bottom] = [34, height - 14];
    const widest = Math.max(...trace.dimensions.map((one) => this.wide(worded(one.label))), 60);
    const [left, right] = [widest / 2 + 8, width - widest / 2 - 8];
    this.gap = order.length > 1 ? (right - left) / (order.length - 1) : 0;
    this.axes = order.map((name, k) => {
      const dimension = trace.dimensions.find((one) => one.name === name);
      return { name, dimension, x: this.moving?.name === name ? this.moving.x : left + k * this.gap, scale: new Scale("linear", dimension.range, [bottom, top]) };
    });
    this.top = top;
    this.bottom = bottom;
    this.lines(pen, trace);
    for (const axis of this.axes) this.axis(axis);
    this.place.axes = this.axes.map(({ name, dimension }) => ({ name, values: dimension.values, ranges: this.ranges[name] ?? null }));
  }

  lines(pen, trace) {
    const { color, colorscale, cmin, cmax } = trace.line;
    const { table, steps } = shades(color, colorscale, cmin, cmax);
    const runs = trace.customdata;
    const wide = this.axes.length + 1;
    const bundle = (places) => {
      const [xs, ys] = [new Float32Array(places.length * wide).fill(NaN), new Float32Array(places.length * wide).fill(NaN)];
      for (const [a, { x, scale, dimension }] of this.axes.entries()) {
        const { values } = dimension;
        for (let k = 0; k < places.length; k++) {
          xs[k * wide + a] = x;
          ys[k * wide + a] = scale.at(values[places[k]]);
        }
      }
      return [xs, ys];
    };
    const groups = Array.from(table, () => []);
    const dull = [];
    for (let k = 0; k < runs.length; k++) (this.chosen && !this.chosen.has(runs[k]) ? dull : groups[steps[k]]).push(k);
    if (dull.length) pen.lines(...bundle(dull), { color: GREY, alpha: dull.length > 2000 ? 0.05 : 0.14 });
    const rank = trace.reversed ? -1 : 1;
    const drawn = groups.map((places, step) => [places, step]).filter(([places]) => places.length);
    drawn.sort(([a], [b]) => rank * (a[0] - b[0])); // in the order of the runs, which puts the best on top
    for (const [places, step] of drawn) pen.lines(...bundle(places), { color: css(table[step]), width: 1.2, alpha: runs.length > 2000 ? 1 : 0.85 });
  }

  axis({ name, dimension, x, scale }) {
    const { top, bottom, over } = this;
    const ranges = this.ranges[name] ?? [];
    const title = this.text(x, 18, worded(dimension.label), { kind: "axis-title" });
    for (const [key, value] of Object.entries({ tabindex: 0, role: "button", "data-axis": name, "aria-label": `Axis ${worded(dimension.label)}: arrow keys move it` })) title.setAttribute(key, value);
    title.addEventListener("keydown", (event) => this.shift(event, name));
    over.append(svg("line", { class: "rule", x1: x, x2: x, y1: top, y2: bottom }));
    for (const [value, word] of scale.ticks(dimension, 30)) if (word) over.append(svg("g", { class: "ptick" }, this.text(x - 5, scale.at(value) + 4, word, { anchor: "end" })));
    over.append(...ranges.map(([low, high]) => svg("rect", { class: "range", x: x - 3, width: 6, y: scale.at(high), height: Math.max(2, scale.at(low) - scale.at(high)) })));
    over.append(svg("rect", { class: "hit axis-brush", x: x - NEAR / 2, y: top, width: NEAR, height: bottom - top }), title);
  }

  // The reader's hand

  at(x, y, event) {
    const named = event.target.dataset?.axis;
    const axis = this.axes.find((one) => one.name === named) ?? this.axes.find((one) => Math.abs(one.x - x) <= NEAR && y >= this.top - 6 && y <= this.bottom + 6);
    return axis && { axis, titled: named !== undefined };
  }

  grab(down, event) {
    Object.assign(down, this.at(down.x, down.y, event));
    if (!down.axis || down.titled) return;
    const { scale, name } = down.axis;
    const held = (this.ranges[name] ?? []).find(([low, high]) => down.y >= scale.at(high) - GRIP && down.y <= scale.at(low) + GRIP);
    if (!held) return;
    const edge = [scale.at(held[0]), scale.at(held[1])].findIndex((end) => Math.abs(down.y - end) <= GRIP);
    Object.assign(down, { range: held, first: held, edge });
  }

  pull(down, x, y) {
    if (!down.axis) return;
    const { axis } = down;
    if (down.titled) {
      this.moving = { name: axis.name, x };
      const others = this.axes.filter((one) => one.name !== axis.name);
      this.order = others.map((one) => one.name);
      this.order.splice(others.filter((one) => one.x < x).length, 0, axis.name);
    } else this.stretch(down, y);
    this.soon ??= requestAnimationFrame(() => {
      this.soon = null;
      this.redraw();
    });
  }

  /** The range under the hand: a new one, one that is moved, or one whose end is. */
  stretch(down, y) {
    const { scale, name } = down.axis;
    const value = (pixel) => scale.of(Math.min(this.bottom, Math.max(this.top, pixel)));
    let ends = [value(down.y), value(y)];
    if (down.first) ends = down.first.map((end, k) => (down.edge < 0 ? end + scale.of(y) - scale.of(down.y) : k === down.edge ? value(y) : end));
    const range = [Math.min(...ends), Math.max(...ends)];
    const ranges = (this.ranges[name] ??= []);
    ranges.splice(down.range ? ranges.indexOf(down.range) : ranges.length, 1, range);
    down.range = range;
  }

  let(down) {
    this.moving = null;
    if (down.axis && !down.titled) this.brushed();
    this.redraw();
  }

  clicked(down, x, y) {
    if (down.axis && !down.titled) {
      if (!this.ranges[down.axis.name]) return;
      delete this.ranges[down.axis.name];
      return this.brushed();
    }
    super.clicked(down, x, y);
  }

  reset() {
    this.ranges = {};
    super.reset();
  }

  shift(event, name) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const from = this.order.indexOf(name);
    if (!step || !this.order[from + step]) return;
    event.preventDefault();
    this.order.splice(from + step, 0, ...this.order.splice(from, 1));
    this.redraw();
    [...this.over.querySelectorAll(".axis-title")].find((one) => one.dataset.axis === name).focus();
  }

  /** Choose the runs inside all ranges; one range of each axis is enough. */
  brushed() {
    const [trace] = this.figure.data;
    const held = this.axes.filter((one) => this.ranges[one.name]?.length);
    if (!held.length) return this.on.select?.(null);
    const inside = (k) => held.every(({ name, dimension }) => this.ranges[name].some(([low, high]) => dimension.values[k] >= low && dimension.values[k] <= high));
    const found = Array.from(trace.customdata).filter((_, k) => inside(k));
    this.on.select?.(found.length ? found : [-1]);
  }

  nearest(x, y) {
    const [trace] = this.figure.data;
    const right = this.axes?.findIndex((one) => one.x >= x);
    if (!trace || !(right > 0) || y < this.top || y > this.bottom) return null;
    const [a, b] = [this.axes[right - 1], this.axes[right]];
    const share = (x - a.x) / (b.x - a.x || 1);
    let [found, least] = [null, 6];
    for (let k = 0; k < trace.customdata.length; k++) {
      if (this.chosen && !this.chosen.has(trace.customdata[k])) continue;
      const from = a.scale.at(a.dimension.values[k]);
      const slope = b.scale.at(b.dimension.values[k]) - from;
      const away = Math.abs(from + share * slope - y) / Math.hypot(1, slope / (b.x - a.x || 1));
      if (away <= least) [found, least] = [{ run: trace.customdata[k], px: x, py: y, place: k }, away];
    }
    return found;
  }

  /** The whole line of a run. */
  mark({ place }) {
    const points = this.axes.map(({ x, scale, dimension }) => `${x},${scale.at(dimension.values[place])}`).join(" ");
    return [svg("polyline", { class: "mark", points })];
  }

  /** Runs from the best to the poorest. */
  points() {
    const [trace] = this.figure.data;
    const last = this.axes.at(-1);
    return Array.from(trace?.customdata ?? [], (run, k) => ({ run, place: k, px: last.x, py: last.scale.at(last.dimension.values[k]) })).reverse();
  }
}
