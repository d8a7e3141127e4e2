// Tiles: what each shows, and the columns of its rows in the order of its SQL.

// Kinds: integer, cents, percent (numbers.js); span (of hours, by its end); country, category, status (numbers of members); text, date, number (an identifier).
const TILES = {
  summary: {
    note: () => "",
    columns: { revenue: "integer", net_revenue: "integer", orders: "integer", average_order: "cents", customers: "integer", products: "integer",
      fee_sum: "cents", fee_average: "cents", due: "integer", on_time: "integer", on_time_percent: "percent" },
  },
  revenue: {
    note: (view) => revenueNote(view),
    columns: { period: "date", orders: "integer", revenue: "integer", orders_before: "integer", revenue_before: "integer" },
  },
  categories: {
    note: () => say("categoriesNote"),
    columns: { category: "category", orders: "integer", revenue: "integer" },
  },
  countries: {
    note: () => say("countriesNote"),
    columns: { country: "country", orders: "integer", customers: "integer", revenue: "integer", fee_sum: "cents", fee_average: "cents" },
    total: ([revenue, , orders, , customers, , fees, average]) => [say("total"), orders, customers, revenue, fees, average],
  },
  share: {
    note: () => say("shareNote"),
    columns: { country: "country", orders: "integer", percent_of_orders: "percent" },
  },
  days: {
    nothing: "noDelivery",
    note: () => say("daysNote"),
    columns: { delivery_days: "integer", orders: "integer" },
  },
  hours: {
    nothing: "noDelivery",
    note: () => say("hoursNote"),
    columns: { up_to_hours: "span", orders: "integer", percent_of_orders: "percent" },
  },
  on_time: {
    nothing: "noneDue",
    note: (view) => say("onTimeNote", { days: view.shop.onTimeDays, before: view.time.dueBefore }),
    columns: { country: "country", due: "integer", on_time: "integer", on_time_percent: "percent" },
  },
  customers: {
    note: () => say("customersNote"),
    columns: { customer_id: "number", orders: "integer", revenue: "integer", fee_sum: "cents", fee_average: "cents" },
    total: ([revenue, , orders, , , , fees, average]) => [say("total"), orders, revenue, fees, average],
  },
  products: {
    note: () => say("productsNote"),
    columns: { product_id: "number", product_name: "text", category: "category", orders: "integer", units: "integer", revenue: "integer" },
    total: ([revenue, , orders], rows) => [say("total"), "", "", orders, rows.reduce((sum, row) => sum + row[4], 0), revenue],
  },
  retention: {
    nothing: "noNewcomers",
    note: ({ figures }) => [metric("retention").description, ...cutInWords(figures.retention)].join(" "),
    columns: { cohort: "date", customers: "integer", months_later: "integer", ordered: "integer", ordered_percent: "percent" },
  },
};

/** A value as SQL gives it, as text; null stays null. */
function cell(shop, value, kind) {
  if (kind in CHOICES) return shop[CHOICES[kind]][value];
  return value === null ? null : plain(value, kind);
}

/** The same for people. */
function label(shop, value, kind) {
  if (kind in DECIMALS) return pretty(value, kind);
  if (kind === "span") return spanName(value);
  const text = cell(shop, value, kind);
  return text === null ? say("none") : text === "" ? say("blank") : text;
}

function isNumeric(kind) {
  return kind in DECIMALS || kind === "number" || kind === "span";
}

/** With what the revenue is compared, and which part of it is not over or not chosen. */
function revenueNote(view) {
  const { line, time } = view;
  const parts = [comparedBins(time, line).includes(true) ? say("revenueNote", { before: beforeInWords(line) }) : `${uncompared(time, line)}.`];
  if (partialBins(time, line).size) parts.push(say("partialNote", { day: time.newestDay }));
  if (line.to > line.over && line.over < time.whole) parts.push(say("youngNote", { before: time.dueBefore }));
  if (view.shop.monthlyTarget && !monthlyTarget(view)) parts.push(say("noTarget"));
  return parts.join(" ");
}

/** Why there is nothing to compare with. */
function uncompared(time, { whole, to, over }) {
  if (whole || to <= over) return say("noBefore");
  return say(to > time.whole ? "notOver" : "young");
}

/** The period before, in words. */
function beforeInWords({ whole, bin, shift: { unit, count, month } }) {
  if (whole && bin === "month") return say("yearBefore");
  if (month) return say("monthBefore");
  if (unit === "day") return say(count === 1 ? "dayBefore" : "daysBefore", { count });
  return count === 1 ? say("monthBefore") : say("monthsBefore", { count });
}
