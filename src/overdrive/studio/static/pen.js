// What there are thousands of: lines, dots and bars, on a canvas or as SVG. Canvases stroke lines of one pixel quickly
// and everything else slowly where no graphics card helps, so dots and bars are set pixel by pixel.

const MANY = 2_000; // points beyond which a line is one pixel wide

export const SVG = "http://www.w3.org/2000/svg";

/** An SVG element; `text` becomes a text node. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== undefined) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** [red, green, blue, alpha] of #rrggbb or rgba(...). */
export function channels(color) {
  if (color[0] === "#") return [1, 3, 5].map((place) => parseInt(color.slice(place, place + 2), 16)).concat(1);
  const [red, green, blue, alpha = 1] = color.match(/[\d.]+/g).map(Number);
  return [red, green, blue, alpha];
}

/** Pixels. `ratio` is how many of the screen's there are for one of the page's. */
export class Pixels {
  constructor(context, ratio) {
    Object.assign(this, { context, ratio, area: null });
  }

  /** What is drawn from now on is seen only inside this box. */
  clip(x, y, width, height) {
    this.area = [x, y, x + width, y + height].map((edge) => Math.round(edge * this.ratio));
  }

  /** A line through points; NaN is a gap. */
  lines(xs, ys, { color, width = 1, alpha = 1 }) {
    const { context, ratio, area } = this;
    context.save();
    context.beginPath();
    if (area) context.rect(area[0] / ratio, area[1] / ratio, (area[2] - area[0]) / ratio, (area[3] - area[1]) / ratio);
    if (area) context.clip();
    Object.assign(context, { strokeStyle: color, globalAlpha: alpha, lineWidth: xs.length > MANY ? 1 / ratio : width, lineJoin: "round" });
    context.beginPath();
    let down = false;
    for (let k = 0; k < xs.length; k++) {
      if (Number.isNaN(xs[k]) || Number.isNaN(ys[k])) down = false;
      else if (down) context.lineTo(xs[k], ys[k]);
      else {
        context.moveTo(xs[k], ys[k]);
        down = true;
      }
    }
    context.stroke();
    context.restore();
  }

  /** Dots: `colors` has one for each; `sizes`, where given, too. Only those where `keep(k)`. */
  dots(xs, ys, { size, sizes = null, colors, alpha = 1, shape = "dot", keep = () => true }) {
    this.pixels((data, width, [left, top, right, bottom]) => {
      const masks = new Map();
      for (let k = 0; k < xs.length; k++) {
        if (!keep(k) || Number.isNaN(xs[k]) || Number.isNaN(ys[k])) continue;
        const wide = Math.max(1, Math.round((sizes ? sizes[k] : size) * this.ratio));
        if (!masks.has(wide)) masks.set(wide, mask(wide, shape, this.ratio));
        const spots = masks.get(wide);
        const [red, green, blue] = colors[k];
        const x = Math.round(xs[k] * this.ratio - wide / 2);
        const y = Math.round(ys[k] * this.ratio - wide / 2);
        for (let row = Math.max(0, top - y); row < wide && y + row < bottom; row++) {
          for (let column = Math.max(0, left - x); column < wide && x + column < right; column++) {
            const cover = spots[row * wide + column] * alpha;
            if (cover > 0) blend(data, ((y + row) * width + x + column) * 4, red, green, blue, cover);
          }
        }
      }
    });
  }

  /** Boxes with these edges, at least a pixel wide, with a hair between neighbours that are wider. */
  boxes(x0, x1, y0, y1, { colors, alpha = 1, keep = () => true }) {
    this.pixels((data, width, [left, top, right, bottom]) => {
      const edges = (a, b, first, last) => {
        const low = Math.round(Math.min(a, b) * this.ratio);
        const high = Math.max(low + 1, Math.round(Math.max(a, b) * this.ratio));
        return [Math.max(low, first), Math.min(high - (high - low > 4 ? 1 : 0), last)];
      };
      for (let k = 0; k < x0.length; k++) {
        if (!keep(k)) continue;
        const [red, green, blue, own] = colors[k];
        const [from, to] = edges(x0[k], x1[k], left, right);
        const [first, last] = edges(y0[k], y1[k], top, bottom);
        for (let y = first; y < last; y++) for (let x = from; x < to; x++) blend(data, (y * width + x) * 4, red, green, blue, own * alpha);
      }
    });
  }

