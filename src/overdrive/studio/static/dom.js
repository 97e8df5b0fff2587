// Elements made of text. Nothing in the studio is ever parsed as markup: h() is the only maker of elements.

/** An element: attributes, `on<event>` listeners, children (nodes or text; null and false are left out). */
export function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && name !== "list" && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Replace all that is in `node`. */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** The same, unless `key` (any JSON) is what it was: what the reader holds in it, focus and open menus, stays. */
export function renew(node, key, make) {
  const said = JSON.stringify(key);
  if (node.dataset.key === said) return;
  node.dataset.key = said;
  fill(node, make());
}

/** A table of text: the names of its columns, and cells by rows; numbers stand at the right. */
export function grid(columns, rows, shown = (cell) => cell) {
  const numeric = columns.map((_, place) => rows.some((row) => row[place] ?? "") && rows.every((row) => (row[place] ?? "") === "" || !Number.isNaN(Number(row[place]))));
  const kind = (place) => (numeric[place] ? "number" : null);
  return h("div", { class: "rows", tabindex: 0, role: "region", "aria-label": "Table" }, h("table", {}, h("thead", {}, h("tr", {}, columns.map((name, place) => h("th", { scope: "col", class: kind(place) }, name)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, columns.map((_, place) => h("td", { class: kind(place) }, shown(row[place] ?? ""))))))));
}

/** What is shown while something is read; it appears only when that takes a moment. */
export function waiting(words) {
  return h("p", { class: "waiting soft", role: "status" }, words);
}

/** A menu that opens below its word; main.js closes it. */
export function menu(word, label, items) {
  return h("details", { class: "menu" }, h("summary", { "aria-label": label, title: label }, word), h("div", { class: "choices" }, items));
}

/** A number in at most `digits` significant digits; what is no number is a dash. */
export function number(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return text(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return String(value);
  const shown = value.toPrecision(digits);
  return shown.includes("e") ? shown.replace(/\.?0+e/, "e") : shown.includes(".") ? shown.replace(/\.?0+$/, "") : shown;
}

/** Any value as one line of text. */
export function text(value) {
  if (value === null || value === undefined) return "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Seconds as 0:07, 12:30, 3:05:00 or 2d 3h. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (part) => String(part).padStart(2, "0");
  if (hours >= 48) return `${Math.floor(hours / 24)}d ${hours % 24}h`;
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });
const calendar = new Intl.DateTimeFormat([], { month: "short", day: "numeric" });

/** When something was, as short as the distance allows. */
export function when(seconds) {
  if (!seconds) return "–";
  const then = new Date(seconds * 1000);
  const today = new Date().toDateString() === then.toDateString();
  return today ? clock.format(then) : `${calendar.format(then)} ${clock.format(then)}`;
}

/** Bytes as kB, MB, GB. */
export function bytes(count) {
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (count < 1000 || unit === "GB") return `${number(count, 3)} ${unit}`;
    count /= 1000;
  }
}

/** A status as a coloured word. */
export function status(word) {
  return h("span", { class: `status ${word}` }, word.replace(/([a-z])([A-Z])/g, "$1 $2"));
}

/** A small line of values. */
export function spark(values, width = 96, height = 22) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({ class: "spark", viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" }))
    svg.setAttribute(name, value);
  const known = values.filter((value) => value !== null);
  if (known.length > 1) {
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const at = (value, place) =>
      `${((place / (known.length - 1)) * (width - 4) + 2).toFixed(1)},${(height - 3 - ((value - low) / (high - low || 1)) * (height - 6)).toFixed(1)}`;
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    line.setAttribute("points", known.map(at).join(" "));
    svg.append(line);
  }
  return svg;
}

/** Call `work` at most once every `seconds`, and once more after the last call; with what else is drawn then, since a
 * frame costs the same for one change and for ten. */
export function paced(work, seconds) {
  let waiting = false;
  let last = -Infinity;
  const now = () => {
    waiting = false;
    last = performance.now();
    work();
  };
  return () => {
    if (waiting) return;
    waiting = true;
    const rest = last + seconds * 1000 - performance.now();
    rest > 0 ? setTimeout(() => requestAnimationFrame(now), rest) : requestAnimationFrame(now);
  };
}
