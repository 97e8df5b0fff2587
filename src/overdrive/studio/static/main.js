// The way in: which page an address names, and the line that says where you are.

import { comparePage } from "./compare.js";
import { fill, h } from "./dom.js";
import { runPage } from "./run.js";
import { ask } from "./server.js";
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
  light.textContent = state === "live" ? (about.read_only ? "live, read-only" : "live") : why ?? "connection lost, trying again";
}

/** The pages by the words of their addresses; each gives the function that leaves it. */
function page(kind, sweep, inner, run) {
  const to = `#/sweeps/${encodeURIComponent(sweep)}`;
  if (kind === "compare" && sweep) return [[["compare", location.hash]], () => comparePage(main, { sweeps: words().slice(1), link })];
  if (kind !== "sweeps" || !sweep) return [[], () => sweepsPage(main, { link, about })];
  if (inner === "runs" && run) return [[[sweep, to], [`run ${run}`, location.hash]], () => runPage(main, { sweep, run: Number(run), link, about })];
  return [[[sweep, to]], () => sweepPage(main, { sweep, link, about })];
}

function words() {
  try {
    return location.hash.split("/").slice(1).map(decodeURIComponent);
  } catch {
    return []; // a torn address is the way to the list
  }
}

function show() {
  leave();
  leave = () => {};
  light.textContent = "";
  fill(main);
  if (about.problem) return fill(main, h("p", { class: "empty", role: "alert" }, about.problem.message));
  const [places, open] = page(...words());
  fill(trail, places.flatMap(([name, address]) => [h("span", { "aria-hidden": "true" }, "/"), h("a", { href: address }, name)]));
  leave = open();
  scrollTo(0, 0);
}

/** Menus close when the reader turns to something else, or says so. */
function closeMenus(event) {
  if (event.type === "keydown" && event.key !== "Escape") return;
  for (const open of document.querySelectorAll("details.menu[open]")) {
    if (event.type === "pointerdown" && open.contains(event.target)) continue;
    if (open.contains(document.activeElement)) open.querySelector("summary").focus();
    open.open = false;
    if (event.type === "keydown") event.preventDefault(); // Escape has done its work
  }
}

addEventListener("hashchange", show);
addEventListener("pointerdown", closeMenus);
addEventListener("keydown", closeMenus);
show();
