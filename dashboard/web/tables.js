// Tables: sortable, paged, with a row of totals; and the little helper that makes elements.

/** An element with properties (or `aria-…`, `data-…` attributes) and children; text is always text, never markup. */
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "scope") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

/**
 * Show rows in `host` as a table. columns: { name: kind }. view.tables keeps what the reader chose, by `key`. open: shows the orders behind a row.
 */
function showTable(host, view, { key, columns, rows, total, size, caption, open }) {
  const kept = (view.tables[key] ??= { column: null, falling: true, page: 0 });
  const again = () => showTable(host, view, { key, columns, rows, total, size, caption, open });
  const ordered = sorted(view.shop, rows, Object.values(columns), kept);
  kept.page = Math.min(kept.page, Math.max(Math.ceil(rows.length / size) - 1, 0));
  const page = ordered.slice(kept.page * size, (kept.page + 1) * size);
  const focused = document.activeElement?.dataset?.place;
  host.replaceChildren(
    element("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
      element("table", {},
        element("caption", { className: "unseen" }, caption),
        element("thead", {}, headings(columns, kept, again, open)),
        element("tbody", {}, ...page.map((row) => line(view.shop, row, columns, open))),
        ...(total ? [element("tfoot", {}, totalLine(total, columns))] : []))),
    ...(rows.length > size ? [pager(kept, rows.length, size, again)] : []));
  if (focused) host.querySelector(`[data-place="${focused}"]`)?.focus();
}

function headings(columns, kept, again, open) {
  const heads = Object.entries(columns).map(([name, kind], column) => {
    const sorting = kept.column === column ? (kept.falling ? "descending" : "ascending") : "none";
    const button = element("button", { type: "button", title: say("sortBy", { column: columnName(name) }), "data-place": `column ${column}` }, columnName(name));
    button.onclick = () => {
      kept.falling = kept.column === column ? !kept.falling : isNumeric(kind) && kind !== "number";
      Object.assign(kept, { column, page: 0 });
      again();
    };
    return element("th", { scope: "col", "aria-sort": sorting, className: isNumeric(kind) ? "number" : "" }, button);
  });
  return element("tr", {}, ...heads, ...(open ? [element("th", { scope: "col" }, element("span", { className: "unseen" }, say("list")))] : []));
}

function sorted(shop, rows, kinds, { column, falling }) {
  if (column === null) return rows;
  const compare = comparison(shop, kinds[column]);
  return [...rows].sort((one, other) => compare(one[column], other[column]) * (falling ? -1 : 1));
}

/** Numbers by size, texts as the reader's language orders them; null first, as the smallest. */
function comparison(shop, kind) {
  const collator = new Intl.Collator(document.documentElement.lang);
  return (one, other) => {
    if (isNumeric(kind)) return (one ?? -Infinity) - (other ?? -Infinity) || 0;
    return collator.compare(cell(shop, one, kind) ?? "", cell(shop, other, kind) ?? "");
  };
}

function line(shop, row, columns, open) {
  const cells = Object.values(columns).map((kind, column) => {
    const text = label(shop, row[column], kind);
    const place = { className: isNumeric(kind) ? "number" : kind === "date" ? "date" : "" };
    return column === 0 ? element("th", { ...place, scope: "row" }, element("bdi", {}, text)) : element("td", place, element("bdi", {}, text));
  });
  return element("tr", {}, ...cells, ...(open ? [element("td", { className: "number" }, opener(shop, row, columns, open))] : []));
}

/** The way from a row to its orders; those who hear it hear of which row. */
function opener(shop, row, columns, open) {
  const [kind] = Object.values(columns);
  const button = element("button", { type: "button", className: "open", "data-place": `orders ${row.join(" ")}`,
    "aria-label": `${say("list")}: ${label(shop, row[0], kind)}` }, say("list"));
  button.onclick = () => open(row);
  return button;
}

/** Totals: whole numbers under their columns; a text (the heading, or nothing) as it is. */
function totalLine(total, columns) {
  return element("tr", {}, ...Object.values(columns).map((kind, column) => {
    const value = total[column];
    const text = typeof value === "string" ? value : pretty(value, kind);
    return element(column ? "td" : "th", { className: isNumeric(kind) ? "number" : "", ...(column ? {} : { scope: "row" }) }, text);
  }));
}

function pager(kept, all, size, again) {
  const turn = (by, word, sign, off) => {
    const button = element("button", { type: "button", disabled: off, "aria-label": say(word), "data-place": word }, sign);
    button.onclick = () => { kept.page += by; again(); };
    return button;
  };
  const first = kept.page * size;
  const shown = { from: pretty(first + 1, "integer"), to: pretty(Math.min(first + size, all), "integer"), all: pretty(all, "integer") };
  return element("div", { className: "pager" }, turn(-1, "earlier", "‹", kept.page === 0),
    element("span", { role: "status" }, say("shown", shown)), turn(1, "later", "›", first + size >= all));
}
