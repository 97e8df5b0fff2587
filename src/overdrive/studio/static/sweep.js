// One sweep: its head, its charts, its table; one selection for all of them.

import { duration, fill, h, number, status, text, when } from "./dom.js";
import { controls } from "./control.js";
import { Panel } from "./panel.js";
import { Selection } from "./selection.js";
import { ask, at, follow } from "./server.js";
import { Table } from "./table.js";

const MOST_COMPARED = 12;

export function sweepPage(main, { sweep, link, about }) {
  document.title = `${sweep} · Overdrive`;
  const runs = new Map();
  const selection = new Selection();
  const table = new Table(sweep, { selection, runs });
  const choices = {};
  let panels = [];
  let head = null;
  let listed = "";
  const top = h("section", { class: "head", "aria-label": "The sweep" });
  const note = h("div", { role: "alert" });
  const bar = h("div", { class: "chosen-bar", role: "status", hidden: true });
  const grid = h("div", { class: "grid" });
  const said = h("section", { class: "panel messages", "aria-label": "Messages", hidden: true });
  fill(main, top, note, bar, grid, table.node, said);

  selection.listen(() => {
    bar.hidden = !selection.runs;
    const known = [...(selection.runs ?? [])].filter((run) => runs.has(run));
    fill(bar, h("b", {}, `${known.length} of ${runs.size} runs chosen`),
      h("button", { disabled: known.length < 2 || known.length > MOST_COMPARED, title: `2 to ${MOST_COMPARED} runs`, onclick: () => compare(known.map((run) => runs.get(run)), head) }, "Compare"),
      h("button", { onclick: () => selection.set(null) }, "Clear"));
  });
  const escape = (event) => event.key === "Escape" && !document.querySelector("dialog[open]") && selection.set(null);
  addEventListener("keydown", escape);

  /** The charts, and anew when there are other metrics or parameters to choose from. */
  async function chart() {
    const metrics = [...new Set([...runs.values()].flatMap((run) => Object.keys(run.last)))].sort();
    const now = JSON.stringify([metrics, head.params]);
    if (now === listed) return;
    listed = now;
    const charts = await ask(at(sweep, "charts")).catch((error) => (fill(note, error.message), []));
    for (const one of charts) {
      const known = panels.find((panel) => panel.chart.name === one.name);
      if (known) {
        known.chart = one;
        known.ask(one.options);
        known.stale();
      } else if (!closed) {
        const panel = new Panel(sweep, one, { selection, runs, choices });
        panels.push(panel);
        grid.append(panel.node);
      }
    }
  }

  let closed = false;
  let ticking = null;
  const stop = follow(`/api/live${at(sweep).slice(4)}`, {
    link,
    news(message) {
      if (message.whole) runs.clear();
      for (const row of message.rows) runs.set(row.number, row);
      const before = head;
      head = message.sweep;
      fill(note);
      drawHead(top, head, runs, sweep, about);
      drawMessages(said, head.messages);
      table.update(head);
      chart();
      for (const panel of panels) {
        if (panel.chart.name === "curves" && message.points && !message.whole) {
          panel.extend(message.points);
          if (message.rows.some((row) => shape(row) !== shapes.get(row.number))) panel.stale(0.2);
        } else if (message.rows.length || before?.status !== head.status) {
          panel.stale();
        }
      }
      for (const row of message.rows) shapes.set(row.number, shape(row));
      clearInterval(ticking);
      if (!head.ended) ticking = setInterval(() => drawHead(top, head, runs, sweep, about), 1000);
    },
  });
  const shapes = new Map();
  ask(at(sweep)).catch((error) => {
    stop();
    fill(main, h("div", { class: "empty", role: "alert" }, h("h2", {}, "This sweep cannot be shown"), h("p", {}, error.message), h("a", { href: "#/" }, "All sweeps")));
  });

  return () => {
    closed = true;
    stop();
    clearInterval(ticking);
    removeEventListener("keydown", escape);
    for (const panel of panels) panel.close();
    panels = [];
  };
}

/** What of a run makes its line another one, other than new points. */
function shape(row) {
  return [row.status, row.attempt, row.counted_from].join();
}

