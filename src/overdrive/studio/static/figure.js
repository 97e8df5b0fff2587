// Figures from the server, made ready for drawing.

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
