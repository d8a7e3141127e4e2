// Retention: the heat map, as a table that every reader (and printer) understands: a shade behind each share.

const MOST_COHORTS = 24;
const MOST_MONTHS = 12;

function showRetention(host, view, rows, caption) {
  const cohorts = [...byCohort(rows)].slice(-MOST_COHORTS);
  // Up to the last month of the choice, also where nobody came back: a table that ends earlier shows none of those 0 %.
  const last = Math.min(MOST_MONTHS, view.time.months[view.line.to] - begun(view, cohorts[0][0]));
  const months = Array.from({ length: last + 1 }, (_, month) => month);
  host.replaceChildren(element("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    element("table", { className: "heat" },
      element("caption", { className: "unseen" }, caption),
      element("thead", {}, element("tr", {},
        element("th", { scope: "col" }, columnName("cohort")),
        element("th", { scope: "col", className: "number" }, columnName("customers")),
        ...months.map((month) => element("th", { scope: "col", className: "number", title: say("monthsLater", { months: month }) },
          element("span", { "aria-hidden": "true" }, `+${month}`), element("span", { className: "unseen" }, say("monthsLater", { months: month })))))),
      element("tbody", {}, ...cohorts.map(([cohort, cells]) => cohortLine(view, cohort, cells, months))))));
}

/** What the table lacks of them, in words; nothing, if it has them all. */
function cutInWords(rows) {
  const cohorts = byCohort(rows).size;
  const values = { cohorts: MOST_COHORTS, months: MOST_MONTHS };
  if (cohorts > MOST_COHORTS) return [say("cohortsCut", values)];
  return rows.some((row) => row[2] > MOST_MONTHS) ? [say("monthsCut", values)] : [];
}

function byCohort(rows) {
  const cells = new Map();
  for (const row of rows) cells.set(row[0], [...(cells.get(row[0]) || []), row]);
  return cells;
}

/** The number of a first month. */
function begun({ time }, cohort) {
  return time.months[time.periodOf(time.byDay ? cohort : cohort.slice(0, 7))] ?? 0;
}

function cohortLine(view, cohort, cells, months) {
  const first = begun(view, cohort);
  const found = new Map(cells.map((row) => [row[2], row]));
  return element("tr", {},
    element("th", { scope: "row" }, cohort.slice(0, 7)),
    element("td", { className: "number" }, pretty(cells[0][1], "integer")),
    ...months.map((month) => heatCell(found.get(month), cells[0][1], first + month, view)));
}

/** A month that is over and saw nobody is 0 %; one of which a part lacks is what it is so far; one to come or not chosen is empty. */
function heatCell(row, customers, month, { time, line }) {
  if (month > time.months[line.to]) return element("td", { className: "number later", title: say("notYet") });
  const [, , , ordered, share] = row || [0, 0, 0, 0, 0];
  const open = month > time.wholeMonth || (month === time.months[line.to] && line.to < time.monthPeriod(month + 1) - 1);
  const shown = element("td", { className: `number warm${open ? " open" : ""}`, title: `${ordered} / ${customers}${open ? ` (${say("partial")})` : ""}` },
    pretty(share, "percent") + (open ? "…" : ""));
  shown.style.setProperty("--share", share / 1000);
  return shown;
}
