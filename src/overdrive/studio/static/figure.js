// Figures from the server, made ready for Plotly: typed arrays, the theme, and the runs that are chosen.

const KINDS = { f8: Float64Array, f4: Float32Array, i4: Int32Array };

/** The same figure with its base64 arrays as typed arrays. */
export function decoded(value) {
  if (Array.isArray(value)) return value.map(decoded);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.bdata === "string") {
    const raw = atob(value.bdata);
    const data = new Uint8Array(raw.length);
    for (let place = 0; place < raw.length; place++) data[place] = raw.charCodeAt(place);
    return new KINDS[value.dtype](data.buffer);
  }
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, decoded(inner)]));
}

/** The layout with the colours that hold at `place`. */
export function themed(layout, { drag, place = document.documentElement }) {
  const style = getComputedStyle(place);
  const color = (name) => style.getPropertyValue(name).trim();
  const axis = { gridcolor: color("--grid"), zerolinecolor: color("--grid"), linecolor: color("--edge"), automargin: true };
  const themedAxes = Object.fromEntries(
    Object.entries({ xaxis: {}, yaxis: {}, ...layout })
      .filter(([name]) => /^[xy]axis\d*$/.test(name))
      .map(([name, given]) => [name, { ...axis, ...given, title: { standoff: 8, ...given.title } }]),
  );
  const scene = layout.scene && Object.fromEntries(
    Object.entries(layout.scene).map(([name, given]) =>
      /axis$/.test(name) ? [name, { gridcolor: color("--edge"), linecolor: color("--soft"), zerolinecolor: color("--edge"), color: color("--soft"), backgroundcolor: "rgba(0,0,0,0)", ...given }] : [name, given],
    ),
  );
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: color("--soft"), size: 11, family: style.fontFamily },
    margin: { l: 48, r: 12, t: 8, b: 40 },
    dragmode: drag,
    uirevision: "kept",
    selections: [],
    showlegend: false,
    modebar: { bgcolor: "rgba(0,0,0,0)", color: color("--soft"), activecolor: color("--accent") },
    newselection: { line: { color: color("--accent"), width: 1 } },
    ...layout,
    ...themedAxes,
    ...(scene ? { scene } : {}),
    ...(layout.coloraxis ? { coloraxis: barred(layout.coloraxis, color) } : {}),
  };
}

function barred(coloraxis, color) {
  const bar = { thickness: 8, outlinewidth: 0, tickfont: { size: 10, color: color("--soft") }, len: 0.9, ...coloraxis.colorbar };
  return { ...coloraxis, colorbar: bar };
}

/** The traces as they show a selection (a Set of run numbers, or null). `silent`: whoever shows them has tips of its own. */
export function highlighted(data, chosen, { silent = true, place = document.documentElement } = {}) {
  return data.flatMap((given) => {
    if (given.type === "parcoords") return [constrained(inked(given, place), chosen)];
    if (!given.customdata) return [given];
    const trace = silent ? { ...given, hoverinfo: "none", hovertemplate: null } : given;
    if (trace.type === "scatter3d") return [sized(trace, chosen)];
    if (trace.type === "bar" || !trace.mode?.includes("lines")) {
      return [{ ...trace, selectedpoints: places(trace, chosen), unselected: { marker: { opacity: 0.12 } } }];
    }
    return lines(trace, chosen);
  });
}

function places(trace, chosen) {
  if (!chosen) return null;
  const found = [];
  trace.customdata.forEach((run, place) => chosen.has(run) && found.push(place));
  return found;
}

function lines(trace, chosen) {
  const mask = (keep) => Array.from(trace.y, (value, place) => (keep(trace.customdata[place]) ? value : NaN));
  if (!chosen) return [trace, { ...trace, x: [], y: [], customdata: [] }];
  return [
    { ...trace, opacity: 0.1 },
    { ...trace, y: mask((run) => chosen.has(run)), line: { ...trace.line, width: 2 } },
  ];
}

function sized(trace, chosen) {
  if (!chosen) return trace;
  const size = trace.marker.size ?? 4;
  return { ...trace, marker: { ...trace.marker, size: Array.from(trace.customdata, (run) => (chosen.has(run) ? size * 1.5 : size / 3)) } };
}

/** Labels of parallel axes have no halo of their own: they take the page's ink. */
function inked(trace, place) {
  const ink = getComputedStyle(place).getPropertyValue("--ink").trim();
  const clear = { color: "rgba(0,0,0,0)", size: 1 };
  return { ...trace, labelfont: { ...trace.labelfont, color: ink }, tickfont: { color: ink, size: 11 }, rangefont: clear };
}

/** A selection becomes ranges on the axis of run numbers, unless the axes themselves have made it. */
function constrained(trace, chosen) {
  if (!chosen || trace.dimensions.some((one) => one.constraintrange)) return trace;
  const ranges = [];
  for (const run of [...chosen].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && run - last[1] < 1) last[1] = run + 0.4;
    else ranges.push([run - 0.4, run + 0.4]);
  }
  const dimensions = trace.dimensions.map((one) => (one.name === "run" ? { ...one, constraintrange: ranges } : one));
  return { ...trace, dimensions };
}
