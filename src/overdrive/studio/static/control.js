// Wishes to the controller. Each asks first; what is wished is written down by the store.

import { fill, h } from "./dom.js";
import { at, wish } from "./server.js";

/** Ask, then do: `act` gets the form's values; its error is shown in place. Resolves when the dialog closes. */
export function confirm({ title, text, fields = [], yes, no = "Leave it", danger = false, act }) {
  const problem = h("p", { class: "problem", role: "alert" });
  const button = h("button", { type: "submit", class: danger ? "danger" : "primary" }, yes);
  const form = h("form", { method: "dialog" }, h("h2", {}, title), h("p", {}, text), fields, problem,
    h("div", { class: "actions" }, h("button", { type: "button", onclick: () => dialog.close() }, no), button));
  const dialog = h("dialog", {}, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await act(new FormData(form));
      dialog.close();
    } catch (error) {
      fill(problem, error.message);
      button.disabled = false;
    }
  });
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
}

const LIMITS = [
  ["max_total_runs", "Runs in all", "total"],
  ["max_concurrent_runs", "Runs at once", "concurrent"],
];

function limitFields(head) {
  return LIMITS.map(([name, label, field]) =>
    h("label", { class: "field" }, h("span", {}, label), h("input", { name, type: "number", min: 1, step: 1, value: String(head[field]), required: true })));
}

function changesOf(form, head) {
  const changes = {};
  for (const [name, , field] of LIMITS) {
    const value = Number(form.get(name));
    if (value !== head[field]) changes[name] = value;
  }
  return changes;
}

/** The buttons that fit the state of a sweep. */
export function controls(head, sweep) {
  const over = ["Completed", "Canceled", "Failed"].includes(head.status);
  const single = head.kind !== "hyperdrive";
  const button = (name, options, danger) => h("button", { class: danger ? "danger" : null, onclick: () => confirm({ danger, ...options }) }, name);
  const found = [];
  if (!over && !single && head.status !== "Paused") {
    found.push(button("Pause", { title: "Pause this sweep?", text: "No new run is started; those that run go on.", yes: "Pause", act: () => wish(at(sweep, "pause")) }));
  }
  if (!single && (over || head.status === "Paused" || !head.controller)) {
    const text = over ? "It goes on with what is left of its budget; give it more if nothing is left." : "New runs are started again.";
    found.push(button("Go on", { title: "Go on with this sweep?", text, fields: limitFields(head), yes: "Go on", act: (form) => wish(at(sweep, "resume"), changesOf(form, head)) }));
  }
  if (!over && !single) {
    found.push(button("Limits…", { title: "Change the limits", text: "They hold from now on; runs that are under way go on.", fields: limitFields(head), yes: "Change", act: (form) => {
      const changes = changesOf(form, head);
      return Object.keys(changes).length ? wish(at(sweep, "set"), changes) : null;
    } }));
  }
  if (!over) {
    found.push(button("Cancel", { title: "Cancel this sweep?", text: `Its ${head.running} runs under way are ended, and no new one is started.`, yes: "Cancel the sweep", act: () => wish(at(sweep, "cancel")) }, true));
  }
  return found;
}

/** Ask, then end one run. */
export function cancelRun(sweep, run) {
  confirm({ title: `Cancel run ${run}?`, text: "Its processes are told to end, and after the grace time they are killed.", yes: `Cancel run ${run}`, danger: true, act: () => wish(at(sweep, "runs", run, "cancel")) });
}
