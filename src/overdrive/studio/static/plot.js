// A figure of Plotly's in an element: drawn by us where we know its traces, which is quick for thousands of runs, and by
// plotly.js where a chart from elsewhere has others.

import { Foreign } from "./foreign.js";
import { Parallel } from "./parallel.js";
import { Plane } from "./plane.js";
import { Space } from "./space.js";

const STAGES = { parcoords: Parallel, scatter3d: Space, scatter: Plane, scattergl: Plane, bar: Plane };

export class Plot {
  /** `on` as for a Stage; `drag` is what dragging does on a plane: "zoom" or "select". */
  constructor(place, { on = {}, drag = "zoom" } = {}) {
    Object.assign(this, { place, on, drag, stage: null });
  }

  show(figure, chosen = null) {
    if (!figure.data.length) {
      this.place.data = [];
      return this.close();
    }
    const kinds = new Set(figure.data.map((trace) => STAGES[trace.type ?? "scatter"]));
    const Kind = kinds.size === 1 ? [...kinds][0] ?? Foreign : Foreign;
    if (!(this.stage instanceof Kind)) {
      this.close();
      this.place.data = [];
      this.stage = new Kind(this.place, this.on, { drag: this.drag });
    }
    this.stage.show(figure, chosen);
  }

  /** The choice was made elsewhere. */
  forget() {
    this.stage?.forget?.();
  }

  resize() {
    this.stage?.resize();
  }

  close() {
    this.stage?.close();
    this.stage = null;
  }

  /** The plot as a picture, "svg" or "png": a promise of a Blob. */
  picture(format) {
    return this.stage.picture(format);
  }
}
