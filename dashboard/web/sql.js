// SQL: a tile's query with what is chosen put in, to be run by `make sql` (or any client of the warehouse).

function tileSql(shop, time, state, tile) {
  const line = timeline(time, state);
  const places = placesOf(shop, state);
  const others = [...places, ...kindsOf(shop, state)];
  const { unit, count } = line.shift;
  return filled(`${shop.queries[tile].trimEnd()};`, {
    where: where(conditionsOf(shop, time, state, line)),
    where_before: where([...before(time, line), ...others]),
    where_customers: where([...dates(time, line), ...places]),
    bin: line.bin,
    shift: `${Math.max(count, 0)} ${unit}s`,
    due_before: time.dueBefore,
  });
}

/** All that is chosen. */
function conditionsOf(shop, time, state, line) {
  return [...dates(time, line), ...placesOf(shop, state), ...kindsOf(shop, state)];
}

function placesOf(shop, state) {
  return [choice(shop, state, "country", "country"), choice(shop, state, "level", "loyalty_level")];
}

function kindsOf(shop, state) {
  return [choice(shop, state, "category", "category"), choice(shop, state, "status", "status")];
}

function dates(time, line) {
  return line.whole ? [] : between(periodStart(time, line.from), periodStart(time, line.to + 1));
}

/** In one pass, so that nothing in a filter's text is taken for a place to fill. */
function filled(query, values) {
  return query.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
}

function where(conditions) {
  const given = conditions.filter(Boolean);
  return given.length ? `\n    where\n        ${given.join("\n        and ")}` : "";
}

function between(from, until) {
  return [`ordered_on >= date '${from}'`, `ordered_on < date '${until}'`];
}

function periodStart(time, period) {
  return iso(time.byDay ? time.dateOf(period) : time.monthStart(period));
}

/** The dates of the period before. */
function before(time, { whole, before: [from, to] }) {
  const [start, end] = [periodStart(time, from), periodStart(time, to + 1)];
  return whole ? [`ordered_on < date '${end}'`] : between(start, end);
}

function choice(shop, state, name, column) {
  const members = [...state[name]].sort((one, other) => one - other).map((member) => shop[CHOICES[name]][member]);
  const texts = members.filter((member) => member !== null);
  const parts = [];
  if (texts.length) parts.push(`${column} in (${texts.map((text) => literal(shop.engine, text)).join(", ")})`);
  if (texts.length < members.length) parts.push(`${column} is null`);
  return parts.length > 1 ? `(${parts.join(" or ")})` : parts[0];
}

// What ends a line, controls a terminal, or hides. Redshift's chr() knows ASCII only.
const UNSEEN = { duckdb: /[\p{C}\p{Zl}\p{Zp}]/u, redshift: /[\0-\x1f\x7f]/ };

/** A text in SQL, in one line whatever is in it. In Redshift a backslash escapes, so it is doubled like a quote. */
function literal(engine, text) {
  const parts = [];
  let plain = "";
  for (const character of text) {
    if (UNSEEN[engine].test(character)) {
      if (plain) parts.push(`'${plain}'`);
      plain = "";
      parts.push(`chr(${character.codePointAt(0)})`);
    } else {
      plain += character === "'" || (character === "\\" && engine === "redshift") ? character + character : character;
    }
  }
  if (plain || !parts.length) parts.push(`'${plain}'`);
  return parts.join(" || ");
}
