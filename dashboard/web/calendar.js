// Calendar: periods are numbered from the first order's on; a period is a day, or a month in a big shop (the grain).

const DAY = 86400000;

/** What a shop's calendar knows: dates of periods, months of periods (numbered from the first month on). */
function calendar(shop) {
  const start = new Date(`${shop.first || "1970-01-01"}T00:00:00Z`);
  const [year, month] = [start.getUTCFullYear(), start.getUTCMonth()];
  const byDay = shop.grain === "day";
  const monthStart = (number) => new Date(Date.UTC(year, month + number, 1));
  const dateOf = (period) => (byDay ? new Date(start.getTime() + period * DAY) : monthStart(period));
  const monthNumber = (date) => 12 * (date.getUTCFullYear() - year) + date.getUTCMonth() - month;
  const months = Int32Array.from({ length: shop.periods }, (_, period) => (byDay ? monthNumber(dateOf(period)) : period));
  return {
    byDay,
    last: shop.periods - 1,
    months,
    monthCount: shop.periods ? months[shop.periods - 1] + 1 : 0,
    monthStart,
    dateOf,
    /** The period of a written date, perhaps before the first or after the last; null for what is no date. */
    periodOf(text) {
      const date = new Date(/^\d{4}-\d\d$/.test(text) ? `${text}-01` : /^\d{4}-\d\d-\d\d$/.test(text) ? text : NaN);
      if (isNaN(date)) return null;
      return byDay ? Math.round((date - start) / DAY) : monthNumber(date);
    },
    written: (period) => iso(dateOf(period)).slice(0, byDay ? 10 : 7),
  };
}

/** 2025-03-01 */
function iso(date) {
  return date.toISOString().slice(0, 10);
}

/**
 * How time is cut for a choice, and the period before it.
 * bin: "day" up to 92 days, else "month". shift: how far the period before lies back; it is as long as the choice and
 * ends where that begins, or, when no dates are chosen, a year back.
 */
function timeline(time, state) {
  const [from, to] = chosenPeriods(time, state);
  const bin = time.byDay && to - from < 92 ? "day" : "month";
  const whole = state.from === null && state.to === null;
  if (bin === "month" && (whole || isWholeMonths(time, from, to))) {
    const first = time.months[from] ?? 0;
    const last = time.months[to] ?? -1;
    const months = whole ? 12 : last - first + 1;
    return { bin, from, to, whole, first, last, shift: { unit: "month", count: months } };
  }
  return { bin, from, to, whole, shift: { unit: "day", count: to - from + 1 } };
}

/** First and last chosen period, both included, within what there is. */
function chosenPeriods(time, state) {
  return [Math.max(state.from ?? 0, 0), Math.min(state.to ?? time.last, time.last)];
}

function isWholeMonths(time, from, to) {
  const next = new Date(time.dateOf(to).getTime() + DAY);
  return !time.byDay || (time.dateOf(from).getUTCDate() === 1 && next.getUTCDate() === 1);
}

/** Ranges to choose by one click: [word, from, to], the last ones counted back from the newest order. */
function presets(time) {
  const last = time.last;
  const month = time.months[last] ?? 0;
  const since = (months) => time.periodOf(iso(time.monthStart(month - months + 1)));
  const days = time.byDay ? [["days30", last - 29, last], ["days90", last - 89, last]] : [];
  const year = time.dateOf(Math.max(last, 0)).getUTCFullYear();
  const begin = (of) => time.periodOf(`${of}-01-01`);
  const end = (of) => time.periodOf(`${of + 1}-01-01`) - 1;
  return [["all", null, null], ...days, ["months3", since(3), last], ["months12", since(12), last],
    ["thisYear", begin(year), Math.min(end(year), last)], ["lastYear", begin(year - 1), end(year - 1)]];
}
