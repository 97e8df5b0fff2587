// One run: its values, its metrics, its log as it grows, its files, how it ended, and how to run it again.

import { cancelRun, enqueue, OVER } from "./control.js";
import { bytes, duration, fill, grid, h, number, paced, renew, status, text, waiting, when } from "./dom.js";
import { Plot } from "./plot.js";
import { ask, at, follow } from "./server.js";
import { seconds } from "./table.js";

const MOST_LOG = 400_000; // letters kept on the page

const LOOK_SECONDS = 0.5; // between two looks at a log that may grow

export function runPage(main, { sweep, run: wanted, link, about }) {
  document.title = `run ${wanted} · ${sweep} · Overdrive`;
  let closed = false;
  let details = null;
  let row = null;
  let head = null;
  const parts = Object.fromEntries(["head", "values", "metrics", "files", "entries"].map((name) => [name, h("section", { class: `panel ${name}` })]));
  parts.head.className = "head";
  const log = new Log(sweep, wanted);
  fill(main, waiting("Reading the run…"));

  const lost = (error) => closed || fill(main, h("div", { class: "empty", role: "alert" }, h("h2", {}, "This run cannot be shown"), h("p", {}, error.message), h("a", { href: `#/sweeps/${encodeURIComponent(sweep)}` }, "Its sweep")));

  async function load() {
    try {
      details = await ask(at(sweep, "runs", wanted));
    } catch (error) {
      return lost(error);
    }
    if (closed) return;
    if (!parts.head.isConnected) fill(main, parts.head, h("div", { class: "columns" }, h("div", {}, parts.values, parts.files), h("div", {}, parts.metrics, parts.entries, log.node)));
    drawHead(parts.head, { run: details, row, head, sweep, about });
    drawValues(parts.values, details);
    drawMetrics(parts.metrics, details);
    drawFiles(parts.files, details, sweep);
    drawEntries(parts.entries, details, sweep);
  }

  const again = paced(load, 0.4);
  const stop = follow(sweep, {
    link,
    lost,
    news(message) {
      head = message.sweep;
      row = message.rows.find((one) => one.number === wanted) ?? row;
      if (message.whole || message.rows.some((one) => one.number === wanted)) again();
      log.look();
    },
  });
  const ticking = setInterval(() => details && drawHead(parts.head, { run: details, row, head, sweep, about }), 1000);
  return () => {
    closed = true;
    stop();
    clearInterval(ticking);
    log.close();
  };
}

function drawHead(node, { run, row, head, sweep, about }) {
  const over = OVER.has(run.status);
  const took = row ? duration(seconds(row)) : "–";
  renew(node, [run.status, run.reason, run.earlier, run.exit_code, row?.best, row?.intervals, took, head?.kind], () => {
    const fact = (name, value) => h("div", { class: "fact" }, h("span", {}, name), h("b", {}, value));
    const again = head?.kind === "hyperdrive" ? h("button", { onclick: () => enqueue(sweep, head, run.params, run.number) }, "Run again…") : null;
    const cancel = over ? null : h("button", { class: "danger", onclick: () => cancelRun(sweep, run.number) }, "Cancel");
    return [
      h("div", { class: "title" }, h("div", { class: "name" }, h("h1", {}, `Run ${run.number}`), status(run.status)),
        h("div", { class: "buttons" }, about.read_only ? null : [again, cancel], h("a", { class: "button", href: `#/sweeps/${encodeURIComponent(sweep)}` }, "The sweep"))),
      run.reason ? h("p", { class: run.status === "Failed" ? "warning" : "soft why" }, run.reason) : null,
      h("div", { class: "facts" }, fact(head?.metric ? `best ${head.metric}` : "best", number(row?.best, 6)), fact("intervals", number(row?.intervals)), fact(over ? "took" : "for", took), fact("started", when(run.started)),
        run.exit_code === null ? null : fact("exit code", String(run.exit_code)), run.earlier.length ? fact("earlier attempts", run.earlier.join(", ")) : null),
    ];
  });
}

function drawValues(node, run) {
  const command = run.command.map(quoted).join(" ");
  const copy = (event) => navigator.clipboard?.writeText(command).then(() => (event.target.textContent = "Copied"));
  renew(node, [run.params, run.command, run.folder], () => [h("header", {}, h("h2", {}, "Values")),
    h("dl", { class: "pairs" }, Object.entries(run.params).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, text(value))])),
    h("header", {}, h("h2", {}, "Command line"), h("button", { class: "quiet", onclick: copy }, "Copy")), h("pre", { class: "command" }, command),
    h("p", { class: "soft path" }, run.folder)]);
}

/** A word as a shell takes it. */
function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}

function drawMetrics(node, run) {
  const names = Object.keys(run.metrics);
  node.hidden = !names.length;
  if (!node.firstChild) fill(node, h("header", {}, h("h2", {}, "Metrics")), h("div", { class: "small-plots" }));
  const plots = node.lastChild;
  for (const name of names) {
    const known = [...plots.children].find((one) => one.dataset.name === name);
    const values = run.metrics[name];
    const box = known ?? plots.appendChild(h("figure", { "data-name": name }, h("figcaption", {}, h("span", {}, name), h("b", {})), h("div", { class: "small-plot" })));
    box.querySelector("b").textContent = number(values.at(-1), 6);
    if (values.length < 2) continue;
    const figure = { data: [{ mode: "lines", x: values.map((_, place) => place + 1), y: values, customdata: values.map(() => run.number), line: { width: 1.6, color: "#4a8fc7" } }], layout: {} };
    const last = box.querySelector("b");
    box.plot ??= new Plot(box.lastChild, { on: { hover: ({ x, y }) => fill(last, `${x}: ${number(y, 6)}`), leave: () => fill(last, number(values.at(-1), 6)) } });
    box.plot.show(figure);
  }
}

