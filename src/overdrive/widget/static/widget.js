// A sweep in a notebook: the studio's charts and table, one selection for all of them, and a button to cancel.

import { duration, fill, h, number, status } from "./dom.js";
import { Line, unzipped } from "./line.js";
import { Panel } from "./panel.js";
import { Selection } from "./selection.js";
import { Table } from "./table.js";
import { followTheme } from "./theme.js";

const OVER = ["Completed", "Canceled", "Failed"];
const BUSY = 4000; // milliseconds without an answer after which we say why

function render({ model, el }) {
  const line = new Line(model);
  const runs = new Map();
  const selection = new Selection();
  const table = new Table({ selection, runs });
  const panels = new Map();
  let version = -1;
  let head = null;
  let charts = [];
  let ticking = null;

  const title = h("div", { class: "title" });
  const facts = h("div", { class: "facts" });
  const controls = h("div", { class: "buttons" });
  const said = h("div", { class: "said" });
  const note = h("p", { class: "note", role: "status" }, "The charts come with the kernel's first answer.");
  const grid = h("div", { class: "grid" });
  // Keys pressed in here are not the notebook's: it would cut cells.
  const root = h("div", { class: "overdrive-widget", "data-lm-suppress-shortcuts": "true" },
    h("section", { class: "head", "aria-label": "The sweep" }, h("div", { class: "bar" }, title, controls), facts, said), note, grid, table.node);
  root.addEventListener("keydown", (event) => event.key === "Escape" && !event.target.closest("dialog") && selection.set(null));
  root.addEventListener("click", (event) => {
    for (const open of root.querySelectorAll("details.menu[open]")) if (!open.contains(event.target)) open.open = false;
  });
  el.append(root);

  const cancelling = canceller(line, controls);
  const drawHead = () => {
    showHead(title, facts, head);
    cancelling.update(head);
  };

  function news(message) {
    if (message.since !== undefined && message.since !== version) {
      if (version < message.version) line.say("hello"); // something was missed: everything again
      return;
    }
    if (message.whole) runs.clear();
    for (const row of message.rows) runs.set(row.number, row);
    version = message.version;
    head = message.sweep;
    charts = message.charts ?? charts;
    fill(said, message.messages.map((words) => h("p", { class: "warning" }, words)));
    drawHead();
    table.update(head);
    arrange();
    if (message.points && !message.whole) panels.get("curves")?.extend(message.points, message.version);
    clearInterval(ticking);
    if (!head.ended) ticking = setInterval(drawHead, 1000);
  }

  function arrange() {
    if (charts.length) fill(note);
    for (const chart of charts) {
      const known = panels.get(chart.name);
      if (known) {
        if (JSON.stringify(known.chart) === JSON.stringify(chart)) continue;
        known.offer(chart);
        known.load();
      } else {
        const panel = new Panel(head.id, chart, { selection, runs, ask: (name, choices) => line.draw(name, choices) });
        panels.set(chart.name, panel);
        grid.append(panel.node);
      }
    }
  }

  // Many rows travel beside their message, packed; whatever comes meanwhile waits, so that nothing overtakes.
  let turn = Promise.resolve();
  line.on("news", (message, bytes) => {
    turn = turn.then(async () => news(bytes ? { ...message, rows: JSON.parse(await unzipped(bytes)) } : message));
  });
  line.on("figure", (name) => {
    const panel = panels.get(name);
    if (panel?.visible) return panel.stale(0);
    if (panel) panel.dirty = true;
    line.leave(name);
  });
  const last = () => model.get("state") && news(JSON.parse(model.get("state")));
  model.on("change:state", last);
  last();
  const forget = followTheme(root, () => panels.forEach((panel) => panel.paint()));
  line.say("hello");

  return () => {
    line.close();
    model.off("change:state", last);
    clearInterval(ticking);
    forget();
    for (const panel of panels.values()) panel.close();
    table.close();
  };
}

function showHead(title, facts, head) {
  const over = OVER.includes(head.status);
  const elapsed = head.started ? (head.ended ?? Date.now() / 1000) - head.started : null;
  const key = JSON.stringify([head, Math.round(elapsed)]);
  if (facts.dataset.key === key) return;
  facts.dataset.key = key;
  const fact = (name, value) => h("div", { class: "fact" }, h("span", {}, name), h("b", {}, value));
  fill(title, h("h1", {}, head.experiment), status(head.status), head.reason ? h("span", { class: "soft" }, head.reason) : null);
  fill(facts,
    h("div", { class: "fact wide" }, h("span", {}, `${head.done} of ${head.total} runs`, head.running ? `, ${head.running} under way` : ""),
      h("progress", { max: head.total, value: head.done, "aria-label": "Runs ended" })),
    head.metric ? fact(`best ${head.metric}`, number(head.best?.value, 6)) : null,
    head.best ? fact("by run", String(head.best.number)) : null,
    fact(over ? "took" : "for", duration(elapsed)),
    head.saved ? fact("saved", `${head.saved} intervals`) : null);
}

/** The button that cancels: it asks first, in its own place, since a notebook's outputs may not open windows. */
function canceller(line, node) {
  let head = null;
  let asked = false;
  let timer = null;
  const button = h("button", { class: "danger", onclick: () => question(true) }, "Cancel…");
  const yes = h("button", { class: "danger", onclick: send }, "Cancel the sweep");
  const no = h("button", { onclick: () => question(false) }, "Leave it");
  const words = h("span", {});
  const group = h("span", { class: "question", role: "group", "aria-label": "Cancel this sweep?", onkeydown: (event) => event.key === "Escape" && question(false) }, words, yes, no);
  const answer = h("span", { class: "soft", role: "status" });

  function question(open) {
    words.textContent = `Cancel this sweep? ${head.running} runs under way are ended.`;
    fill(answer);
    fill(node, open ? group : button, answer);
    (open ? no : button).focus();
  }

  function send() {
    line.say("cancel");
    asked = true;
    fill(answer, "Asked.");
    fill(node, answer);
    timer = setTimeout(() => fill(answer, `The kernel is busy and hears this when its cell has ended. At once: overdrive cancel ${head.id}`), BUSY);
  }

  line.on("asked", () => clearTimeout(timer));
  line.on("refused", ({ text }) => {
    clearTimeout(timer);
    asked = false;
    fill(answer, text);
    fill(node, button, answer);
  });
  return {
    update(now) {
      head = now;
      if (OVER.includes(head.status)) {
        clearTimeout(timer);
        fill(node);
      } else if (!node.firstChild && !asked) fill(node, button, answer);
    },
  };
}

export default { render };
