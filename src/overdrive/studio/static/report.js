// The figures of a report, drawn when they come into sight; the page holds all that they need.

import { decoded, themed } from "./figure.js";

const figures = JSON.parse(document.getElementById("figures").textContent);
const config = { displaylogo: false, responsive: true };

function drawn(panel) {
  const plot = panel.querySelector(".plot");
  const { data, layout } = figures[panel.dataset.chart];
  plot.style.minWidth = layout.meta?.width ? `${layout.meta.width}px` : "";
  Plotly.react(plot, highlighted(decoded(data), null, { tips: true }), themed(layout, { drag: "zoom" }), config);
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
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => panels.forEach((panel) => panel.querySelector(".plot").data && drawn(panel)));