function drawFiles(node, run, sweep) {
  node.hidden = !run.files.length;
  const address = (part, file) => `${at(sweep, "runs", run.number, part)}?path=${encodeURIComponent(file.path)}`;
  const shown = h("div", { class: "preview" });
  const look = async (file) => {
    if (file.picture) return fill(shown, h("img", { src: address("file", file), alt: file.name }));
    const found = await ask(address("preview", file)).catch((error) => ({ text: error.message }));
    const inside = () => (found.rows ? grid(found.rows[0], found.rows.slice(1)) : h("pre", {}, found.text));
    fill(shown, h("h3", {}, file.name), found.text === null ? h("p", { class: "soft" }, "No text: save it to open it.") : inside(), found.cut ? h("p", { class: "soft" }, "Only its beginning is shown.") : null);
  };
  renew(node, run.files, () => [h("header", {}, h("h2", {}, "Files")), h("ul", { class: "files" }, run.files.map((file) =>
    h("li", {}, file.path === null ? h("span", { class: "name", title: "Its name is no text: find it in the folder" }, file.name) : h("button", { class: "name", onclick: () => look(file) }, file.name), h("span", { class: "soft" }, bytes(file.bytes)), file.path === null ? null : h("a", { href: address("file", file), download: file.name.split("/").at(-1), "aria-label": `Save ${file.name}` }, "Save")))), shown]);
}

function drawEntries(node, run, sweep) {
  node.hidden = !run.entries.length;
  const tables = new Map();
  const found = [];
  for (const { name, kind, payload } of run.entries) {
    if (kind === "image") {
      found.push(h("figure", {}, h("figcaption", {}, name), h("img", { loading: "lazy", alt: name, src: `${at(sweep, "runs", run.number, "file")}?path=${encodeURIComponent(payload.toWellFormed())}` })));
    } else if (kind === "row" || kind === "table") {
      const columns = tables.get(name) ?? {};
      for (const [column, cells] of Object.entries(payload)) columns[column] = [...(columns[column] ?? []), ...(Array.isArray(cells) ? cells : [cells])];
      tables.set(name, columns);
    } else {
      found.push(h("p", {}, h("b", {}, `${name}: `), text(payload)));
    }
  }
  for (const [name, columns] of tables) {
    const length = Math.max(...Object.values(columns).map((cells) => cells.length));
    const rows = Array.from({ length: Math.min(length, 200) }, (_, place) => Object.values(columns).map((cells) => cells[place]));
    found.push(h("figure", {}, h("figcaption", {}, name), grid(Object.keys(columns), rows, (cell) => (cell === "" ? "" : number(cell))),
      length > 200 ? h("p", { class: "soft" }, `200 of ${length} rows`) : null));
  }
  renew(node, run.entries.length, () => [h("header", {}, h("h2", {}, "Also logged")), h("div", { class: "entries" }, found)]);
}

/** Standard output and error, as they grow. */
class Log {
  constructor(sweep, run) {
    Object.assign(this, { sweep, run, stream: "stdout", next: -1, attempt: null, timer: null });
    this.text = h("pre", { class: "log", tabindex: 0, role: "log", "aria-live": "off", "aria-label": "Log" });
    this.following = h("input", { type: "checkbox", checked: true });
    const choose = (event) => this.show(event.target.value);
    this.node = h("section", { class: "panel", "aria-label": "Log" }, h("header", {}, h("h2", {}, "Log"),
      h("select", { "aria-label": "Stream", onchange: choose }, ["stdout", "stderr"].map((name) => h("option", {}, name))), h("label", {}, this.following, "follow")), this.text);
  }

  show(stream) {
    this.stream = stream;
    this.next = -1;
    fill(this.text);
    this.look();
  }

  async look() {
    if (this.asking || this.closed) return;
    this.asking = true;
    clearTimeout(this.timer);
    const { stream } = this;
    let over = false;
    try {
      const piece = await ask(`${at(this.sweep, "runs", this.run, "log")}?stream=${stream}&start=${this.next}`);
      if (stream === this.stream && !this.closed) {
        if (this.attempt !== null && piece.attempt !== this.attempt) fill(this.text);
        this.attempt = piece.attempt;
        this.add(piece.text);
        over = piece.over && piece.next >= piece.size;
        this.next = piece.next;
      }
    } catch {
      // the next look tries again; the page's own light says when the studio is gone
    }
    this.asking = false;
    if (!over && !this.closed) this.timer = setTimeout(() => this.look(), LOOK_SECONDS * 1000);
  }

  add(piece) {
    if (!piece && this.text.textContent) return;
    this.text.append(piece);
    if (this.text.textContent.length > MOST_LOG) fill(this.text, this.text.textContent.slice(-MOST_LOG / 2));
    this.text.classList.toggle("nothing", !this.text.textContent);
    if (this.following.checked) this.text.scrollTop = this.text.scrollHeight;
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
  }
}
