// One sweep: its head, its charts, its table; one selection for all of them.

import { beside } from "./beside.js";
import { controls, OVER } from "./control.js";
import { duration, fill, h, menu, number, renew, status, waiting, when } from "./dom.js";
import { remembered } from "./memory.js";
import { Panel } from "./panel.js";
import { Selection } from "./selection.js";
import { ask, at, follow } from "./server.js";
import { Table } from "./table.js";

const MOST_COMPARED = 12;
const LONELY_SECONDS = 20; // so long a new sweep may be without a controller

export function sweepPage(main, { sweep, link, about }) {
  document.title = `${sweep} · Overdrive`;
  const runs = new Map();
  const selection = new Selection();
  const { kept, save } = remembered(sweep);
  kept.charts ??= {};
  const table = new Table({ selection, runs, kept: (kept.table ??= {}), save, href: (run) => `#/sweeps/${encodeURIComponent(sweep)}/runs/${run.number}` });
  const head = new Head(sweep, about);
  const messages = new Messages();
  const note = h("div", { role: "alert" });
  const bar = h("div", { class: "chosen-bar", role: "status", hidden: true });
  const grid = h("div", { class: "grid" });
  const figure = (name, choices) => ask(`${at(sweep, "charts", name)}?${new URLSearchParams(choices)}`);
  let panels = [];
  let listed = "";
  let closed = false;
  fill(main, waiting("Reading the sweep…"));

  selection.listen(() => {
    const known = [...(selection.runs ?? [])].filter((run) => runs.has(run));
    bar.hidden = !selection.runs;
    fill(bar, h("b", {}, `${known.length} of ${runs.size} runs chosen`),
      h("button", { disabled: known.length < 2 || known.length > MOST_COMPARED, title: `2 to ${MOST_COMPARED} runs`, onclick: () => compare(sweep, known.map((run) => runs.get(run)), head.sweep) }, "Compare"),
      h("button", { onclick: () => selection.set(null) }, "Clear"));
  });
  const escape = (event) => event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open]") && selection.set(null);
  addEventListener("keydown", escape);

  /** The charts, and anew when there are other metrics or parameters to choose from. */
  async function offer() {
    const now = JSON.stringify([table.metrics, head.sweep.params]);
    if (now === listed) return;
    listed = now;
    try {
      const charts = await ask(at(sweep, "charts"));
      if (closed) return;
      for (const chart of charts) {
        const known = panels.find((panel) => panel.chart.name === chart.name);
        known?.offer(chart);
        known?.stale();
        if (!known) panels.push(new Panel(sweep, chart, { selection, runs, ask: figure, choices: (kept.charts[chart.name] ??= {}), chosen: save }));
      }
      fill(grid, panels.map((panel) => panel.node));
    } catch (error) {
      fill(note, error.message);
    }
  }

  function take(news) {
    if (!head.sweep) fill(main, head.node, note, bar, grid, table.node, messages.node);
    if (news.whole) {
      runs.clear();
      messages.clear();
    }
    const remade = news.rows.some((row) => shape(row) !== shape(runs.get(row.number)));
    for (const row of news.rows) runs.set(row.number, row);
    const ended = head.sweep?.status !== news.sweep.status;
    head.take(news.sweep);
    messages.add(news.messages);
    table.update(news.sweep);
    offer();
    for (const panel of panels) {
      if (panel.chart.name === "curves" && news.points && !news.whole) {
        panel.extend(news.points, news.version);
        if (remade) panel.stale(0.2);
      } else if (news.rows.length || ended) {
        panel.stale();
      }
    }
  }

  const stop = follow(sweep, {
    link,
    news: take,
    lost: (error) => fill(main, h("div", { class: "empty", role: "alert" }, h("h2", {}, "This sweep cannot be shown"), h("p", {}, error.message), h("a", { href: "#/" }, "All sweeps"))),
  });

  return () => {
    closed = true;
    stop();
    head.close();
    removeEventListener("keydown", escape);
    for (const panel of panels) panel.close();
    table.close();
    panels = [];
  };
}

/** What of a run makes its line another one, other than new points. */
function shape(row) {
  return row && [row.status, row.attempt, row.counted_from].join();
}

/** What the sweep is, what may be done with it, how it stands. */
class Head {
  constructor(sweep, about) {
    Object.assign(this, { id: sweep, about, sweep: null });
    this.title = h("div", { class: "name" });
    this.buttons = h("div", { class: "buttons" });
    this.warning = h("div", { role: "status" });
    this.facts = h("div", { class: "facts" });
    this.node = h("section", { class: "head", "aria-label": "The sweep" }, h("div", { class: "title" }, this.title, this.buttons), this.warning, this.facts);
  }

