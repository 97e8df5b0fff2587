// Three axes: dots in a box that is turned by dragging, or by Shift and arrow keys.

import { channels, svg } from "./pen.js";
import { Scale, inner, worded } from "./scale.js";
import { Stage, nearest, shades } from "./stage.js";
import { colorBar } from "./plane.js";

const AXES = ["x", "y", "z"];
const AWAY = 2.6; // from the middle of the box, whose edges are 1
const LETTERS = 18; // of a title or a tick
const TURN = 0.008; // of a pixel, in radians

export class Space extends Stage {
  constructor(place, on) {
    super(place, on);
    Object.assign(this, { angle: Math.PI / 4, height_: 0.38, near: 1 });
  }

  draw(pen) {
    const { data, layout } = this.figure;
    const bar = layout.coloraxis ? 64 : 0;
    this.middle = [(this.width - bar) / 2, this.height * 0.45];
    this.size = Math.min(this.width - bar - 90, this.height - 50) * 1.65 * this.near;
    this.turned();
    this.sides = AXES.map((name, k) => this.side(layout.scene[`${name}axis`] ?? {}, data.map((trace) => trace[name]), k));
    this.frame(pen);
    this.screen = data.map((trace) => this.dots(pen, trace, layout.coloraxis));
    if (layout.coloraxis) this.over.append(...colorBar(this, { ...layout.coloraxis, title: layout.coloraxis.colorbar?.title?.text }, this.width - bar + 14, 20, this.height - 20));
    this.over.append(svg("rect", { class: "hit", width: this.width, height: this.height }));
    this.place.eye = { x: this.eye[0], y: this.eye[1], z: this.eye[2] };
  }

  /** Where the eye is, and what is right and up for it. */
  turned() {
    const [a, e] = [this.angle, this.height_];
    this.eye = [Math.cos(e) * Math.cos(a), Math.cos(e) * Math.sin(a), Math.sin(e)];
    this.right = [-Math.sin(a), Math.cos(a), 0];
    this.up = [-Math.sin(e) * Math.cos(a), -Math.sin(e) * Math.sin(a), Math.cos(e)];
  }

  /** [x, y, distance] on the screen of a point of the box, whose coordinates go from -0.5 to 0.5. */
  seen(x, y, z) {
    const along = (way) => x * way[0] + y * way[1] + z * way[2];
    const far = AWAY - along(this.eye);
    const scale = this.size / far;
    return [this.middle[0] + along(this.right) * scale, this.middle[1] - along(this.up) * scale, far];
  }

  side(axis, arrays, k) {
    const kind = axis.type === "log" ? "log" : "linear";
    let [low, high] = axis.range ?? [Infinity, -Infinity];
    if (!axis.range) {
      for (const values of arrays) for (const value of values) [low, high] = [Math.min(low, inner(kind, value)), Math.max(high, inner(kind, value))];
    }
    if (!(low < high)) [low, high] = [low - 0.5 || -0.5, high + 0.5 || 0.5];
    const far = (high - low) * 0.03;
    const scale = new Scale(kind, axis.range ? [low, high] : [low - far, high + far], [-0.5, 0.5]);
    // Ticks are words on a stretch of about so many pixels, whatever the view.
    const ticks = new Scale(kind, [scale.low, scale.high], [0, 200]).ticks(axis, 50);
    return { title: brief(worded(axis.title?.text)), scale, ticks: ticks.map(([value, word]) => [value, brief(word)]), back: this.eye[k] > 0 ? -0.5 : 0.5 };
  }

  /** The three walls behind the dots, and words along the edges in front. */
  frame(pen) {
    const [x, y, z] = this.sides;
    const line = (from, to, color) => {
      const [[x1, y1], [x2, y2]] = [this.seen(...from), this.seen(...to)];
      pen.lines([x1, x2], [y1, y2], { color });
    };
    const point = (k, at, others) => others.toSpliced(k, 0, at);
    for (const [k, side] of this.sides.entries()) {
      const others = this.sides.filter((_, one) => one !== k);
      for (const [value] of side.ticks) {
        const at = side.scale.at(value);
        for (const wall of [0, 1]) {
          const from = [-0.5, -0.5];
          const to = [0.5, 0.5];
          from[wall] = to[wall] = others[wall].back;
          line(point(k, at, from), point(k, at, to), this.ink.grid);
        }
      }
      for (const one of [-0.5, 0.5]) {
        line(point(k, -0.5, [others[0].back, one]), point(k, 0.5, [others[0].back, one]), this.ink.edge);
        line(point(k, -0.5, [one, others[1].back]), point(k, 0.5, [one, others[1].back]), this.ink.edge);
      }
    }
    this.edge(0, (at) => [at, -y.back, z.back]);
    this.edge(1, (at) => [-x.back, at, z.back]);
    const corners = [[x.back, -y.back], [-x.back, y.back]];
    const leftmost = corners.reduce((a, b) => (this.seen(...a, 0)[0] < this.seen(...b, 0)[0] ? a : b));
    this.edge(2, (at) => [...leftmost, at]);
  }

