// A figure whose traces we do not draw ourselves, by plotly.js: it is fetched when the first one is shown, and our pages
// do not wait for it. A chart from elsewhere may have such traces.

const address = "/plotly.min.js";
let library = null;

/** A promise of plotly.js. */
function plotly() {
  if (globalThis.Plotly) return Promise.resolve(globalThis.Plotly);
  library ??= new Promise((done, fail) => {
    const script = Object.assign(document.createElement("script"), { src: address, onload: () => done(globalThis.Plotly), onerror: () => fail(new Error("plotly.js is not here")) });
    document.head.append(script);
  });
  return library;
}

export class Foreign {
  constructor(place, on) {
    Object.assign(this, { place, on, box: document.createElement("div"), closed: false });
    this.box.className = "foreign";
    place.replaceChildren(this.box);
  }

  async show(figure, chosen) {
    Object.assign(this, { figure, chosen });
    const Plotly = await plotly();
    if (this.closed) return;
    const style = getComputedStyle(this.place);
    const color = (name) => style.getPropertyValue(name).trim();
    const axes = Object.fromEntries(Object.entries({ xaxis: {}, yaxis: {}, ...this.figure.layout }).filter(([name]) => /^[xy]axis\d*$/.test(name)).map(([name, axis]) => [name, { gridcolor: color("--grid"), automargin: true, ...axis }]));
    const layout = { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: color("--soft"), size: 11, family: style.fontFamily }, margin: { l: 48, r: 12, t: 8, b: 40 }, uirevision: "kept", ...this.figure.layout, ...axes };
    const traces = this.figure.data.map((trace) => (trace.customdata ? { ...trace, selectedpoints: this.places(trace) } : trace));
    await Plotly.react(this.box, traces, layout, { displaylogo: false });
    if (!this.place.data?.length) {
      this.box.on("plotly_click", ({ points }) => points[0]?.customdata >= 0 && this.on.pick?.(points[0].customdata));
    }
    this.place.data = this.figure.data;
  }

  places({ customdata }) {
    return this.chosen ? Array.from(customdata).flatMap((run, place) => (this.chosen.has(run) ? [place] : [])) : null;
  }

  resize() {
    if (this.place.data?.length) globalThis.Plotly?.Plots.resize(this.box);
  }

  close() {
    this.closed = true;
    globalThis.Plotly?.purge(this.box);
    this.place.replaceChildren();
  }

  async picture(format) {
    const { width, height } = this.box.getBoundingClientRect();
    const url = await globalThis.Plotly.toImage(this.box, { format, width, height, scale: format === "png" ? 2 : 1 });
    return new Blob([format === "svg" ? decodeURIComponent(url.slice(url.indexOf(",") + 1)) : Uint8Array.from(atob(url.slice(url.indexOf(",") + 1)), (letter) => letter.charCodeAt(0))], { type: `image/${format}` });
  }
}
