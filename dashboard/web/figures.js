// Figures: the rows of every tile for what is chosen. Each is what the tile's SQL gives, computed from the cubes.

/** { tile: [[value, …], …] }, values in the order of the tile's columns, whole numbers as numbers.js counts them. */
function figures(shop, time, state) {
  const line = timeline(time, state);
  const is = chooser(shop, state, line);
  const sold = sales(shop, is);
  const delivered = deliveries(shop, time, is);
  const goods = products(shop, is);
  return {
    summary: [summary(sold, delivered, goods)],
    revenue: revenue(shop, time, is, line),
    countries: countries(sold.countries),
    share: shares(sold.countries.map(({ member, orders }) => [member, orders])),
    days: [...delivered.days].sort(([day], [other]) => day - other),
    hours: shares([...delivered.spans].sort(([span], [other]) => span - other)),
    on_time: onTime(delivered.countries),
    customers: buyers(shop, sold),
    categories: sold.categories.map(({ member, orders, revenue }) => [member, orders, revenue]),
    products: goods,
    retention: retention(shop, time, is),
  };
}

/** Tests of what is chosen: by period, category and status (of orders), customer, country and level. */
function chooser(shop, state, line) {
  const all = (chosen, member) => chosen.size === 0 || chosen.has(member);
  const place = (country, level) => all(state.country, country) && all(state.level, level);
  const people = Uint8Array.from(shop.people.id, (_, person) => place(shop.people.country[person], shop.people.level[person]));
  return {
    period: (period) => period >= line.from && period <= line.to,
    kind: (category, status) => all(state.category, category) && all(state.status, status),
    person: (person) => people[person] === 1,
    place,
  };
}

/** Sums of the chosen sales by person, country and category; the latter two by what they brought, most first. */
function sales(shop, is) {
  const { period, customer, category, status, orders, revenue, net, fee } = shop.customers;
  const people = sums(shop.people.id.length);
  const categories = sums(shop.categories.length);
  let netRevenue = 0;
  for (let row = 0; row < period.length; row++) {
    if (!is.period(period[row]) || !is.person(customer[row]) || !is.kind(category[row], status[row])) continue;
    add(people, customer[row], orders[row], revenue[row], fee[row]);
    add(categories, category[row], orders[row], revenue[row], fee[row]);
    netRevenue += net[row];
  }
  const countries = sums(shop.countries.length);
  people.orders.forEach((number, person) => {
    if (number) add(countries, shop.people.country[person], number, people.revenue[person], people.fee[person]);
  });
  return { people, netRevenue, countries: listed(countries, "orders"), categories: listed(categories, "revenue") };
}

function sums(length) {
  const column = () => new Float64Array(length);
  return { orders: column(), revenue: column(), fee: column(), rows: column() };
}

function add(total, member, orders, revenue, fee) {
  total.orders[member] += orders;
  total.revenue[member] += revenue;
  total.fee[member] += fee;
  total.rows[member] += 1;
}

/** The members that have orders, the highest `measure` first, then in the members' own order. */
function listed(total, measure) {
  const members = [...total.orders.keys()].filter((member) => total.orders[member]);
  return members
    .map((member) => ({ member, orders: total.orders[member], revenue: total.revenue[member], fee: total.fee[member], rows: total.rows[member] }))
    .sort((one, other) => other[measure] - one[measure]);
}

function summary(sold, delivered, goods) {
  const total = sumOf(sold.categories);
  const people = sold.people.orders.filter(Boolean).length;
  return [total.revenue, sold.netRevenue, total.orders, rounded(100n * BigInt(total.revenue), total.orders), people, goods.length,
    total.fee, rounded(total.fee, total.orders), delivered.due, delivered.onTime, rounded(1000 * delivered.onTime, delivered.due)];
}

function sumOf(entries) {
  const total = { orders: 0, revenue: 0, fee: 0 };
  for (const entry of entries) for (const name in total) total[name] += entry[name];
  return total;
}

function countries(entries) {
  return entries.map(({ member, orders, revenue, fee, rows }) => [member, orders, rows, revenue, fee, rounded(fee, orders)]);
}

function buyers(shop, { people }) {
  return listed(people, "orders").map(({ member, orders, revenue, fee }) =>
    [shop.people.id[member], orders, revenue, fee, rounded(fee, orders)]);
}

/** [member, number] -> [member, number, its share in tenths of a percent] */
function shares(pairs) {
  const total = pairs.reduce((sum, [, number]) => sum + number, 0);
  return pairs.map(([member, number]) => [member, number, rounded(1000 * number, total)]);
}

