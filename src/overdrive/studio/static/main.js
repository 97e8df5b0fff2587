// The way in: which page an address names, and the line that says where you are.

import { fill, h } from "./dom.js";
import { ask } from "./server.js";
import { runPage } from "./run.js";
import { sweepPage } from "./sweep.js";
import { sweepsPage } from "./sweeps.js";

const main = document.getElementById("main");
const trail = document.getElementById("trail");
const light = document.getElementById("link");
let leave = () => {};

const about = await ask("/api/about").catch((error) => ({ problem: error }));

/** Whether what is shown is live, for everyone to see. */
function link(state, why) {
  light.className = state;
  light.textContent = state === "live" ? "live" : why ?? "connection lost, trying again";
}

function show() {
  leave();
  light.textContent = "";
  const [, kind, sweep, inner, run] = location.hash.split("/").map(decodeURIComponent);
  const place = (...steps) => fill(trail, steps.flatMap(([name, to]) => [h("span", { "aria-hidden": "true" }, "/"), h("a", { href: to }, name)]));
  fill(main);
  if (about.problem) {
    fill(main, h("p", { class: "empty", role: "alert" }, about.problem.message));
  } else if (kind === "sweeps" && sweep && inner === "runs" && run) {
    const to = `#/sweeps/${encodeURIComponent(sweep)}`;
    place([sweep, to], [`run ${run}`, location.hash]);
    leave = runPage(main, { sweep, run: Number(run), link, about });
  } else if (kind === "sweeps" && sweep) {
    place([sweep, location.hash]);
    leave = sweepPage(main, { sweep, link, about });
  } else {
    place();
    leave = sweepsPage(main, { link, about });
  }
  scrollTo(0, 0);
}

addEventListener("hashchange", show);
show();