  pixels(work) {
    const { canvas } = this.context;
    if (!canvas.width || !canvas.height) return;
    const image = this.context.getImageData(0, 0, canvas.width, canvas.height);
    work(image.data, canvas.width, this.area ?? [0, 0, canvas.width, canvas.height]);
    this.context.putImageData(image, 0, 0);
  }
}

/** How much of each pixel of a square a dot (or ring, or cross) covers. */
function mask(wide, shape, ratio) {
  const found = new Float32Array(wide * wide);
  const middle = (wide - 1) / 2;
  const thick = 1.2 * ratio;
  for (let row = 0; row < wide; row++) {
    for (let column = 0; column < wide; column++) {
      const [dx, dy] = [column - middle, row - middle];
      const away = Math.hypot(dx, dy);
      const disc = wide < 3 ? 1 : wide / 2 - away + 0.5;
      const cross = thick / 2 + 0.5 - Math.abs(Math.abs(dx) - Math.abs(dy)) * Math.SQRT1_2;
      const cover = shape === "cross" ? cross : shape === "ring" ? Math.min(disc, away - (wide / 2 - thick) + 0.5) : disc;
      found[row * wide + column] = Math.min(1, Math.max(0, cover));
    }
  }
  return found;
}

function blend(data, place, red, green, blue, cover) {
  const under = data[place + 3] / 255;
  const whole = cover + under * (1 - cover);
  const share = cover / whole;
  data[place] += (red - data[place]) * share;
  data[place + 1] += (green - data[place + 1]) * share;
  data[place + 2] += (blue - data[place + 2]) * share;
  data[place + 3] = whole * 255;
}

/** The same as SVG elements, for pictures that are kept. */
export class Shapes {
  constructor() {
    this.node = svg("g");
    this.into = this.node;
  }

  clip(x, y, width, height) {
    const id = "drawn";
    this.node.append(svg("clipPath", { id }, svg("rect", { x, y, width, height })));
    this.into = this.node.appendChild(svg("g", { "clip-path": `url(#${id})` }));
  }

  lines(xs, ys, { color, width = 1, alpha = 1 }) {
    let path = "";
    let down = false;
    for (let k = 0; k < xs.length; k++) {
      const gap = Number.isNaN(xs[k]) || Number.isNaN(ys[k]);
      if (!gap) path += `${down ? "L" : "M"}${xs[k].toFixed(1)},${ys[k].toFixed(1)}`;
      down = !gap;
    }
    this.into.append(svg("path", { d: path, fill: "none", stroke: color, "stroke-width": width, "stroke-opacity": alpha }));
  }

  dots(xs, ys, { size, sizes = null, colors, alpha = 1, shape = "dot", keep = () => true }) {
    for (let k = 0; k < xs.length; k++) {
      if (!keep(k) || Number.isNaN(xs[k]) || Number.isNaN(ys[k])) continue;
      const r = (sizes ? sizes[k] : size) / 2;
      const color = rgb(colors[k]);
      const [x, y] = [xs[k], ys[k]];
      this.into.append(shape === "cross"
        ? svg("path", { d: `M${x - r},${y - r}L${x + r},${y + r}M${x - r},${y + r}L${x + r},${y - r}`, stroke: color, opacity: alpha })
        : svg("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r, opacity: alpha, ...(shape === "ring" ? { fill: "none", stroke: color } : { fill: color }) }));
    }
  }

  boxes(x0, x1, y0, y1, { colors, alpha = 1, keep = () => true }) {
    for (let k = 0; k < x0.length; k++) {
      if (!keep(k)) continue;
      const [x, y] = [Math.min(x0[k], x1[k]), Math.min(y0[k], y1[k])];
      this.into.append(svg("rect", { x, y, width: Math.max(0.5, Math.abs(x1[k] - x0[k])), height: Math.max(0.5, Math.abs(y1[k] - y0[k])), fill: rgb(colors[k]), opacity: alpha * colors[k][3] }));
    }
  }
}

function rgb([red, green, blue]) {
  return `rgb(${Math.round(red)},${Math.round(green)},${Math.round(blue)})`;
}
