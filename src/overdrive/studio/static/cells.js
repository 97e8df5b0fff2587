// A figure as a table: what a chart shows, for who reads rather than looks, and for spreadsheets.

import { fill, grid, h, number } from "./dom.js";
import { worded } from "./scale.js";

const MOST = 500; // rows that are shown; a saved table has all

/** Names of columns, and rows of numbers and words, of a figure whose arrays are decoded. */
export function cells({ data, layout }, runs = new Map()) {
  if (data[0]?.type === "parcoords") return parallel(data[0], runs);
  const axes = layout.scene ? ["x", "y", "z"] : ["x", "y"];
  const parts = layout.scene ?? layout;
  const shown = data.filter((trace) => trace.hoverinfo !== "skip");
  const named = shown.some((trace) => trace.name);
  const numbered = shown.some((trace) => trace.customdata);
  const based = shown.some((trace) => trace.base);
  const coloured = shown.some((trace) => typeof trace.marker?.color?.[0] === "number");
  const word = (name, value) => {
    const axis = parts[`${name}axis`] ?? {};
    const place = axis.ticktext ? Array.from(axis.tickvals).indexOf(Math.round(value)) : -1;
    return place < 0 ? value : worded(axis.ticktext[place]);
  };
  const columns = [...(named ? ["line"] : []), ...(numbered ? ["run"] : []), ...axes.map((name) => worded(parts[`${name}axis`]?.title?.text) || name),
    ...(based ? ["from"] : []), ...(coloured ? [worded(layout.coloraxis?.colorbar?.title?.text) || "colour"] : [])];
  const rows = shown.flatMap((trace) => Array.from(trace.x, (_, k) => k)
    .filter((k) => !(trace.customdata?.[k] < 0))
    .map((k) => [...(named ? [worded(trace.name)] : []), ...(numbered ? [trace.customdata?.[k] ?? ""] : []), ...axes.map((name) => word(name, trace[name][k])),
      ...(based ? [trace.base?.[k] ?? 0] : []), ...(coloured ? [typeof trace.marker?.color?.[k] === "number" ? trace.marker.color[k] : ""] : [])]));
  return { columns, rows };
}

/** Parallel axes may stand on logarithms and on places of categories: their runs know the values. */
function parallel(trace, runs) {
  const axes = trace.dimensions.filter((one) => one.name !== "run");
  const of = (run, { name }) => (name === "metric" ? run?.best : run?.params[name.replace("param:", "")]) ?? "";
  return { columns: ["run", ...axes.map((one) => worded(one.label))], rows: Array.from(trace.customdata, (run) => [run, ...axes.map((one) => of(runs.get(run), one))]).reverse() };
}

/** Comma-separated values; a spreadsheet would run text that begins like a formula. */
export function csv({ columns, rows }) {
  const cell = (value) => {
    const words = typeof value === "string" ? value : value === null || Number.isNaN(value) ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
    const inert = typeof value === "string" && /^[=+@\t\r-]/.test(words) && Number.isNaN(Number(words)) ? `'${words}` : words;
    return /[",\n\r]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
  };
  return [columns, ...rows].map((row) => row.map(cell).join(",")).join("\n") + "\n";
}

/** Show the table of a chart in a dialog inside of `place`; `save(text)` keeps it as CSV. */
export function showCells(place, title, table, save) {
  const { columns, rows } = table;
  const close = () => dialog.close();
  const dialog = h("dialog", { class: "compare", "aria-label": `${title} as a table`, onclose: () => dialog.remove() }, h("h2", {}, title));
  dialog.append(rows.length ? grid(columns, rows.slice(0, MOST), (cell) => (typeof cell === "number" ? number(cell, 6) : typeof cell === "object" ? JSON.stringify(cell) : String(cell))) : h("p", { class: "soft" }, "Nothing to show yet."));
  if (rows.length > MOST) dialog.append(h("p", { class: "soft" }, `${MOST} of ${rows.length} rows; CSV has all.`));
  const actions = h("div", { class: "actions" });
  fill(actions, h("button", { onclick: () => save(csv(table)) }, "Save as CSV"), h("button", { onclick: close }, "Close"));
  dialog.append(actions);
  place.append(dialog);
  dialog.showModal();
}
