// One axis: from values to pixels and back, its ticks and their words.

const DIGITS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** Values between two ends on a stretch of pixels. `low` and `high` are exponents of ten where the axis is logarithmic. */
export class Scale {
  constructor(kind, [low, high], [from, to]) {
    Object.assign(this, { kind, low, high, from, to, slope: (to - from) / (high - low || 1) });
  }

  /** The pixel of a value; NaN where it has none. */
  at(value) {
    return this.from + (inner(this.kind, value) - this.low) * this.slope;
  }

  /** The inner coordinate (an exponent on a logarithmic axis) of a pixel. */
  of(pixel) {
    return this.low + (pixel - this.from) / this.slope;
  }

  /** [value, word] of round places, about one every `spacing` pixels; `axis` is Plotly's, which may name them. */
  ticks(axis = {}, spacing = 60) {
    const [low, high] = [Math.min(this.low, this.high), Math.max(this.low, this.high)];
    const most = Math.max(2, Math.abs(this.to - this.from) / spacing);
    if (axis.tickvals) {
      const named = Array.from(axis.tickvals, (value, place) => [value, worded(axis.ticktext?.[place] ?? String(value))]);
      const shown = named.filter(([value, word]) => word && inner(this.kind, value) >= low - 1e-9 && inner(this.kind, value) <= high + 1e-9);
      return shown.filter((_, place) => place % Math.ceil(shown.length / Math.max(most, 12)) === 0);
    }
    if (this.kind === "log" && high - low > 0.7) return decades(low, high, most);
    const ends = this.kind === "log" ? [10 ** low, 10 ** high] : [low, high];
    return even(...ends, most, axis);
  }
}

/** What is even on an axis: the value, or its exponent. */
export function inner(kind, value) {
  return kind === "log" ? (value > 0 ? Math.log10(value) : NaN) : value;
}

function even(low, high, most, { dtick, tickformat }) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = dtick ?? power * [1, 2, 5, 10].find((factor) => power * factor >= rough * 0.999);
  if (tickformat === "d") step = Math.max(1, Math.round(step));
  if (!(step > 0) || !Number.isFinite(step)) return [[low, short(low)]];
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k <= Math.floor(high / step + 1e-9) && found.length < 100; k++) {
    const value = k * step;
    found.push([value, tickformat === ".0%" ? `${Math.round(value * 100)}%` : decimal(value, step)]);
  }
  return found;
}

function decades(low, high, most) {
  const [first, last] = [Math.ceil(low - 1e-9), Math.floor(high + 1e-9)];
  const factors = last - first >= 2 ? [1] : [1, 2, 5];
  const every = Math.max(1, Math.ceil((last - first + 1) / most));
  const found = [];
  for (let power = first - 1; power <= last; power++) {
    for (const factor of factors) {
      const at = power + Math.log10(factor);
      if (at >= low - 1e-9 && at <= high + 1e-9 && (factor > 1 || (power - first) % every === 0)) found.push([factor * 10 ** power, short(factor * 10 ** power)]);
    }
  }
  return found;
}

/** A tick with as many decimals as its step asks for. */
function decimal(value, step) {
  if (Math.abs(value) < step / 1e6) return "0";
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return decimals > 5 || Math.abs(value) >= 1e6 ? short(value) : value.toFixed(decimals);
}

/** A number in few letters; very large and very small ones as powers of ten. */
function short(value) {
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-3 && size < 1e5)) return String(Number(value.toPrecision(6)));
  const [digits, power] = value.toExponential(3).split("e");
  const head = String(Number(digits));
  const raised = [...power.replace("+", "")].map((letter) => (letter === "-" ? "⁻" : DIGITS[letter])).join("");
  return head === "1" ? `10${raised}` : `${head}·10${raised}`;
}

/** Words of a figure as they are: the server writes `<`, `>` and `&` as Plotly, which reads markup, needs them. */
export function worded(text) {
  return String(text ?? "").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