  take(sweep) {
    this.sweep = sweep;
    const { experiment, status: word, reason, kind, controller, total, concurrent, running, best } = sweep;
    renew(this.title, [experiment, word, reason], () => [h("h1", {}, experiment), status(word), reason ? h("span", { class: "soft" }, reason) : null]);
    renew(this.buttons, [kind, word, controller, total, concurrent, running, best?.number], () => [
      ...(this.about.read_only ? [] : controls(sweep, this.id)),
      menu("Export", "Export", [
        h("a", { href: `${at(this.id)}/report.html`, download: "" }, "Report, one HTML file"),
        h("a", { href: `${at(this.id)}/export.csv`, download: "" }, "CSV, one row a run"),
        h("a", { href: `${at(this.id)}/export.json`, download: "" }, "JSON, everything"),
      ]),
    ]);
    this.tick();
  }

  close() {
    clearTimeout(this.ticking);
  }

  /** What changes by itself as time passes; the next time in a second, unless there is news before. */
  tick() {
    const { sweep } = this;
    clearTimeout(this.ticking);
    this.ticking = setTimeout(() => this.tick(), 1000);
    const now = Date.now() / 1000;
    const over = OVER.has(sweep.status);
    const lost = !over && sweep.status !== "Paused" && !sweep.controller && now - (sweep.created ?? 0) > LONELY_SECONDS;
    renew(this.warning, lost, () => (lost ? h("p", { class: "warning" }, "Nobody controls this sweep any more: its process has ended. “Go on” starts another one.") : null));
    const elapsed = sweep.started ? duration((sweep.ended ?? now) - sweep.started) : "–";
    const fact = (name, value) => h("div", { class: "fact" }, h("span", {}, name), h("b", {}, value));
    const { done, total, running, paused, best, metric, concurrent, saved, started, created } = sweep;
    renew(this.facts, [elapsed, over, done, total, running, paused, best?.number, best?.value, concurrent, saved], () => [
      h("div", { class: "fact wide" }, h("span", {}, `${done} of ${total} runs`, running ? `, ${running} under way` : "", paused ? `, ${paused} paused` : ""), h("progress", { max: total, value: done, "aria-label": "Runs ended" })),
      fact(metric ? `best ${metric}` : "best", number(best?.value, 6)),
      best ? fact("by run", h("a", { href: `#/sweeps/${encodeURIComponent(this.id)}/runs/${best.number}` }, String(best.number))) : null,
      fact(over ? "took" : "for", elapsed),
      fact("at once", String(concurrent)),
      saved ? fact("saved", `${saved} intervals`) : null,
      fact("started", when(started ?? created)),
    ]);
  }
}

/** What the sweep has said, newest first. */
class Messages {
  constructor() {
    this.list = h("ol", {});
    this.node = h("section", { class: "panel messages", "aria-label": "Messages", hidden: true }, h("header", {}, h("h2", {}, "Messages")), this.list);
  }

  clear() {
    fill(this.list);
  }

  add(messages) {
    for (const one of messages) this.list.prepend(h("li", { class: one.level }, h("time", {}, when(one.time)), h("b", {}, one.level), h("span", {}, one.text)));
    this.node.hidden = !this.list.firstChild;
  }
}

/** The chosen runs side by side. */
function compare(sweep, chosen, head) {
  const names = [...new Set(chosen.flatMap((run) => Object.keys(run.params)))];
  const metrics = [...new Set(chosen.flatMap((run) => Object.keys(run.last)))];
  const row = (name, of) => [name, chosen.map(of)];
  const to = (run) => h("a", { href: `#/sweeps/${encodeURIComponent(sweep)}/runs/${run.number}`, onclick: () => dialog.close() }, `run ${run.number}`);
  const dialog = h("dialog", { class: "compare", "aria-label": "Runs side by side", onclose: () => dialog.remove() }, h("h2", {}, `${chosen.length} runs side by side`),
    beside(chosen.map(to), [
      row("status", (run) => status(run.status)), row(`best ${head.metric}`, (run) => run.best), row("intervals", (run) => run.intervals),
      ...names.map((name) => row(name, (run) => run.params[name])), ...metrics.map((name) => row(`last ${name}`, (run) => run.last[name])),
    ]),
    h("div", { class: "actions" }, h("button", { onclick: () => dialog.close() }, "Close")));
  document.body.append(dialog);
  dialog.showModal();
}
