// What every plot stands on: a canvas for what there are thousands of, an SVG over it for axes and words, a reader's
// hand that is left alone, and arrow keys that go from run to run.

import { Pixels, Shapes, channels, svg } from "./pen.js";

const STEPS = 64; // colours of a scale
const HAND = 4; // pixels that a pointer may move and still click

/** `on` has hover({run, x, y, clientX, clientY}), leave(), pick(run), select(runs or null); `place` is the element. */
export class Stage {
  constructor(place, on) {
    Object.assign(this, { place, on, figure: null, chosen: null, down: null, cursor: null });
    this.canvas = document.createElement("canvas");
    this.over = svg("svg", { class: "over", "aria-hidden": "true" });
    this.marks = svg("g", { class: "marks" });
    this.context = this.canvas.getContext("2d", { willReadFrequently: true }); // in memory: reading it back is cheap
    place.replaceChildren(this.canvas, this.over);
    place.tabIndex = 0;
    this.ended = new AbortController();
    const listen = (name, work, node = this.over) => node.addEventListener(name, work, { signal: this.ended.signal });
    listen("pointermove", (event) => this.moved(event));
    listen("pointerdown", (event) => this.pressed(event));
    listen("pointerup", (event) => this.released(event));
    listen("pointercancel", (event) => this.released(event));
    listen("pointerleave", () => this.down || this.unhover());
    listen("dblclick", () => this.reset());
    listen("keydown", (event) => this.key(event), place);
    listen("blur", () => this.unhover(), place);
  }

  /** Draw a figure whose arrays are decoded, with these runs chosen (a Set, or null); not under the reader's hand. */
  show(figure, chosen) {
    Object.assign(this, { figure, chosen });
    this.late = Boolean(this.down);
    if (!this.late) this.redraw();
  }

  redraw() {
    const { clientWidth: width, clientHeight: height } = this.place;
    if (!this.figure || !width || !height) return;
    const ratio = devicePixelRatio || 1;
    Object.assign(this, { width, height });
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== wide || this.canvas.height !== high) Object.assign(this.canvas, { width: wide, height: high });
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, width, height);
    this.over.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const style = getComputedStyle(this.place);
    this.ink = Object.fromEntries(["ink", "soft", "grid", "edge", "accent", "card"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    this.font = `11px ${style.fontFamily}`;
    this.context.font = this.font;
    this.over.replaceChildren();
    this.marks.replaceChildren();
    this.draw(new Pixels(this.context, ratio));
    this.over.append(this.marks);
    Object.assign(this.place, { data: this.figure.data, chosen: this.chosen ? [...this.chosen] : null });
  }

  resize() {
    if (this.place.clientWidth !== this.width || this.place.clientHeight !== this.height) this.redraw();
  }

  close() {
    this.ended.abort();
    this.place.replaceChildren();
  }

  /** The plot as a picture, "svg" or "png": a promise of a Blob. */
  async picture(format) {
    const text = this.vector();
    if (format === "svg") return new Blob([text], { type: "image/svg+xml" });
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: this.width * 2, height: this.height * 2 });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  }

  /** The plot as SVG that needs no style sheet. */
  vector() {
    const shapes = new Shapes();
    this.over.replaceChildren();
    this.draw(shapes);
    const family = getComputedStyle(this.place).fontFamily;
    const whole = svg("svg", { xmlns: "http://www.w3.org/2000/svg", width: this.width, height: this.height, viewBox: `0 0 ${this.width} ${this.height}`, "font-family": family, "font-size": 11 });
    whole.append(svg("rect", { width: "100%", height: "100%", fill: this.ink.card }), shapes.node, ...[...this.over.childNodes].map((node) => node.cloneNode(true)));
    for (const node of whole.querySelectorAll("[class]")) styled(node, this.ink);
    this.redraw();
    return new XMLSerializer().serializeToString(whole);
  }

  /** A text of the overlay. */
  text(x, y, words, { anchor = "middle", kind = "", turn = 0 } = {}) {
    const at = turn ? { transform: `translate(${x},${y}) rotate(${turn})` } : { x, y };
    return svg("text", { ...at, "text-anchor": anchor, class: kind }, words);
  }

  wide(words) {
    return this.context.measureText(words).width;
  }

  // The reader's hand

  /** Where the pointer is, in the plot. */
  spot(event) {
    const box = this.over.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  pressed(event) {
    if (event.button !== 0) return;
    const [x, y] = this.spot(event);
    this.down = { x, y, event, moved: false };
    this.over.setPointerCapture(event.pointerId);
    this.unhover();
    this.grab?.(this.down, event);
  }

  moved(event) {
    const [x, y] = this.spot(event);
    if (this.down) {
      this.down.moved ||= Math.hypot(x - this.down.x, y - this.down.y) > HAND;
      if (this.down.moved) this.pull?.(this.down, x, y, event);
    } else {
      this.looked = event;
      this.look ??= requestAnimationFrame(() => {
        this.look = null;
        if (this.figure && !this.down && !this.ended.signal.aborted) this.hover(this.nearest(...this.spot(this.looked)), this.looked);
      });
    }
  }

  released(event) {
    const { down } = this;
    if (!down) return;
    this.down = null;
    const [x, y] = this.spot(event);
    if (event.type === "pointerup") {
      if (down.moved) this.let?.(down, x, y, event);
      else this.clicked(down, x, y);
    }
    if (this.late) this.show(this.figure, this.chosen);
  }

  clicked(_, x, y) {
    const found = this.nearest(x, y);
    if (found) this.on.pick?.(found.run);
  }

  reset() {
    this.on.select?.(null);
  }

  hover(found, event) {
    if (!found) return this.unhover();
    this.marks.replaceChildren(...this.mark(found));
    const box = this.over.getBoundingClientRect();
    this.on.hover?.({ ...found, clientX: event?.clientX ?? box.left + found.px, clientY: event?.clientY ?? box.top + found.py });
  }

  unhover() {
    this.marks.replaceChildren();
    this.on.leave?.();
  }

  mark({ px, py }) {
    return [svg("circle", { class: "mark", cx: px, cy: py, r: 6 })];
  }

  key(event) {
    if (event.target !== this.place || event.ctrlKey || event.metaKey || event.altKey) return;
    const points = this.points?.() ?? [];
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowUp: -1, ArrowDown: 1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[event.key];
    if (step !== undefined && points.length) {
      const here = points.findIndex((one) => one.run === this.cursor);
      const next = here < 0 ? (step < 0 && step > -Infinity ? points.length - 1 : 0) : here + step;
      const found = points[Math.min(points.length - 1, Math.max(0, next))];
      this.cursor = found.run;
      this.hover(found);
    } else if ((event.key === "Enter" || event.key === " ") && this.cursor !== null) {
      this.on.pick?.(this.cursor);
      const found = points.find((one) => one.run === this.cursor);
      if (found) this.hover(found);
    } else return;
    event.preventDefault();
  }
}

