// Numbers: exact whole numbers in, text out. A column's kind says what its whole numbers count.

// kind -> decimals that the whole number carries.
const DECIMALS = { integer: 0, cents: 2, tenths: 1, percent: 1 };

/** Whole division with the half added first, as the tiles' SQL does it; null when there is nothing to divide by. */
function rounded(number, divisor) {
  if (divisor === 0) return null;
  return Number((2n * BigInt(number) + BigInt(divisor)) / (2n * BigInt(divisor)));
}

/** 123456, "cents" -> "1234.56": as SQL and CSV write it. */
function plain(value, kind) {
  if (value === null) return "";
  const decimals = DECIMALS[kind];
  if (!decimals) return String(value);
  const digits = String(Math.abs(value)).padStart(decimals + 1, "0");
  return `${value < 0 ? "-" : ""}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** The same for people: 1,234.56, with a % sign where it is one. */
function pretty(value, kind) {
  if (value === null) return "–";
  if (!(kind in DECIMALS)) return String(value);
  const [whole, part] = plain(value, kind).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",").replace("-", "−");
  return grouped + (part ? `.${part}` : "") + (kind === "percent" ? "%" : "");
}

/** Short form for axes: 12,000 -> 12k, in Korean 1.2만. */
function short(value) {
  const steps = document.documentElement.lang === "ko" ? [[1e8, "억"], [1e4, "만"]] : [[1e9, "bn"], [1e6, "m"], [1e3, "k"]];
  const [size, letter] = steps.find(([step]) => Math.abs(value) >= step) || [1, ""];
  return `${pretty(Math.round((value / size) * 10), "tenths").replace(".0", "")}${letter}`;
}
