// Things side by side in a table: one a column, one property a row; rows that differ are marked.

import { h, number, text } from "./dom.js";

/** `columns`: their headings (nodes or text); `rows`: [name, values]. */
export function beside(columns, rows) {
  const shown = (value) => (value instanceof Node ? value : value === undefined ? h("span", { class: "soft", title: "absent" }, "–") : typeof value === "number" ? number(value, 6) : text(value));
  const differs = (values) => new Set(values.map((value) => (value instanceof Node ? value.textContent : JSON.stringify(value)))).size > 1;
  return h("div", { class: "rows whole", tabindex: 0, role: "region", "aria-label": "Side by side" },
    h("table", { class: "beside" }, h("thead", {}, h("tr", {}, h("td", {}), columns.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, rows.map(([name, values]) => h("tr", { class: differs(values) ? "differs" : null }, h("th", { scope: "row", title: name }, name), values.map((value) => h("td", {}, shown(value))))))));
}
