// Which runs are chosen: one set for all charts and the table. Null is "no choice", which shows all alike.

export class Selection {
  #runs = null;
  #listeners = new Set();

  get runs() {
    return this.#runs;
  }

  get size() {
    return this.#runs?.size ?? 0;
  }

  has(run) {
    return this.#runs === null || this.#runs.has(run);
  }

  /** Choose these runs (an iterable; none at all means no choice); `source` is told apart by its own listener. */
  set(runs, source = null) {
    const chosen = runs === null ? null : new Set(runs);
    const next = chosen?.size ? chosen : null;
    const same = next?.size === this.#runs?.size && [...(next ?? [])].every((run) => this.#runs.has(run));
    if (same) return;
    this.#runs = next;
    for (const listener of this.#listeners) listener(source);
  }

  toggle(run, source = null) {
    const runs = new Set(this.#runs ?? []);
    if (!runs.delete(run)) runs.add(run);
    this.set(runs, source);
  }

  listen(listener) {
    this.#listeners.add(listener);
  }
}
