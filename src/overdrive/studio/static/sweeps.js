// All sweeps of the workspace, newest first: search, filter, live; those that are ticked can be compared.

import { OVER } from "./control.js";
import { fill, h, number, spark, status, waiting, when } from "./dom.js";
import { stream } from "./server.js";

const MOST_COMPARED = 20;

export function sweepsPage(main, { link, about }) {
  document.title = `${about.workspace} · Overdrive`;
  const sweeps = new Map(); // by id: what is known of it, and its row
  let heard = false;
  const ticked = new Set();
  const search = h("input", { type: "search", placeholder: "Search: id, experiment, metric", "aria-label": "Search", oninput: draw });
  const kind = h("select", { "aria-label": "Status", onchange: draw }, ["all", "under way", "ended"].map((word) => h("option", {}, word)));
  const list = h("div", { class: "sweeps" }, waiting("Reading the sweeps…"));
  const body = h("tbody", {});
  const table = h("table", { class: "list" }, h("thead", {}, h("tr", {}, ["", "Sweep", "Status", "Progress", "Best", "", "Started"].map((name) => h("th", { scope: "col" }, name)))), body);
  const bar = h("div", { class: "chosen-bar", role: "status", hidden: true });
  fill(main, h("div", { class: "bar" }, h("h1", {}, about.workspace), search, kind), list, bar);

  function tick(sweep, on) {
    on ? ticked.add(sweep) : ticked.delete(sweep);
    bar.hidden = !ticked.size;
    const possible = ticked.size > 1 && ticked.size <= MOST_COMPARED;
    const compare = () => (location.hash = `#/compare/${[...ticked].map(encodeURIComponent).join("/")}`);
    fill(bar, h("b", {}, ticked.size === 1 ? "1 sweep: tick another one" : `${ticked.size} sweeps`),
      h("button", { disabled: !possible, title: `2 to ${MOST_COMPARED} sweeps`, onclick: compare }, "Compare"),
      h("button", { onclick: clear }, "Clear"));
  }

  function clear() {
    ticked.clear();
    bar.hidden = true;
    for (const one of sweeps.values()) one.row = null;
    draw();
  }

  function draw() {
    if (!heard) return;
    const wanted = search.value.toLowerCase();
    const found = [...sweeps.values()].filter(
      ({ sweep }) =>
        [sweep.id, sweep.experiment, sweep.metric].join(" ").toLowerCase().includes(wanted) &&
        (kind.value === "all" || OVER.has(sweep.status) === (kind.value === "ended")),
    );
    if (!sweeps.size) {
      fill(list, h("div", { class: "empty" }, h("h2", {}, "No sweep yet"), h("p", {}, "Start one in this project; it appears here by itself:"), h("pre", {}, "overdrive submit sweep.yml")));
    } else if (!found.length) {
      fill(list, h("div", { class: "empty" }, h("p", {}, "No sweep is like that."), h("button", { onclick: () => ((search.value = ""), (kind.value = "all"), draw()) }, "Show all")));
    } else {
      const rows = found.map((one) => (one.row ??= line(one.sweep, ticked.has(one.sweep.id), tick)));
      const held = document.activeElement;
      if (rows.length !== body.children.length || rows.some((row, place) => row !== body.children[place])) fill(body, rows);
      if (held !== document.activeElement && held.isConnected) held.focus({ preventScroll: true });
      if (list.firstChild !== table) fill(list, table);
    }
  }

  /** Take in a sweep that is new or has changed; the newest stands first. */
  function take(sweep) {
    const known = sweeps.get(sweep.id);
    if (!known) return [sweep.id, { sweep }];
    const held = known.row?.contains(document.activeElement) ? document.activeElement.localName : null;
    const row = line(sweep, ticked.has(sweep.id), tick);
    known.row?.replaceWith(row);
    Object.assign(known, { sweep, row });
    if (held) row.querySelector(held)?.focus({ preventScroll: true });
  }

  return stream(() => "/api/live/sweeps", {
    link,
    news(message) {
      const fresh = message.sweeps.map(take).filter(Boolean);
      const named = new Set(message.sweeps.map((sweep) => sweep.id));
      const older = [...sweeps].filter(([id]) => !message.whole || named.has(id));
      sweeps.clear();
      for (const [id, one] of [...fresh, ...older]) sweeps.set(id, one);
      heard = true;
      draw();
    },
  });
}

function line(sweep, ticked, tick) {
  const to = `#/sweeps/${encodeURIComponent(sweep.id)}`;
  const open = (event) => event.target.closest("a, .pick") || (location.hash = to);
  return h("tr", { "data-sweep": sweep.id, onclick: open },
    h("td", { class: "pick" }, h("input", { type: "checkbox", checked: ticked, "aria-label": `Compare ${sweep.experiment} ${sweep.id}`, onchange: (event) => tick(sweep.id, event.target.checked) })),
    h("td", { class: "name" }, h("a", { href: to }, sweep.experiment), h("small", {}, sweep.id)),
    h("td", { class: "state" }, status(sweep.status)),
    h("td", { class: "amount" }, h("progress", { max: sweep.total, value: sweep.done, "aria-label": "Runs ended" }), h("small", {}, `${sweep.done} of ${sweep.total}`)),
    h("td", { class: "best" }, h("b", {}, sweep.best ? number(sweep.best.value) : "–"), h("small", {}, sweep.metric)),
    h("td", { class: "line" }, spark(sweep.spark)),
    h("td", { class: "time" }, when(sweep.created)),
  );
}
