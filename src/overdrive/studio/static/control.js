// Wishes to the controller. Each asks first; what is wished is written down by the store.

import { fill, h, text } from "./dom.js";
import { at, wish } from "./server.js";

export const OVER = new Set(["Completed", "Canceled", "Failed"]);

/** Ask, then do: `act` gets the form's values; its error is shown in place. */
export function confirm({ title, text: words, fields = [], yes, no = "Leave it", danger = false, act }) {
  const problem = h("p", { class: "problem", role: "alert" });
  const button = h("button", { type: "submit", class: danger ? "danger" : "primary" }, yes);
  const form = h("form", { method: "dialog" }, h("h2", {}, title), h("p", {}, words), h("div", { class: "fields" }, fields), problem,
    h("div", { class: "actions" }, h("button", { type: "button", onclick: () => dialog.close() }, no), button));
  const dialog = h("dialog", { "aria-label": title, onclose: () => dialog.remove() }, form);
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
  return Object.fromEntries(LIMITS.map(([name, , field]) => [name, Number(form.get(name)), head[field]]).filter(([, value, now]) => value !== now));
}

/** The buttons that fit the state of a sweep. */
export function controls(head, sweep) {
  const over = OVER.has(head.status);
  const paused = head.status === "Paused";
  const button = (name, options) => h("button", { class: options.danger ? "danger" : null, onclick: () => confirm(options) }, name);
  const single = head.kind !== "hyperdrive";
  return [
    single ? null : h("button", { onclick: () => enqueue(sweep, head, head.best?.params ?? {}) }, "Enqueue…"),
    single || over || paused ? null : button("Pause", { title: "Pause this sweep?", text: "No new run is started; those that run go on.", yes: "Pause", act: () => wish(at(sweep, "pause")) }),
    single || !(over || paused || !head.controller) ? null : button("Go on", {
      title: "Go on with this sweep?",
      text: over ? "It goes on with what is left of its budget; give it more if nothing is left." : "New runs are started again.",
      fields: limitFields(head), yes: "Go on", act: (form) => wish(at(sweep, "resume"), changesOf(form, head)),
    }),
    single || over ? null : button("Limits…", {
      title: "Change the limits", text: "They hold from now on; runs that are under way go on.", fields: limitFields(head), yes: "Change",
      act: (form) => {
        const changes = changesOf(form, head);
        return Object.keys(changes).length ? wish(at(sweep, "set"), changes) : null;
      },
    }),
    over ? null : button("Cancel", { title: "Cancel this sweep?", text: `Its ${head.running} runs under way are ended, and no new one is started.`, yes: "Cancel the sweep", danger: true, act: () => wish(at(sweep, "cancel")) }),
  ];
}

/** Ask, then end one run. */
export function cancelRun(sweep, run) {
  confirm({ title: `Cancel run ${run}?`, text: "Its processes are told to end, and after the grace time they are killed.", yes: `Cancel run ${run}`, danger: true, act: () => wish(at(sweep, "runs", run, "cancel")) });
}

/** Ask for a run with values that begin as `params`; of `run`, when it is that one again. */
export function enqueue(sweep, head, params, run = null) {
  const names = [...new Set([...head.params, ...Object.keys(params)])];
  const first = Object.fromEntries(names.map((name) => [name, name in params ? text(params[name]) : ""]));
  const fields = names.map((name) => h("label", { class: "field" }, h("span", {}, name, h("small", {}, (head.laws[name] ?? []).join(" or "))),
    h("input", { name, value: first[name], placeholder: "absent", autocomplete: "off", spellcheck: false })));
  const valueOf = (name, typed) => (typed === first[name] && name in params ? params[name] : parsed(typed));
  confirm({
    title: run === null ? "Enqueue a run" : `Run ${run} again`,
    text: run === null ? "It is the next to run, with these values; an empty field is a parameter that its branch does not have." : "With the same values and another OVERDRIVE_SEED; or change some.",
    fields, yes: run === null ? "Enqueue" : "Run again",
    act: (form) => wish(at(sweep, "enqueue"), { params: Object.fromEntries(names.filter((name) => form.get(name) !== "").map((name) => [name, valueOf(name, form.get(name))])) }),
  });
}

/** A value as JSON has it; what is no JSON is text. */
function parsed(typed) {
  try {
    return JSON.parse(typed);
  } catch {
    return typed;
  }
}
