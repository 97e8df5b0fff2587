// All sweeps of the workspace, newest first: search, filter, live.

import { fill, h, number, spark, status, when } from "./dom.js";
import { follow } from "./server.js";

const OVER = new Set(["Completed", "Canceled", "Failed"]);

export function sweepsPage(main, { link, about }) {
  document.title = `${about.workspace} · Overdrive`;
  let sweeps = null;
  const search = h("input", { type: "search", placeholder: "Search: id, experiment, metric", "aria-label": "Search", oninput: draw });
  const kind = h("select", { "aria-label": "Status", onchange: draw }, ["all", "under way", "ended"].map((word) => h("option", {}, word)));
  const list = h("div", { class: "sweeps" });
  fill(main, h("div", { class: "bar" }, h("h1", {}, about.workspace), search, kind), list);

  function draw() {
    if (sweeps === null) return;
    const wanted = search.value.toLowerCase();
    const found = sweeps.filter(
      (sweep) =>
        [sweep.id, sweep.experiment, sweep.metric].join(" ").toLowerCase().includes(wanted) &&
        (kind.value === "all" || OVER.has(sweep.status) === (kind.value === "ended")),
    );
    if (!sweeps.length) {
      fill(list, h("div", { class: "empty" }, h("h2", {}, "No sweep yet"), h("p", {}, "Start one in this project; it appears here by itself:"), h("pre", {}, "overdrive submit sweep.yml")));
    } else if (!found.length) {
      fill(list, h("div", { class: "empty" }, h("p", {}, "No sweep is like that."), h("button", { onclick: () => ((search.value = ""), (kind.value = "all"), draw()) }, "Show all")));
    } else {
      fill(list, h("table", { class: "list" },
        h("thead", {}, h("tr", {}, ["Sweep", "Status", "Progress", "Best", "", "Started"].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, found.map(line)),
      ));
    }
  }

  return follow("/api/live/sweeps", {
    link,
    news(message) {
      sweeps = message.sweeps;
      draw();
    },
  });
}

function line(sweep) {
  const to = `#/sweeps/${encodeURIComponent(sweep.id)}`;
  return h("tr", { onclick: () => (location.hash = to) },
    h("td", { class: "name" }, h("a", { href: to }, sweep.experiment), h("small", {}, sweep.id)),
    h("td", {}, status(sweep.status)),
    h("td", { class: "amount" }, h("progress", { max: sweep.total, value: sweep.done, "aria-label": "Runs ended" }), h("small", {}, `${sweep.done} of ${sweep.total}`)),
    h("td", { class: "best" }, h("b", {}, sweep.best ? number(sweep.best.value) : "–"), h("small", {}, sweep.metric)),
    h("td", { class: "line" }, spark(sweep.spark)),
    h("td", { class: "time" }, when(sweep.created)),
  );
}
