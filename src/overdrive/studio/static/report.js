// The figures of a report, drawn when they come into sight; the page holds all that they need.

import { h, fill, number } from "./dom.js";
import { decoded } from "./figure.js";
import { Plot } from "./plot.js";

const figures = JSON.parse(document.getElementById("figures").textContent);
const plots = new Map();

function drawn(panel) {
  const place = panel.querySelector(".plot");
  const { data, layout } = figures[panel.dataset.chart];
  place.style.minWidth = layout.meta?.width ? `${layout.meta.width}px` : "";
  if (!plots.has(panel)) {
    const said = panel.querySelector("header").appendChild(h("span", { class: "soft", role: "status" }));
    const words = ({ run, x, y }) => (y === undefined ? `run ${run}` : `run ${run}, ${number(x)}: ${number(y, 6)}`);
    plots.set(panel, new Plot(place, { on: { hover: (point) => fill(said, words(point)), leave: () => fill(said) } }));
    new ResizeObserver(() => plots.get(panel).resize()).observe(place);
  }
  plots.get(panel).show({ data: decoded(data), layout });
}

const eye = new IntersectionObserver((seen) => {
  for (const one of seen) {
    if (!one.isIntersecting) continue;
    eye.unobserve(one.target);
    drawn(one.target);
  }
}, { rootMargin: "400px" });
const panels = [...document.querySelectorAll(".panel[data-chart]")].filter((panel) => panel.querySelector(".plot"));
for (const panel of panels) eye.observe(panel);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.forEach((_, panel) => drawn(panel)));