/** What was delivered of the chosen orders, by days, by spans of hours, and, where promises are over, by country: [due, on time]. */
function deliveries(shop, time, is) {
  const { period, country, category, level, status, days, span, orders } = shop.deliveries;
  const result = { days: new Map(), spans: new Map(), countries: new Map(), due: 0, onTime: 0 };
  const dueBefore = time.periodOf(time.dueBefore);
  const count = (map, key, number) => map.set(key, (map.get(key) || 0) + number);
  for (let row = 0; row < period.length; row++) {
    const chosen = is.period(period[row]) && is.kind(category[row], status[row]) && is.place(country[row], level[row]);
    if (!chosen) continue;
    if (span[row]) count(result.spans, span[row] === 8 ? 9999 : 24 * span[row], orders[row]);
    const taken = shop.days[days[row]];
    if (taken === null) continue;
    count(result.days, taken, orders[row]);
    if (period[row] >= dueBefore) continue;
    const onTime = taken <= shop.onTimeDays ? orders[row] : 0;
    const [all, punctual] = result.countries.get(country[row]) || [0, 0];
    result.countries.set(country[row], [all + orders[row], punctual + onTime]);
    result.due += orders[row];
    result.onTime += onTime;
  }
  return result;
}

function onTime(byCountry) {
  return [...byCountry]
    .sort(([member, [all]], [other, [otherAll]]) => otherAll - all || member - other)
    .map(([member, [all, punctual]]) => [member, all, punctual, rounded(1000 * punctual, all)]);
}

function products(shop, is) {
  const { period, product, country, level, status, orders, units, revenue } = shop.products;
  const total = shop.names.map((_, member) => [member, 0, 0, 0]);
  for (let row = 0; row < period.length; row++) {
    const entry = total[product[row]];
    if (!is.period(period[row]) || !is.kind(shop.goods.category[product[row]], status[row]) || !is.place(country[row], level[row])) continue;
    entry[1] += orders[row];
    entry[2] += units[row];
    entry[3] += revenue[row];
  }
  return total
    .filter(([, number]) => number)
    .sort((one, other) => other[3] - one[3])
    .map(([member, number, pieces, money]) => [shop.goods.id[member], shop.names[member], shop.goods.category[member], number, pieces, money]);
}

/** [date of the bin, orders, revenue, orders before, revenue before]; bins without any order are left out. */
function revenue(shop, time, is, line) {
  const { period, customer, category, status, orders, revenue } = shop.customers;
  const bins = new Map();
  const put = (bin, place, row) => {
    if (!bins.has(bin)) bins.set(bin, [0, 0, 0, 0]);
    bins.get(bin)[place] += orders[row];
    bins.get(bin)[place + 1] += revenue[row];
  };
  const binOf = (at) => (line.bin === "day" ? at : time.months[at]);
  const shifted = shifter(time, line);
  for (let row = 0; row < period.length; row++) {
    if (!is.person(customer[row]) || !is.kind(category[row], status[row])) continue;
    if (is.period(period[row])) put(binOf(period[row]), 0, row);
    const bin = shifted(period[row]);
    if (bin !== null) put(bin, 2, row);
  }
  const dateOf = (bin) => iso(line.bin === "day" ? time.dateOf(bin) : time.monthStart(bin));
  return [...bins].sort(([bin], [other]) => bin - other).map(([bin, values]) => [dateOf(bin), ...values]);
}

/** period -> the bin onto which it falls as a part of the period before, or null. */
function shifter(time, { bin, before, first, last, shift: { unit, count } }) {
  if (unit === "day") {
    return (period) => (period < before[0] || period > before[1] ? null : bin === "day" ? period + count : time.months[period + count]);
  }
  return (period) => {
    const month = time.months[period] + count;
    return month < first || month > last ? null : month;
  };
}

/** [first month, customers, months later, of them that ordered then, share]: for customers whose first order is chosen. */
function retention(shop, time, is) {
  const cells = new Map();
  const sizes = new Map();
  const active = activity(shop, time, is);
  shop.firstPeriod.forEach((first, person) => {
    if (!is.person(person) || !is.period(first)) return;
    const cohort = time.months[first];
    sizes.set(cohort, (sizes.get(cohort) || 0) + 1);
    for (let month = cohort; month < time.monthCount; month++) {
      const key = cohort * time.monthCount + month;
      if (active[person * time.monthCount + month]) cells.set(key, (cells.get(key) || 0) + 1);
    }
  });
  return [...cells].sort(([key], [other]) => key - other).map(([key, ordered]) => {
    const cohort = Math.floor(key / time.monthCount);
    const size = sizes.get(cohort);
    return [iso(time.monthStart(cohort)), size, (key % time.monthCount) - cohort, ordered, rounded(1000 * ordered, size)];
  });
}

/** Whether a person ordered in a month, within what is chosen: person * months + month -> 0 or 1. */
function activity(shop, time, is) {
  const { period, customer, category, status } = shop.customers;
  const active = new Uint8Array(shop.people.id.length * time.monthCount);
  for (let row = 0; row < period.length; row++) {
    if (is.period(period[row]) && is.kind(category[row], status[row])) active[customer[row] * time.monthCount + time.months[period[row]]] = 1;
  }
  return active;
}

/** Each person's first period ever, whatever is chosen. */
function firstPeriods(shop) {
  const first = new Float64Array(shop.people.id.length).fill(Infinity);
  shop.customers.period.forEach((period, row) => {
    const person = shop.customers.customer[row];
    first[person] = Math.min(first[person], period);
  });
  return first;
}