function drawHead(top, head, runs, sweep, about) {
  const over = ["Completed", "Canceled", "Failed"].includes(head.status);
  const elapsed = head.started ? (head.ended ?? Date.now() / 1000) - head.started : null;
  const fact = (name, ...value) => h("div", { class: "fact" }, h("span", {}, name), h("b", {}, ...value));
  const lost = !over && head.status !== "Paused" && !head.controller && Date.now() / 1000 - (head.created ?? 0) > 20;
  const key = JSON.stringify([head, Math.round(elapsed), lost]);
  if (top.dataset.key === key) return;
  top.dataset.key = key;
  const held = document.activeElement?.closest?.(".buttons") ? document.activeElement.textContent : null;
  fill(top,
    h("div", { class: "title" }, h("h1", {}, head.experiment), status(head.status), head.reason ? h("span", { class: "soft" }, head.reason) : null,
      h("div", { class: "buttons" }, about.read_only ? null : controls(head, sweep),
        h("details", { class: "menu" }, h("summary", {}, "Export"), h("div", { class: "chooser" },
          h("a", { href: `${at(sweep)}/export.csv`, download: "" }, "CSV: one row a run"), h("a", { href: `${at(sweep)}/export.json`, download: "" }, "JSON: everything"))))),
    lost ? h("p", { class: "warning" }, "Nobody controls this sweep any more: its process has ended. “Go on” starts another one.") : null,
    h("div", { class: "facts" },
      h("div", { class: "fact wide" }, h("span", {}, `${head.done} of ${head.total} runs`, head.running ? `, ${head.running} under way` : "", head.paused ? `, ${head.paused} paused` : ""), h("progress", { max: head.total, value: head.done, "aria-label": "Runs ended" })),
      fact(`best ${head.metric}`, number(head.best?.value, 6)),
      head.best ? fact("by run", h("a", { href: `#/sweeps/${encodeURIComponent(sweep)}/runs/${head.best.number}` }, String(head.best.number))) : null,
      fact(over ? "took" : "for", duration(elapsed)),
      fact("at once", String(head.concurrent)),
      head.savings?.intervals ? fact("early termination", head.savings.text) : null,
      fact("started", when(head.started ?? head.created))));
  if (held) [...top.querySelectorAll(".buttons button, .buttons summary")].find((one) => one.textContent === held)?.focus();
}

function drawMessages(node, messages) {
  node.hidden = !messages.length;
  const key = `${messages.length} ${messages.at(-1)?.time}`;
  if (node.dataset.key === key) return;
  node.dataset.key = key;
  fill(node, h("header", {}, h("h2", {}, "Messages")), h("ol", {}, [...messages].reverse().map((one) => h("li", { class: one.level }, h("time", {}, when(one.time)), h("b", {}, one.level), h("span", {}, one.text)))));
}

/** The chosen runs side by side; what differs is marked. */
function compare(chosen, head) {
  const names = [...new Set(chosen.flatMap((run) => Object.keys(run.params)))];
  const metrics = [...new Set(chosen.flatMap((run) => Object.keys(run.last)))];
  const shown = (value) => (typeof value === "number" ? number(value, 6) : text(value));
  const row = (name, of) => {
    const values = chosen.map(of);
    const differs = new Set(values.map((value) => JSON.stringify(value))).size > 1;
    return h("tr", { class: differs ? "differs" : null }, h("th", { scope: "row" }, name), values.map((value) => h("td", {}, value === undefined ? "absent" : shown(value))));
  };
  const dialog = h("dialog", { class: "compare", onclose: () => dialog.remove() }, h("h2", {}, "Side by side"),
    h("div", { class: "rows" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, ""), chosen.map((run) => h("th", { scope: "col" }, `run ${run.number}`)))),
      h("tbody", {}, row("status", (run) => run.status), row(`best ${head.metric}`, (run) => run.best), row("intervals", (run) => run.intervals),
        metrics.map((name) => row(`last ${name}`, (run) => run.last[name])), names.map((name) => row(name, (run) => run.params[name]))))),
    h("div", { class: "actions" }, h("button", { onclick: () => dialog.close() }, "Close")));
  document.body.append(dialog);
  dialog.showModal();
}