/** The nearest of points on the screen, or null when none is near. */
export function nearest(groups, x, y, reach = 20) {
  let found = null;
  let least = reach * reach;
  for (const { xs, ys, runs, trace } of groups) {
    for (let k = 0; k < xs.length; k++) {
      const away = (xs[k] - x) ** 2 + (ys[k] - y) ** 2;
      if (away < least && runs[k] >= 0) [least, found] = [away, { run: runs[k], px: xs[k], py: ys[k], trace, place: k }];
    }
  }
  return found;
}

/** Colours of a Plotly scale for values between two ends: [red, green, blue, 1] each, and the step of each. */
export function shades(values, scale, low, high) {
  const stops = Array.from(scale, ([at, color]) => [at, channels(color)]);
  const table = Array.from({ length: STEPS }, (_, k) => {
    const share = k / (STEPS - 1);
    const right = Math.max(1, stops.findIndex(([at]) => at >= share));
    const [[from, a], [to, b]] = [stops[right - 1], stops[right]];
    const part = (share - from) / (to - from || 1);
    return a.map((one, channel) => one + (b[channel] - one) * part);
  });
  const steps = Uint8Array.from(values, (value) => Math.round(Math.min(1, Math.max(0, (value - low) / (high - low || 1))) * (STEPS - 1)) || 0);
  return { table, steps };
}

export function css([red, green, blue]) {
  return `rgb(${Math.round(red)},${Math.round(green)},${Math.round(blue)})`;
}

/** What the style sheet says of an overlay's parts, for a picture that has none. */
function styled(node, ink) {
  const kind = node.getAttribute("class");
  const looks = { rule: { stroke: ink.edge }, hit: { fill: "none" }, range: { fill: ink.accent } }[kind];
  for (const [name, value] of Object.entries(looks ?? (node.localName === "text" ? { fill: kind === "axis-title" ? ink.ink : ink.soft } : {}))) node.setAttribute(name, value);
}
