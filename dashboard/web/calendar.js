// Calendar: periods are numbered from the first order's on; a period is a day, or a month in a big shop (the grain).

const DAY = 86400000;

/** What a shop's calendar knows: dates of periods, months of periods (numbered from the first month on). */
function calendar(shop) {
  // A shop without orders begins on the day of the page, so that no text of it names a day long ago.
  const start = new Date(`${shop.first || shop.written.slice(0, 10)}T00:00:00Z`);
  const [year, month] = [start.getUTCFullYear(), start.getUTCMonth()];
  const byDay = shop.grain === "day";
  const monthStart = (number) => new Date(Date.UTC(year, month + number, 1));
  const dateOf = (period) => (byDay ? new Date(start.getTime() + period * DAY) : monthStart(period));
  const monthNumber = (date) => 12 * (date.getUTCFullYear() - year) + date.getUTCMonth() - month;
  const months = Int32Array.from({ length: shop.periods }, (_, period) => (byDay ? monthNumber(dateOf(period)) : period));
  const firstWholeMonth = shop.oldest?.slice(8, 10) === "01" ? 0 : 1;
  const wholeDay = lastWholeDay(shop);
  const wholeMonth = wholeDay ? monthNumber(wholeDay) - (new Date(wholeDay.getTime() + DAY).getUTCDate() === 1 ? 0 : 1) : -1;
  return {
    byDay,
    last: shop.periods - 1,
    newestDay: shop.newest ?? "",
    wholeMonth,
    /** The last period that is over. */
    whole: !byDay || !wholeDay ? wholeMonth : Math.round((wholeDay - start) / DAY),
    /** Of the shop's first month all was sold by it when that began with it; of its first day, always. */
    firstWhole: byDay ? 0 : firstWholeMonth,
    firstWholeMonth,
    /** Of orders before this day (or month) the promised days are over. */
    dueBefore: dueBefore(wholeDay || start, shop.onTimeDays, byDay),
    months,
    monthCount: shop.periods ? months[shop.periods - 1] + 1 : 0,
    monthStart,
    /** The period in which a month begins, perhaps before the first. */
    monthPeriod: (number) => (byDay ? Math.round((monthStart(number) - start) / DAY) : number),
    dateOf,
    /** The period of a written date, perhaps before the first or after the last; null for what is no date. */
    periodOf(text) {
      const date = new Date(/^\d{4}-\d\d$/.test(text) ? `${text}-01` : /^\d{4}-\d\d-\d\d$/.test(text) ? text : NaN);
      // 2025-02-30 is none, though some browsers take it for a day in March.
      if (isNaN(date) || !iso(date).startsWith(text)) return null;
      return byDay ? Math.round((date - start) / DAY) : monthNumber(date);
    },
    /** The last period of a written date: of a month in a shop of days, its last day. */
    lastPeriodOf(text) {
      const first = this.periodOf(text);
      if (first === null || !byDay || text.length > 7) return first;
      const [written, month] = text.split("-").map(Number);
      return Math.round((Date.UTC(written, month, 1) - start) / DAY) - 1;
    },
    written: (period) => iso(dateOf(period)).slice(0, byDay ? 10 : 7),
  };
}

/**
 * The last day that is over and has orders: the newest order's, or, when the data was read on that very day or nobody knows
 * when, the day before. (Not the day of reading: the demo's shop has a time of its own, and days without orders tell nothing.)
 */
function lastWholeDay({ newest, build }) {
  if (!newest) return null;
  const day = new Date(`${newest}T00:00:00Z`);
  return build && build.snapshot_on > newest ? day : new Date(day.getTime() - DAY);
}

/** The first day of which the orders' last promised day is not over; for months, the month that it lies in. */
function dueBefore(wholeDay, days, byDay) {
  const day = iso(new Date(wholeDay.getTime() + (1 - days) * DAY));
  return byDay ? day : `${day.slice(0, 7)}-01`;
}

/** 2025-03-01 */
function iso(date) {
  return date.toISOString().slice(0, 10);
}

/**
 * How time is cut for a choice, and the period before it: as long as the choice, ending where that begins; for whole months
 * as many whole months; when no dates are chosen, the year before.
 * bin: "day" up to 92 days that are not several whole months, else "month". shift: how far the period before is moved to
 * lie on the choice. before: its periods, some perhaps before the first order.
 * over: the last period that is; with a status chosen, the last whose orders have come to theirs, as far as their delivery was promised.
 * comparable: whether both have all their days: the shop had begun, and the last day of the choice is over.
 */
function timeline(time, state) {
  const [from, to] = chosenPeriods(time, state);
  const whole = state.from === null && state.to === null;
  const wholeMonths = isWholeMonths(time, from, to);
  const [first, last] = [time.months[from] ?? 0, time.months[to] ?? -1];
  const months = whole ? 12 : last - first + 1;
  const bin = time.byDay && to - from < 92 && (whole || !wholeMonths || months === 1) ? "day" : "month";
  const due = time.periodOf(time.dueBefore);
  const over = state.status.size ? Math.min(time.whole, due - 1) : time.whole;
  const line = { bin, from, to, whole, first, last, over };
  const isCompared = (before) => !whole && before >= time.firstWhole && to <= over;
  if (bin === "month" && (whole || wholeMonths)) {
    const before = [time.monthPeriod(first - months), time.monthPeriod(last + 1 - months) - 1];
    return { ...line, before, shift: { unit: "month", count: months }, comparable: isCompared(before[0]) };
  }
  const days = wholeMonths && !whole ? from - time.monthPeriod(first - 1) : to - from + 1;
  const before = [from - days, from - 1];
  return { ...line, before, shift: { unit: "day", count: days, month: wholeMonths && !whole },
    comparable: isCompared(before[0]) };
}

/** First and last chosen period, both included, within what there is. */
function chosenPeriods(time, state) {
  return [Math.max(state.from ?? 0, 0), Math.min(state.to ?? time.last, time.last)];
}

function isWholeMonths(time, from, to) {
  const next = new Date(time.dateOf(to).getTime() + DAY);
  return !time.byDay || (time.dateOf(from).getUTCDate() === 1 && next.getUTCDate() === 1);
}

/** The bins (days or months, by number) of a choice that lack a part: not over yet, or not chosen. */
function partialBins(time, { bin, from, to, first, last, over }) {
  const [begin, end, start] = bin === "day" ? [from, to, (day) => day] : [first, last, time.monthPeriod];
  const bins = Array.from({ length: Math.max(end - begin + 1, 0) }, (_, at) => begin + at);
  return new Set(bins.filter((of) => Math.max(start(of), 0) < from || start(of + 1) - 1 > Math.min(to, over)));
}

/**
 * Ranges to choose by one click: { name: [from, to] }. The last ones end with the last day or month that is over, so that
 * they can be compared; ranges that this shop has nothing of are left out.
 */
function presets(time) {
  if (time.last < 0) return { all: [null, null] };
  const [day, month] = [time.whole, time.wholeMonth];
  const since = (months) => [time.monthPeriod(month - months + 1), time.monthPeriod(month + 1) - 1];
  const year = time.dateOf(time.last).getUTCFullYear();
  const begin = (of) => time.periodOf(`${of}-01-01`);
  const found = {
    all: [null, null],
    ...(time.byDay ? { days30: [day - 29, day], days90: [day - 89, day] } : {}),
    months3: since(3), months12: since(12),
    thisYear: [begin(year), time.last], lastYear: [begin(year - 1), begin(year) - 1],
  };
  return Object.fromEntries(Object.entries(found).filter(([, [, to]]) => to === null || to >= 0));
}
