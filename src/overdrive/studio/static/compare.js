// Several sweeps on one metric: the best so far of each, and the sweeps side by side.

import { beside } from "./beside.js";
import { duration, fill, h, number, status } from "./dom.js";
import { decoded } from "./figure.js";
import { dark, optionFields, saveMenu } from "./panel.js";
import { Plot } from "./plot.js";
import { ask, stream } from "./server.js";

export function comparePage(main, { sweeps, link }) {
  document.title = "Sweeps compared · Overdrive";
  const choices = {};
  let figure = null;
  const place = h("div", { class: "plot", role: "img", "aria-label": "The best so far of each sweep; its menu has it as a table" });
  const values = h("span", { class: "soft", role: "status" });
  const plot = new Plot(place, { on: { hover: ({ run, y }) => fill(values, `run ${run}: ${number(y, 6)}`), leave: () => fill(values) } });
  const note = h("p", { class: "note", role: "status" });
  const options = h("div", { class: "options" });
  const table = h("section", { class: "panel", "aria-label": "The sweeps side by side" });
  const panel = h("section", { class: "panel comparison", "aria-label": "Best so far" },
    h("header", {}, h("h2", {}, "Best so far"), values, options, saveMenu(plot, "Best so far", "comparison", () => figure)), h("div", { class: "canvas" }, place), note);
  fill(main, h("div", { class: "bar" }, h("h1", {}, `${sweeps.length} sweeps compared`)), panel, table);
  const ended = new AbortController();
  let asked = null;
  const draw = () => figure && !ended.signal.aborted && plot.show(figure);

  async function load() {
    const mine = (asked = Symbol("question"));
    try {
      const found = await ask(`/api/comparison?${new URLSearchParams([...sweeps.map((sweep) => ["sweep", sweep]), ...Object.entries(choices)])}`);
      if (mine !== asked || ended.signal.aborted) return;
      fill(options, optionFields(found.options, choices, load));
      figure = { data: decoded(found.figure.data), layout: found.figure.layout };
      panel.classList.toggle("blank", !figure.data.length);
      fill(note, figure.layout.meta?.empty ?? "");
      fill(table, side(found.sweeps));
      draw();
    } catch (error) {
      if (mine === asked) fill(note, error.message);
    }
  }

  const shape = new ResizeObserver(() => plot.resize());
  shape.observe(place);
  dark.addEventListener("change", draw, { signal: ended.signal });
  const stop = stream(() => "/api/live/sweeps", {
    link,
    news(message) {
      if (message.whole || message.sweeps.some((one) => sweeps.includes(one.id))) load();
    },
  });
  return () => {
    ended.abort();
    stop();
    shape.disconnect();
    plot.close();
  };
}

function side(sweeps) {
  const names = [...new Set(sweeps.flatMap((sweep) => Object.keys(sweep.best?.params ?? {})))];
  const to = (sweep) => `#/sweeps/${encodeURIComponent(sweep.id)}`;
  const row = (name, of) => [name, sweeps.map(of)];
  return beside(sweeps.map((sweep) => h("a", { href: to(sweep), title: sweep.id }, sweep.name)), [
    row("status", (sweep) => status(sweep.status)),
    row("runs", (sweep) => `${sweep.done} of ${sweep.total}`),
    row("metric", (sweep) => `${sweep.metric}, ${sweep.goal}`),
    row("best", (sweep) => (sweep.best ? h("a", { href: `${to(sweep)}/runs/${sweep.best.number}` }, number(sweep.best.value, 6)) : null)),
    row("sampling", (sweep) => sweep.sampling),
    row("early termination", (sweep) => sweep.policy ?? "none"),
    row("saved intervals", (sweep) => sweep.saved),
    row("took", (sweep) => (sweep.started ? duration((sweep.ended ?? Date.now() / 1000) - sweep.started) : null)),
    ...names.map((name) => row(`best run: ${name}`, (sweep) => sweep.best?.params[name])),
  ]);
}
