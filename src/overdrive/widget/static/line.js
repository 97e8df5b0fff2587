// The line to the kernel: what it tells, and the figures that are subscribed to.

/** `model` is the widget's; each view of it has a line of its own. */
export class Line {
  constructor(model) {
    Object.assign(this, { model, view: `${Date.now()}-${Math.random()}`, wanted: {}, waiting: new Map(), fresh: new Map(), listeners: {} });
    this.hear = ({ text }, buffers) => {
      const message = JSON.parse(text);
      if (message.kind === "figure") this.take(message, buffers[0]);
      else this.listeners[message.kind]?.(message, buffers?.[0]);
    };
    model.on("msg:custom", this.hear);
  }

  /** Call `listener(message, bytes)` for every message of this kind. */
  on(kind, listener) {
    this.listeners[kind] = listener;
  }

  say(kind, more = {}) {
    this.model.send({ kind, view: this.view, ...more });
  }

  close() {
    this.closed = true;
    this.say("bye");
    this.model.off("msg:custom", this.hear);
  }

  /** A promise of the next figure of this chart with these choices. */
  draw(name, choices) {
    const key = JSON.stringify(choices);
    const held = this.fresh.get(name);
    this.fresh.delete(name);
    if (held?.key === key) return Promise.resolve(held.figure);
    if (this.wanted[name] !== key) {
      this.wanted[name] = key;
      this.say("want", { charts: this.wanted });
    }
    return new Promise((resolve, reject) => this.waiting.set(name, { key, resolve, reject }));
  }

  /** Send no more figures of this chart until it is drawn again. */
  leave(name) {
    if (!(name in this.wanted)) return;
    delete this.wanted[name];
    this.say("want", { charts: this.wanted });
  }

  async take({ name, choices: key, error, version }, bytes) {
    const figure = error ? null : { version, ...JSON.parse(await unzipped(bytes)) };
    const waiting = this.waiting.get(name);
    if (waiting?.key === key) {
      this.waiting.delete(name);
      if (error) waiting.reject(new Error(error));
      else waiting.resolve(figure);
    } else if (figure && !waiting) {
      this.fresh.set(name, { key, figure });
      this.listeners.figure?.(name);
    }
  }
}

/** The text of gzipped bytes (a DataView). */
export function unzipped(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}