  edge(k, place) {
    const { ticks, scale, title } = this.sides[k];
    const centre = this.seen(0, 0, k === 2 ? 0 : this.sides[2].back);
    const out = (at, distance) => {
      const [px, py] = this.seen(...place(at));
      const [dx, dy] = k === 2 ? [-1, 0] : [px - centre[0], py - centre[1]];
      const long = Math.hypot(dx, dy) || 1;
      return [px + (dx / long) * distance, py + (dy / long) * distance + 4];
    };
    const bar = this.figure.layout.coloraxis ? 64 : 0;
    const put = (at, distance, word, options) => {
      const [px, py] = out(at, distance);
      const wide = this.wide(word) + 4; // no word leaves the plot, or covers the colour bar
      const [before, behind] = { start: [0, wide], end: [wide, 0], middle: [wide / 2, wide / 2] }[options.anchor];
      return this.text(options.turn ? Math.max(12, px) : Math.min(this.width - bar - behind, Math.max(before, px)), Math.min(this.height - 4, Math.max(12, py)), word, options);
    };
    const anchor = (at) => (k === 2 || this.seen(...place(at))[0] < centre[0] - 20 ? "end" : this.seen(...place(at))[0] > centre[0] + 20 ? "start" : "middle");
    for (const [value, word] of ticks) this.over.append(svg("g", { class: "stick" }, put(scale.at(value), 8, word, { anchor: anchor(scale.at(value)) })));
    const widest = Math.max(0, ...ticks.map(([, word]) => this.wide(word)));
    this.over.append(put(0, k === 2 ? widest + 14 : Math.min(widest, 40) + 24, title, { kind: "stitle", anchor: k === 2 ? "middle" : anchor(0), turn: k === 2 ? -90 : 0 }));
  }

  /** The dots of a trace, the far ones first. */
  dots(pen, trace, coloraxis) {
    const count = trace.x.length;
    const [xs, ys, far] = [new Float32Array(count), new Float32Array(count), new Float32Array(count)];
    for (let k = 0; k < count; k++) [xs[k], ys[k], far[k]] = this.seen(...AXES.map((name, axis) => this.sides[axis].scale.at(trace[name][k])));
    const { color, size = 5, symbol } = trace.marker;
    const { table, steps } = typeof color === "string" ? { table: [channels(color)], steps: new Uint8Array(count) } : shades(color, coloraxis.colorscale, coloraxis.cmin, coloraxis.cmax);
    const many = size * 1.6 * Math.max(0.4, Math.min(1, (60 / Math.sqrt(count + 1)) ** 0.5));
    const chosen = this.chosen ? Array.from(trace.customdata, (run) => this.chosen.has(run)) : null;
    const order = Uint32Array.from({ length: count }, (_, k) => k).sort((a, b) => far[b] - far[a]);
    const of = (values) => Array.from(order, (k) => values[k]);
    pen.dots(of(xs), of(ys), {
      sizes: Array.from(order, (k) => Math.max(2, (many * (chosen ? (chosen[k] ? 1.4 : 0.5) : 1) * AWAY) / far[k])),
      colors: Array.from(order, (k) => table[steps[k]]),
      alpha: 0.92,
      shape: symbol === "circle-open" ? "ring" : "dot",
    });
    return { xs, ys, runs: trace.customdata, trace };
  }

  pull(down, x, y) {
    const [dx, dy] = [x - (down.last?.[0] ?? down.x), y - (down.last?.[1] ?? down.y)];
    down.last = [x, y];
    this.turn(-dx * TURN, dy * TURN);
  }

  turn(sideways, upwards) {
    this.angle += sideways;
    this.height_ = Math.min(1.5, Math.max(-1.5, this.height_ + upwards));
    this.soon ??= requestAnimationFrame(() => {
      this.soon = null;
      this.redraw();
    });
  }

  key(event) {
    const way = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[event.key];
    if (event.target === this.place && event.shiftKey && way) {
      event.preventDefault();
      this.turn(...way);
    } else if (event.target === this.place && (event.key === "+" || event.key === "-")) {
      this.near = Math.min(4, Math.max(0.4, this.near * (event.key === "+" ? 1.15 : 1 / 1.15)));
      this.turn(0, 0);
    } else super.key(event);
  }

  reset() {
    Object.assign(this, { angle: Math.PI / 4, height_: 0.38, near: 1 });
    this.redraw();
    super.reset();
  }

  nearest(x, y) {
    return nearest(this.screen, x, y, 12);
  }

  points() {
    const found = this.screen.flatMap(({ xs, ys, runs }) => Array.from(runs, (run, k) => ({ run, px: xs[k], py: ys[k] })));
    return found.sort((a, b) => a.px - b.px);
  }
}

/** A word in few letters: in space there is little room. */
function brief(word) {
  return word.length > LETTERS ? `${word.slice(0, LETTERS - 1)}…` : word;
}
