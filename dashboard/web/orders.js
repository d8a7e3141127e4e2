// Orders: what stands behind a figure, as a list of order numbers and as the SQL that gives it.

const ORDER_COLUMNS = { order_id: "number", ordered_on: "date", status: "status", customer_id: "number", product_id: "number",
  amount: "integer", delivery_days: "integer" };

/** What a tile's row adds to the choice: { is: whether an order (by its place) belongs to it, sql: the same as conditions }. */
const BEHIND = {
  summary: (view, _row, figure) => (figure === "net_revenue" ? kept(view) : figure === "on_time_percent" ? due(view) : ALL),
  revenue: ({ shop, time, line }, [date]) => {
    const at = line.bin === "day" ? time.periodOf(date) : time.months[Math.max(time.periodOf(date), 0)];
    const [start, end] = [at, at + 1].map((bin) => iso(line.bin === "day" ? time.dateOf(bin) : time.monthStart(bin)));
    const binOf = (period) => (line.bin === "day" ? period : time.months[period]);
    return { is: (order) => binOf(shop.orders.period[order]) === at, sql: between(start, end) };
  },
  categories: ({ shop }, [member]) => ofMember(shop, "category", member),
  countries: ({ shop }, [member]) => ofMember(shop, "country", member),
  share: ({ shop }, [member]) => ofMember(shop, "country", member),
  on_time: (view, [member]) => both(ofMember(view.shop, "country", member), due(view)),
  days: ({ shop }, [days]) => ({ is: (order) => shop.days[shop.orders.days[order]] === days, sql: [`delivery_days = ${days}`] }),
  hours: ({ shop }, [hours]) => ({ is: (order) => shop.orders.span[order] === Math.min(hours / 24, 8), sql: hoursSql(hours) }),
  customers: ({ shop }, [id]) => ({ is: (order) => shop.people.id[shop.orders.customer[order]] === id, sql: [`customer_id = ${id}`] }),
  products: ({ shop }, [id]) => ({ is: (order) => shop.goods.id[shop.orders.product[order]] === id, sql: [`product_id = ${id}`] }),
  retention: cohortOrders,
};
const ALL = { is: () => true, sql: [] };

/** The orders behind a row of a tile (or a figure of the summary): { sql, columns, rows }; rows: null where the page has no orders. */
function ordersBehind(view, tile, row, figure) {
  const { shop, time, state, line } = view;
  const { is, sql } = BEHIND[tile](view, row, figure);
  const chosen = chooser(shop, state, line);
  const conditions = [...new Set([...conditionsOf(shop, time, state, line), ...sql])];
  return { columns: ORDER_COLUMNS, sql: filled(`${shop.queries.orders.trimEnd()};`, { where: where(conditions) }),
    rows: shop.orders ? [...shop.orders.id.keys()].filter((order) => belongs(shop.orders, chosen, order) && is(order)).map(listedOrder) : null };

  function listedOrder(order) {
    const { id, period, status, customer, product, revenue, days } = shop.orders;
    return [id[order], iso(time.dateOf(period[order])), status[order], shop.people.id[customer[order]], shop.goods.id[product[order]],
      revenue[order], shop.days[days[order]]];
  }
}

function belongs({ period, customer, category, status }, chosen, order) {
  return chosen.period(period[order]) && chosen.person(customer[order]) && chosen.kind(category[order], status[order]);
}

function both(one, other) {
  return { is: (order) => one.is(order) && other.is(order), sql: [...one.sql, ...other.sql] };
}

function ofMember(shop, name, member) {
  return { is: (order) => shop.orders[name][order] === member, sql: [choice(shop, { [name]: new Set([member]) }, name, name)] };
}

function kept({ shop }) {
  const gone = ["cancelled", "returned"];
  return { is: (order) => !gone.includes(shop.statuses[shop.orders.status[order]]), sql: ["status not in ('cancelled', 'returned')"] };
}

/** Delivered, and the promised days are over. */
function due({ shop, time }) {
  return { is: (order) => shop.days[shop.orders.days[order]] !== null && shop.orders.period[order] < time.periodOf(time.dueBefore),
    sql: ["delivery_days is not null", `ordered_on < date '${time.dueBefore}'`] };
}

function hoursSql(hours) {
  const until = (count) => `ordered_at + interval '${count} hours'`;
  if (hours === 9999) return [`delivered_at > ${until(168)}`];
  return [...(hours > 24 ? [`delivered_at > ${until(hours - 24)}`] : []), `delivered_at <= ${until(hours)}`];
}

/** Orders of a month by those whose first order ever lay in another, and in the chosen dates. */
function cohortOrders({ shop, time, line }, [date, , later]) {
  const cohort = time.months[Math.max(time.periodOf(date), 0)];
  const first = [...between(iso(time.monthStart(cohort)), iso(time.monthStart(cohort + 1))), ...dates(time, line)];
  return {
    is: (order) => {
      const begun = shop.firstPeriod[shop.orders.customer[order]];
      return time.months[begun] === cohort && begun >= line.from && begun <= line.to && time.months[shop.orders.period[order]] === cohort + later;
    },
    sql: [...between(iso(time.monthStart(cohort + later)), iso(time.monthStart(cohort + later + 1))),
      `customer_id in (\n            select customer_id\n            from ${shop.mart}\n            group by customer_id\n            having ${
        first.map((condition) => condition.replace("ordered_on", "min(ordered_on)")).join(" and ")}\n        )`],
  };
}
